//! What became of which row, in ranges.

use std::collections::BTreeMap;
use std::ops::Range;

/// The end of a row that was accepted. A row without one has not been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// The service has it.
    Confirmed,
    /// The service refused it for good.
    Rejected,
    /// It was sent, and nobody knows.
    InDoubt,
}

/// The fates so far; neighbours of one fate are one entry.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// First row → (row behind the last, fate).
    entries: BTreeMap<u64, (u64, Fate)>,
    /// Rows of each fate.
    counts: [u64; 3],
    maybe_twice: u64,
}

impl Ledger {
    /// What became of `rows`; `resent` says that they went out again after an attempt in doubt.
    pub fn record(&mut self, rows: Range<u64>, fate: Fate, resent: bool) {
        if rows.is_empty() {
            return;
        }
        self.counts[fate as usize] += rows.end - rows.start;
        if resent && fate == Fate::Confirmed {
            self.maybe_twice += rows.end - rows.start;
        }
        let (mut start, mut end) = (rows.start, rows.end);
        if let Some((&before, &(stop, known))) = self.entries.range(..start).next_back()
            && stop == start
            && known == fate
        {
            start = before;
        }
        if let Some(&(stop, known)) = self.entries.get(&end)
            && known == fate
        {
            self.entries.remove(&end);
            end = stop;
        }
        self.entries.insert(start, (end, fate));
    }

    /// How many rows have this fate.
    #[must_use]
    pub fn count(&self, fate: Fate) -> u64 {
        self.counts[fate as usize]
    }

    /// Confirmed rows that went out again after an attempt in doubt.
    #[must_use]
    pub fn maybe_twice(&self) -> u64 {
        self.maybe_twice
    }

    /// `rows` in pieces of one fate each, in order; `None` is unsent.
    #[must_use]
    pub fn pieces(&self, rows: Range<u64>) -> Vec<(Range<u64>, Option<Fate>)> {
        let mut pieces = Vec::new();
        let mut at = rows.start;
        let before = self.entries.range(..rows.start).next_back();
        for (&start, &(stop, fate)) in before.into_iter().chain(self.entries.range(rows.clone())) {
            let (start, stop) = (start.max(at), stop.min(rows.end));
            if start >= stop {
                continue;
            }
            if start > at {
                pieces.push((at..start, None));
            }
            pieces.push((start..stop, Some(fate)));
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
            ledger.record(rows, Fate::Confirmed, false);
        }
        ledger.record(30..40, Fate::InDoubt, true);
        assert_eq!(ledger.entries.len(), 3);
        let expected = vec![
            (5..30, Some(Fate::Confirmed)),
            (30..40, Some(Fate::InDoubt)),
            (40..50, Some(Fate::Confirmed)),
            (50..60, None),
        ];
        assert_eq!(ledger.pieces(5..60), expected);
        assert_eq!(ledger.maybe_twice(), 0);
    }

    #[test]
    fn only_confirmed_rows_that_were_resent_count_as_maybe_twice() {
        let mut ledger = Ledger::default();
        ledger.record(0..10, Fate::Confirmed, true);
        ledger.record(10..20, Fate::Confirmed, false);
        ledger.record(20..30, Fate::Rejected, true);
        assert_eq!(ledger.maybe_twice(), 10);
    }
}
