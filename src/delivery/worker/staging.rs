//! Rows that a service keeps aside until all of them are committed together.
//!
//! ```text
//!  open ─▶ session ─▶ batch, batch, batch: staged ─▶ commit ─┬─ whole ────── confirmed
//!             ▲                              │               ├─ nothing ──── unsent
//!             └── the sign-in has ended ◀────┘               └─ nobody knows in doubt
//! ```
//!
//! Batches that are staged are kept: where a session ends with its sign-in, they are sent again in another one.

use std::sync::Arc;

use super::{Lane, Stop};
use crate::delivery::queue::Batch;
use crate::delivery::{Committed, Session};
use crate::error::{Error, Kind, Result};

/// What was staged, and what has to be staged again.
#[derive(Debug, Default)]
pub(super) struct Staged {
    kept: Vec<Batch>,
    again: Vec<Batch>,
    /// The sign-in whose end has been answered by another session.
    restarted: Option<u64>,
}

impl Lane {
    /// Keeps a batch that the service has staged in `session`; one of a session that has ended is sent again.
    pub(super) fn stage(&self, batch: Batch, session: &Arc<Session>) {
        let is_current = Arc::ptr_eq(session, &self.session());
        let staged = &mut self.lock().staged;
        if is_current { staged.kept.push(batch) } else { staged.again.push(batch) }
    }

    /// A batch that has to be staged again.
    pub(super) fn staged_again(&self) -> Option<Batch> {
        self.lock().staged.again.pop()
    }

    /// The sign-in `refused` has ended, and there is another: once for each, another session begins, and all that was
    /// staged is sent again.
    pub(super) async fn restart(&self, refused: Option<u64>) -> Result<()> {
        if !self.sink.restarts_with_sign_in() {
            return Ok(());
        }
        let _turn = self.turn_to_restart.lock().await;
        if self.lock().staged.restarted == refused {
            return Ok(());
        }
        self.open().await?;
        let mut state = self.lock();
        state.staged.restarted = refused;
        let kept = std::mem::take(&mut state.staged.kept);
        state.staged.again.extend(kept.into_iter().rev());
        Ok(())
    }

    /// All rows were handed over and taken: what was staged is committed, or abandoned where the lane ends early.
    pub(super) async fn conclude(&self) {
        let Some(session) = self.lock().session.clone() else { return };
        let staged = std::mem::take(&mut self.lock().staged);
        let left: Vec<_> = staged.kept.into_iter().chain(staged.again).collect();
        if self.is_stopped() {
            return self.abandon(&session, &left).await;
        }
        let committed = tokio::select! {
            biased;
            () = self.stopped(Stop::Abort) => Committed::InDoubt(cut_short()),
            committed = self.sink.commit(&session, self.watch()) => committed,
        };
        match committed {
            Committed::Whole => left.iter().for_each(|batch| self.confirm(batch, false)),
            Committed::Nothing(error) => {
                self.fail(error);
                self.abandon(&session, &left).await;
            }
            Committed::InDoubt(error) => {
                left.iter().for_each(|batch| self.leave(batch, true));
                self.fail(error);
            }
        }
    }

    /// Nothing of what was staged counts. Whether the service hears of that changes nothing for the rows.
    async fn abandon(&self, session: &Session, staged: &[Batch]) {
        staged.iter().for_each(|batch| self.leave(batch, false));
        let _ = self.sink.abandon(session).await;
    }
}

fn cut_short() -> Error {
    Error::new(Kind::InDoubt, "the rows were staged, and whether they were committed is not known")
        .with_hint("look for them before sending them again")
}
