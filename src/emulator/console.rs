//! The page at `/`: what was created, tiles and the last rows of each table, and the latest requests.
//!
//! The page is the same for all: what it shows comes by the stream of events, of which one serves all tabs of a browser.

mod commands;
mod events;
mod view;
mod watch;

use std::sync::Arc;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Response, header};
use serde_json::Value as Json;
use uuid::Uuid;

pub(super) use self::commands::Command;
use self::events::Events;
use super::http::{Connection, Dispatcher, Site};
use crate::error::Result;

const PAGE: &str = include_str!("console/page.html");
const ICON: &str = include_str!("console/favicon.svg");
/// The parts of the page's script, in their order; the first two are uPlot, which draws the lines, and its licence.
const SCRIPTS: [&str; 8] = [
    include_str!("console/uplot/licence.js"),
    include_str!("console/uplot/uPlot.iife.min.js"),
    include_str!("console/choice.js"),
    include_str!("console/tiles.js"),
    include_str!("console/dialogs.js"),
    include_str!("console/by_hand.js"),
    include_str!("console/page.js"),
    include_str!("console/stream.js"),
];
const STYLES: [&str; 3] = [
    include_str!("console/uplot/uPlot.min.css"),
    include_str!("console/page.css"),
    include_str!("console/dialogs.css"),
];
/// What all tabs of a browser share: the one stream of events.
const WORKER: &str = include_str!("console/worker.js");
const WORKER_PATH: &str = "/emulator/worker.js";

/// Where the page is told of changes.
const CHANGES: &str = "/emulator/changes";
/// Where the page sends what somebody orders there.
const COMMANDS: &str = "/emulator/commands";

/// What the page consists of, for a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The page itself, its worker and its icon.
    Page,
    /// The stream of changes.
    Changes,
    /// What somebody orders on it.
    Commands,
}

/// The part of the page that a request is for; `None` if it is for something else.
pub(super) fn part(method: &Method, path: &str) -> Option<Part> {
    match (method.as_str(), path) {
        ("GET" | "HEAD", "/" | "/favicon.ico" | "/favicon.svg" | WORKER_PATH) => Some(Part::Page),
        ("GET", CHANGES) => Some(Part::Changes),
        ("POST", COMMANDS) => Some(Part::Commands),
        _ => None,
    }
}

/// The page of one emulator.
pub(super) struct Console {
    /// What a command must bring: only who can read the page has it, and the next start has another.
    token: String,
}

impl Console {
    pub(super) fn new() -> Self {
        Self { token: [(); 2].map(|()| Uuid::new_v4().simple().to_string()).concat() }
    }

    /// The page, its worker, or its icon.
    pub(super) fn page(&self, site: &Site, path: &str) -> Response<Body> {
        if path == WORKER_PATH {
            let policy = "default-src 'none'; connect-src 'self'";
            return response("text/javascript; charset=utf-8", policy, WORKER.to_owned());
        }
        if path != "/" {
            return response("image/svg+xml", "default-src 'none'; style-src 'unsafe-inline'", ICON.to_owned());
        }
        let nonce = Uuid::new_v4().simple().to_string();
        let policy = format!(
            "default-src 'none'; img-src 'self'; connect-src 'self'; style-src 'nonce-{nonce}'; script-src \
             'nonce-{nonce}'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        let page = PAGE.replace("{nonce}", &nonce).replace("{url}", &site.url()).replace("{token}", &self.token);
        let page = page.replace("{start}", &site.start);
        let page = page.replace("{styles}", &STYLES.concat()).replace("{scripts}", &SCRIPTS.concat());
        response("text/html; charset=utf-8", &policy, page)
    }

    /// Reads a command that somebody ordered on the page, and has it done.
    pub(super) async fn command(
        &self,
        parts: Parts,
        body: Body,
        perform: impl FnOnce(Command) -> Result<Json>,
    ) -> Response<Body> {
        commands::answer(&self.token, parts, body, perform).await.into_response()
    }
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
