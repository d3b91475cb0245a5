//! One operation, called until it is answered.

use bytes::Bytes;
use reqwest::{Method, Url};
use serde_json::Value;

use super::Api;
use crate::error::Result;
use crate::http::transport::Request;
use crate::http::{Answer, OnExpiry, Operation, Setback};
use crate::rate_limit::RateLimit;

/// A list of datasets is some kilobytes; more than this is not an answer of the service.
const ANSWER_LIMIT: usize = 16_000_000;

impl Api {
    pub(super) async fn call(&self, method: Method, url: Url, body: Option<&Value>, doing: &str) -> Result<Answer> {
        self.attempt(method, url, body, doing, None).await.map_err(|setback| setback.error)
    }

    /// The same, telling apart what was refused and what may have been done. A `question` changes nothing, so that it may
    /// be asked again, and has a quota of its own.
    pub(super) async fn attempt(
        &self,
        method: Method,
        url: Url,
        body: Option<&Value>,
        doing: &str,
        question: Option<&RateLimit>,
    ) -> Result<Answer, Setback> {
        let body = body.map_or_else(Bytes::new, |body| body.to_string().into()).into();
        // Creating twice makes two datasets of one name, so that a POST is not repeated once it was sent whole.
        let repeatable = method != Method::POST || question.is_some();
        let operation = Operation {
            http: &self.http,
            limit: question.unwrap_or(&self.limit),
            clock: &self.clock,
            retry: self.retry,
            watch: &*self.watch,
            request: Request { method, url, body, headers: Vec::new(), answer_limit: ANSWER_LIMIT },
            doing,
            repeatable,
            on_expiry: OnExpiry::Repeat,
            heard: None,
        };
        operation.run().await
    }
}
