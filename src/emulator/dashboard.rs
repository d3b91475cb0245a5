//! The page at `/`: what was created, the last rows of each table, and the latest requests.

use axum::body::Body;
use axum::http::Response;

use super::state::Shared;

/// Whether a path belongs to the page.
pub(super) fn has(path: &str) -> bool {
    matches!(path, "/" | "/favicon.ico" | "/favicon.svg")
}

pub(super) fn page(_shared: &Shared, _path: &str) -> Response<Body> {
    Response::default()
}
