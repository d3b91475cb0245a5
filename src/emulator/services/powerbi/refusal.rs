//! A refusal: a rule that was broken, and how the service says so.

use axum::http::{StatusCode, header};
use serde_json::json;

use super::rules::{Basis, Layout, Rule};
use crate::emulator::http::{Answer, JSON, TEXT};

/// A rule that was broken, and how.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) rule: &'static Rule,
    pub(super) message: String,
    target: &'static str,
    /// When the client may try again, as the header says it.
    retry_after: Option<String>,
    /// What only the log tells.
    why: Option<String>,
}

impl Refusal {
    pub(super) fn new(rule: &'static Rule, message: impl Into<String>) -> Self {
        Self { rule, message: message.into(), target: "", retry_after: None, why: None }
    }

    /// The same refusal saying when to try again: seconds, or a date.
    pub(super) fn until(mut self, when: String) -> Self {
        self.retry_after = Some(when);
        self
    }

    /// The same refusal with a reason that the client is not told, but the log is.
    pub(super) fn because(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// The same refusal naming the part of the request that it is about.
    pub(super) fn of(mut self, target: &'static str) -> Self {
        self.target = target;
        self
    }

    fn body(&self) -> (Option<&'static str>, String) {
        let Self { rule, message, target, .. } = self;
        let code = rule.code;
        let json = match rule.layout {
            Layout::Error => json!({"error": {"code": code, "message": message}}),
            Layout::Details => json!({"error": {"code": code, "message": "Bad Request",
                "details": [{"message": message, "target": target}]}}),
            Layout::Nested => json!({"error": {"code": code, "pbi.error":
                {"code": code, "parameters": {}, "details": [], "exceptionCulprit": 1}}}),
            Layout::Message => json!({"message": message}),
            Layout::CapitalMessage => json!({"Message": message}),
            Layout::Text => return (Some(TEXT), message.clone()),
            Layout::Empty => return (None, String::new()),
        };
        (Some(JSON), json.to_string())
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let (content_type, body) = refusal.body();
        let status = StatusCode::from_u16(refusal.rule.status).unwrap_or(StatusCode::BAD_REQUEST);
        let rule = match refusal.rule.basis {
            Basis::Observed(source) => format!("observed; {source}"),
            Basis::Assumed(source) => format!("assumed; {source}"),
        };
        let mut answer = Self::empty(status).refused(refusal.why.unwrap_or(refusal.message), rule);
        if let Some(content_type) = content_type {
            answer = answer.with_body(content_type, body);
        }
        if let Some(when) = refusal.retry_after {
            answer = answer.with_header(header::RETRY_AFTER, when);
        }
        answer
    }
}
