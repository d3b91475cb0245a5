//! Bearer tokens: minted here, told apart by the client's header, and expired by the clock or on demand.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::HeaderValue;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{AUDIENCE, Directory, Principal, TOKEN_SECONDS, USER_NAME};

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::emulator) enum BadToken {
    /// There is no `Authorization` header.
    Missing,
    /// The header is not `Bearer <token>`.
    Malformed,
    /// The emulator has not minted it.
    Unknown,
    /// Its time is over.
    Expired,
}

/// The tokens that were minted: whose each is, and the second at which it expires.
#[derive(Default)]
pub(super) struct Tokens(HashMap<String, (Principal, u64)>);

impl Tokens {
    /// A new token and its expiry; it has the shape of a JWT, whose payload tells `exp`, and an empty promise as its
    /// signature.
    pub(super) fn mint(&mut self, principal: Principal, directory: &Directory, now: SystemTime) -> (String, u64) {
        let now = seconds(now);
        let expires = now + TOKEN_SECONDS;
        let header = json!({"alg": "none", "typ": "JWT"});
        let payload = claims(principal, directory, now, expires);
        let parts = [header.to_string(), payload.to_string(), "unsigned".into()];
        let token = parts.map(|part| BASE64_URL_SAFE_NO_PAD.encode(part)).join(".");
        self.0.insert(token.clone(), (principal, expires));
        (token, expires)
    }

    /// Makes every token so far expired.
    pub(super) fn expire(&mut self) {
        self.0.values_mut().for_each(|(_, expires)| *expires = 0);
    }

    /// Whose request this is, if one with this header may pass.
    pub(super) fn check(&self, authorization: Option<&HeaderValue>, now: SystemTime) -> Result<Principal, BadToken> {
        let header = authorization.ok_or(BadToken::Missing)?;
        let token = header.to_str().ok().and_then(|text| text.split_once(' '));
        let token = token.filter(|(scheme, token)| scheme.eq_ignore_ascii_case("Bearer") && !token.is_empty());
        let (_, token) = token.ok_or(BadToken::Malformed)?;
        match self.0.get(token) {
            None => Err(BadToken::Unknown),
            Some((_, expires)) if *expires <= seconds(now) => Err(BadToken::Expired),
            Some((principal, _)) => Ok(*principal),
        }
    }
}

/// What the payload says, under the names of Entra's access tokens.
fn claims(principal: Principal, directory: &Directory, now: u64, expires: u64) -> Json {
    let Directory { tenant, client_id, app_object_id, user_object_id } = directory;
    let mut claims = json!({
        "aud": AUDIENCE,
        "iss": format!("https://sts.windows.net/{tenant}/"),
        "iat": now,
        "nbf": now,
        "exp": expires,
        "tid": tenant,
        "jti": Uuid::new_v4().to_string(),
        "ver": "1.0",
    });
    let own = match principal {
        Principal::App => json!({
            "appid": client_id,
            "appidacr": "1",
            "idtyp": "app",
            "oid": app_object_id,
            "sub": app_object_id,
        }),
        Principal::User => json!({
            "idtyp": "user",
            "oid": user_object_id,
            "sub": user_object_id,
            "scp": "Dataset.ReadWrite.All Workspace.Read.All",
            "upn": USER_NAME,
        }),
    };
    if let (Some(claims), Json::Object(own)) = (claims.as_object_mut(), own) {
        claims.extend(own);
    }
    claims
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
