//! A request that is refused for its rows is taken apart until the rows at fault are found.
//!
//! ```text
//!  refused ─ halves ─┬─ got through ───────── confirmed
//!                    ├─ refused, one row ──── rejected, with the service's words
//!                    └─ refused, several ──── halves again, or rejected whole once no requests are left
//! ```
//!
//! The largest pieces go first, so that few rows share the state of those at fault where there are too many of them. Every
//! piece has its own request before it is given up: what nobody has refused is not rejected.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};

use super::Delivery;
use crate::delivery::Fault;
use crate::delivery::queue::{Batch, RowState};
use crate::delivery::report::Refused;
use crate::error::{Error, Kind};
use crate::http::Outcome;

/// Requests more for each that is refused: they count against the quota of 120 a minute, which others need too.
const MOST_REQUESTS: usize = 64;
/// Where a refusal is about the rows or a sink that is gone: after so many in a row with no success between them it is
/// the sink.
const MOST_MISSES: u32 = 64;
/// The status of a body that is too large.
const TOO_LARGE: u16 = 413;
/// Refusals kept for the report; one is at least a row.
const MOST_KEPT: usize = 10_000;

/// How often a delivery's rows, or its sink, were not found since somebody got through.
#[derive(Debug)]
pub(super) struct Misses(AtomicU32);

impl Default for Misses {
    /// Nobody has got through yet.
    fn default() -> Self {
        Self(AtomicU32::new(MOST_MISSES))
    }
}

impl Misses {
    /// Somebody got through: the sink is there.
    pub(super) fn end(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Counts one; answers whether it is about its rows, not about the sink.
    fn count(&self) -> bool {
        let more = |misses: u32| (misses < MOST_MISSES).then_some(misses + 1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }
}

/// The parts of one batch that still have to be delivered.
#[derive(Debug)]
pub(super) struct Pieces {
    waiting: VecDeque<Piece>,
    /// Rows must arrive in their order.
    ordered: bool,
    /// Requests that are left for the search; `None` before the first refusal.
    left: Option<usize>,
    /// The piece that was given out last is the first half of one that was refused.
    is_first_half: bool,
}

#[derive(Debug)]
struct Piece {
    batch: Batch,
    is_first_half: bool,
    /// The whole was refused and the other half got through: the fault is here.
    is_at_fault: bool,
}

impl Pieces {
    /// The whole batch.
    pub(super) fn new(batch: Batch, ordered: bool) -> Self {
        let waiting = VecDeque::from([Piece { batch, is_first_half: false, is_at_fault: false }]);
        Self { waiting, ordered, left: None, is_first_half: false }
    }

    /// The next one to be sent.
    pub(super) fn next(&mut self) -> Option<Batch> {
        loop {
            let piece = self.waiting.pop_front()?;
            if piece.is_at_fault && self.take_apart(&piece.batch) {
                continue;
            }
            self.left = self.left.map(|left| left.saturating_sub(1));
            self.is_first_half = piece.is_first_half;
            return Some(piece.batch);
        }
    }

    /// The one that was given out last is sent again, under another sequence number.
    pub(super) fn put_back(&mut self, batch: Batch) {
        self.left = self.left.map(|left| left + 1);
        self.waiting.push_front(Piece { batch, is_first_half: self.is_first_half, is_at_fault: false });
    }

    /// The one that was given out last was too large.
    pub(super) fn put_halves(&mut self, halves: [Batch; 2]) {
        for batch in halves.into_iter().rev() {
            self.waiting.push_front(Piece { batch, is_first_half: false, is_at_fault: false });
        }
    }

    /// The one that was given out last got through.
    pub(super) fn note_success(&mut self) {
        if let Some(other) = self.waiting.front_mut().filter(|_| self.is_first_half) {
            other.is_at_fault = true;
        }
    }

    /// Puts the halves of `batch`, which is at fault, among those that wait; `false` where it has none, or where the
    /// requests that are left are needed for those that wait already.
    pub(super) fn take_apart(&mut self, batch: &Batch) -> bool {
        let left = *self.left.get_or_insert(MOST_REQUESTS);
        if left < self.waiting.len() + 2 {
            return false;
        }
        let Some([first, second]) = batch.halves() else { return false };
        let halves = [(first, true), (second, false)].map(|(batch, is_first_half)| Piece {
            batch,
            is_first_half,
            is_at_fault: false,
        });
        if self.ordered {
            halves.into_iter().rev().for_each(|half| self.waiting.push_front(half));
        } else {
            self.waiting.extend(halves);
        }
        true
    }
}

impl Delivery {
    /// Whether a refusal is about the rows of `batch`, and others may go on without them.
    pub(super) fn is_about_rows(&self, batch: &Batch, outcome: &Outcome, error: &Error) -> bool {
        let Outcome::Answered(answer) = outcome else { return false };
        self.policy.isolate
            && match (self.sink.fault(answer), error.kind) {
                _ if answer.status == TOO_LARGE => batch.rows() == 1,
                (Fault::Rows, Kind::Service) => true,
                (Fault::RowsOrSink, Kind::NotFound) => self.misses.count(),
                _ => false,
            }
    }

    /// Nothing of a batch that the service refused because of `why` was taken: its parts are sent, or it is rejected.
    pub(super) fn isolate(&self, pieces: &mut Pieces, mut batch: Batch, why: &Error) {
        if let Some(number) = batch.sequence_number() {
            // The service has not had this sequence number, and wants it next.
            self.note_queue(self.queue.renumber(&mut batch, number.saturating_sub(1)));
        }
        if pieces.take_apart(&batch) {
            return;
        }
        {
            let refused = &mut self.lock().refused;
            if refused.len() < MOST_KEPT {
                refused.push(Refused { rows: batch.row_range(), words: why.message.clone() });
            }
        }
        self.settle_as_dead_letter(&batch, RowState::Rejected, why);
        self.tell(why);
    }
}
