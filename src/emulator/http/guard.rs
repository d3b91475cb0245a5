//! Refuses requests under the name of another machine, and requests that a web page causes.

use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderName, StatusCode, header};

use super::answer::Answer;
use super::site::Site;

/// The names under which the emulator may be addressed; any other is DNS rebinding.
const HOSTS: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];
/// What a browser says of requests that no foreign page has caused.
const OWN_SITES: [&str; 2] = ["same-origin", "none"];

/// Why a request is refused before it reaches any service.
#[derive(Debug)]
pub(in crate::emulator) struct Stranger(&'static str);

impl From<Stranger> for Answer {
    fn from(Stranger(message): Stranger) -> Self {
        Self::of_emulator(StatusCode::FORBIDDEN, message)
    }
}

/// What a request comes for: each lets in other web pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::emulator) enum Entrance {
    /// The page itself, to which any link may lead.
    Page,
    /// What the page asks for, which it alone may.
    OfPage,
    /// Everything else, which no web page may ask for.
    Api,
}

/// Refuses a request with a foreign `Host`, and one that a web page has caused which may not.
pub(in crate::emulator) fn check(parts: &Parts, site: &Site, entrance: Entrance) -> Result<(), Stranger> {
    let named = values(parts, &header::HOST);
    let in_target = parts.uri.authority().map(Authority::as_str);
    let is_own = |host: &str| HOSTS.iter().any(|own| host.eq_ignore_ascii_case(&format!("{own}:{}", site.port)));
    if named.len() != 1 || !named.into_iter().chain(in_target).all(is_own) {
        return Err(Stranger("the Host header must be a loopback name with the emulator's port"));
    }
    if entrance == Entrance::Page {
        return Ok(());
    }
    let origins = values(parts, &header::ORIGIN);
    if entrance == Entrance::Api && !origins.is_empty() {
        return Err(Stranger("requests of web pages are refused: there is an Origin header"));
    }
    let is_page =
        |origin: &&str| origin.split_once("://").is_some_and(|(scheme, host)| scheme == site.scheme && is_own(host));
    if !origins.iter().all(is_page) {
        return Err(Stranger("requests of other web pages are refused: Origin names another site"));
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
