//! What a queue has to hold, as its mark says it.

use std::fs;
use std::ops::Range;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::failure::FileFailure;
use super::metadata;
use super::record::State;
use super::transaction::Transaction;

/// So often the metadata is written in one commit, at the most.
const CHANGES_OF_A_COMMIT: u64 = 2;
/// By so much an opening changes the metadata, so that no mark of the time before it fits.
pub(super) const CHANGES_OF_AN_OPENING: u64 = 1 + 2 * CHANGES_OF_A_COMMIT;
/// Changes with every start of the system.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "each is a word of the file by itself")]
pub(super) struct Totals {
    /// When the system was started: since then no power was cut.
    pub(super) boot: String,
    /// The queue that it is the mark of.
    pub(super) id: u64,
    /// Whether nothing was written after this.
    pub(super) closed: bool,
    /// Whether a commit failed after this: the rows behind may be in the file all the same, and were refused.
    pub(super) failed: bool,
    /// Whether the file keeps notices of rows that are lost, which nobody has heard.
    pub(super) untold: bool,
    /// Rows ever accepted.
    pub(super) accepted: u64,
    /// Those that are not settled, and those among them that were taken.
    pub(super) rows: u64,
    pub(super) taken: u64,
    /// The first that is not settled, and the first that nobody took.
    pub(super) first: u64,
    pub(super) next: u64,
    /// How often the metadata in the file was written, and how often when a dead letter was last added, or left it.
    pub(super) changes: (u64, u64),
    /// How often it may have been written since.
    pub(super) ahead: u64,
    /// Rows of dead letters.
    pub(super) dead_letter_rows: u64,
    /// The last sequence number given.
    pub(super) last_sequence_number: u64,
}

impl Totals {
    /// What a queue with this metadata has to hold, whether a commit has `failed`, and whether a loss is `untold`.
    pub(super) fn of(transaction: &Transaction, failed: bool, untold: bool) -> Self {
        let Transaction { state, taken, .. } = transaction;
        Self {
            failed,
            untold,
            accepted: state.accepted,
            rows: state.rows + taken.rows(),
            taken: taken.rows(),
            first: taken.first().unwrap_or(state.next),
            next: state.next,
            changes: (state.change, transaction.dead_letter_change),
            ahead: CHANGES_OF_A_COMMIT,
            dead_letter_rows: state.dead_letter_rows,
            last_sequence_number: state.last_sequence_number,
            ..Self::default()
        }
    }

    /// The same of a queue to which nothing is written any more.
    pub(super) fn closed(self) -> Self {
        Self { closed: true, ahead: 0, ..self }
    }

    /// The same of a queue whose opening is about to be written; `before` it, they were these.
    pub(super) fn opening(self, before: &Self) -> Self {
        Self { ahead: CHANGES_OF_A_COMMIT + CHANGES_OF_AN_OPENING, untold: before.untold, ..self }
    }

    /// Whether more was committed than a file with this metadata knows.
    pub(super) fn is_ahead_of(&self, state: &State) -> bool {
        self.accepted > state.accepted || self.changes.0 > state.change
    }

    /// Whether a `file` with this metadata is newer than one commit explains, of which nobody was told: then this is an
    /// older mark, put back by somebody, and nobody knows what else was accepted.
    pub(super) fn is_outrun_by(&self, file: &Connection, state: &State) -> Result<bool, FileFailure> {
        let is_outrun = || -> Result<bool, FileFailure> {
            let commits = metadata::commits_from(file, self.accepted)?;
            Ok(state.change > self.changes.0 + self.ahead || commits > self.ahead.min(1))
        };
        if self.is_newest() { is_outrun() } else { Ok(false) }
    }

    /// Whether nobody has sent these rows.
    pub(super) fn says_unsent(&self, rows: &Range<u64>) -> bool {
        self.is_newest() && rows.start >= self.next
    }

    /// Whether all rows from the first one on that is not settled are not.
    pub(super) fn is_precise(&self) -> bool {
        self.next.saturating_sub(self.first) == self.taken
    }

    /// Whether nothing can have been written since, but for one commit that nobody was told of.
    pub(super) fn is_newest(&self) -> bool {
        self.closed || (!self.boot.is_empty() && self.boot == boot())
    }
}

/// How many rows two ranges share.
pub(super) fn overlap(one: &Range<u64>, other: &Range<u64>) -> u64 {
    one.end.min(other.end).saturating_sub(one.start.max(other.start))
}

/// The system's present start, where that is known.
pub(super) fn boot() -> String {
    fs::read_to_string(BOOT).unwrap_or_default().trim_end().to_owned()
}
