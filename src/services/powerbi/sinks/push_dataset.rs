//! A table of a push dataset: POST rows of the Power BI REST API.

use bytes::Bytes;
use reqwest::{Method, Url};

use super::{ANSWER_LIMIT, Destination, TILE_BYTES};
use crate::http::transport::Request;
use crate::rows::encode::{Dialect, Limits, PUSH_ROWS};

/// The rows address of one table.
#[derive(Debug, Clone)]
pub struct PushDataset {
    rows_url: Url,
    streams: bool,
}

impl PushDataset {
    /// Source: "Push semantic model limitations" (rows of one request) and the comparison of real-time
    /// models in "Real-time streaming in Power BI" (16 MB of one request).
    pub const LIMITS: Limits = Limits { max_rows: 10_000, max_bytes: 16_000_000 };

    /// The table whose rows are added at `rows_url`.
    #[must_use]
    pub fn new(rows_url: Url) -> Self {
        Self { rows_url, streams: false }
    }

    /// The same where the dataset `streams` only: its requests are as small as those of a push URL.
    #[must_use]
    pub fn streaming(self, streams: bool) -> Self {
        Self { streams, ..self }
    }
}

impl Destination for PushDataset {
    fn dialect(&self) -> &'static Dialect {
        &PUSH_ROWS
    }

    fn key(&self) -> &str {
        self.rows_url.as_str()
    }

    fn limits(&self) -> Limits {
        Limits { max_bytes: if self.streams { TILE_BYTES } else { Self::LIMITS.max_bytes }, ..Self::LIMITS }
    }

    fn request(&self, body: Bytes, number: Option<u64>) -> Request {
        Request { method: Method::POST, url: self.rows_url.clone(), body, number, answer_limit: ANSWER_LIMIT }
    }
}
