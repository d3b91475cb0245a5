//! Refusals: a status, a code, a message, and a ticket (facts/microstrategy 3).

use axum::http::StatusCode;
use serde_json::{Value as Json, json};

use super::new_id;
use crate::emulator::http::{Answer, FailNext};

/// Why a request is not done.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    /// The number of the Intelligence Server, where the refusal is its own.
    server_code: Option<i64>,
    pub(super) message: String,
    /// Whether status, code and message were seen of the service; they are assumed otherwise.
    is_seen: bool,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, server_code: None, message: message.into(), is_seen: false }
    }

    fn seen(self) -> Self {
        Self { is_seen: true, ..self }
    }

    pub(super) fn login_failed() -> Self {
        Self { server_code: Some(-2_147_216_959), ..Self::new(StatusCode::UNAUTHORIZED, "ERR003", "Login failed") }
            .seen()
    }

    pub(super) fn session_expired() -> Self {
        let message = "The user's session has expired, please reauthenticate";
        Self { server_code: Some(-2_147_206_541), ..Self::new(StatusCode::UNAUTHORIZED, "ERR009", message) }.seen()
    }

    pub(super) fn not_json() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "ERR006", "Invalid JSON").seen()
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "ERR006", message)
    }

    pub(super) fn missing(what: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "ERR005", format!("The required parameter '{what}' is missing."))
    }

    pub(super) fn no_object() -> Self {
        let message = "The object does not exist in the metadata.";
        Self { server_code: Some(-2_147_216_373), ..Self::new(StatusCode::NOT_FOUND, "ERR004", message) }.seen()
    }

    pub(super) fn no_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "ERR004", "HTTP 404 Not Found").seen()
    }

    pub(super) fn no_method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "ERR001", "HTTP 405 Method Not Allowed").seen()
    }

    pub(super) fn exists(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "ERR015", message)
    }

    pub(super) fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "ERR001", "HTTP 413 Request Entity Too Large")
    }

    /// A refusal of the Intelligence Server.
    pub(super) fn of_server(message: impl Into<String>) -> Self {
        let refusal = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "ERR002", message);
        Self { server_code: Some(-2_147_214_568), ..refusal }
    }

    pub(super) fn answer(self) -> Answer {
        let body = envelope(self.code, self.server_code, &self.message);
        let rule = if self.is_seen { "observed; facts/microstrategy 3" } else { "assumed; facts/microstrategy 3" };
        Answer::json(self.status, &body).refused(self.message, rule)
    }
}

fn envelope(code: &str, server_code: Option<i64>, message: &str) -> Json {
    let ticket = new_id().to_lowercase();
    match server_code {
        Some(number) => json!({"code": code, "iServerCode": number, "message": message, "ticketId": ticket}),
        None => json!({"code": code, "message": message, "ticketId": ticket}),
    }
}

/// The answer of a fault that a test has ordered; the caller sets its status.
pub(super) fn fault(fault: &FailNext) -> Answer {
    let (code, server_code, message) = match fault.status {
        400 => ("ERR006", None, "Invalid JSON"),
        401 => ("ERR009", Some(-2_147_206_541), "The user's session has expired, please reauthenticate"),
        403 => ("ERR017", None, "You do not have Read and Write access to this object."),
        404 => ("ERR004", None, "HTTP 404 Not Found"),
        405 => ("ERR001", None, "HTTP 405 Method Not Allowed"),
        // Whatever stands before the service answers so: no JSON.
        502..=504 | 429 => return Answer::empty(StatusCode::OK),
        500 => ("ERR002", Some(-2_147_214_568), "An error has occurred in the Intelligence Server."),
        _ => ("ERR001", None, "An error has occurred."),
    };
    let code = fault.code.as_deref().unwrap_or(code);
    let message = fault.message.as_deref().unwrap_or(message);
    Answer::json(StatusCode::OK, &envelope(code, server_code, message))
}
