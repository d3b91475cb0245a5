//! The one thing that a token is asked: when it ends.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};

/// The `exp` of a JSON Web Token; `None` for tokens of any other shape.
pub(super) fn expiry(token: &SecretString) -> Option<SystemTime> {
    let payload = token.expose_secret().split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    let seconds = claims.get("exp")?.as_u64()?;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_read_from_the_token_itself() {
        let payload = URL_SAFE_NO_PAD.encode(br#"{"exp":1700000000}"#);
        let token = SecretString::from(format!("e30.{payload}.sig"));
        assert_eq!(expiry(&token), Some(UNIX_EPOCH + Duration::from_secs(1_700_000_000)));
        for other in ["opaque", "a.b.c", "e30.e30.e30"] {
            assert_eq!(expiry(&SecretString::from(other)), None, "{other}");
        }
    }
}
