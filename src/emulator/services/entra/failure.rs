//! A sign-in that is refused, in Entra's shape (facts/entra 4).

use std::time::SystemTime;

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::emulator::http::Answer;

/// What Entra calls each failure: its number, the status, and the word on which a client must branch.
///
/// That the words are these is documented; which number comes with which is not, for most.
const FAILURES: [(u32, u16, &str); 26] = [
    (50_011, 400, "invalid_request"),
    (50_012, 401, "invalid_client"),
    (50_013, 401, "invalid_client"),
    (50_027, 401, "invalid_client"),
    (50_034, 400, "invalid_grant"),
    (50_053, 400, "invalid_grant"),
    (50_076, 400, "interaction_required"),
    (50_079, 400, "interaction_required"),
    (53_003, 400, "invalid_grant"),
    (65_001, 400, "invalid_grant"),
    (70_003, 400, "unsupported_grant_type"),
    (70_011, 400, "invalid_scope"),
    (90_002, 400, "invalid_request"),
    (90_033, 503, "temporarily_unavailable"),
    (500_011, 400, "invalid_resource"),
    (700_016, 400, "unauthorized_client"),
    (700_021, 401, "invalid_client"),
    (700_023, 401, "invalid_client"),
    (700_024, 401, "invalid_client"),
    (700_027, 401, "invalid_client"),
    (900_144, 400, "invalid_request"),
    (900_561, 400, "invalid_request"),
    (7_000_215, 401, "invalid_client"),
    (7_000_216, 401, "invalid_client"),
    (7_000_222, 401, "invalid_client"),
    (9_001_023, 400, "invalid_request"),
];

/// A failure by its AADSTS number, and its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    number: u32,
    message: String,
    /// Another word than the one that goes with the number.
    word: Option<&'static str>,
}

impl Failure {
    pub(super) fn new(number: u32, message: impl Into<String>) -> Self {
        Self { number, message: message.into(), word: None }
    }

    /// The same failure under another word.
    pub(super) fn called(self, word: &'static str) -> Self {
        Self { word: Some(word), ..self }
    }

    /// The word on which a client branches.
    pub(super) fn word(&self) -> &'static str {
        self.word.unwrap_or(self.known().1)
    }

    /// What is said in words, its number first.
    pub(super) fn words(&self) -> String {
        format!("AADSTS{}: {}", self.number, self.message)
    }

    /// The status and the word that go with the number.
    fn known(&self) -> (u16, &'static str) {
        let known = FAILURES.iter().find(|(number, ..)| *number == self.number);
        known.map_or((400, "invalid_grant"), |(_, status, word)| (*status, *word))
    }

    /// The answer at `now`; `correlation` is the id that the client gave its request.
    pub(super) fn answer(&self, now: SystemTime, correlation: Option<&str>) -> Answer {
        let (number, status) = (self.number, self.known().0);
        let time = DateTime::<Utc>::from(now).format("%Y-%m-%d %H:%M:%SZ").to_string();
        let trace = Uuid::new_v4().to_string();
        let correlation = correlation.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
        let message = self.words();
        let body = json!({
            "error": self.word(),
            "error_description":
                format!("{message}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {time}"),
            "error_codes": [number],
            "timestamp": time,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={number}"),
        });
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        Answer::json(status, &body).refused(message, "assumed; facts/entra 4")
    }
}
