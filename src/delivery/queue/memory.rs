//! Rows that wait in memory, and end with the process.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::RowState;
use super::batch::{Batch, Cut};
use super::calendar::Calendar;
use super::level::{Counters, stirs};
use super::numbering::Numbering;
use super::store::Store;
use super::taken::{Known, Taken};
use crate::error::{Error, Result};
use crate::rows::encode::{Framing, Run, RunBuilder, position};

/// Rows that come in small runs, or one by one, become one of up to this many bytes, so that they cost no more than
/// their bytes.
const COMPACT_BYTES: usize = 1_000_000;

/// The queue of one process.
#[derive(Debug)]
pub(super) struct Memory {
    capacity: u64,
    /// Whether small runs become one, and one batch may hold rows of several runs.
    compact: bool,
    calendar: Option<Calendar>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    runs: VecDeque<Queued>,
    /// Behind the runs.
    tail: Option<Tail>,
    accepted: u64,
    /// Accepted and not taken.
    rows: u64,
    bytes: u64,
    dropped: u64,
    taken: Taken,
    numbering: Numbering,
}

/// Rows that are becoming a run.
#[derive(Debug)]
struct Tail {
    rows: RunBuilder,
    first: u64,
    at: u64,
}

#[derive(Debug)]
struct Queued {
    run: Arc<Run>,
    first: u64,
    taken: usize,
    at: u64,
}

impl Queued {
    fn next(&self) -> u64 {
        self.first + self.taken as u64
    }
}

impl Memory {
    /// A batch is never more than one run, and rows do not grow old.
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity: capacity as u64, compact: false, calendar: None, state: Mutex::default() }
    }

    /// Makes small runs one, whose rows count as old as the first of them; a batch holds rows of several runs.
    pub(super) fn compact(capacity: usize, calendar: Calendar) -> Self {
        Self { compact: true, calendar: Some(calendar), ..Self::new(capacity) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Memory {
    /// There is always room.
    fn accept(&self, runs: &mut dyn Iterator<Item = Run>, full: [u64; 2]) -> Result<bool> {
        let at = self.calendar.as_ref().map_or(0, Calendar::now);
        let mut state = self.lock();
        let before = [state.rows, state.bytes];
        for run in runs {
            let all = 0..run.rows();
            if self.compact && run.bytes() < COMPACT_BYTES {
                state.append(run.framing(), run.bare(all.clone()), run.ends(all), || at);
            } else {
                state.push(run, at);
            }
        }
        Ok(stirs(before, [state.rows, state.bytes], full))
    }

    fn accept_one(&self, framing: &'static Framing, bare: &[u8], full: [u64; 2]) -> (bool, bool) {
        let mut state = self.lock();
        if !state.has_room(self.capacity, Some(bare.len() as u64)) {
            return (false, false);
        }
        let before = [state.rows, state.bytes];
        let at = || self.calendar.as_ref().map_or(0, Calendar::now);
        state.append(framing, bare, std::iter::once(position(bare.len())), at);
        (true, stirs(before, [state.rows, state.bytes], full))
    }

    fn has_room(&self, bytes: Option<u64>) -> bool {
        self.lock().has_room(self.capacity, bytes)
    }

    fn forget_untaken(&self) {
        let mut state = self.lock();
        state.runs.clear();
        state.tail = None;
        (state.rows, state.bytes) = (0, 0);
    }

    fn take(&self, max_rows: usize, max_bytes: usize) -> Result<Option<Batch>> {
        Ok(self.lock().take(Cut::new(max_rows, max_bytes, self.compact)))
    }

    fn has_more(&self) -> bool {
        self.lock().rows > 0
    }

    fn number_batches_after(&self, last: u64) -> Result<()> {
        self.lock().numbering.start(last);
        Ok(())
    }

    fn renumber(&self, batch: &Batch, last: u64) -> Result<()> {
        let mut state = self.lock();
        state.numbering.forget(last);
        state.taken.forget_sequence_number(&batch.row_range(), batch.bytes());
        Ok(())
    }

    fn issue(&self, batch: &mut Batch) -> Result<()> {
        let mut state = self.lock();
        let Some(split) = state.taken.split(&batch.row_range(), batch.bytes()) else { return Ok(()) };
        let sequence_number = split.part.sequence_number.or_else(|| state.numbering.next());
        state.taken.replace(&split, Some(Known { sequence_number, sent: true, ..split.part }));
        batch.give_sequence_number(sequence_number);
        Ok(())
    }

    fn settle(&self, batch: &Batch, _: RowState, _: Option<&Error>) -> Result<bool> {
        Ok(self.lock().taken.settle(&batch.row_range(), batch.bytes()))
    }

    fn drop_oldest(&self, bytes: u64) -> Result<u64> {
        let mut state = self.lock();
        let (before, goal) = (state.dropped, state.bytes.saturating_sub(bytes));
        while state.bytes > goal {
            if state.runs.is_empty() {
                state.seal();
            }
            let Some(front) = state.runs.front_mut() else { break };
            let (run, start) = (Arc::clone(&front.run), front.taken);
            front.taken += 1;
            if front.taken == run.rows() {
                state.runs.pop_front();
            }
            state.bytes -= run.size(start..start + 1) as u64;
            state.rows -= 1;
            state.dropped += 1;
        }
        Ok(state.dropped - before)
    }

    fn counters(&self) -> Counters {
        let state = self.lock();
        Counters {
            accepted: state.accepted,
            next: state.accepted - state.rows,
            rows: state.rows,
            bytes: state.bytes,
            since: state.since(),
            taken_rows: state.taken.rows(),
            taken_bytes: state.taken.bytes(),
            taken_since: state.taken.oldest(),
            first_taken: state.taken.first(),
            dropped: state.dropped,
            ..Counters::default()
        }
    }

    fn calendar(&self) -> Option<&Calendar> {
        self.calendar.as_ref()
    }
}

impl State {
    fn has_room(&self, capacity: u64, bytes: Option<u64>) -> bool {
        let waiting = self.bytes + self.taken.bytes();
        bytes.map_or(waiting < capacity, |bytes| waiting == 0 || waiting + bytes <= capacity)
    }

    /// Puts a run behind all others.
    fn push(&mut self, run: Run, at: u64) {
        self.seal();
        let first = self.accepted;
        self.accepted += run.rows() as u64;
        self.rows += run.rows() as u64;
        self.bytes += run.size(0..run.rows()) as u64;
        self.runs.push_back(Queued { run: Arc::new(run), first, taken: 0, at });
    }

    /// Puts some rows behind all others, where they become a run with those that follow.
    fn append(
        &mut self,
        framing: &'static Framing,
        bare: &[u8],
        ends: impl ExactSizeIterator<Item = u32>,
        at: impl FnOnce() -> u64,
    ) {
        let mut empty = None;
        if let Some(tail) = self.tail.as_ref().filter(|tail| tail.rows.size() + bare.len() > COMPACT_BYTES) {
            // In a long outage all runs are full. Pieces of memory of one size take each other's places.
            empty = Some(RunBuilder::with_capacity(framing, COMPACT_BYTES.max(bare.len()), tail.rows.rows()));
            self.seal();
        }
        let (first, rows) = (self.accepted, ends.len() as u64);
        let new = || Tail { rows: empty.unwrap_or_else(|| RunBuilder::new(framing)), first, at: at() };
        let tail = self.tail.get_or_insert_with(new);
        let before = tail.rows.size();
        tail.rows.push(bare, ends);
        self.bytes += (tail.rows.size() - before) as u64;
        self.accepted += rows;
        self.rows += rows;
    }

    /// The rows at the end become a run.
    fn seal(&mut self) {
        if let Some(Tail { rows, first, at }) = self.tail.take() {
            self.runs.push_back(Queued { run: Arc::new(rows.into_run()), first, taken: 0, at });
        }
    }

    /// When the oldest row was accepted.
    fn since(&self) -> Option<u64> {
        self.runs.front().map(|queued| queued.at).or(self.tail.as_ref().map(|tail| tail.at))
    }

    fn take(&mut self, mut cut: Cut) -> Option<Batch> {
        self.seal();
        let (first, at) = self.runs.front().map(|front| (front.next(), front.at))?;
        while let Some(front) = self.runs.front_mut() {
            let count = cut.add(&front.run, front.taken);
            front.taken += count;
            if front.taken == front.run.rows() {
                self.runs.pop_front();
            } else if count == 0 {
                break;
            }
        }
        let bytes = cut.bytes;
        let batch = cut.into_batch(first)?;
        self.rows -= batch.rows() as u64;
        self.bytes -= bytes;
        let stop = batch.row_range().end;
        let known = Known { stop, bytes, at, sequence_number: None, doubt: false, sent: false, recorded: false };
        self.taken.add(first, known);
        Some(batch)
    }
}
