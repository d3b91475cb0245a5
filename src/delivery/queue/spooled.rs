//! Rows that wait in files without a name: more of them than memory holds, and they end with the process.
//!
//! They wait in piles, one behind the other, each for one part of the sink; a batch is never of two piles. Batches are
//! numbered in each part by itself, without gaps: what goes in halves leaves its sequence number to the first of them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::RowState;
use super::batch::Batch;
use super::calendar::Calendar;
use super::level::Counters;
use super::numbering::Numbering;
use super::pile::Pile;
use super::store::Store;
use super::taken::{Known, Taken};
use crate::error::{Error, Result};
use crate::rows::encode::Run;

/// The queue of one delivery.
#[derive(Debug)]
pub(super) struct InPiles {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    piles: Vec<Pile>,
    /// The pile, the row of it, and the place of that row, from which the next rows are taken.
    at: (usize, u64, u64),
    accepted: u64,
    rows: u64,
    bytes: u64,
    taken: Taken,
    /// The last numbers of the parts, once there are some.
    numberings: HashMap<usize, Numbering>,
    /// What they begin behind.
    last: Option<u64>,
}

impl InPiles {
    /// These rows; further ones wait in `folder`.
    pub(super) fn new(folder: PathBuf, piles: Vec<Pile>) -> Self {
        let (rows, bytes) = piles.iter().fold((0, 0), |(rows, bytes), pile| (rows + pile.rows(), bytes + pile.bytes()));
        Self { folder, state: Mutex::new(State { piles, accepted: rows, rows, bytes, ..State::default() }) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for InPiles {
    /// Behind the rows of the last pile.
    fn accept(&self, runs: &mut dyn Iterator<Item = Run>, _full: [u64; 2]) -> Result<bool> {
        let state = &mut *self.lock();
        if state.piles.is_empty() {
            state.piles.push(Pile::new(self.folder.clone()));
        }
        let Some(pile) = state.piles.last_mut() else { return Ok(false) };
        for run in runs {
            let before = pile.bytes();
            pile.push(&run)?;
            state.bytes += pile.bytes() - before;
            state.rows += run.rows() as u64;
            state.accepted += run.rows() as u64;
        }
        Ok(true)
    }

    /// The disk says when it is full.
    fn has_room(&self, _bytes: Option<u64>) -> bool {
        true
    }

    fn drop_oldest(&self, _bytes: u64) -> Result<u64> {
        Ok(0)
    }

    fn forget_untaken(&self) {
        let mut state = self.lock();
        state.at = (state.piles.len(), 0, 0);
        (state.rows, state.bytes) = (0, 0);
    }

    fn number_batches_after(&self, last: u64) -> Result<()> {
        self.lock().last.get_or_insert(last);
        Ok(())
    }

    fn renumber(&self, batch: &Batch, last: u64) -> Result<()> {
        let mut state = self.lock();
        state.numberings.entry(batch.part()).or_default().forget(last);
        state.taken.forget_sequence_number(&batch.row_range(), batch.bytes());
        Ok(())
    }

    fn take(&self, max_rows: usize, max_bytes: usize) -> Result<Option<Batch>> {
        let state = &mut *self.lock();
        while let Some(pile) = state.piles.get(state.at.0) {
            let (_, row, start) = state.at;
            let Some(stretch) = pile.cut(row, start, max_rows as u64, max_bytes as u64)? else {
                state.at = (state.at.0 + 1, 0, 0);
                continue;
            };
            let (first, bytes) = (state.accepted - state.rows, stretch.bytes());
            state.at = (state.at.0, row + stretch.rows() as u64, stretch.next());
            state.rows -= stretch.rows() as u64;
            state.bytes = state.bytes.saturating_sub(bytes);
            let batch = Batch::in_file(stretch, pile.part(), first);
            let stop = batch.row_range().end;
            state.taken.add(
                first,
                Known { stop, bytes, at: 0, sequence_number: None, doubt: false, sent: false, recorded: false },
            );
            return Ok(Some(batch));
        }
        Ok(None)
    }

    fn has_more(&self) -> bool {
        self.lock().rows > 0
    }

    fn issue(&self, batch: &mut Batch) -> Result<()> {
        let state = &mut *self.lock();
        let Some(split) = state.taken.split(&batch.row_range(), batch.bytes()) else { return Ok(()) };
        let inherited = state.taken.get(split.first).and_then(|whole| whole.sequence_number);
        let sequence_number = split.part.sequence_number.or(inherited).or_else(|| {
            let last = state.last?;
            let numbering = state.numberings.entry(batch.part()).or_default();
            numbering.start(last);
            numbering.next()
        });
        state.taken.replace(&split, Some(Known { sequence_number, sent: true, ..split.part }));
        batch.give_sequence_number(sequence_number);
        Ok(())
    }

    fn settle(&self, batch: &Batch, _: RowState, _: Option<&Error>) -> Result<bool> {
        Ok(self.lock().taken.settle(&batch.row_range(), batch.bytes()))
    }

    fn counters(&self) -> Counters {
        let state = self.lock();
        Counters {
            accepted: state.accepted,
            next: state.accepted - state.rows,
            rows: state.rows,
            bytes: state.bytes,
            taken_rows: state.taken.rows(),
            taken_bytes: state.taken.bytes(),
            first_taken: state.taken.first(),
            ..Counters::default()
        }
    }

    fn calendar(&self) -> Option<&Calendar> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::transport::Body;
    use crate::rows::encode::{Framing, RunBuilder};

    static ARRAY: Framing = Framing::new(b"[", b",", b"]");

    fn run(rows: std::ops::Range<u32>) -> Run {
        let mut builder = RunBuilder::new(&ARRAY);
        for row in rows {
            let text = row.to_string();
            builder.push(text.as_bytes(), std::iter::once(u32::try_from(text.len()).unwrap()));
        }
        builder.into_run()
    }

    fn text(batch: &Batch) -> String {
        let Body::Spooled(spooled) = batch.parcel().body else { unreachable!("it lies in a file") };
        let mut bytes = vec![0; usize::try_from(spooled.range.end - spooled.range.start).unwrap()];
        crate::http::transport::read_exact_at(&spooled.file, &mut bytes, spooled.range.start).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn piles(parts: &[usize]) -> Vec<Pile> {
        let pile = |part: &usize| {
            let mut pile = Pile::new(std::env::temp_dir()).for_part(*part);
            for rows in [8..10, 10..12] {
                pile.push(&run(rows)).unwrap();
            }
            pile
        };
        parts.iter().map(pile).collect()
    }

    #[test]
    fn batches_are_cut_by_rows_and_bytes_and_never_of_two_piles() {
        for (max_rows, max_bytes, expected) in [
            (usize::MAX, usize::MAX, vec!["8,9,10,11", "8,9,10,11"]),
            (3, usize::MAX, vec!["8,9,10", "11", "8,9,10", "11"]),
            (usize::MAX, 8, vec!["8,9,10", "11", "8,9,10", "11"]),
            (usize::MAX, 7, vec!["8,9", "10,11", "8,9", "10,11"]),
            (usize::MAX, 1, vec!["8", "9", "10", "11", "8", "9", "10", "11"]),
        ] {
            let store = InPiles::new(std::env::temp_dir(), piles(&[0, 1]));
            let mut seen = Vec::new();
            while let Some(batch) = store.take(max_rows, max_bytes).unwrap() {
                seen.push(text(&batch));
            }
            assert_eq!(seen, expected);
            let counters = store.counters();
            assert_eq!((counters.accepted, counters.rows, counters.taken_rows), (8, 0, 8));
        }
    }

    #[test]
    fn numbers_count_by_part_without_gaps_and_stay() {
        let store = InPiles::new(std::env::temp_dir(), piles(&[0, 1, 0]));
        store.number_batches_after(0).unwrap();
        let mut taken: Vec<_> = std::iter::from_fn(|| store.take(2, usize::MAX).unwrap()).collect();
        let mut number = |batch: &mut Batch| {
            store.issue(batch).unwrap();
            batch.sequence_number().unwrap()
        };
        assert_eq!(number(&mut taken[0]), 1);
        // It was too large.
        let [mut first, mut second] = taken[0].halves().unwrap();
        assert_eq!((text(&first), text(&second)), ("8".into(), "9".into()));
        assert_eq!([number(&mut first), number(&mut second)], [1, 2]);
        let others: Vec<_> = taken[1..].iter_mut().map(&mut number).collect();
        assert_eq!(others, [3, 1, 2, 4, 5]);
        store.number_batches_after(0).unwrap();
        assert_eq!([number(&mut second), number(&mut taken[5])], [2, 5]);
    }
}
