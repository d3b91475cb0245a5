//! One operation called until it is answered: repeated where repeating does no harm.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, Url};
use serde_json::Value;

use super::Api;
use crate::error::{Error, Result};
use crate::limit::{Ask, Ending};
use crate::transport::{Progress, Request};
use crate::wire::{Answer, Leave, Outcome};

/// A list of datasets is some kilobytes; more than this is not an answer of the service.
const ANSWER_LIMIT: usize = 16_000_000;

/// What one attempt of an operation came to.
enum Next {
    Done(Answer),
    /// The token has ended; the error counts where there is no other.
    Refresh(Error),
    /// Wait as long as the service asked, or as the policy says, before trying again.
    Wait(Option<Duration>, Error),
    Fail(Error),
}

impl Api {
    pub(super) async fn call(&self, method: Method, url: Url, body: Option<&Value>, doing: &str) -> Result<Answer> {
        let body = body.map_or_else(Bytes::new, |body| body.to_string().into());
        let request = Request { method, url, body, answer_limit: ANSWER_LIMIT };
        let (mut failures, mut refreshed) = (0, false);
        loop {
            let ask = Ask { rows: 0, retry: self.retry, failed: None };
            let leave = Leave { limit: &self.limit, ask, deadline: None, watch: &() };
            let mut sent = self.wire.send(&request, leave, &Arc::new(Progress::default())).await?;
            // How it ended is no matter of quotas: operations have none that are written down.
            sent.permit.end(Ending::Refused);
            match next(sent.outcome, &request.method, doing) {
                Next::Done(answer) => return Ok(answer),
                Next::Refresh(error) => {
                    if refreshed || !self.wire.replace_token(sent.token).await? {
                        return Err(error);
                    }
                    refreshed = true;
                }
                Next::Wait(told, error) => {
                    failures += 1;
                    if !self.retry.allows(failures) {
                        return Err(error);
                    }
                    let wait = told.unwrap_or_else(|| self.retry.delay(failures));
                    self.clock.sleep_until(self.clock.now() + wait).await;
                }
                Next::Fail(error) => return Err(error),
            }
        }
    }
}

fn next(outcome: Outcome, method: &Method, doing: &str) -> Next {
    // Creating twice makes two datasets of one name, so that a POST is not repeated once it was sent whole.
    let repeatable = *method != Method::POST;
    match outcome {
        Outcome::Failed(failure) if repeatable || !failure.sent_whole => Next::Wait(None, failure.to_error()),
        Outcome::Failed(failure) => {
            Next::Fail(failure.to_error().with_hint("it may have been done all the same: look before trying again"))
        }
        Outcome::Answered(answer) => match answer.status {
            200..300 if !answer.is_html => Next::Done(answer),
            401 => Next::Refresh(answer.to_error(doing)),
            403 if answer.refusal.code.as_deref() == Some("TokenExpired") => Next::Refresh(answer.to_error(doing)),
            429 => Next::Wait(answer.retry_after, answer.to_error(doing)),
            408 | 500.. if repeatable => Next::Wait(None, answer.to_error(doing)),
            _ => Next::Fail(answer.to_error(doing)),
        },
    }
}
