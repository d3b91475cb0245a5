//! One operation called until it is answered: repeated where repeating does no harm, and for a while only.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde_json::Value;

use super::client::Client;
use crate::error::{Error, Kind, Result};
use crate::http::transport::{Body, Progress, Request};
use crate::http::{Answer, Leave, Outcome};
use crate::rate_limit::{Ask, Ending, Reason};

/// An operation is not begun again later than this after its beginning.
const PATIENCE: Duration = Duration::from_secs(120);
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

/// Why an operation came to nothing, as far as that is known.
#[derive(Debug)]
pub(super) struct Setback {
    pub(super) error: Error,
    /// It was sent whole, and what came of it was not told.
    pub(super) in_doubt: bool,
    /// The session had ended; there is a new one now.
    pub(super) renewed: bool,
}

impl From<Error> for Setback {
    fn from(error: Error) -> Self {
        Self { error, in_doubt: false, renewed: false }
    }
}

/// What one attempt came to.
enum Next {
    Done(Answer),
    Refresh(Error),
    Wait(Option<Duration>, Error),
    Fail(Error),
    Doubt(Error),
}

impl Client {
    /// Calls; once more where the session had ended.
    pub(super) async fn call(&self, call: Call) -> Result<Answer> {
        self.call_again(call).await.map_err(|setback| setback.error)
    }

    /// The same, telling apart what was refused and what may have been done.
    pub(super) async fn call_again(&self, call: Call) -> Result<Answer, Setback> {
        match self.attempt(&call).await {
            Err(setback) if setback.renewed => {
                self.attempt(&call).await.map_err(|setback| Setback { renewed: false, ..setback })
            }
            other => other,
        }
    }

    /// Calls within one session: where it has ended, there is a new one afterwards, and nothing was done.
    pub(super) async fn attempt(&self, call: &Call) -> Result<Answer, Setback> {
        let Call { method, url, body, headers, doing, repeatable, renews } = call.clone();
        let request = Request { method, url, body, headers, answer_limit: ANSWER_LIMIT };
        let last_begin = self.clock.now() + PATIENCE;
        let mut failures = 0;
        loop {
            let ask = Ask { rows: 0, retry: self.retry, failed: None };
            let leave = Leave { limit: &self.limit, ask, deadline: None, watch: &*self.watch };
            let mut sent = self.http.send(&request, leave, &Arc::new(Progress::default())).await?;
            sent.permit.end(Ending::Refused);
            self.note(&request, &sent.outcome, failures > 0);
            match self.next(sent.outcome, repeatable, doing) {
                Next::Done(answer) => return Ok(answer),
                Next::Refresh(error) => {
                    if !renews || !self.http.renew(sent.signed_as).await? {
                        return Err(error.into());
                    }
                    return Err(Setback { error, in_doubt: false, renewed: true });
                }
                Next::Wait(told, error) => {
                    failures += 1;
                    let wait = told.unwrap_or_else(|| self.retry.delay(failures));
                    let again = self.clock.now() + wait;
                    if !self.retry.allows(failures) || again > last_begin {
                        return Err(error.into());
                    }
                    let reason = if error.kind == Kind::RateLimited { Reason::RetryAfter } else { Reason::BackOff };
                    self.watch.failed(&error, again);
                    self.limit.wait(again, reason, &*self.watch).await;
                }
                Next::Fail(error) => return Err(error.into()),
                Next::Doubt(error) => return Err(Setback { error, in_doubt: true, renewed: false }),
            }
        }
    }

    fn note(&self, request: &Request, outcome: &Outcome, again: bool) {
        let mut meter = self.meter();
        meter.requests += 1;
        meter.retries += u64::from(again);
        meter.bytes_sent += request.body.len();
        if let Outcome::Answered(answer) = outcome {
            meter.note_id(answer.request_id.as_deref());
        }
    }

    fn next(&self, outcome: Outcome, repeatable: bool, doing: &str) -> Next {
        let answer = match outcome {
            Outcome::Failed(failure) if repeatable || !failure.sent_whole => {
                return Next::Wait(None, failure.to_error());
            }
            Outcome::Failed(failure) => return Next::Doubt(failure.to_error()),
            Outcome::Answered(answer) => answer,
        };
        let error = || self.http.explain(&answer, doing);
        match answer.status {
            200..300 if !answer.is_html => Next::Done(answer),
            _ if self.http.dialect().is_expired(&answer) => Next::Refresh(error()),
            429 => Next::Wait(answer.retry_after, error()),
            408 | 502..=504 if repeatable => Next::Wait(answer.retry_after, error()),
            // A 500 of this service is a refusal as a rule; without its own words it is none.
            500.. if repeatable && answer.refusal.code.is_none() => Next::Wait(answer.retry_after, error()),
            408 | 500.. if !repeatable => Next::Doubt(error()),
            _ => Next::Fail(error()),
        }
    }
}
