//! Bearer tokens: minted here, told apart by the client's header, and expired by the clock or on demand.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::HeaderValue;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::json;
use uuid::Uuid;

use super::refusal::Refusal;
use super::rules;

/// The tokens that were minted, each with the second at which it expires.
#[derive(Default)]
pub(super) struct Tokens(HashMap<String, u64>);

impl Tokens {
    /// A new token and its expiry; it has the shape of a JWT, whose payload tells `exp`, and an empty promise as its
    /// signature.
    pub(super) fn mint(&mut self, now: SystemTime) -> (String, u64) {
        let now = seconds(now);
        let expires = now + rules::TOKEN_SECONDS;
        let header = json!({"alg": "none", "typ": "JWT"});
        let payload = json!({
            "aud": "https://analysis.windows.net/powerbi/api",
            "iss": "powerbi_push emulator",
            "iat": now,
            "nbf": now,
            "exp": expires,
            "jti": Uuid::new_v4().to_string(),
        });
        let parts = [header.to_string(), payload.to_string(), "unsigned".into()];
        let token = parts.map(|part| BASE64_URL_SAFE_NO_PAD.encode(part)).join(".");
        self.0.insert(token.clone(), expires);
        (token, expires)
    }

    /// Makes every token so far expired.
    pub(super) fn expire(&mut self) {
        self.0.values_mut().for_each(|expires| *expires = 0);
    }

    /// Whether a request with this header may pass.
    pub(super) fn check(&self, authorization: Option<&HeaderValue>, now: SystemTime) -> Result<(), Refusal> {
        let Some(header) = authorization else {
            return Err(Refusal::new(&rules::TOKEN_MISSING, "the request has no Authorization header"));
        };
        let token = header.to_str().ok().and_then(|text| text.split_once(' '));
        let token = token.filter(|(scheme, token)| scheme.eq_ignore_ascii_case("Bearer") && !token.is_empty());
        let Some((_, token)) = token else {
            return Err(Refusal::new(&rules::TOKEN_MALFORMED, "the Authorization header is not `Bearer <token>`"));
        };
        match self.0.get(token) {
            None => Err(Refusal::new(&rules::TOKEN_UNKNOWN, "the emulator has not minted this token")),
            Some(expires) if *expires <= seconds(now) => {
                let message = "Access token has expired, resubmit with a new access token";
                Err(Refusal::new(&rules::TOKEN_EXPIRED, message))
            }
            Some(_) => Ok(()),
        }
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
