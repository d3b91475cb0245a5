//! One operation, called until it is answered.

use bytes::Bytes;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde_json::Value;

use super::client::Client;
use crate::error::Result;
pub(super) use crate::http::Setback;
use crate::http::transport::{Body, Request};
use crate::http::{Answer, OnExpiry, Operation};

/// More than this is not an answer of the service.
pub(super) const ANSWER_LIMIT: usize = 16_000_000;

/// The header that names the project.
const PROJECT: HeaderName = HeaderName::from_static("x-mstr-projectid");

/// What is asked of the service.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) body: Body,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// What it is for, as people say it.
    pub(super) doing: &'static str,
    /// Whether asking twice comes to the same.
    pub(super) repeatable: bool,
    /// Whether it is worth a login where the session has ended.
    pub(super) renews: bool,
}

impl Call {
    /// A call that can be repeated, unless it is a POST or a PATCH.
    pub(super) fn new(method: Method, url: Url, doing: &'static str) -> Self {
        let repeatable = method != Method::POST && method != Method::PATCH;
        Self { method, url, body: Bytes::new().into(), headers: Vec::new(), doing, repeatable, renews: true }
    }

    /// The same with a body.
    pub(super) fn with(self, body: &Value) -> Self {
        Self { body: Bytes::from(body.to_string()).into(), ..self }
    }

    /// The same in a project.
    pub(super) fn within(mut self, project: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(project) {
            self.headers.push((PROJECT, value));
        }
        self
    }
}

impl Client {
    /// Calls; once more where the session had ended.
    pub(super) async fn call(&self, call: Call) -> Result<Answer> {
        self.call_again(call).await.map_err(|setback| setback.error)
    }

    /// The same, telling apart what was refused and what may have been done.
    pub(super) async fn call_again(&self, call: Call) -> Result<Answer, Setback> {
        match self.attempt(&call).await {
            Err(first) if first.renewed => self.attempt(&call).await.map_err(|second| Setback {
                in_doubt: first.in_doubt || second.in_doubt,
                renewed: false,
                ..second
            }),
            other => other,
        }
    }

    /// Calls within one session: where it has ended, there is a new one afterwards, and nothing was done.
    pub(super) async fn attempt(&self, call: &Call) -> Result<Answer, Setback> {
        let Call { method, url, body, headers, doing, repeatable, renews } = call.clone();
        let bytes = body.len();
        let operation = Operation {
            http: &self.http,
            limit: &self.limit,
            clock: &self.clock,
            retry: self.retry,
            watch: &*self.watch,
            request: Request { method, url, body, headers, answer_limit: ANSWER_LIMIT },
            doing,
            repeatable,
            on_expiry: if renews { OnExpiry::Tell } else { OnExpiry::Fail },
            heard: Some(&|attempt, sent| self.meter().note(attempt, bytes, Some(&sent.outcome))),
        };
        operation.run().await
    }
}
