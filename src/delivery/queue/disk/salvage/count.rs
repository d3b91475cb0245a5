//! Which rows of a damaged file go on, and how many that were accepted do not.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Memory;
use super::reading::Old;
use crate::delivery::queue::disk::destination::StoredDestination;
use crate::delivery::queue::disk::mark::Totals;
use crate::delivery::queue::disk::metadata::overlap;
use crate::delivery::queue::disk::notice::Loss;
use crate::delivery::queue::disk::record::{State, StoredDeadLetter, StoredRun};
use crate::delivery::queue::taken::{Known, Taken};

/// What has to be there, held against what is.
pub(super) struct Account<'a> {
    mark: &'a Totals,
    memory: Option<&'a Memory>,
    /// The metadata that were found, and the batches that belong to them.
    state: State,
    taken: Taken,
    /// Whether the mark says what has to be there, and not they.
    by_mark: bool,
    /// Whether dead letters were added, or left, since they were written.
    has_older_dead_letters: bool,
    exact: bool,
    /// The runs that go on: first row → the row behind the last, and what its rows count for that wait.
    pieces: BTreeMap<u64, (u64, u64)>,
    /// Rows of dead letters that go on, and their bytes.
    dead_letters: (u64, u64),
}

impl<'a> Account<'a> {
    pub(super) fn new(old: &Old, destination: StoredDestination, mark: &'a Totals, memory: Option<&'a Memory>) -> Self {
        let mut state = State { destination, ..old.state.unwrap_or_default() };
        let numbers = old.taken.iter().filter_map(|(_, known)| known.sequence_number);
        state.last_sequence_number = numbers.max().unwrap_or(0).max(state.last_sequence_number);
        let by_mark = memory.is_none() && (mark.is_ahead_of(&state) || !old.exact);
        let closed = old.marked.is_some_and(|marked| marked.closed);
        let sure =
            if by_mark { mark.is_newest() && mark.is_precise() } else { closed || mark.is_newest() && !old.is_newer };
        if !old.exact {
            // All that is not surely settled waits.
            state.next = mark.first;
        }
        Self {
            mark,
            memory,
            state,
            taken: if old.exact { old.taken.clone() } else { Taken::default() },
            by_mark,
            has_older_dead_letters: by_mark && old.exact && state.change < mark.changes.1,
            exact: sure || memory.is_some(),
            pieces: BTreeMap::new(),
            dead_letters: (0, 0),
        }
    }

    /// The run as it goes on, where any of its rows does.
    pub(super) fn admit(&mut self, run: StoredRun) -> Option<StoredRun> {
        let rows = run.first..run.first + run.count;
        if self.memory.is_none() && rows.end > self.state.accepted {
            // The metadata is not written with each row.
            self.state.rows += rows.end - self.state.accepted;
            (self.state.accepted, self.state.total) = (rows.end, self.state.total.max(run.total));
        }
        let waiting = self.state.next.clamp(rows.start, rows.end)..self.state.accepted.clamp(rows.start, rows.end);
        if waiting.is_empty() && self.taken.ranges().all(|batch| overlap(&batch, &rows) == 0) {
            return None;
        }
        let (stored, place) = (run.stored_rows(&self.state.destination), run.position(waiting.start));
        self.pieces.insert(rows.start, (rows.end, stored.size(place..stored.count()) as u64));
        Some(StoredRun { sent: run.sent || !self.is_clean(&rows), ..run })
    }

    /// Whether these rows were surely not sent after the metadata was written.
    fn is_clean(&self, rows: &Range<u64>) -> bool {
        if self.by_mark { self.mark.says_unsent(rows) } else { self.exact }
    }

    pub(super) fn admit_dead_letter(&mut self, letter: StoredDeadLetter) -> StoredDeadLetter {
        self.dead_letters = (self.dead_letters.0 + letter.count, self.dead_letters.1 + letter.bytes);
        // Somebody may have retried them since.
        StoredDeadLetter { in_doubt: letter.in_doubt || self.has_older_dead_letters, ..letter }
    }

    /// The metadata of the new file, its batches, and what is lost.
    pub(super) fn close(mut self) -> (State, Taken, Loss) {
        let before = self.taken.rows();
        self.leave_out_of_batches();
        let accepted = self.state.accepted.max(self.mark.accepted);
        let waiting = self.held(self.state.next..accepted);
        let loss = self.loss(before, waiting);
        let mut state = State {
            change: self.state.change.max(self.mark.changes.0) + 1,
            accepted,
            rows: waiting,
            bytes: self.pieces.values().map(|(_, bytes)| bytes).sum(),
            taken: self.taken.rows(),
            last_sequence_number: self.state.last_sequence_number.max(self.mark.last_sequence_number),
            dead_letter_rows: self.dead_letters.0,
            dead_letter_bytes: self.dead_letters.1,
            lost: self.state.lost + loss.rows,
            gaps_below: accepted,
            ..self.state
        };
        state.pass_gap();
        (state, self.taken, loss)
    }

    /// What is lost where so many rows were taken `before`, and so many are `waiting` now.
    fn loss(&self, before: u64, waiting: u64) -> Loss {
        let Self { mark, state, taken, dead_letters: (letters, _), .. } = self;
        // All rows, those among them that were taken, and those of dead letters.
        let (expected, mut there) = if self.by_mark {
            let there = [self.held(mark.first..mark.accepted), self.held(mark.first..mark.next), *letters];
            ([mark.rows, mark.taken, mark.dead_letter_rows], there)
        } else {
            ([state.rows + before, before, state.dead_letter_rows], [waiting + taken.rows(), taken.rows(), *letters])
        };
        if self.has_older_dead_letters {
            // Rows that became dead letters or were retried since are there as what they were before.
            there[0] = self.held(0..u64::MAX) + letters;
            there[2] = there[0];
        }
        let [rows, sent, dead_letter_rows] = std::array::from_fn(|at| expected[at].saturating_sub(there[at]));
        Loss { rows, sent: sent.min(rows), dead_letter_rows, exact: self.exact && !self.has_older_dead_letters }
    }

    /// How many of these rows go on.
    fn held(&self, rows: Range<u64>) -> u64 {
        self.pieces.iter().map(|(first, (end, _))| overlap(&(*first..*end), &rows)).sum()
    }

    /// What is left of a batch is another batch: it has no number.
    fn leave_out_of_batches(&mut self) {
        for (first, known) in self.taken.clone().iter() {
            if self.memory.is_some_and(|memory| memory.is_on_its_way(first)) {
                continue;
            }
            let sent = known.sent || !self.is_clean(&(first..known.stop));
            self.taken.add(first, Known { sent, doubt: sent, ..*known });
            let (mut at, behind) = (first, (known.stop, (known.stop, 0)));
            let pieces = self.pieces.range(..known.stop).map(|(first, piece)| (*first, *piece));
            for (next, (end, _)) in pieces.chain([behind]) {
                if next > at {
                    self.taken.settle(&(at..next), known.bytes / (known.stop - first) * (next - at));
                }
                at = at.max(end);
            }
        }
    }
}
