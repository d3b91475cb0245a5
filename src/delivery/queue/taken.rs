//! The batches that were taken and not settled, and what is known of each.

use std::collections::BTreeMap;
use std::ops::Range;

/// What is known of a batch that is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    /// The row behind its last one.
    pub(super) stop: u64,
    /// What its rows count for as long as they wait.
    pub(super) bytes: u64,
    /// When its oldest row was accepted; see [`super::calendar`].
    pub(super) at: u64,
    /// Its sequence number.
    pub(super) sequence_number: Option<u64>,
    /// Whether it may have been sent before it was taken.
    pub(super) doubt: bool,
    /// Whether it may have been sent.
    pub(super) sent: bool,
    /// Whether the file knows of it.
    pub(super) recorded: bool,
}

/// First row → batch.
#[derive(Debug, Clone, Default)]
pub(super) struct Taken(BTreeMap<u64, Known>);

/// A batch on its way, seen as some of its rows and what stands around them.
#[derive(Debug, Clone)]
pub(super) struct Split {
    /// The first row of the whole batch.
    pub(super) whole: u64,
    /// The rows in question.
    pub(super) first: u64,
    /// What is known of the rows in question.
    pub(super) part: Known,
    /// The rest of the batch, which has not been sent as such.
    pub(super) rest: Vec<(u64, Known)>,
}

impl Taken {
    pub(super) fn add(&mut self, first: u64, known: Known) {
        self.0.insert(first, known);
    }

    /// The batch that `rows`, which count for `bytes`, are all or a part of.
    pub(super) fn split(&self, rows: &Range<u64>, bytes: u64) -> Option<Split> {
        let (&whole, &known) = self.0.range(..=rows.start).next_back()?;
        if known.stop < rows.end {
            return None;
        }
        if whole == rows.start && known.stop == rows.end {
            return Some(Split { whole, first: whole, part: known, rest: Vec::new() });
        }
        // A part was never sent as such, and has no sequence number.
        let fresh = Known { sequence_number: None, sent: known.doubt, ..known };
        let bytes = bytes.min(known.bytes);
        let (before, behind) = (rows.start - whole, known.stop - rows.end);
        let bytes_before = (known.bytes - bytes) / (before + behind) * before;
        let bytes_behind = known.bytes - bytes - bytes_before;
        let mut rest = Vec::new();
        if before > 0 {
            rest.push((whole, Known { stop: rows.start, bytes: bytes_before, ..fresh }));
        }
        if behind > 0 {
            rest.push((rows.end, Known { bytes: bytes_behind, ..fresh }));
        }
        Some(Split { whole, first: rows.start, part: Known { stop: rows.end, bytes, ..fresh }, rest })
    }

    /// Puts `part` and the rest of a batch in the place of the whole.
    pub(super) fn replace(&mut self, split: &Split, part: Option<Known>) {
        self.0.remove(&split.whole);
        self.0.extend(split.rest.iter().copied());
        self.0.extend(part.map(|part| (split.first, part)));
    }

    /// Forgets these rows; answers whether they were there.
    pub(super) fn settle(&mut self, rows: &Range<u64>, bytes: u64) -> bool {
        let split = self.split(rows, bytes);
        split.inspect(|split| self.replace(split, None)).is_some()
    }

    /// Takes the sequence number of these rows away.
    pub(super) fn forget_sequence_number(&mut self, rows: &Range<u64>, bytes: u64) {
        if let Some(split) = self.split(rows, bytes) {
            self.replace(&split, Some(Known { sequence_number: None, ..split.part }));
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Known)> {
        self.0.iter().map(|(&first, known)| (first, known))
    }

    /// The rows of each batch.
    pub(super) fn ranges(&self) -> impl Iterator<Item = Range<u64>> {
        self.iter().map(|(first, known)| first..known.stop)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (u64, &mut Known)> {
        self.0.iter_mut().map(|(&first, known)| (first, known))
    }

    /// The batch that begins with the row `first`.
    pub(super) fn get(&self, first: u64) -> Option<Known> {
        self.0.get(&first).copied()
    }

    /// The first row of the first batch.
    pub(super) fn first(&self) -> Option<u64> {
        self.0.keys().next().copied()
    }

    pub(super) fn rows(&self) -> u64 {
        self.iter().map(|(first, known)| known.stop - first).sum()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.0.values().map(|known| known.bytes).sum()
    }

    /// When the oldest row was accepted.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.0.values().map(|known| known.at).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Known =
        Known { stop: 110, bytes: 1_000, at: 5, sequence_number: Some(7), doubt: false, sent: true, recorded: true };

    fn taken() -> Taken {
        let mut taken = Taken::default();
        taken.add(100, WHOLE);
        taken
    }

    #[test]
    fn a_whole_batch_keeps_its_number() {
        let split = taken().split(&(100..110), 990).expect("the batch is there");
        assert_eq!((split.whole, split.part, split.rest.len()), (100, WHOLE, 0));
    }

    #[test]
    fn a_part_has_neither_number_nor_doubt_and_the_bytes_add_up() {
        let mut taken = taken();
        let split = taken.split(&(103..105), 200).expect("the batch is there");
        let fresh = Known { sequence_number: None, sent: false, ..WHOLE };
        assert_eq!(split.part, Known { stop: 105, bytes: 200, ..fresh });
        let rest = [(100, Known { stop: 103, bytes: 300, ..fresh }), (105, Known { bytes: 500, ..fresh })];
        assert_eq!(split.rest, rest);
        taken.replace(&split, None);
        assert_eq!((taken.rows(), taken.bytes(), taken.first()), (8, 800, Some(100)));
    }

    #[test]
    fn rows_that_nobody_took_are_no_batch() {
        assert!(taken().split(&(90..100), 1).is_none());
        assert!(taken().split(&(105..111), 1).is_none());
        assert!(Taken::default().split(&(0..1), 1).is_none());
    }
}
