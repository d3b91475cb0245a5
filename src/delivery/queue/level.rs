//! How full a queue is, and what has become of its rows in numbers.

use std::time::Duration;

use super::calendar::Calendar;
use super::{Ledger, RowState};

/// Rows that wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Level {
    /// How many there are.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How long the oldest has waited; `None` where there is none, or no clock.
    pub oldest: Option<Duration>,
}

/// What has become of rows since the queue was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Accepted since then.
    pub accepted: u64,
    /// Left by an earlier process.
    pub inherited: u64,
    /// The service has them.
    pub confirmed: u64,
    /// The service refused them.
    pub rejected: u64,
    /// They were sent, and nobody knows.
    pub in_doubt: u64,
    /// Confirmed on a resend after an attempt without a verdict.
    pub maybe_twice: u64,
    /// Dropped to make room.
    pub dropped: u64,
    /// Accepted, and then damaged in the file.
    pub lost: u64,
    /// Accepted and not settled.
    pub pending: Level,
}

/// What a store counts of its rows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counters {
    /// The number of the next row to be accepted.
    pub(super) accepted: u64,
    /// The rows found when the store was opened.
    pub(super) inherited: u64,
    /// Batches of an earlier process that were not taken yet.
    pub(super) inherited_left: usize,
    /// The number of the next row to be taken.
    pub(super) next: u64,
    /// Accepted and not taken: rows, bytes, and when the oldest was accepted.
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) since: Option<u64>,
    /// Taken and not settled: the same, and the number of the first.
    pub(super) taken_rows: u64,
    pub(super) taken_bytes: u64,
    pub(super) taken_since: Option<u64>,
    pub(super) first_taken: Option<u64>,
    /// What the dead letters count for.
    pub(super) dead_letter_bytes: u64,
    pub(super) dropped: u64,
    pub(super) lost: u64,
}

impl Counters {
    /// All that counts towards the capacity.
    pub(super) fn used(&self) -> u64 {
        self.bytes + self.taken_bytes + self.dead_letter_bytes
    }

    pub(super) fn waiting(&self, calendar: Option<&Calendar>) -> Level {
        Level { rows: self.rows, bytes: self.bytes, oldest: age(calendar, self.since) }
    }

    pub(super) fn pending(&self, calendar: Option<&Calendar>) -> Level {
        let since = self.since.into_iter().chain(self.taken_since).min();
        Level { rows: self.rows + self.taken_rows, bytes: self.bytes + self.taken_bytes, oldest: age(calendar, since) }
    }

    pub(super) fn first_pending(&self) -> u64 {
        self.first_taken.map_or(self.next, |first| first.min(self.next))
    }

    pub(super) fn stats(&self, start: u64, calendar: Option<&Calendar>, ledgers: [&Ledger; 2]) -> Stats {
        let count = |state| ledgers.iter().map(|ledger| ledger.count(state)).sum();
        Stats {
            accepted: self.accepted - start,
            inherited: self.inherited,
            confirmed: count(RowState::Confirmed),
            rejected: count(RowState::Rejected),
            in_doubt: count(RowState::InDoubt),
            maybe_twice: ledgers.iter().map(|ledger| ledger.maybe_twice()).sum(),
            dropped: self.dropped,
            lost: self.lost,
            pending: self.pending(calendar),
        }
    }
}

/// Whether it is worth waking who waits for a full request: these are the first rows to wait, or they have made it
/// `full`. Each is rows and bytes that wait.
pub(super) fn stirs(before: [u64; 2], now: [u64; 2], full: [u64; 2]) -> bool {
    let reached = |figure: usize| before[figure] < full[figure] && now[figure] >= full[figure];
    (before[0] == 0 && now[0] > 0) || reached(0) || reached(1)
}

fn age(calendar: Option<&Calendar>, at: Option<u64>) -> Option<Duration> {
    Some(calendar?.age(at?))
}
