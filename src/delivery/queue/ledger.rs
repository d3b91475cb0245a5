//! What became of which row, in ranges.

use std::collections::BTreeMap;
use std::ops::Range;

/// The end of a row that was accepted. A row without one has not been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowState {
    /// The service has it.
    Confirmed,
    /// The service refused it for good.
    Rejected,
    /// It was sent, and nobody knows.
    InDoubt,
}

/// The states so far; neighbours of one state are one entry.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// First row → (row behind the last, state).
    entries: BTreeMap<u64, (u64, RowState)>,
    /// Rows of each state.
    counts: [u64; 3],
    maybe_twice: u64,
}

impl Ledger {
    /// What became of `rows`; `resent` says that they went out again after an attempt in doubt.
    pub fn record(&mut self, rows: Range<u64>, state: RowState, resent: bool) {
        if rows.is_empty() {
            return;
        }
        self.counts[state as usize] += rows.end - rows.start;
        if resent && state == RowState::Confirmed {
            self.maybe_twice += rows.end - rows.start;
        }
        let (mut start, mut end) = (rows.start, rows.end);
        if let Some((&before, &(stop, known))) = self.entries.range(..start).next_back()
            && stop == start
            && known == state
        {
            start = before;
        }
        if let Some(&(stop, known)) = self.entries.get(&end)
            && known == state
        {
            self.entries.remove(&end);
            end = stop;
        }
        self.entries.insert(start, (end, state));
    }

    /// How many rows have this state.
    #[must_use]
    pub fn count(&self, state: RowState) -> u64 {
        self.counts[state as usize]
    }

    /// Confirmed rows that went out again after an attempt in doubt.
    #[must_use]
    pub fn maybe_twice(&self) -> u64 {
        self.maybe_twice
    }

    /// `rows` in pieces of one state each, in order; `None` is unsent.
    #[must_use]
    pub fn pieces(&self, rows: Range<u64>) -> Vec<(Range<u64>, Option<RowState>)> {
        let mut pieces = Vec::new();
        let mut at = rows.start;
        let before = self.entries.range(..rows.start).next_back();
        for (&start, &(stop, state)) in before.into_iter().chain(self.entries.range(rows.clone())) {
            let (start, stop) = (start.max(at), stop.min(rows.end));
            if start >= stop {
                continue;
            }
            if start > at {
                pieces.push((at..start, None));
            }
            pieces.push((start..stop, Some(state)));
            at = stop;
        }
        if at < rows.end {
            pieces.push((at..rows.end, None));
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_one_fate_become_one_entry_in_any_order() {
        let mut ledger = Ledger::default();
        for rows in [20..30, 0..10, 10..20, 40..50] {
            ledger.record(rows, RowState::Confirmed, false);
        }
        ledger.record(30..40, RowState::InDoubt, true);
        assert_eq!(ledger.entries.len(), 3);
        let expected = vec![
            (5..30, Some(RowState::Confirmed)),
            (30..40, Some(RowState::InDoubt)),
            (40..50, Some(RowState::Confirmed)),
            (50..60, None),
        ];
        assert_eq!(ledger.pieces(5..60), expected);
        assert_eq!(ledger.maybe_twice(), 0);
    }

    #[test]
    fn only_confirmed_rows_that_were_resent_count_as_maybe_twice() {
        let mut ledger = Ledger::default();
        ledger.record(0..10, RowState::Confirmed, true);
        ledger.record(10..20, RowState::Confirmed, false);
        ledger.record(20..30, RowState::Rejected, true);
        assert_eq!(ledger.maybe_twice(), 10);
    }
}
