//! The page at `/`: what was created, tiles and the last rows of each table, and the latest requests.
//!
//! The page is the same for all: what it shows comes by the stream of events, of which one serves all tabs of a browser.

mod events;
mod view;
mod watch;

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, Response, header};
use uuid::Uuid;

use self::events::Events;
use super::http::{Connection, Dispatcher, Site};

const PAGE: &str = include_str!("console/page.html");
const ICON: &str = include_str!("console/favicon.svg");
/// The parts of the page's script, in their order; the first two are uPlot, which draws the lines, and its licence.
const SCRIPTS: [&str; 6] = [
    include_str!("console/uplot/licence.js"),
    include_str!("console/uplot/uPlot.iife.min.js"),
    include_str!("console/choice.js"),
    include_str!("console/tiles.js"),
    include_str!("console/page.js"),
    include_str!("console/stream.js"),
];
const STYLES: [&str; 2] = [include_str!("console/uplot/uPlot.min.css"), include_str!("console/page.css")];
/// What all tabs of a browser share: the one stream of events.
const WORKER: &str = include_str!("console/worker.js");
const WORKER_PATH: &str = "/emulator/worker.js";

/// Where the page is told of changes.
pub(super) const CHANGES: &str = "/emulator/changes";

/// Whether a path belongs to the page.
pub(super) fn has(path: &str) -> bool {
    matches!(path, "/" | "/favicon.ico" | "/favicon.svg" | WORKER_PATH)
}

/// The page, its worker, or its icon.
pub(super) fn page(site: &Site, path: &str) -> Response<Body> {
    if path == WORKER_PATH {
        return response("text/javascript; charset=utf-8", "default-src 'none'; connect-src 'self'", WORKER.to_owned());
    }
    if path != "/" {
        return response("image/svg+xml", "default-src 'none'; style-src 'unsafe-inline'", ICON.to_owned());
    }
    let nonce = Uuid::new_v4().simple().to_string();
    let policy = format!(
        "default-src 'none'; img-src 'self'; connect-src 'self'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; \
         worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let page = PAGE.replace("{nonce}", &nonce).replace("{url}", &site.url());
    let page = page.replace("{styles}", &STYLES.concat()).replace("{scripts}", &SCRIPTS.concat());
    response("text/html; charset=utf-8", &policy, page)
}

/// What there is and what changes from now on, as a stream of events; to be called within the server's runtime.
pub(super) fn changes(site: &Arc<Site>, dispatcher: &Arc<Dispatcher>, connection: Connection) -> Response<Body> {
    let (sender, events) = Events::channel();
    tokio::spawn(watch::watch(Arc::clone(site), Arc::clone(dispatcher), sender, connection));
    response("text/event-stream", "default-src 'none'", Body::new(events))
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
