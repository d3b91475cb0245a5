//! What goes back to a client, before the headers that every answer of its service carries.

use std::fmt::Display;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value as Json, json};

/// The type of a JSON body.
pub(in crate::emulator) const JSON: &str = "application/json; charset=utf-8";
/// The type of a body of words.
pub(in crate::emulator) const TEXT: &str = "text/plain; charset=utf-8";

/// An answer.
#[derive(Debug)]
pub(in crate::emulator) struct Answer {
    pub(in crate::emulator) status: StatusCode,
    headers: HeaderMap,
    body: String,
    /// Why the request was refused, for the log and the page.
    pub(in crate::emulator) refusal: Option<String>,
    /// Rows that were stored.
    pub(in crate::emulator) rows: usize,
}

impl Answer {
    /// A success without a body.
    pub(in crate::emulator) fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: String::new(), refusal: None, rows: 0 }
    }

    pub(in crate::emulator) fn json(status: StatusCode, body: &Json) -> Self {
        Self::empty(status).with_body(JSON, body.to_string())
    }

    /// A refusal of the emulator itself, which is no service's.
    pub(in crate::emulator) fn of_emulator(status: StatusCode, message: &str) -> Self {
        let body = json!({"error": {"code": "RefusedByEmulator", "message": message}});
        Self::json(status, &body).refused(message, "assumed; not of the service")
    }

    /// An answer with this body, which is JSON or text.
    pub(super) fn of_text(body: &str) -> Self {
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(body).is_ok();
        Self::empty(StatusCode::OK).with_body(if is_json { JSON } else { TEXT }, body.to_owned())
    }

    /// The same answer with this body.
    pub(in crate::emulator) fn with_body(mut self, content_type: &'static str, body: String) -> Self {
        self.body = body;
        self.with_header(header::CONTENT_TYPE, content_type)
    }

    /// The same answer with a header, which is left out if its value cannot be one.
    pub(in crate::emulator) fn with_header(mut self, name: HeaderName, value: impl Display) -> Self {
        if let Ok(value) = HeaderValue::try_from(value.to_string()) {
            self.headers.append(name, value);
        }
        self
    }

    /// The same answer as a refusal; `why` goes to the log, `rule` into a header.
    pub(in crate::emulator) fn refused(mut self, why: impl Into<String>, rule: impl Display) -> Self {
        self.refusal = Some(why.into());
        self.with_header(RULE, rule)
    }

    /// The same answer for a request that added `rows`.
    pub(in crate::emulator) fn storing(self, rows: usize) -> Self {
        Self { rows, ..self }
    }

    /// The same answer as a fault: no rule asked for it.
    pub(super) fn ordered(mut self, status: StatusCode, retry_after: Option<HeaderValue>) -> Self {
        self.status = status;
        self.refusal = Some("ordered by `fail_next`".into());
        self.headers.insert(RULE, HeaderValue::from_static("fault"));
        if let Some(when) = retry_after {
            self.headers.insert(header::RETRY_AFTER, when);
        }
        self
    }

    pub(in crate::emulator) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// Which rule refused.
const RULE: HeaderName = HeaderName::from_static("x-emulator-rule");
