//! The one retry loop: attempt after attempt, until something comes of it. Deliveries, operations and sign-ins use it.
//!
//! ```text
//!  begin ─▶ exchange ─▶ judge ─┬─ done ──▶ the end
//!    ▲    (permit, sign-in)    ├─ expired ─▶ another sign-in, once in a row ─┐
//!    │                         ├─ wait ────▶ as told, or by the policy ──────┤
//!    │                         └─ fail ────▶ give up, or begin anew ─────────┤
//!    └───────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! What differs is its user's own: how an exchange is made, what an answer means, and what giving up is.

use std::future::{pending, ready};
use std::sync::Arc;
use std::time::Duration;

use super::transport::Progress;
use crate::clock::{Clock, Moment};
use crate::error::{Error, Kind, Result};
use crate::rate_limit::{Reason, Watch, wait_until};
use crate::retry::Retry;

/// What one attempt came to.
#[derive(Debug)]
pub enum Next<T> {
    /// This is the end.
    Done(T),
    /// Again; what holds it back, if anything does, is known to the limit.
    Again,
    /// The service takes this sign-in no longer. The error counts where there is no other.
    Expired(Option<u64>, Error),
    /// Again, after as long as the service asked, or as the policy says.
    Wait(Option<Duration>, Error),
    /// Trying again does not help.
    Fail(Error),
}

impl<T> Next<T> {
    /// The same with another end.
    pub fn map<U>(self, end: impl FnOnce(T) -> U) -> Next<U> {
        match self {
            Self::Done(done) => Next::Done(end(done)),
            Self::Again => Next::Again,
            Self::Expired(refused, why) => Next::Expired(refused, why),
            Self::Wait(told, why) => Next::Wait(told, why),
            Self::Fail(why) => Next::Fail(why),
        }
    }
}

/// Where a failed attempt waits for its next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackOff {
    /// Here.
    Here,
    /// Where the next attempt takes its permit, which knows of the failure.
    AtPermit,
}

/// How long and how often to try.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'t> {
    /// Whose time it is.
    pub clock: &'t Clock,
    /// How often, and how long to wait in between.
    pub retry: Retry,
    /// No attempt is begun later than this after the first.
    pub patience: Option<Duration>,
    /// Whether a failure that may pass is never given up.
    pub endless: bool,
    /// Where it waits.
    pub back_off: BackOff,
    /// Who is told of waits.
    pub watch: &'t dyn Watch,
}

/// One attempt.
#[derive(Debug)]
pub struct Attempt {
    /// How far its request is.
    pub progress: Arc<Progress>,
    /// Where the attempt before failed: when, and until when to back off.
    pub failed: Option<(Moment, Moment)>,
    /// Whether some of the request has gone out before.
    pub again: bool,
}

/// What is attempted, with all that is its own.
pub trait Attempts: Send {
    /// What an exchange came to, before anybody has judged it.
    type Came: Send;
    /// What the attempts come to.
    type End: Send;

    /// Before each attempt: ends once it may be made, or says that there is none to make.
    fn begin(&mut self) -> impl Future<Output = Option<Self::End>> + Send {
        ready(None)
    }

    /// One exchange, permit and sign-in included; an error says that it was not made.
    fn exchange(&self, attempt: &Attempt) -> impl Future<Output = Result<Self::Came>> + Send;

    /// Ends when the exchange need not be waited for, which is then dropped.
    fn stopped(&self, _attempt: &Attempt) -> impl Future<Output = Self::End> + Send {
        pending()
    }

    /// What came of an exchange, and what follows.
    fn judge(&mut self, came: Self::Came) -> impl Future<Output = Next<Self::End>> + Send;

    /// Replaces the sign-in `refused`, and says what follows; where there is no other, `why` counts.
    fn renew(&mut self, _refused: Option<u64>, why: Error) -> impl Future<Output = Result<Next<Self::End>>> + Send {
        ready(Ok(Next::Fail(why)))
    }

    /// There will be another attempt after `failures` of them, not before `next`.
    fn note_failure(&mut self, _why: Error, _failures: u32, _next: Moment) {}

    /// What it means that trying again does not help: an end, or that everything begins anew.
    fn give_up(&mut self, why: Error) -> Option<Self::End>;
}

/// Attempts until there is an end.
pub async fn repeat<A: Attempts>(attempts: &mut A, terms: &Terms<'_>) -> A::End {
    let last_begin = terms.patience.map(|patience| terms.clock.now() + patience);
    let mut tries = Tries { terms, last_begin, failures: 0, failed: None, has_gone: false, renewed: false };
    loop {
        if let Some(end) = attempts.begin().await {
            return end;
        }
        let next = match tries.attempt(attempts).await {
            Next::Expired(refused, why) => tries.renew(attempts, refused, why).await,
            next => next,
        };
        let end = match next {
            Next::Done(end) => Some(end),
            Next::Wait(told, why) => tries.wait(attempts, told, why).await,
            Next::Fail(why) | Next::Expired(_, why) => tries.give_up(attempts, why),
            Next::Again => None,
        };
        if let Some(end) = end {
            return end;
        }
    }
}

/// What has happened so far.
struct Tries<'t> {
    terms: &'t Terms<'t>,
    last_begin: Option<Moment>,
    failures: u32,
    failed: Option<(Moment, Moment)>,
    /// Some of the request has gone out.
    has_gone: bool,
    /// The last attempt was refused for its sign-in.
    renewed: bool,
}

impl Tries<'_> {
    async fn attempt<A: Attempts>(&mut self, attempts: &mut A) -> Next<A::End> {
        let attempt = Attempt { progress: Arc::default(), failed: self.failed.take(), again: self.has_gone };
        let came = tokio::select! {
            biased;
            end = attempts.stopped(&attempt) => return Next::Done(end),
            came = attempts.exchange(&attempt) => came,
        };
        self.has_gone |= attempt.progress.has_begun();
        let next = match came {
            Ok(came) => attempts.judge(came).await,
            Err(why) => return self.without(why),
        };
        self.renewed &= matches!(next, Next::Expired(..));
        next
    }

    /// Another sign-in, but not twice in a row: then the sign-in is not what is wrong.
    async fn renew<A: Attempts>(&mut self, attempts: &mut A, refused: Option<u64>, why: Error) -> Next<A::End> {
        if std::mem::replace(&mut self.renewed, true) {
            return Next::Fail(why);
        }
        match attempts.renew(refused, why).await {
            Ok(next) => next,
            Err(why) => self.without(why),
        }
    }

    /// No permit or no sign-in was to be had. Both have waited as long as their callers' policy allows.
    fn without<T>(&self, why: Error) -> Next<T> {
        if why.is_passing() && self.terms.endless { Next::Wait(None, why) } else { Next::Fail(why) }
    }

    async fn wait<A: Attempts>(&mut self, attempts: &mut A, told: Option<Duration>, why: Error) -> Option<A::End> {
        let Terms { clock, retry, endless, watch, .. } = *self.terms;
        self.failures += 1;
        if !retry.allows(self.failures) && !endless {
            return self.give_up(attempts, why);
        }
        let wait = told.unwrap_or_else(|| retry.delay(self.failures));
        let now = clock.now();
        let next = now + wait;
        if self.last_begin.is_some_and(|last| next > last) {
            return self.give_up(attempts, self.impatient(why, wait));
        }
        let is_told = self.terms.back_off == BackOff::Here && why.kind == Kind::RateLimited;
        if !is_told {
            watch.failed(&why, next);
        }
        attempts.note_failure(why, self.failures, next);
        match self.terms.back_off {
            BackOff::AtPermit => self.failed = Some((now, next)),
            BackOff::Here => {
                let reason = if is_told { Reason::RetryAfter } else { Reason::BackOff };
                wait_until(clock, next, reason, watch).await;
            }
        }
        None
    }

    fn give_up<A: Attempts>(&mut self, attempts: &mut A, why: Error) -> Option<A::End> {
        let end = attempts.give_up(why);
        // Whoever begins anew may ask for another sign-in first.
        self.renewed &= end.is_some();
        end
    }

    /// The failure after which there would be another attempt, if that were not too late.
    fn impatient(&self, why: Error, wait: Duration) -> Error {
        if why.kind != Kind::RateLimited {
            return why;
        }
        let (wait, most) = (wait.as_secs_f64().ceil(), self.terms.patience.unwrap_or_default().as_secs());
        why.with_hint(format!(
            "the service asks to be left alone for {wait:.0} s (`retry_after`); an operation waits {most} s at most, so \
             call again then"
        ))
    }
}

#[cfg(test)]
mod tests;
