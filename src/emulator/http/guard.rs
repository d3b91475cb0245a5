//! Refuses requests under the name of another machine, and requests that a web page causes.

use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderName, StatusCode, header};
use serde_json::json;

use super::answer::Answer;

/// The names under which the emulator may be addressed; any other is DNS rebinding.
const HOSTS: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];
/// What a browser says of requests that no foreign page has caused.
const OWN_SITES: [&str; 2] = ["same-origin", "none"];

/// Why a request is refused before it reaches any service.
#[derive(Debug)]
pub(in crate::emulator) struct Stranger(&'static str);

impl From<Stranger> for Answer {
    /// The emulator's own refusal, which is no service's.
    fn from(Stranger(message): Stranger) -> Self {
        let body = json!({"error": {"code": "RefusedByEmulator", "message": message}});
        Self::json(StatusCode::FORBIDDEN, &body).refused(message, "assumed; not of the service")
    }
}

/// Refuses a request with a foreign `Host`, and one to the API that a web page has caused.
pub(in crate::emulator) fn check(parts: &Parts, port: u16, is_page: bool) -> Result<(), Stranger> {
    let named = values(parts, &header::HOST);
    let in_target = parts.uri.authority().map(Authority::as_str);
    let is_own = |host: &str| HOSTS.iter().any(|own| host.eq_ignore_ascii_case(&format!("{own}:{port}")));
    if named.len() != 1 || !named.into_iter().chain(in_target).all(is_own) {
        return Err(Stranger("the Host header must be a loopback name with the emulator's port"));
    }
    if is_page {
        return Ok(());
    }
    if parts.headers.contains_key(header::ORIGIN) {
        return Err(Stranger("requests of web pages are refused: there is an Origin header"));
    }
    let sites = values(parts, &HeaderName::from_static("sec-fetch-site"));
    if !sites.iter().all(|site| OWN_SITES.contains(site)) {
        return Err(Stranger("requests of web pages are refused: Sec-Fetch-Site names another site"));
    }
    Ok(())
}

fn values<'a>(parts: &'a Parts, name: &HeaderName) -> Vec<&'a str> {
    parts.headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default()).collect()
}
