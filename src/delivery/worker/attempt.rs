//! One batch being delivered: attempt after attempt, until a verdict is final.

use std::sync::Arc;
use std::thread;

use super::pause::Probe;
use super::staging::{Ended, Restart};
use super::{Delivery, OnFailure, PROBE, Policy, Stop};
use crate::clock::Moment;
use crate::delivery::queue::{Batch, RowState};
use crate::delivery::{Session, Verdict, judge};
use crate::error::{Error, Kind, Result, amount};
use crate::http::transport::Reach;
use crate::http::{Answer, Attempt, Attempts, BackOff, Next, Outcome, PermitRequest, Sent, Terms, repeat};
use crate::rate_limit::{Ask, Ending};

/// What a batch came to.
#[derive(Debug)]
pub(super) enum End {
    /// The service has the rows.
    Confirmed,
    /// The service keeps the rows aside in this session.
    Staged(Arc<Session>),
    /// Another session has begun: the batch is sent again with all that the last one had.
    StageAgain,
    /// The batch has another end.
    DeadLetter,
    /// Deliver the two halves instead.
    Halve([Batch; 2]),
    /// The service has refused some of the rows, and the others may go on.
    Isolate(Error),
    /// The service has forgotten its numbers: give the batch the one behind this.
    Renumber(u64),
    /// The delivery has stopped.
    GiveUp,
}

impl Delivery {
    /// Tries a batch until there is something else to be done with it.
    pub(super) async fn attempt(&self, batch: &Batch) -> End {
        let Policy { retry, on_failure, .. } = self.policy;
        let terms = Terms {
            clock: &self.clock,
            retry,
            // The deadline of a call ends its delivery, and with that the attempts.
            patience: None,
            endless: on_failure == OnFailure::Continue,
            // Everybody who sends to one place backs off together.
            back_off: BackOff::AtPermit,
            watch: &*self.waits,
        };
        let mut attempts = BatchAttempts::new(self, batch);
        repeat(&mut attempts, &terms).await
    }
}

/// What has happened to the batch so far.
struct BatchAttempts<'a> {
    delivery: &'a Delivery,
    batch: &'a Batch,
    /// The session of the attempt.
    session: Arc<Session>,
    /// Held where it finds out whether a pause is over.
    probe: Option<Probe<'a>>,
    /// Some attempt of ours was sent whole and never answered for.
    doubt: bool,
}

/// A worker that panics leaves its batch behind, of which nobody knows what the service has.
impl Drop for BatchAttempts<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.delivery.release_unsettled(self.batch, true);
        }
    }
}

impl Attempts for BatchAttempts<'_> {
    type Came = Sent;
    type End = End;

    async fn begin(&mut self) -> Option<End> {
        self.probe = None;
        self.probe = tokio::select! {
            biased;
            () = self.delivery.stopped(Stop::Finish) => return Some(self.release_unsettled()),
            probe = self.delivery.pause.wait(&self.delivery.clock) => probe,
        };
        self.session = self.delivery.session();
        self.cut_to_the_limit().map(End::Halve)
    }

    async fn exchange(&self, attempt: &Attempt) -> Result<Sent> {
        let (delivery, policy) = (self.delivery, &self.delivery.policy);
        let request = delivery.sink.request(&self.session, self.batch.parcel());
        delivery.note_sending(&attempt.progress);
        let ask = Ask { rows: self.batch.rows() as u64, retry: policy.retry, failed: attempt.failed };
        let wanted = PermitRequest { limit: &delivery.limit, ask, deadline: policy.deadline, watch: &*delivery.waits };
        let sent = delivery.http.send(&request, wanted, &attempt.progress).await?;
        self.note(attempt, Some(&sent.outcome));
        Ok(sent)
    }

    /// Ends when the delivery is told to stop and this attempt need not, or may not, be waited for.
    async fn stopped(&self, attempt: &Attempt) -> End {
        self.delivery.stopped(Stop::Finish).await;
        if !attempt.progress.withdraw() {
            self.delivery.stopped(Stop::Abort).await;
        }
        self.note(attempt, None);
        let in_doubt = attempt.progress.stop() && !self.delivery.sink.stages() || self.in_doubt();
        self.delivery.release_unsettled(self.batch, in_doubt);
        End::GiveUp
    }

    async fn judge(&mut self, mut sent: Sent) -> Next<End> {
        let verdict = judge(&sent.outcome, &*self.delivery.sink);
        sent.permit.end(ending(verdict, &sent.outcome));
        match verdict {
            Verdict::Confirmed => {
                self.delivery.waits.note_success();
                self.delivery.confirm(self.batch, self.in_doubt());
                Next::Done(End::Confirmed)
            }
            Verdict::Staged => {
                self.delivery.waits.note_success();
                Next::Done(End::Staged(Arc::clone(&self.session)))
            }
            Verdict::NotApplied { throttled: true, .. } => self.throttle(&sent.outcome),
            Verdict::NotApplied { told, .. } => Next::Wait(told, self.delivery.error_of(&sent.outcome)),
            Verdict::Expired => Next::Expired(sent.signed_as, self.delivery.error_of(&sent.outcome)),
            Verdict::Misdirected => Next::Fail(self.delivery.error_of(&sent.outcome)),
            Verdict::TooLarge => self.halve(&sent.outcome),
            Verdict::Rejected
                if self.batch.sequence_number().is_some() && self.delivery.is_about_numbers(&sent.outcome) =>
            {
                self.number_refused(&sent.outcome).await
            }
            Verdict::Rejected => self.reject(&sent.outcome),
            Verdict::InDoubt => {
                self.doubt = true;
                let error = self.delivery.error_of(&sent.outcome);
                if self.delivery.policy.resend_doubt || self.delivery.sink.stages() {
                    Next::Wait(None, error)
                } else {
                    self.leave_in_doubt(error)
                }
            }
        }
    }

    /// Another sign-in; where a session ends with the one before, also another session.
    async fn renew(&mut self, refused: Option<u64>, why: Error) -> Result<Next<End>> {
        if !self.delivery.http.renew(refused).await? {
            return Ok(Next::Fail(why));
        }
        Ok(match self.delivery.restart(Ended::Batch(refused)).await? {
            Restart::Done => Next::Done(End::StageAgain),
            Restart::None => Next::Again,
            Restart::TooOften => Next::Fail(why),
        })
    }

    fn note_failure(&mut self, why: Error, failures: u32, next: Moment) {
        self.delivery.waits.note_failure(failures);
        self.delivery.note_trouble(why, next, false);
    }

    /// Trying again does not help: a push ends, with the batch unsent or in doubt, and a sender pauses.
    fn give_up(&mut self, error: Error) -> Option<End> {
        if self.goes_on() && error.kind != Kind::Closed {
            let next = self.delivery.clock.now() + PROBE;
            self.delivery.pause.until(next);
            self.delivery.tell(&error);
            self.delivery.note_trouble(error, next, true);
            return None;
        }
        let error = if self.in_doubt() { in_doubt(self.batch.rows(), error) } else { error };
        self.delivery.fail(error);
        Some(self.release_unsettled())
    }
}

impl<'a> BatchAttempts<'a> {
    fn new(delivery: &'a Delivery, batch: &'a Batch) -> Self {
        Self { delivery, batch, session: Arc::default(), probe: None, doubt: false }
    }

    /// A quota of the service's: the limit has heard of it and lets nothing go for now.
    fn throttle(&mut self, outcome: &Outcome) -> Next<End> {
        if let Outcome::Answered(answer) = outcome {
            self.delivery.waits.note_odd(answer.odd_retry_after);
        }
        if !self.delivery.policy.retry.allows(1) && !self.goes_on() {
            return Next::Fail(self.delivery.error_of(outcome));
        }
        let told = self.delivery.error_of(outcome).answer.retry_after.unwrap_or_default();
        self.delivery.note_trouble(self.delivery.error_of(outcome), self.delivery.clock.now() + told, false);
        Next::Again
    }

    /// Whether some attempt was sent whole and never answered for, be it one of an earlier process. Where rows count only
    /// once they are committed, they are not in doubt before.
    fn in_doubt(&self) -> bool {
        (self.doubt || self.batch.maybe_sent()) && !self.delivery.sink.stages()
    }

    fn goes_on(&self) -> bool {
        self.delivery.policy.on_failure == OnFailure::Continue
    }

    /// The halves of what the sink is known, by now, to refuse anyway.
    fn cut_to_the_limit(&self) -> Option<[Batch; 2]> {
        let is_too_large = self.batch.size() > self.delivery.sink.limits().max_bytes && !self.doubt;
        if is_too_large { self.batch.halves() } else { None }
    }

    fn halve(&mut self, outcome: &Outcome) -> Next<End> {
        self.delivery.sink.note_too_large(self.batch.size());
        match self.batch.halves() {
            Some(halves) if !self.doubt => Next::Done(End::Halve(halves)),
            _ => self.reject(outcome),
        }
    }

    /// The service has had this sequence number: after an attempt without an answer it was that one, else somebody else's. Or it
    /// has forgotten all of them with the rows of the table, and takes none but the next.
    async fn number_refused(&mut self, outcome: &Outcome) -> Next<End> {
        let number = self.batch.sequence_number().unwrap_or_default();
        let last = match self.delivery.last_sequence_number().await {
            Some(Ok(last)) => last,
            Some(Err(error)) if error.is_passing() && self.goes_on() => return Next::Wait(None, error),
            Some(Err(error)) => return Next::Fail(error),
            // A sender asks, unless it is told to stop.
            None if self.goes_on() => return Next::Done(self.release_unsettled()),
            None => number,
        };
        match (self.in_doubt(), last < number.saturating_sub(1)) {
            (true, false) => {
                self.delivery.confirm(self.batch, false);
                Next::Done(End::Confirmed)
            }
            (true, true) => self.leave_in_doubt(self.delivery.error_of(outcome)),
            (false, true) => Next::Done(End::Renumber(last)),
            (false, false) => Next::Fail(conflict(self.delivery.error_of(outcome))),
        }
    }

    fn reject(&mut self, outcome: &Outcome) -> Next<End> {
        let error = self.delivery.explained(self.delivery.error_of(outcome), outcome, self.batch);
        if !self.in_doubt() && self.delivery.is_about_rows(self.batch, outcome, &error) {
            return Next::Done(End::Isolate(error));
        }
        if self.goes_on() && matches!(error.kind, Kind::PermissionDenied | Kind::NotFound | Kind::Authentication) {
            return Next::Fail(error);
        }
        if self.in_doubt() {
            return self.leave_in_doubt(error);
        }
        self.settle_as_dead_letter(RowState::Rejected, error)
    }

    /// The batch has its state: a push ends with it, a sender goes on with the next.
    fn settle_as_dead_letter(&self, state: RowState, error: Error) -> Next<End> {
        self.delivery.settle_as_dead_letter(self.batch, state, &error);
        if self.goes_on() {
            self.delivery.tell(&error);
            return Next::Done(End::DeadLetter);
        }
        self.delivery.fail(error);
        Next::Done(End::GiveUp)
    }

    fn leave_in_doubt(&mut self, error: Error) -> Next<End> {
        if !self.goes_on() {
            return Next::Fail(error);
        }
        self.settle_as_dead_letter(RowState::InDoubt, in_doubt(self.batch.rows(), error))
    }

    fn release_unsettled(&self) -> End {
        self.delivery.release_unsettled(self.batch, self.in_doubt());
        End::GiveUp
    }

    fn note(&self, attempt: &Attempt, outcome: Option<&Outcome>) {
        self.delivery.lock().meter.note(attempt, self.batch.size() as u64, outcome);
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

impl Delivery {
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

/// What is told of a sequence number that somebody else has used.
fn conflict(cause: Error) -> Error {
    let message = "somebody else adds rows with sequence numbers to this table";
    Error::new(Kind::SequenceConflict, message)
        .with_hint("one process may write to a table with sequence=True; stop the other one, or push without it")
        .with_answer((*cause.answer).clone())
        .caused_by(cause)
}

fn in_doubt(rows: usize, cause: Error) -> Error {
    let (were, them) = if rows == 1 { ("was", "it") } else { ("were", "them") };
    let rows = amount(rows as u64, "row");
    let message = format!("{rows} {were} sent, and it is not known whether the service has {them}: {cause}");
    Error::new(Kind::InDoubt, message)
        .with_hint("result.ranges says which rows; look for them in the dataset before sending them again")
        .with_answer((*cause.answer).clone())
        .caused_by(cause)
}
