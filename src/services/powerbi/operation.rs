//! One operation called until it is answered: repeated where repeating does no harm, and for a while only.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, Url};
use serde_json::Value;

use super::Api;
use crate::error::{Error, Kind, Result};
use crate::http::transport::{Progress, Request};
use crate::http::{Answer, Leave, Outcome};
use crate::rate_limit::{Ask, Ending, Limit, Reason};

/// An operation is not begun again later than this after its beginning: someone sits before it and waits.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);
/// A list of datasets is some kilobytes; more than this is not an answer of the service.
const ANSWER_LIMIT: usize = 16_000_000;

/// Why an operation came to nothing, as far as that is known.
pub(super) struct Setback {
    pub(super) error: Error,
    /// It was sent whole, and what came of it was not told.
    pub(super) in_doubt: bool,
}

impl From<Error> for Setback {
    fn from(error: Error) -> Self {
        Self { error, in_doubt: false }
    }
}

/// What one attempt of an operation came to.
enum Next {
    Done(Answer),
    /// The token has ended; the error counts where there is no other.
    Refresh(Error),
    /// Wait as long as the service asked, or as the policy says, before trying again.
    Wait(Option<Duration>, Error),
    Fail(Error),
    /// It may have been done.
    Doubt(Error),
}

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
        question: Option<&Limit>,
    ) -> Result<Answer, Setback> {
        let body = body.map_or_else(Bytes::new, |body| body.to_string().into()).into();
        // Creating twice makes two datasets of one name, so that a POST is not repeated once it was sent whole.
        let repeatable = method != Method::POST || question.is_some();
        let limit = question.unwrap_or(&self.limit);
        let request = Request { method, url, body, headers: Vec::new(), answer_limit: ANSWER_LIMIT };
        let last_begin = self.clock.now() + PATIENCE;
        let (mut failures, mut refreshed) = (0, false);
        loop {
            let ask = Ask { rows: 0, retry: self.retry, failed: None };
            let leave = Leave { limit, ask, deadline: None, watch: &*self.watch };
            let mut sent = self.http.send(&request, leave, &Arc::new(Progress::default())).await?;
            // How it ended is no matter of quotas: operations have none that are written down.
            sent.permit.end(Ending::Refused);
            match self.next(sent.outcome, repeatable, doing) {
                Next::Done(answer) => return Ok(answer),
                Next::Refresh(error) => {
                    if refreshed || !self.http.renew(sent.signed_as).await? {
                        return Err(error.into());
                    }
                    refreshed = true;
                }
                Next::Wait(told, error) => {
                    failures += 1;
                    if !self.retry.allows(failures) {
                        return Err(error.into());
                    }
                    let wait = told.unwrap_or_else(|| self.retry.delay(failures));
                    let again = self.clock.now() + wait;
                    if again > last_begin {
                        return Err(impatient(error, wait).into());
                    }
                    let reason = if error.kind == Kind::RateLimited { Reason::RetryAfter } else { Reason::BackOff };
                    if reason == Reason::BackOff {
                        self.watch.failed(&error, again);
                    }
                    self.limit.wait(again, reason, &*self.watch).await;
                }
                Next::Fail(error) => return Err(error.into()),
                Next::Doubt(error) => return Err(Setback { error, in_doubt: true }),
            }
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
            200..300 if !answer.is_html && !answer.denies => Next::Done(answer),
            _ if self.http.dialect().is_expired(&answer) => Next::Refresh(error()),
            429 => Next::Wait(answer.retry_after, error()),
            408 | 500.. if repeatable => Next::Wait(None, error()),
            408 | 500.. => Next::Doubt(error()),
            _ => Next::Fail(error()),
        }
    }
}

/// The failure after which there would be another attempt, if that were not too late.
fn impatient(error: Error, wait: Duration) -> Error {
    if error.kind != Kind::RateLimited {
        return error;
    }
    let (wait, most) = (wait.as_secs_f64().ceil(), PATIENCE.as_secs());
    error.with_hint(format!(
        "the service asks to be left alone for {wait:.0} s (`retry_after`); an operation waits {most} s at most, so \
         call again then"
    ))
}
