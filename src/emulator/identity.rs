//! Identities: the tenant, its one user and its one app, and the tokens that name them.
//!
//! Entra mints a token at a sign-in, and Power BI checks the token of a request. Neither service knows the other; both
//! use this module.

mod tokens;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use axum::http::HeaderValue;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use uuid::Uuid;

pub(super) use self::tokens::BadToken;
use self::tokens::Tokens;

/// For whom tokens are meant, and with `/.default` what an app asks for (facts/entra 1).
pub(super) const AUDIENCE: &str = "https://analysis.windows.net/powerbi/api";
/// The sign-in name of the emulator's user.
pub(super) const USER_NAME: &str = "emulator@localhost";
/// How long a token lives, in seconds (facts/entra 6: 60 to 90 minutes).
pub(super) const TOKEN_SECONDS: u64 = 3_600;

/// The user or the app: what a token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Principal {
    /// The emulator's one user, to whom My workspace belongs.
    User,
    /// The emulator's one app: a service principal, which has no My workspace (facts/powerbi 8).
    App,
}

/// The ids of the tenant, the user and the app.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Directory {
    /// The tenant's id; it stands in push URLs too.
    pub(super) tenant: String,
    pub(super) client_id: String,
    app_object_id: String,
    pub(super) user_object_id: String,
}

impl Directory {
    /// As it is kept in a file.
    pub(super) fn kept(&self) -> Json {
        json!(self)
    }
}

/// The directory, and the tokens that were minted.
pub(super) struct Identity {
    pub(super) directory: Directory,
    tokens: Mutex<Tokens>,
}

impl Identity {
    /// With this directory, or with a new one.
    pub(super) fn new(directory: Option<Directory>) -> Self {
        let id = || Uuid::new_v4().to_string();
        let new = || Directory { tenant: id(), client_id: id(), app_object_id: id(), user_object_id: id() };
        Self { directory: directory.unwrap_or_else(new), tokens: Mutex::default() }
    }

    /// A new token, and the second at which it expires.
    pub(super) fn mint(&self, principal: Principal, now: SystemTime) -> (String, u64) {
        self.tokens().mint(principal, &self.directory, now)
    }

    /// The principal of a request with this `Authorization` header.
    pub(super) fn check(&self, authorization: Option<&HeaderValue>, now: SystemTime) -> Result<Principal, BadToken> {
        self.tokens().check(authorization, now)
    }

    /// Makes every token so far expired.
    pub(super) fn expire_tokens(&self) {
        self.tokens().expire();
    }

    fn tokens(&self) -> MutexGuard<'_, Tokens> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
