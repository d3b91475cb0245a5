//! A table of a push dataset: POST rows of the Power BI REST API.

use bytes::Bytes;
use reqwest::{Method, Url};

use crate::encode::{Dialect, Limits, PUSH_ROWS};
use crate::transport::Request;

/// An answer to POST rows is empty, or an error that fits easily.
const ANSWER_LIMIT: usize = 64 * 1024;

/// The rows address of one table.
#[derive(Debug, Clone)]
pub struct PushDataset {
    rows_url: Url,
}

impl PushDataset {
    /// How its bodies look.
    pub const DIALECT: &'static Dialect = &PUSH_ROWS;

    /// Source: "Push semantic model limitations" (rows of one request) and the comparison of real-time
    /// models in "Real-time streaming in Power BI" (16 MB of one request).
    pub const LIMITS: Limits = Limits { max_rows: 10_000, max_bytes: 16_000_000 };

    /// The table whose rows are added at `rows_url`.
    #[must_use]
    pub fn new(rows_url: Url) -> Self {
        Self { rows_url }
    }

    /// The request that adds the rows of `body`.
    #[must_use]
    pub fn request(&self, body: Bytes) -> Request {
        Request { method: Method::POST, url: self.rows_url.clone(), body, answer_limit: ANSWER_LIMIT }
    }
}
