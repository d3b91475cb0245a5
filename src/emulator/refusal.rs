//! A refusal and every other answer, as the bytes that go back to the client.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value as Json, json};

use super::rules::{Basis, Layout, Rule};

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

    fn body(&self) -> (&'static str, String) {
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
            Layout::Text => return (TEXT, message.clone()),
            Layout::Empty => return ("", String::new()),
        };
        (JSON, json.to_string())
    }
}

const JSON: &str = "application/json; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// What goes back to the client, before the headers that every answer carries.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// The type of `body`; empty where there is none.
    content_type: &'static str,
    body: String,
    retry_after: Option<HeaderValue>,
    /// Why the request was refused, for the log and the page.
    pub(super) refusal: Option<String>,
    /// Which rule refused, for whoever debugs a client.
    rule: Option<String>,
    /// Rows that were stored.
    pub(super) rows: usize,
}

impl Answer {
    /// A success without a body.
    pub(super) fn empty(status: StatusCode) -> Self {
        let body = String::new();
        Self { status, content_type: "", body, retry_after: None, refusal: None, rule: None, rows: 0 }
    }

    pub(super) fn json(status: StatusCode, body: &Json) -> Self {
        Self { content_type: JSON, body: body.to_string(), ..Self::empty(status) }
    }

    /// A success whose JSON is written already.
    pub(super) fn json_text(body: String) -> Self {
        Self { content_type: JSON, body, ..Self::empty(StatusCode::OK) }
    }

    /// A refusal with a body of its own; `why` is for the log, `rule` for whoever debugs a client.
    pub(super) fn refused(status: u16, body: &Json, why: String, rule: &str) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        Self { refusal: Some(why), rule: Some(rule.to_owned()), ..Self::json(status, body) }
    }

    /// The same answer for a request that added `rows`.
    pub(super) fn storing(self, rows: usize) -> Self {
        Self { rows, ..self }
    }

    /// The same answer as a fault: no rule asked for it.
    pub(super) fn ordered(mut self, status: StatusCode, retry_after: Option<HeaderValue>) -> Self {
        self.refusal = Some("ordered by `fail_next`".into());
        self.rule = Some("fault".into());
        Self { status, retry_after, ..self }
    }

    /// The same answer with other words.
    pub(super) fn with_body(mut self, body: String) -> Self {
        self.content_type = if serde_json::from_str::<serde::de::IgnoredAny>(&body).is_ok() { JSON } else { TEXT };
        self.body = body;
        self
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if !self.content_type.is_empty() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds);
        }
        if let Some(rule) = self.rule.and_then(|rule| HeaderValue::try_from(rule).ok()) {
            headers.insert("x-emulator-rule", rule);
        }
        response
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let (content_type, body) = refusal.body();
        let status = StatusCode::from_u16(refusal.rule.status).unwrap_or(StatusCode::BAD_REQUEST);
        let rule = Some(match refusal.rule.basis {
            Basis::Observed(source) => format!("observed; {source}"),
            Basis::Assumed(source) => format!("assumed; {source}"),
        });
        let retry_after = refusal.retry_after.and_then(|when| HeaderValue::try_from(when).ok());
        Self {
            content_type,
            body,
            retry_after,
            refusal: Some(refusal.why.unwrap_or(refusal.message)),
            rule,
            ..Self::empty(status)
        }
    }
}
