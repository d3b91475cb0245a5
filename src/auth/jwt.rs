//! What a token tells about itself: when it ends, whose it is. Verifying it is the service's business.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// When it ends, if it says so.
pub(super) fn expiry(token: &SecretString) -> Option<SystemTime> {
    let seconds = claims(token)?.get("exp")?.as_u64()?;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Whether it says that no user is behind it: `idtyp` is `app`, or there is an application and nothing of a user, who
/// has delegated a scope to it. Source: "Access token claims reference", learn.microsoft.com/entra.
pub(super) fn is_application(token: &SecretString) -> bool {
    let Some(claims) = claims(token) else { return false };
    let has = |names: &[&str]| names.iter().any(|name| claims.get(name).is_some_and(|value| !value.is_null()));
    match claims.get("idtyp").and_then(Value::as_str) {
        Some(kind) => kind == "app",
        None => has(&["appid", "azp"]) && !has(&["scp", "upn", "unique_name", "preferred_username"]),
    }
}

/// The claims of a JSON Web Token; `None` for tokens of any other shape.
pub(super) fn claims(token: &SecretString) -> Option<Value> {
    let payload = token.expose_secret().split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&payload).ok().filter(Value::is_object)
}

/// Whether it says so in the place of a signature, as the tokens of the emulator do.
pub(super) fn is_unsigned(token: &SecretString) -> bool {
    let signature = token.expose_secret().rsplit('.').next().map(|part| URL_SAFE_NO_PAD.decode(part));
    signature.is_some_and(|signature| signature.is_ok_and(|signature| signature == b"unsigned"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_read_from_the_token_itself() {
        let payload = URL_SAFE_NO_PAD.encode(br#"{"exp":1700000000}"#);
        let token = SecretString::from(format!("e30.{payload}.sig"));
        assert_eq!(expiry(&token), Some(UNIX_EPOCH + Duration::from_secs(1_700_000_000)));
        for other in ["opaque", "a.b.c", "e30.e30.e30", "e30.W10.e30"] {
            assert_eq!(expiry(&SecretString::from(other)), None, "{other}");
        }
    }

    #[test]
    fn an_application_is_told_from_a_user() {
        let token = |claims: &str| SecretString::from(format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims)));
        for application in [
            r#"{"idtyp":"app","appid":"1"}"#,
            r#"{"idtyp":"app","scp":"x"}"#,
            r#"{"appid":"1","roles":["Tenant.Read.All"]}"#,
            r#"{"azp":"1","oid":"2","sub":"2"}"#,
            r#"{"appid":"1","scp":null}"#,
        ] {
            assert!(is_application(&token(application)), "{application}");
        }
        for other in [
            r#"{"appid":"1","scp":"Dataset.ReadWrite.All"}"#,
            r#"{"azp":"1","scp":"user_impersonation"}"#,
            r#"{"idtyp":"user","appid":"1"}"#,
            r#"{"appid":"1","upn":"ada@example.org"}"#,
            r#"{"exp":1700000000}"#,
            "[]",
            "not JSON",
        ] {
            assert!(!is_application(&token(other)), "{other}");
        }
        for opaque in ["opaque", "a.b.c", ""] {
            assert!(!is_application(&SecretString::from(opaque)), "{opaque}");
        }
    }
}
