//! The page at `/`: what was created, the last rows of each table, and the latest requests.

mod events;
mod html;

use axum::body::Body;
use axum::http::{HeaderValue, Response, header};
use uuid::Uuid;

use self::events::Events;
use super::http::{Dispatcher, Site};

const PAGE: &str = include_str!("console/page.html");
const ICON: &str = include_str!("console/favicon.svg");
/// The latest requests that are shown.
const REQUESTS: usize = 40;

/// Where the page is told of changes.
pub(super) const CHANGES: &str = "/emulator/changes";

/// Whether a path belongs to the page.
pub(super) fn has(path: &str) -> bool {
    matches!(path, "/" | "/favicon.ico" | "/favicon.svg")
}

/// The page, or its icon.
pub(super) fn page(site: &Site, dispatcher: &Dispatcher, path: &str) -> Response<Body> {
    if path != "/" {
        return response("image/svg+xml", "default-src 'none'; style-src 'unsafe-inline'", ICON.to_owned());
    }
    let nonce = Uuid::new_v4().simple().to_string();
    let policy = format!(
        "default-src 'none'; img-src 'self'; connect-src 'self'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let main = html::main(&dispatcher.shown(), &dispatcher.latest(REQUESTS));
    let page = PAGE.replace("{nonce}", &nonce).replace("{url}", &site.url()).replace("{main}", &main);
    response("text/html; charset=utf-8", &policy, page)
}

/// The changes from now on, as a stream of events.
pub(super) fn changes(site: &Site) -> Response<Body> {
    response("text/event-stream", "default-src 'none'", Body::new(Events::new(site.changes())))
}

fn response(content_type: &'static str, policy: &str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    if let Ok(policy) = HeaderValue::from_str(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}
