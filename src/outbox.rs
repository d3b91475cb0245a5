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
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;

pub use self::ledger::{Fate, Ledger};
use crate::clock::{Clock, Moment};
use crate::encode::{Limits, Run};

/// Small runs are joined up to this many bytes, so that rows sent one by one cost no more than their bytes.
const JOINED_BYTES: usize = 1_000_000;

/// Rows on their way, in memory.
pub struct Outbox {
    capacity: usize,
    /// How long rows wait for others that fill their request.
    linger: Option<Linger>,
    state: Mutex<State>,
    /// Wakes couriers: there is something to take, or never will be again.
    filled: Notify,
    /// Wakes the caller: there may be room.
    drained: Box<dyn Fn() + Send + Sync>,
}

/// How long rows wait for how many others.
#[derive(Debug, Clone)]
pub struct Linger {
    /// The time it goes by.
    pub clock: Clock,
    /// The longest wait.
    pub delay: Duration,
    /// Nothing waits behind a full request.
    pub full: Limits,
}

#[derive(Debug, Default)]
struct State {
    runs: VecDeque<Queued>,
    accepted: u64,
    /// Rows before this one are not to wait for others.
    hurried: u64,
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
    /// When it was accepted.
    since: Moment,
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
        let drained = Box::new(drained);
        Self { capacity, linger: None, state: Mutex::default(), filled: Notify::new(), drained }
    }

    /// The same, where rows wait a while for others that fill their request.
    #[must_use]
    pub fn lingering(mut self, linger: Linger) -> Self {
        self.linger = Some(linger);
        self
    }

    /// Accepts `run`, whether there is room or not.
    pub fn offer(&self, run: Run) {
        let mut state = self.lock();
        let first = state.accepted;
        state.accepted += run.rows() as u64;
        state.bytes += run.size(0..run.rows());
        let wakes = if let Some(linger) = &self.linger {
            state.join(run, first, linger)
        } else {
            state.runs.push_back(Queued { run: Arc::new(run), first, taken: 0, since: Moment::default() });
            true
        };
        drop(state);
        if wakes {
            self.filled.notify_one();
        }
    }

    /// Whether there is room. Whoever finds none is woken by `drained`.
    #[must_use]
    pub fn has_room(&self) -> bool {
        let state = self.lock();
        state.bytes < self.capacity || state.closed
    }

    /// What was accepted so far is not to wait for others.
    pub fn hurry(&self) {
        let mut state = self.lock();
        state.hurried = state.accepted;
        drop(state);
        self.filled.notify_waiters();
        self.filled.notify_one();
    }

    /// Gives up the oldest rows that nobody has taken, until there is room; answers how many they were.
    pub fn drop_oldest(&self) -> u64 {
        let mut state = self.lock();
        let mut dropped = 0;
        while state.bytes >= self.capacity
            && let Some(front) = state.runs.pop_front()
        {
            let rows = (front.run.rows() - front.taken) as u64;
            let first = front.first + front.taken as u64;
            state.bytes = state.bytes.saturating_sub(front.run.size(front.taken..front.run.rows()));
            state.ledger.record(first..first + rows, Fate::Dropped, false);
            dropped += rows;
        }
        dropped
    }

    /// What waits: how many rows were accepted, and since when the oldest that nobody has taken is there.
    #[must_use]
    pub fn waiting(&self) -> (u64, Option<Moment>) {
        let state = self.lock();
        (state.accepted, state.runs.front().map(|front| front.since))
    }

    /// Whether each of the first `rows` rows has its fate.
    #[must_use]
    pub fn is_settled(&self, rows: u64) -> bool {
        self.lock().ledger.pieces(0..rows).iter().all(|(_, fate)| fate.is_some())
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
            let due = {
                let mut state = self.lock();
                let due = self.linger.as_ref().and_then(|linger| state.due(linger));
                if due.is_none()
                    && let Some(batch) = state.take(max_rows, max_bytes)
                {
                    if !state.runs.is_empty() {
                        self.filled.notify_one();
                    }
                    return Some(batch);
                }
                if due.is_none() && state.closed {
                    return None;
                }
                due
            };
            match (due, &self.linger) {
                (Some(due), Some(linger)) => tokio::select! {
                    () = filled => {}
                    () = linger.clock.sleep_until(due) => {}
                },
                _ => filled.await,
            }
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
    /// Joins a small run to the last one, unless somebody has begun to take that. Answers whether there is now something
    /// to do for somebody.
    fn join(&mut self, run: Run, first: u64, linger: &Linger) -> bool {
        let full = |run: &Run| run.rows() >= linger.full.max_rows || run.bytes() >= linger.full.max_bytes;
        if let Some(last) = self.runs.back_mut().filter(|last| last.taken == 0)
            && last.run.rows() + run.rows() <= linger.full.max_rows
            && last.run.bytes() + run.bytes() <= JOINED_BYTES
            && let Some(joined) = Arc::get_mut(&mut last.run)
        {
            joined.append(&run);
            return full(joined);
        }
        self.runs.push_back(Queued { run: Arc::new(run), first, taken: 0, since: linger.clock.now() });
        true
    }

    /// Until when the first rows wait for others; `None` where they need not, or there are none.
    fn due(&self, linger: &Linger) -> Option<Moment> {
        let front = self.runs.front()?;
        let (mut rows, mut bytes) = (0, 0);
        let full = self.runs.iter().any(|queued| {
            rows += queued.run.rows() - queued.taken;
            bytes += queued.run.bytes();
            rows >= linger.full.max_rows || bytes >= linger.full.max_bytes
        });
        let due = front.since + linger.delay;
        let waits = !full && !self.closed && self.hurried <= front.first && linger.clock.now() < due;
        waits.then_some(due)
    }

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
