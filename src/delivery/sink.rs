//! Where rows go, as far as the engine knows: a table, a push URL, an upload. Each service has its own.

use std::fmt::Debug;

use bytes::Bytes;

use super::Verdict;
use crate::http::Answer;
use crate::http::transport::Request;
use crate::rows::encode::{Framing, Limits};

/// A place that takes rows.
pub trait Sink: Debug + Send + Sync {
    /// How its bodies look.
    fn framing(&self) -> &'static Framing;

    /// What one request may hold.
    fn limits(&self) -> Limits;

    /// What tells it from other sinks. May hold a secret.
    fn key(&self) -> &str;

    /// The request that delivers the rows of `body`; `number` is their sequence number, where they have one.
    fn request(&self, body: Bytes, number: Option<u64>) -> Request;

    /// What an answer means for the rows that were sent.
    fn classify(&self, answer: &Answer) -> Verdict;

    /// Whether a refusal may be about the rows, so that others would be taken.
    fn fault(&self, answer: &Answer) -> Fault;

    /// Whether a refusal is one of a sequence number.
    fn is_about_numbers(&self, _answer: &Answer) -> bool {
        false
    }

    /// How a column is added that it does not know.
    fn adds_columns_by(&self) -> &'static str;
}

/// What a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Not the rows.
    Elsewhere,
    /// Some of the rows: the others would be taken.
    Rows,
    /// The columns of the rows, or the sink that is gone: while others get through it is the rows.
    RowsOrSink,
}
