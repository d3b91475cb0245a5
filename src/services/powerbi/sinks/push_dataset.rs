//! A table of a push dataset: POST rows of the Power BI REST API.

use std::sync::Arc;

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, Url};

use super::super::Api;
use super::super::answers::classify;
use super::{ANSWER_LIMIT, TILE_BYTES};
use crate::delivery::{Fault, Parcel, Session, Sink, Verdict};
use crate::error::Result;
use crate::http::transport::Request;
use crate::http::{Answer, Later};
use crate::rate_limit::{Quotas, RateLimit, Watch};
use crate::rows::encode::{Framing, Limits};

/// `{"rows":[{...},{...}]}`. Source: the service's swagger, `PostRowsRequest`.
pub static PUSH_ROWS: Framing = Framing::new(b"{\"rows\":[", b",", b"]}");

/// The header that numbers a request with rows. Source: the client of Power BI's own C# samples.
const SEQUENCE_NUMBER: HeaderName = HeaderName::from_static("x-powerbi-pushdata-sequencenumber");

/// Where a table is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableAt {
    /// The id of its workspace; `None` is My workspace.
    pub workspace: Option<String>,
    /// The id of its dataset.
    pub dataset: String,
    /// Its name.
    pub table: String,
}

impl TableAt {
    /// The table of that name.
    #[must_use]
    pub fn new(workspace: Option<&str>, dataset: &str, table: &str) -> Self {
        Self { workspace: workspace.map(str::to_owned), dataset: dataset.to_owned(), table: table.to_owned() }
    }

    /// Its workspace, its dataset and its name.
    pub(in crate::services::powerbi) fn parts(&self) -> (Option<&str>, &str, &str) {
        (self.workspace.as_deref(), &self.dataset, &self.table)
    }
}

/// One table, open for rows.
#[derive(Debug, Clone)]
pub struct PushDataset {
    api: Api,
    at: TableAt,
    rows_url: Url,
}

impl PushDataset {
    /// Source: "Push semantic model limitations" (rows of one request) and the comparison of real-time
    /// models in "Real-time streaming in Power BI" (16 MB of one request).
    pub const LIMITS: Limits = Limits { max_rows: 10_000, max_bytes: 16_000_000 };

    /// The table that is there, by the operations of `api`.
    pub fn new(api: Api, at: TableAt) -> Result<Self> {
        let rows_url = api.address(at.workspace.as_deref()).rows(&at.dataset, &at.table)?;
        Ok(Self { api, at, rows_url })
    }

    fn quota(&self) -> RateLimit {
        self.api.quota(&self.at.dataset, Quotas::NONE)
    }
}

impl Sink for PushDataset {
    fn framing(&self) -> &'static Framing {
        &PUSH_ROWS
    }

    fn key(&self) -> &str {
        self.rows_url.as_str()
    }

    fn limits(&self) -> Limits {
        // Requests to a dataset that only streams are as small as those of a push URL.
        Limits {
            max_bytes: if self.quota().is_known_to_store_nothing() { TILE_BYTES } else { Self::LIMITS.max_bytes },
            ..Self::LIMITS
        }
    }

    fn clear(&self, watch: Arc<dyn Watch>) -> Later<'_, ()> {
        Box::pin(async move { self.api.watched(watch).delete_rows(&self.at).await })
    }

    fn open(&self, numbered: bool, watch: Arc<dyn Watch>) -> Later<'_, Session> {
        Box::pin(async move {
            if !numbered {
                return Ok(Session::default());
            }
            let numbers = self.api.watched(watch).sequence_numbers(&self.at).await?;
            Ok(Session::new(None, Some(numbers.into_values().max().unwrap_or_default())))
        })
    }

    fn request(&self, _session: &Session, Parcel { body, sequence_number, .. }: Parcel) -> Request {
        let headers = sequence_number.map(|number| (SEQUENCE_NUMBER, HeaderValue::from(number))).into_iter().collect();
        Request { method: Method::POST, url: self.rows_url.clone(), headers, body, answer_limit: ANSWER_LIMIT }
    }

    fn classify(&self, answer: &Answer) -> Verdict {
        classify(answer)
    }

    fn fault(&self, answer: &Answer) -> Fault {
        match answer.status {
            400 | 422 => Fault::Rows,
            _ => Fault::Elsewhere,
        }
    }

    /// Nothing but a dataset that only streams has a limit between these; the service does not tell its mode.
    fn note_too_large(&self, bytes: usize) {
        if (TILE_BYTES..2 * TILE_BYTES).contains(&bytes) {
            self.quota().stores_nothing();
        }
    }

    /// Nobody has written down how the service says so.
    fn is_about_numbers(&self, answer: &Answer) -> bool {
        let words = answer.refusal.code.iter().chain(&answer.refusal.message);
        words.into_iter().any(|words| words.to_ascii_lowercase().contains("sequence"))
    }

    fn adds_columns_by(&self) -> &'static str {
        "with table.update_schema(...)"
    }
}
