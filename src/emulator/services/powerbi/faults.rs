//! What a fault that a test has ordered looks like: the body that the service was seen to send with the status.

use axum::http::StatusCode;
use serde_json::{Value as Json, json};

use super::refusal::Refusal;
use super::rules::{self, Layout, Rule};
use crate::emulator::http::{Answer, FailNext};

impl FailNext {
    /// The failure that the service shows now and then while it creates, lists or fills tables (facts/powerbi 1.11c).
    #[must_use]
    pub fn general_exception(operation: &str) -> Self {
        let message = format!("Failed to process dataset {operation}");
        let details = json!([{"message": "AcquireLockTimeoutException"}]);
        let error = json!({"code": "GeneralException", "message": message, "target": operation, "details": details});
        Self { body: Some(json!({"error": error}).to_string()), ..Self::new(500) }
    }
}

/// The answer of a fault; the caller sets its status.
pub(super) fn answer(fault: &FailNext) -> Answer {
    if let Some(code) = &fault.code {
        return Answer::json(StatusCode::OK, &json!({"error": coded(code, fault.message.as_deref())}));
    }
    let (rule, message) = match fault.status {
        400 => (&rules::FAULT_400, "The request is invalid.".into()),
        401 => (&rules::TOKEN_UNKNOWN, String::new()),
        403 => (&rules::FAULT_403, "API is not accessible for application".into()),
        404 => (&rules::NO_SUCH_DATASET, String::new()),
        429 => (&rules::FAULT_429, over_quota(fault.retry_after.as_deref())),
        500 => (&rules::FAULT_500, "An error has occurred".into()),
        _ => (&rules::BODY_TOO_LARGE, String::new()),
    };
    let rule = if fault.message.is_some() { spoken(rule) } else { rule };
    Answer::from(Refusal::new(rule, fault.message.clone().unwrap_or(message)))
}

/// A rule whose body has room for a sentence.
fn spoken(rule: &'static Rule) -> &'static Rule {
    if matches!(rule.layout, Layout::Nested | Layout::Empty) { &rules::FAULT_429 } else { rule }
}

/// The `error` of a body with a code: with a sentence as in facts/powerbi 1.11a, without one as in facts/powerbi 1.11d.
fn coded(code: &str, message: Option<&str>) -> Json {
    if let Some(message) = message {
        return json!({"code": code, "message": message});
    }
    let detail = |code: &str, value: &str| json!({"code": code, "detail": {"type": 0, "value": value}});
    let details = if code == "FeatureDeprecatedError" {
        let words = "Creation of streaming dataset is deprecated. We recommend exploring Real-Time Intelligence in \
                     Microsoft Fabric.";
        vec![detail("LearnMoreLink", rules::RETIREMENT_LINK), detail("FeatureDeprecatedMessage", words)]
    } else {
        Vec::new()
    };
    json!({"code": code, "pbi.error": {"code": code, "parameters": {}, "details": details, "exceptionCulprit": 1}})
}

fn over_quota(retry_after: Option<&str>) -> String {
    match retry_after.and_then(|text| text.parse::<u64>().ok()) {
        Some(seconds) => format!(
            "You have exceeded the amount of requests allowed in the current time frame and further requests will fail. \
             Retry in {seconds} seconds."
        ),
        None => "Maximum number of rows exceeded in time window. Please retry later".into(),
    }
}
