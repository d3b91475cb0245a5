//! Rows that a service keeps aside until all of them are committed together.
//!
//! ```text
//!  open ─▶ session ─▶ batch, batch, batch: staged ─▶ commit ─┬─ whole ────── confirmed
//!             ▲                              │               ├─ nothing ──── unsent
//!             └── the sign-in has ended ◀────┘               └─ nobody knows in doubt
//! ```
//!
//! Batches that are staged are kept: where a session ends with its sign-in, they are sent again in another one.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Delivery, Stop};
use crate::delivery::queue::Batch;
use crate::delivery::{Committed, Session};
use crate::error::{Error, Kind, Result};
use crate::http::transport::Progress;

/// What was staged, and what has to be staged again.
#[derive(Debug, Default)]
pub(super) struct Staged {
    kept: Vec<Batch>,
    again: VecDeque<Batch>,
    /// What has been answered by another session.
    restarted: Option<Ended>,
    /// How far the batch is that is being sent.
    sending: Arc<Progress>,
}

/// What a session has ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// A batch, which was refused for this sign-in.
    Batch(Option<u64>),
    /// The commit.
    Commit,
}

/// What the end of a sign-in means for the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Restart {
    /// Nothing.
    None,
    /// There is another session.
    Done,
    /// It is the second time: whoever tried again would do so for ever.
    TooOften,
}

impl Delivery {
    /// Keeps a batch that the service has staged in `session`; one of a session that has ended is sent again.
    pub(super) fn stage(&self, batch: Batch, session: &Arc<Session>) {
        let is_current = Arc::ptr_eq(session, &self.session());
        let staged = &mut self.lock().staged;
        staged.sending = Arc::default();
        if is_current { staged.kept.push(batch) } else { staged.again.push_front(batch) }
    }

    /// A batch that has to be staged again.
    pub(super) fn staged_again(&self) -> Option<Batch> {
        self.lock().staged.again.pop_front()
    }

    /// Has `batches` sent behind all that has to be staged again.
    pub(super) fn stage_again(&self, batches: impl Iterator<Item = Batch>) {
        self.lock().staged.again.extend(batches);
    }

    /// Takes note of how far a batch is, where there is one at a time.
    pub(super) fn note_sending(&self, progress: &Arc<Progress>) {
        if self.sink.stages() {
            self.lock().staged.sending = Arc::clone(progress);
        }
    }

    /// Bytes of bodies that the service keeps aside, and of the one that is on its way.
    #[must_use]
    pub fn staged_bytes(&self) -> u64 {
        let staged = &self.lock().staged;
        staged.kept.iter().map(|batch| batch.size() as u64).sum::<u64>() + staged.sending.written()
    }

    /// Whether the service is being asked to make what was staged count.
    #[must_use]
    pub fn is_committing(&self) -> bool {
        self.lock().session.as_ref().is_some_and(|session| session.is_asked())
    }

    /// The session has ended with its sign-in, and there is another: once, another session begins, and all that was staged is
    /// sent again.
    pub(super) async fn restart(&self, ended: Ended) -> Result<Restart> {
        if !self.sink.restarts_with_sign_in() {
            return Ok(Restart::None);
        }
        let _turn = self.turn_to_restart.lock().await;
        match self.lock().staged.restarted {
            // Another batch of the same session has come first.
            Some(known) if known == ended && ended != Ended::Commit => return Ok(Restart::Done),
            Some(_) => return Ok(Restart::TooOften),
            None => {}
        }
        let last = self.lock().session.take();
        if let Some(last) = last {
            // It may be there all the same, and in the way of the next one.
            let _ = self.sink.abandon(&last).await;
        }
        self.open_in_time().await?;
        let mut state = self.lock();
        state.staged.restarted = Some(ended);
        let kept = std::mem::take(&mut state.staged.kept);
        kept.into_iter().rev().for_each(|batch| state.staged.again.push_front(batch));
        Ok(Restart::Done)
    }

    /// All rows were handed over and taken: what was staged is committed, or abandoned where the delivery ends early. Answers
    /// whether that was all; else everything has to be staged again.
    pub(super) async fn conclude(&self) -> bool {
        let Some(session) = self.lock().session.clone() else { return true };
        if self.is_stopped() {
            self.abandon(&session).await;
            return true;
        }
        session.note_asked(true);
        let committed = tokio::select! {
            biased;
            () = self.stopped(Stop::Abort) => cut_short(&session),
            committed = self.sink.commit(&session, self.watch()) => committed,
        };
        match committed {
            Committed::Whole => {
                for batch in self.left() {
                    self.confirm(&batch, false);
                }
            }
            Committed::Expired(error) => match self.restart(Ended::Commit).await {
                Ok(Restart::Done) => return false,
                Ok(_) => self.end_without(&session, error).await,
                Err(error) => self.end_without(&session, error).await,
            },
            Committed::Nothing(error) => self.end_without(&session, error).await,
            Committed::InDoubt(error) => {
                for batch in self.left() {
                    self.release_unsettled(&batch, true);
                }
                if let Some(failure) = &mut self.lock().failure {
                    // What ended the delivery knew nothing of a commit, and has another advice.
                    failure.hint.clone_from(&error.hint);
                }
                self.end_without(&session, error).await;
            }
        }
        true
    }

    /// Everything that was staged.
    fn left(&self) -> Vec<Batch> {
        let staged = std::mem::take(&mut self.lock().staged);
        staged.kept.into_iter().chain(staged.again).collect()
    }

    async fn end_without(&self, session: &Session, why: Error) {
        self.fail(why);
        self.abandon(session).await;
    }

    /// Nothing of what was staged counts. Whether the service hears of that changes nothing for the rows.
    async fn abandon(&self, session: &Session) {
        for batch in self.left() {
            self.release_unsettled(&batch, false);
        }
        let _ = self.sink.abandon(session).await;
    }
}

/// What is known of a commit that nobody waits for any more.
fn cut_short(session: &Session) -> Committed {
    if session.is_asked() {
        let error = Error::new(Kind::InDoubt, "the rows were staged, and whether they were committed is not known");
        return Committed::InDoubt(error.with_hint("look for them before sending them again"));
    }
    Committed::Nothing(Error::new(Kind::Closed, "the call ended before the rows were committed"))
}
