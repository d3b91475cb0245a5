//! Rows that wait in memory, and end with the process.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::batch::{Batch, Cut};
use super::calendar::Calendar;
use super::level::{Water, stirs};
use super::numbering::Numbering;
use super::taken::{Known, Taken};
use crate::encode::Run;

/// Small runs become one of up to this many bytes, so that rows sent one by one cost no more than their bytes.
const COMPACT_BYTES: usize = 1_000_000;

/// The queue of one process.
#[derive(Debug)]
pub(super) struct Memory {
    capacity: u64,
    /// Whether one batch may hold rows of several runs.
    joins: bool,
    /// Whether small runs become one.
    compact: bool,
    calendar: Option<Calendar>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    runs: VecDeque<Queued>,
    accepted: u64,
    /// Accepted and not taken.
    rows: u64,
    bytes: u64,
    dropped: u64,
    taken: Taken,
    numbering: Numbering,
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
    pub(super) fn new(capacity: usize, joins: bool, calendar: Option<Calendar>) -> Self {
        Self { capacity: capacity as u64, joins, compact: false, calendar, state: Mutex::default() }
    }

    /// Makes small runs one; their rows count as old as the first of them.
    pub(super) fn compact(self) -> Self {
        Self { compact: true, ..self }
    }

    pub(super) fn calendar(&self) -> Option<&Calendar> {
        self.calendar.as_ref()
    }

    /// Answers whether that is worth waking who waits for a `full` request; see [`stirs`].
    pub(super) fn accept(&self, runs: impl Iterator<Item = Run>, full: [u64; 2]) -> bool {
        let at = self.calendar.as_ref().map_or(0, Calendar::now);
        let mut state = self.lock();
        let before = [state.rows, state.bytes];
        for run in runs {
            let first = state.accepted;
            state.accepted += run.rows() as u64;
            state.rows += run.rows() as u64;
            state.bytes += run.size(0..run.rows()) as u64;
            if let Some(run) = state.append(run, self.compact) {
                state.runs.push_back(Queued { run: Arc::new(run), first, taken: 0, at });
            }
        }
        stirs(before, [state.rows, state.bytes], full)
    }

    /// Whether there is room for some more; `bytes` of them.
    pub(super) fn has_room(&self, bytes: Option<u64>) -> bool {
        let state = self.lock();
        let waiting = state.bytes + state.taken.bytes();
        bytes.map_or(waiting < self.capacity, |bytes| waiting == 0 || waiting + bytes <= self.capacity)
    }

    pub(super) fn forget_untaken(&self) {
        let mut state = self.lock();
        state.runs.clear();
        (state.rows, state.bytes) = (0, 0);
    }

    pub(super) fn take(&self, max_rows: usize, max_bytes: usize) -> Option<Batch> {
        self.lock().take(Cut::new(max_rows, max_bytes, self.joins))
    }

    /// Whether there is more to take.
    pub(super) fn has_more(&self) -> bool {
        !self.lock().runs.is_empty()
    }

    pub(super) fn number_from(&self, last: u64) {
        self.lock().numbering.start(last);
    }

    pub(super) fn issue(&self, batch: &mut Batch) {
        let mut state = self.lock();
        let Some(split) = state.taken.split(&batch.numbers(), batch.bytes()) else { return };
        let number = split.part.number.or_else(|| state.numbering.next());
        state.taken.replace(&split, Some(Known { number, sent: true, ..split.part }));
        batch.give_number(number);
    }

    /// Forgets the batch; answers whether it was there.
    pub(super) fn settle(&self, batch: &Batch) -> bool {
        let mut state = self.lock();
        let split = state.taken.split(&batch.numbers(), batch.bytes());
        split.inspect(|split| state.taken.replace(split, None)).is_some()
    }

    /// Drops the oldest rows that nobody took until they come to `bytes`; answers how many rows went.
    pub(super) fn drop_oldest(&self, bytes: u64) -> u64 {
        let mut state = self.lock();
        let (before, goal) = (state.dropped, state.bytes.saturating_sub(bytes));
        while state.bytes > goal
            && let Some(front) = state.runs.front_mut()
        {
            let (run, start) = (Arc::clone(&front.run), front.taken);
            front.taken += 1;
            if front.taken == run.rows() {
                state.runs.pop_front();
            }
            state.bytes -= run.size(start..start + 1) as u64;
            state.rows -= 1;
            state.dropped += 1;
        }
        state.dropped - before
    }

    pub(super) fn water(&self) -> Water {
        let state = self.lock();
        Water {
            accepted: state.accepted,
            next: state.runs.front().map_or(state.accepted, Queued::next),
            rows: state.rows,
            bytes: state.bytes,
            since: state.runs.front().map(|queued| queued.at),
            taken_rows: state.taken.rows(),
            taken_bytes: state.taken.bytes(),
            taken_since: state.taken.oldest(),
            first_taken: state.taken.first(),
            dropped: state.dropped,
            ..Water::default()
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Puts a small run behind the last one, unless that has been begun; gives it back where it must stand alone.
    fn append(&mut self, run: Run, compact: bool) -> Option<Run> {
        let last = self.runs.back_mut().filter(|last| compact && last.taken == 0);
        let last = last.filter(|last| last.run.bytes() + run.bytes() <= COMPACT_BYTES);
        let Some(last) = last.and_then(|last| Arc::get_mut(&mut last.run)) else { return Some(run) };
        last.append(&run);
        self.bytes += run.dialect().separator.len() as u64;
        None
    }

    fn take(&mut self, mut cut: Cut) -> Option<Batch> {
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
        let stop = batch.numbers().end;
        let known = Known { stop, bytes, at, number: None, doubt: false, sent: false, recorded: false };
        self.taken.add(first, known);
        Some(batch)
    }
}
