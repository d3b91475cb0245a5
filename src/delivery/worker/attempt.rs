//! One batch being delivered: attempt after attempt, until a verdict is final.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::staging::{Ended, Restart};
use super::{Lane, Manner, PROBE, Stop};
use crate::clock::Moment;
use crate::delivery::queue::{Batch, Fate};
use crate::delivery::{Session, Verdict, judge};
use crate::error::{Error, Kind};
use crate::http::transport::{Progress, Reach};
use crate::http::{Answer, Leave, Outcome, Sent};
use crate::rate_limit::{Ask, Ending, Watch};

/// What to do after one attempt.
#[derive(Debug)]
pub(super) enum Next {
    /// Send the same bytes again.
    Again,
    /// The service has the rows.
    Confirmed,
    /// The service keeps the rows aside in this session.
    Staged(Arc<Session>),
    /// Another session has begun: the batch is sent again with all that the last one had.
    StageAgain,
    /// The batch has another end.
    SetAside,
    /// Deliver the two halves instead.
    Halve([Batch; 2]),
    /// The service has refused some of the rows, and the others may go on.
    Isolate(Error),
    /// The service has forgotten its numbers: give the batch the one behind this.
    Renumber(u64),
    /// The lane has stopped.
    GiveUp,
}

/// What has happened to the batch so far.
pub(super) struct Attempt<'a> {
    lane: &'a Lane,
    batch: &'a Batch,
    sent: u32,
    failures: u32,
    /// When the last attempt failed, and until when to back off; `None` where it did not fail.
    failed: Option<(Moment, Moment)>,
    /// The last attempt was refused for its token.
    expired: bool,
    /// Some attempt of ours was sent whole and never answered for.
    doubt: bool,
}

/// A courier that panics leaves its batch behind, of which nobody knows what the service has.
impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.lane.leave(self.batch, true);
        }
    }
}

impl<'a> Attempt<'a> {
    pub(super) fn new(lane: &'a Lane, batch: &'a Batch) -> Self {
        Self { lane, batch, sent: 0, failures: 0, failed: None, expired: false, doubt: false }
    }

    /// Sends the batch once and acts on the verdict.
    pub(super) async fn once(&mut self) -> Next {
        let probing = tokio::select! {
            biased;
            () = self.lane.stopped(Stop::Finish) => return self.leave(),
            probing = self.lane.pause.wait(&self.lane.clock) => probing,
        };
        let next = match self.cut_to_the_limit() {
            Some(halves) => Next::Halve(halves),
            None => self.send().await,
        };
        if probing {
            self.lane.pause.give_back();
        }
        next
    }

    async fn send(&mut self) -> Next {
        let progress = Arc::new(Progress::default());
        let session = self.lane.session();
        let request = self.lane.sink.request(&session, self.batch.parcel());
        let leave = self.leave_to_send();
        let sent = tokio::select! {
            biased;
            () = self.cut_short(&progress) => None,
            sent = self.lane.http.send(&request, leave, &progress) => Some(sent),
        };
        self.note(&progress, sent.as_ref());
        match sent {
            Some(Ok(sent)) => self.act(sent, session).await,
            Some(Err(error)) => self.go_without(error),
            None => {
                self.doubt |= progress.stop();
                self.leave()
            }
        }
    }

    fn leave_to_send(&mut self) -> Leave<'a> {
        let (lane, policy) = (self.lane, &self.lane.policy);
        let ask = Ask { rows: self.batch.rows() as u64, retry: policy.retry, failed: self.failed.take() };
        Leave { limit: &lane.limit, ask, deadline: policy.deadline, watch: &*lane.waits }
    }

    async fn act(&mut self, mut sent: Sent, session: Arc<Session>) -> Next {
        let verdict = judge(&sent.outcome, &*self.lane.sink);
        sent.permit.end(ending(verdict, &sent.outcome));
        let expired_before = std::mem::replace(&mut self.expired, verdict == Verdict::Expired);
        match verdict {
            Verdict::Confirmed => {
                self.lane.waits.note_success();
                self.lane.confirm(self.batch, self.in_doubt());
                Next::Confirmed
            }
            Verdict::Staged => {
                self.lane.waits.note_success();
                Next::Staged(session)
            }
            Verdict::NotApplied { throttled: true, .. } => self.throttle(&sent.outcome),
            Verdict::NotApplied { told, .. } => self.back_off_for(told, self.lane.error_of(&sent.outcome)),
            Verdict::Expired if !expired_before => match self.lane.http.renew(sent.signed_as).await {
                Ok(true) => match self.lane.restart(Ended::Batch(sent.signed_as)).await {
                    Ok(Restart::Done) => Next::StageAgain,
                    Ok(Restart::None) => Next::Again,
                    Ok(Restart::TooOften) => self.give_up(self.lane.error_of(&sent.outcome)),
                    Err(error) => self.go_without(error),
                },
                Ok(false) => self.give_up(self.lane.error_of(&sent.outcome)),
                Err(error) => self.go_without(error),
            },
            Verdict::Misdirected | Verdict::Expired => self.give_up(self.lane.error_of(&sent.outcome)),
            Verdict::TooLarge => self.halve(&sent.outcome),
            Verdict::Rejected if self.batch.number().is_some() && self.lane.is_about_numbers(&sent.outcome) => {
                self.number_refused(&sent.outcome).await
            }
            Verdict::Rejected => self.reject(&sent.outcome),
            Verdict::InDoubt => {
                self.doubt = true;
                let error = self.lane.error_of(&sent.outcome);
                if self.lane.policy.resend_doubt || self.lane.sink.stages() {
                    self.back_off(error)
                } else {
                    self.leave_in_doubt(error)
                }
            }
        }
    }

    /// A quota of the service's: the limit has heard of it and lets nothing go for now.
    fn throttle(&mut self, outcome: &Outcome) -> Next {
        if let Outcome::Answered(answer) = outcome {
            self.lane.waits.note_odd(answer.odd_retry_after);
        }
        if !self.lane.policy.retry.allows(1) && !self.goes_on() {
            return self.give_up(self.lane.error_of(outcome));
        }
        let told = self.lane.error_of(outcome).answer.retry_after.unwrap_or_default();
        self.lane.note_trouble(self.lane.error_of(outcome), self.lane.clock.now() + told, false);
        Next::Again
    }

    /// No leave or no token was to be had: a sender does not pause for what may be over soon.
    fn go_without(&mut self, error: Error) -> Next {
        if error.is_passing() && self.goes_on() { self.back_off(error) } else { self.give_up(error) }
    }

    /// Whether some attempt was sent whole and never answered for, be it one of an earlier process. Where rows count only
    /// once they are committed, they are not in doubt before.
    fn in_doubt(&self) -> bool {
        (self.doubt || self.batch.maybe_sent()) && !self.lane.sink.stages()
    }

    fn goes_on(&self) -> bool {
        self.lane.policy.manner == Manner::Sender
    }

    /// The next attempt asks for leave with a failure behind it: the limit makes it wait.
    fn back_off(&mut self, error: Error) -> Next {
        self.back_off_for(None, error)
    }

    /// The same for as long as the service has told.
    fn back_off_for(&mut self, told: Option<Duration>, error: Error) -> Next {
        let retry = self.lane.policy.retry;
        self.failures += 1;
        self.lane.waits.note_failure(self.failures);
        if !retry.allows(self.failures) && !self.goes_on() {
            return self.give_up(error);
        }
        let now = self.lane.clock.now();
        let next = now + told.unwrap_or_else(|| retry.delay(self.failures));
        self.failed = Some((now, next));
        self.lane.waits.failed(&error, next);
        self.lane.note_trouble(error, next, false);
        Next::Again
    }

    /// The halves of what the sink is known, by now, to refuse anyway.
    fn cut_to_the_limit(&self) -> Option<[Batch; 2]> {
        let is_too_large = self.batch.size() > self.lane.sink.limits().max_bytes && !self.doubt;
        if is_too_large { self.batch.halves() } else { None }
    }

    fn halve(&mut self, outcome: &Outcome) -> Next {
        self.lane.sink.note_too_large(self.batch.size());
        match self.batch.halves() {
            Some(halves) if !self.doubt => Next::Halve(halves),
            _ => self.reject(outcome),
        }
    }

    /// The service has had this number: after an attempt without an answer it was that one, else somebody else's. Or it
    /// has forgotten all of them with the rows of the table, and takes none but the next.
    async fn number_refused(&mut self, outcome: &Outcome) -> Next {
        let number = self.batch.number().unwrap_or_default();
        let last = match self.lane.last_number().await {
            Some(Ok(last)) => last,
            Some(Err(error)) => return self.go_without(error),
            // A sender asks, unless it is told to stop.
            None if self.goes_on() => return self.leave(),
            None => number,
        };
        match (self.in_doubt(), last < number.saturating_sub(1)) {
            (true, false) => {
                self.lane.confirm(self.batch, false);
                Next::Confirmed
            }
            (true, true) => self.leave_in_doubt(self.lane.error_of(outcome)),
            (false, true) => Next::Renumber(last),
            (false, false) => self.give_up(conflict(self.lane.error_of(outcome))),
        }
    }

    fn reject(&mut self, outcome: &Outcome) -> Next {
        let error = self.lane.explained(self.lane.error_of(outcome), outcome, self.batch);
        if !self.in_doubt() && self.lane.is_about_rows(self.batch, outcome, &error) {
            return Next::Isolate(error);
        }
        if self.goes_on() && matches!(error.kind, Kind::PermissionDenied | Kind::NotFound | Kind::Authentication) {
            return self.give_up(error);
        }
        if self.in_doubt() {
            return self.leave_in_doubt(error);
        }
        self.set_aside(Fate::Rejected, error)
    }

    /// The batch has its fate: a push ends with it, a sender goes on with the next.
    fn set_aside(&self, fate: Fate, error: Error) -> Next {
        self.lane.set_aside(self.batch, fate, &error);
        if self.goes_on() {
            self.lane.tell(&error);
            return Next::SetAside;
        }
        self.lane.fail(error);
        Next::GiveUp
    }

    fn leave_in_doubt(&mut self, error: Error) -> Next {
        if !self.goes_on() {
            return self.give_up(error);
        }
        self.set_aside(Fate::InDoubt, in_doubt(self.batch.rows(), error))
    }

    /// Trying again does not help: a push ends, with the batch unsent or in doubt, and a sender pauses.
    fn give_up(&mut self, error: Error) -> Next {
        if self.goes_on() && error.kind != Kind::Closed {
            let next = self.lane.clock.now() + PROBE;
            self.lane.pause.until(next);
            // The next one asks for a new token first.
            self.expired = false;
            self.lane.tell(&error);
            self.lane.note_trouble(error, next, true);
            return Next::Again;
        }
        let error = if self.in_doubt() { in_doubt(self.batch.rows(), error) } else { error };
        self.lane.fail(error);
        self.leave()
    }

    fn leave(&self) -> Next {
        self.lane.leave(self.batch, self.in_doubt());
        Next::GiveUp
    }

    /// Ends when the lane is told to stop and this attempt need not, or may not, be waited for.
    async fn cut_short(&self, progress: &Progress) {
        self.lane.stopped(Stop::Finish).await;
        if !progress.withdraw() {
            self.lane.stopped(Stop::Abort).await;
        }
    }

    fn note(&mut self, progress: &Progress, sent: Option<&Result<Sent, Error>>) {
        let meter = &mut self.lane.lock().meter;
        if progress.has_begun() {
            meter.requests += 1;
            meter.retries += u64::from(self.sent > 0);
            self.sent += 1;
        }
        if progress.sent_whole() {
            meter.bytes_sent += self.batch.size() as u64;
        }
        if let Some(Ok(Sent { outcome: Outcome::Answered(answer), .. })) = sent {
            meter.note_id(answer.request_id.as_deref());
        }
    }
}

/// What an attempt means for the limits.
fn ending(verdict: Verdict, outcome: &Outcome) -> Ending {
    match (verdict, outcome) {
        (Verdict::Confirmed | Verdict::Staged, _) => Ending::Taken,
        (Verdict::NotApplied { told, throttled: true }, _) => Ending::Throttled(told),
        (Verdict::NotApplied { .. }, _) => Ending::Broken,
        (Verdict::InDoubt, Outcome::Failed(_)) => Ending::Lost,
        (Verdict::InDoubt, Outcome::Answered(_)) => Ending::Failed,
        (Verdict::Misdirected | Verdict::Expired | Verdict::TooLarge | Verdict::Rejected, _) => Ending::Refused,
    }
}

impl Lane {
    /// The failure as users see it.
    fn error_of(&self, outcome: &Outcome) -> Error {
        match outcome {
            Outcome::Failed(failure) => failure.to_error(),
            Outcome::Answered(answer) if (200..300).contains(&answer.status) => {
                let kind = if self.sink.stages() { Kind::Service } else { Kind::InDoubt };
                unconfirmed(answer, kind)
            }
            Outcome::Answered(answer) => self.http.explain(answer, "sending rows"),
        }
    }

    /// Whether a refusal is one of a sequence number.
    fn is_about_numbers(&self, outcome: &Outcome) -> bool {
        matches!(outcome, Outcome::Answered(answer) if self.sink.is_about_numbers(answer))
    }
}

/// What is told of a success that is none.
fn unconfirmed(answer: &Answer, kind: Kind) -> Error {
    let what = if answer.reach != Reach::Whole {
        "came before all of the rows had been sent".to_owned()
    } else if answer.denies {
        format!("speaks of an error{}", answer.refusal.said())
    } else {
        "did not come from the service".to_owned()
    };
    let stranger = answer.stranger.as_deref().unwrap_or("a proxy or a captive portal");
    let message = format!("sending rows: the answer {} {what}", answer.status);
    Error::new(kind, message).with_hint(format!("{stranger} may have answered"))
}

/// What is told of a number that somebody else has used.
fn conflict(cause: Error) -> Error {
    let message = "somebody else adds rows with sequence numbers to this table";
    Error::new(Kind::SequenceConflict, message)
        .with_hint("one process may write to a table with sequence=True; stop the other one, or push without it")
        .with_answer((*cause.answer).clone())
        .caused_by(cause)
}

fn in_doubt(rows: usize, cause: Error) -> Error {
    let message = format!("{rows} rows were sent, and it is not known whether the service has them: {cause}");
    Error::new(Kind::InDoubt, message)
        .with_hint("result.ranges says which rows; look for them in the dataset before sending them again")
        .with_answer((*cause.answer).clone())
        .caused_by(cause)
}
