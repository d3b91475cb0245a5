//! Faults that a test has ordered, taken in order of their arrival.

use std::collections::VecDeque;
use std::fmt;
use std::time::SystemTime;

use axum::http::{HeaderValue, StatusCode};
use serde_json::{Value as Json, json};

use super::entra::Failure;
use super::refusal::{Answer, Refusal};
use super::route::{self, Route};
use super::rules::{self, Layout, Rule};
use crate::error::{Error, Result};

/// An answer that the next requests get instead of being handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailNext {
    /// The HTTP status, 200 to 599.
    pub status: u16,
    /// The text of the `Retry-After` header, sent as it is.
    pub retry_after: Option<String>,
    /// How many requests are answered so.
    pub times: usize,
    /// Only requests to this operation (`Datasets_PostRows`, in a workspace or not; `PushUrl_PostRows`; `Entra_Token`)
    /// or with this text in their path; `None` stands for all but those to Entra.
    pub route: Option<String>,
    /// The service's word for the failure, such as `PowerBINotAuthorizedException`; of a sign-in, an AADSTS number.
    pub code: Option<String>,
    /// The service's sentence.
    pub message: Option<String>,
    /// The body; `None` gives the one that the service was seen to send with the status, or with the code.
    pub body: Option<String>,
}

impl FailNext {
    /// One answer with `status`, to whatever request comes next.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self { status, retry_after: None, times: 1, route: None, code: None, message: None, body: None }
    }

    /// The failure that the service shows now and then while it creates, lists or fills tables (facts/powerbi 1.11c).
    #[must_use]
    pub fn general_exception(operation: &str) -> Self {
        let message = format!("Failed to process dataset {operation}");
        let details = json!([{"message": "AcquireLockTimeoutException"}]);
        let error = json!({"code": "GeneralException", "message": message, "target": operation, "details": details});
        Self { body: Some(json!({"error": error}).to_string()), ..Self::new(500) }
    }

    fn matches(&self, route: &Route<'_>, path: &str) -> bool {
        let Some(wanted) = &self.route else { return !route.is_entra() };
        route.operation().is_some_and(|id| id == wanted || id.strip_suffix("InGroup") == Some(wanted))
            || path.contains(wanted.as_str())
    }
}

/// What happens to one request.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is answered so.
    Answer(Box<Answer>),
    /// It is handled, and the connection closed.
    Drop,
}

#[derive(Debug)]
enum Order {
    Fail(FailNext, StatusCode, Option<HeaderValue>),
    Drop { times: usize },
}

/// The faults that are still to come.
#[derive(Debug, Default)]
pub(super) struct Faults(VecDeque<Order>);

impl Faults {
    pub(super) fn fail(&mut self, fault: FailNext) -> Result<()> {
        if let Some(wanted) = fault.route.as_deref().filter(|wanted| !route::is_known(wanted)) {
            let hint = format!("name an operation, or a part of a path such as /rows: {}", route::NAMES.join(", "));
            return Err(wrong("route", &wanted, &hint));
        }
        let status = StatusCode::from_u16(fault.status).ok().filter(|status| (200..600).contains(&status.as_u16()));
        let status = status.ok_or_else(|| wrong("status", &fault.status, "use 200 to 599"))?;
        if let Some(body) = fault.body.as_ref().filter(|_| fault.code.is_some() || fault.message.is_some()) {
            return Err(wrong("body", body, "give either the body, or a code and a message"));
        }
        let retry_after = match &fault.retry_after {
            Some(text) => {
                Some(HeaderValue::from_str(text).map_err(|_| wrong("retry_after", text, "use printable ASCII"))?)
            }
            None => None,
        };
        if fault.times > 0 {
            self.0.push_back(Order::Fail(fault, status, retry_after));
        }
        Ok(())
    }

    pub(super) fn drop_response(&mut self, times: usize) {
        if times > 0 {
            self.0.push_back(Order::Drop { times });
        }
    }

    /// The first fault that fits the request; it is then used up once.
    pub(super) fn take(&mut self, route: &Route<'_>, path: &str, now: SystemTime) -> Option<Fault> {
        let at = self.0.iter().position(|order| match order {
            Order::Fail(fault, ..) => fault.matches(route, path),
            Order::Drop { .. } => route.fills().is_some(),
        })?;
        let (fault, left) = match &mut self.0[at] {
            Order::Fail(fault, status, retry_after) => {
                fault.times -= 1;
                let answer = if route.is_entra() { sign_in_answer(fault, now) } else { answer(fault) };
                let answer = answer.ordered(*status, retry_after.clone());
                (Fault::Answer(Box::new(answer)), fault.times)
            }
            Order::Drop { times } => {
                *times -= 1;
                (Fault::Drop, *times)
            }
        };
        if left == 0 {
            self.0.remove(at);
        }
        Some(fault)
    }
}

fn wrong(argument: &str, value: &dyn fmt::Display, hint: &str) -> Error {
    Error::configuration(format!("`{argument}` of a fault cannot be `{value}`")).with_hint(hint)
}

fn answer(fault: &FailNext) -> Answer {
    if let Some(body) = &fault.body {
        return Answer::empty(StatusCode::OK).with_body(body.clone());
    }
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

/// A refusal of Entra: its number stands in the code, or goes with the status.
fn sign_in_answer(fault: &FailNext, now: SystemTime) -> Answer {
    if fault.body.is_some() {
        return answer(fault);
    }
    let number = fault.code.as_deref().and_then(|code| code.trim_start_matches("AADSTS").parse().ok());
    let number = number.unwrap_or(match fault.status {
        401 => 7_000_215,
        429 | 500.. => 90_033,
        _ => 900_144,
    });
    Failure::new(number, fault.message.as_deref().unwrap_or("ordered by `fail_next`")).answer(now, None)
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
