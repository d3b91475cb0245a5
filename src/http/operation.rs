//! One operation called until it is answered: repeated where repeating does no harm, and for a while only.

use std::fmt;
use std::time::Duration;

use reqwest::Method;

use super::retry::{Attempt, Attempts, BackOff, Next, Terms, repeat};
use super::transport::Request;
use super::{Answer, Exchanges, Outcome, PermitRequest, Sent};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::rate_limit::{Ask, Ending, RateLimit, Watch};
use crate::retry::Retry;

/// An operation is not begun again later than this after its beginning: someone sits before it and waits.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Why an operation came to nothing, as far as that is known.
#[derive(Debug)]
pub struct Setback {
    /// What went wrong.
    pub error: Error,
    /// It was sent whole at least once, and what came of that was not told.
    pub in_doubt: bool,
    /// The sign-in had ended; there is another one now.
    pub renewed: bool,
}

impl From<Error> for Setback {
    fn from(error: Error) -> Self {
        Self { error, in_doubt: false, renewed: false }
    }
}

/// What follows where the sign-in has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnExpiry {
    /// Another one, and the same again.
    Repeat,
    /// Another one, and the setback says so: what belonged to the sign-in before is gone.
    Tell,
    /// It is not worth another one.
    Fail,
}

/// Hears of each exchange.
pub type Heard<'o> = dyn Fn(&Attempt, &Sent) + Sync + 'o;

/// An operation of a service.
pub struct Operation<'o> {
    /// How the service is reached.
    pub http: &'o Exchanges,
    /// What holds it back.
    pub limit: &'o RateLimit,
    /// Whose time it is.
    pub clock: &'o Clock,
    /// When to try again.
    pub retry: Retry,
    /// Who is told of waits.
    pub watch: &'o dyn Watch,
    /// What is sent.
    pub request: Request,
    /// What it is for, as people say it.
    pub doing: &'o str,
    /// Whether sending it twice comes to the same as sending it once.
    pub repeatable: bool,
    /// What follows where the sign-in has ended.
    pub on_expiry: OnExpiry,
    /// Who hears of each exchange.
    pub heard: Option<&'o Heard<'o>>,
}

impl fmt::Debug for Operation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation").field("request", &self.request).finish_non_exhaustive()
    }
}

impl Operation<'_> {
    /// Calls it until it is answered.
    pub async fn run(self) -> Result<Answer, Setback> {
        let Self { clock, retry, watch, .. } = self;
        let patience = Some(PATIENCE);
        let terms = Terms { clock, retry, patience, endless: false, back_off: BackOff::Here, watch };
        repeat(&mut Calls { operation: self, in_doubt: false }, &terms).await
    }
}

/// An operation, and what is known of the attempts so far.
struct Calls<'o> {
    operation: Operation<'o>,
    /// Some attempt may have been done.
    in_doubt: bool,
}

impl Calls<'_> {
    fn setback(&self, error: Error) -> Setback {
        Setback { in_doubt: self.in_doubt, ..error.into() }
    }

    /// Whether it changes nothing, and is sent for its answer.
    fn reads(&self) -> bool {
        let Operation { request, repeatable, .. } = &self.operation;
        *repeatable && matches!(request.method, Method::GET | Method::POST)
    }

    async fn expired(&self, refused: Option<u64>, error: Error) -> Next<Result<Answer, Setback>> {
        match self.operation.on_expiry {
            OnExpiry::Repeat => Next::Expired(refused, error),
            OnExpiry::Fail => Next::Fail(error),
            OnExpiry::Tell => match self.operation.http.renew(refused).await {
                Ok(true) => Next::Done(Err(Setback { renewed: true, ..self.setback(error) })),
                Ok(false) => Next::Fail(error),
                Err(error) => Next::Fail(error),
            },
        }
    }

    /// An attempt may have been done: the same again, unless that may be something else.
    fn doubt(&mut self, told: Option<Duration>, error: Error) -> Next<Result<Answer, Setback>> {
        self.in_doubt = true;
        if self.operation.repeatable { Next::Wait(told, error) } else { Next::Done(Err(self.setback(error))) }
    }
}

impl Attempts for Calls<'_> {
    type Came = Sent;
    type End = Result<Answer, Setback>;

    async fn exchange(&self, attempt: &Attempt) -> Result<Sent> {
        let Operation { http, limit, retry, watch, request, heard, .. } = &self.operation;
        let ask = Ask { rows: 0, retry: *retry, failed: None };
        let wanted = PermitRequest { limit, ask, deadline: None, watch: *watch };
        let mut sent = http.send(request, wanted, &attempt.progress).await?;
        // How it ended is no matter of quotas: operations have none that are written down.
        sent.permit.end(Ending::Refused);
        if let Some(heard) = heard {
            heard(attempt, &sent);
        }
        Ok(sent)
    }

    async fn judge(&mut self, sent: Sent) -> Next<Self::End> {
        let answer = match sent.outcome {
            Outcome::Failed(failure) if failure.sent_whole => return self.doubt(None, failure.to_error()),
            Outcome::Failed(failure) => return Next::Wait(None, failure.to_error()),
            Outcome::Answered(answer) => answer,
        };
        let Operation { http, doing, repeatable, .. } = &self.operation;
        let (error, dialect) = (|| http.explain(&answer, doing), http.dialect());
        match answer.status {
            200..300 if !answer.is_html && !answer.denies => match &answer.torn {
                // What was asked for is in the body alone; what was done is done without one.
                Some(failure) if self.reads() => Next::Wait(None, failure.to_error()),
                _ => Next::Done(Ok(answer)),
            },
            _ if dialect.is_expired(&answer) => self.expired(sent.signed_as, error()).await,
            429 => Next::Wait(answer.retry_after, error()),
            // What can be done only once may have been done, even where a service says in its own words that it failed.
            408 | 500.. if !repeatable || dialect.is_passing(&answer) => {
                let error = error();
                self.doubt(answer.retry_after, error)
            }
            _ if dialect.is_passing(&answer) => Next::Wait(answer.retry_after, error()),
            _ => Next::Fail(error()),
        }
    }

    async fn renew(&mut self, refused: Option<u64>, why: Error) -> Result<Next<Self::End>> {
        Ok(if self.operation.http.renew(refused).await? { Next::Again } else { Next::Fail(why) })
    }

    fn give_up(&mut self, error: Error) -> Option<Self::End> {
        Some(Err(self.setback(error)))
    }
}
