//! Where rows wait: runs go in, batches are cut when they are taken, and every batch is settled once.
//!
//! ```text
//!  offer ─▶ [run][run][run] ─take─▶ batch ─▶ settle ─▶ ledger
//!                └── withdraw: what no one has taken will not be sent
//! ```
//!
//! Rows are counted here from 0 in the order in which they were accepted; the report turns that into the
//! caller's own counting.

mod ledger;

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

pub use self::ledger::{Fate, Ledger};
use crate::encode::Run;

/// Rows on their way, in memory.
pub struct Outbox {
    capacity: usize,
    state: Mutex<State>,
    /// Wakes couriers: there is something to take, or never will be again.
    filled: Notify,
    /// Wakes the caller: there may be room.
    drained: Box<dyn Fn() + Send + Sync>,
}

#[derive(Debug, Default)]
struct State {
    runs: VecDeque<Queued>,
    accepted: u64,
    /// Bytes of rows accepted and not settled.
    bytes: usize,
    closed: bool,
    ledger: Ledger,
}

#[derive(Debug)]
struct Queued {
    run: Arc<Run>,
    first: u64,
    taken: usize,
}

/// Rows that go out in one request, frozen: the same bytes each time they are sent.
#[derive(Debug)]
pub struct Batch {
    run: Arc<Run>,
    positions: Range<usize>,
    first: u64,
    /// The body of the request.
    pub body: Bytes,
}

impl Batch {
    fn new(run: Arc<Run>, positions: Range<usize>, first: u64) -> Self {
        let body = run.body(positions.clone());
        Self { run, positions, first, body }
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.positions.len()
    }

    /// The same rows as two batches; `None` for a single row.
    #[must_use]
    pub fn halves(&self) -> Option<[Self; 2]> {
        let middle = self.positions.start + self.rows() / 2;
        let half = |positions: Range<usize>| {
            let first = self.first + (positions.start - self.positions.start) as u64;
            Self::new(Arc::clone(&self.run), positions, first)
        };
        (self.rows() > 1).then(|| [half(self.positions.start..middle), half(middle..self.positions.end)])
    }

    fn numbers(&self) -> Range<u64> {
        self.first..self.first + self.rows() as u64
    }
}

impl Outbox {
    /// An empty outbox that takes about `capacity` bytes of rows, and always at least one run. `drained` is called
    /// whenever there may be room again.
    #[must_use]
    pub fn new(capacity: usize, drained: impl Fn() + Send + Sync + 'static) -> Self {
        Self { capacity, state: Mutex::default(), filled: Notify::new(), drained: Box::new(drained) }
    }

    /// Accepts `run`, whether there is room or not.
    pub fn offer(&self, run: Run) {
        let mut state = self.lock();
        let first = state.accepted;
        state.accepted += run.rows() as u64;
        state.bytes += run.size(0..run.rows());
        state.runs.push_back(Queued { run: Arc::new(run), first, taken: 0 });
        drop(state);
        self.filled.notify_one();
    }

    /// Whether there is room. Whoever finds none is woken by `drained`.
    #[must_use]
    pub fn has_room(&self) -> bool {
        let state = self.lock();
        state.bytes < self.capacity || state.closed
    }

    /// No more rows will come.
    pub fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_waiters();
        self.filled.notify_one();
        (self.drained)();
    }

    /// Whether rows can still be offered to some use.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// What no courier has taken will not be sent.
    pub fn withdraw(&self) {
        self.lock().runs.clear();
        self.close();
    }

    /// The next rows for one request; waits for them, and is `None` when there will be none.
    pub async fn take(&self, max_rows: usize, max_bytes: usize) -> Option<Batch> {
        loop {
            let mut filled = std::pin::pin!(self.filled.notified());
            filled.as_mut().enable();
            {
                let mut state = self.lock();
                if let Some(batch) = state.take(max_rows, max_bytes) {
                    if !state.runs.is_empty() {
                        self.filled.notify_one();
                    }
                    return Some(batch);
                }
                if state.closed {
                    return None;
                }
            }
            filled.await;
        }
    }

    /// The last word on a batch. `resent` says that an earlier attempt was in doubt.
    pub fn settle(&self, batch: &Batch, fate: Fate, resent: bool) {
        let mut state = self.lock();
        state.bytes = state.bytes.saturating_sub(batch.run.size(batch.positions.clone()));
        state.ledger.record(batch.numbers(), fate, resent);
        drop(state);
        (self.drained)();
    }

    /// What has become of the rows so far.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.lock().ledger.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("state", &self.state).finish_non_exhaustive()
    }
}

impl State {
    fn take(&mut self, max_rows: usize, max_bytes: usize) -> Option<Batch> {
        let front = self.runs.front_mut()?;
        let start = front.taken;
        let count = front.run.fitting(start, max_rows, max_bytes);
        front.taken += count;
        let (run, first) = (Arc::clone(&front.run), front.first + start as u64);
        if front.taken == front.run.rows() {
            self.runs.pop_front();
        }
        Some(Batch::new(run, start..start + count, first))
    }
}
