//! Entra ID: the tenant, its one app, and the endpoints at which the app signs in (facts/entra 2).
//!
//! ```text
//!  POST /{tenant}/oauth2/v2.0/token ──▶ form ──▶ grant? tenant? app? secret? scope? ──▶ token of a service principal
//!                                                  └────── no ──────▶ failure (AADSTS...)
//! ```

mod discovery;
mod failure;
mod sign_in;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use uuid::Uuid;

pub(super) use self::discovery::document;
pub(super) use self::failure::Failure;
pub(super) use self::sign_in::{redacted, sign_in};

/// The tenant, and who is in it.
#[derive(Debug)]
pub(super) struct Directory {
    /// The tenant's id; it stands in push URLs too.
    pub(super) tenant: String,
    pub(super) client_id: String,
    pub(super) app_object_id: String,
    pub(super) user_object_id: String,
}

impl Directory {
    pub(super) fn new() -> Self {
        let id = || Uuid::new_v4().to_string();
        Self { tenant: id(), client_id: id(), app_object_id: id(), user_object_id: id() }
    }
}

/// The secrets of the app; the last one is good, those before it have expired.
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    pub(super) fn new() -> Self {
        Self(vec![secret()])
    }

    /// The one that is good.
    pub(super) fn good(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    /// Makes the good one expired, and a new one good.
    pub(super) fn expire(&mut self) {
        self.0.push(secret());
    }

    fn is_expired(&self, secret: &str) -> bool {
        self.0.iter().any(|known| known == secret) && secret != self.good()
    }
}

/// A new secret, with signs that a form must spell otherwise.
fn secret() -> String {
    loop {
        let bytes = [(); 2].map(|()| Uuid::new_v4().into_bytes()).concat();
        let text = BASE64_STANDARD.encode(&bytes[..27]);
        if text.contains('+') && text.contains('/') {
            return format!("~{text}");
        }
    }
}
