//! A lane and its couriers: they take batches, deliver them, and settle every one.
//!
//! ```text
//!            take                send                    judge
//!  outbox ─────────▶ batch ──────────────▶ outcome ───────────────▶ settle
//!                      ▲                                     │
//!                      └── wait, new token, half as many ◀───┘
//! ```
//!
//! The first failure stops the lane: what is on the wire is waited for, what was not begun is withdrawn.
//! An abort (time limit, Ctrl-C) does not wait: what was sent whole and not answered ends in doubt.

mod attempt;
mod waits;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::task::JoinSet;

use self::attempt::{Attempt, Next};
pub use self::waits::Notice;
use self::waits::Waits;
use crate::clock::{Clock, Moment};
use crate::destination::Destination;
use crate::error::{Error, Kind};
use crate::limit::Limit;
use crate::outbox::{Batch, Fate, Outbox};
use crate::report::Meter;
use crate::retry::Retry;
use crate::wire::Wire;

/// How a lane delivers.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// When to try again.
    pub retry: Retry,
    /// Whether rows in doubt are sent again (at least once) or given up (the caller decides).
    pub resend_doubt: bool,
    /// When the whole call must be over.
    pub deadline: Option<Moment>,
    /// How many requests may be out at once.
    pub couriers: usize,
}

/// Everything one table's couriers share.
#[derive(Debug)]
pub struct Lane {
    outbox: Arc<Outbox>,
    destination: Arc<dyn Destination>,
    wire: Arc<Wire>,
    limit: Limit,
    waits: Waits,
    clock: Clock,
    policy: Policy,
    /// Rows of one request; halved when the service finds a body too large.
    max_rows: AtomicUsize,
    stop: watch::Sender<Stop>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failure: Option<Error>,
    meter: Meter,
}

/// How far the lane has been told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stop {
    /// Not at all.
    Go,
    /// Begin nothing; wait for what is on the wire.
    Finish,
    /// Wait for nothing.
    Abort,
}

impl Lane {
    /// A lane from `outbox` to `destination`; nothing moves before [`Lane::run`].
    #[must_use]
    pub fn new(
        outbox: Arc<Outbox>,
        destination: Arc<dyn Destination>,
        wire: Arc<Wire>,
        limit: Limit,
        clock: Clock,
        policy: Policy,
    ) -> Self {
        let max_rows = AtomicUsize::new(destination.limits().max_rows);
        let stop = watch::Sender::new(Stop::Go);
        let waits = Waits::new(clock.clone());
        Self { outbox, destination, wire, limit, waits, clock, policy, max_rows, stop, state: Mutex::default() }
    }

    /// Delivers until the outbox is closed and empty, or something ends the lane early.
    pub async fn run(self: Arc<Self>) {
        let mut couriers = JoinSet::new();
        for _ in 0..self.policy.couriers {
            couriers.spawn(Arc::clone(&self).courier());
        }
        let all_done = async { while couriers.join_next().await.is_some() {} };
        tokio::pin!(all_done);
        if let Some(deadline) = self.policy.deadline {
            tokio::select! {
                () = &mut all_done => return,
                () = self.clock.deadline(deadline) => self.abort(Some(out_of_time())),
            }
        }
        all_done.await;
    }

    /// Ends the lane at once; `why` counts where nothing has failed before.
    pub fn abort(&self, why: Option<Error>) {
        self.stop(Stop::Abort, why);
    }

    /// Begins nothing more and waits for what is on the wire.
    pub fn finish(&self) {
        self.stop(Stop::Finish, None);
    }

    /// Why the lane ended early, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<Error> {
        self.lock().failure.clone()
    }

    /// What sending has cost so far.
    #[must_use]
    pub fn meter(&self) -> Meter {
        Meter { waited: self.waits.waited(), ..self.lock().meter.clone() }
    }

    /// What a person should know and has not been told yet.
    #[must_use]
    pub fn notices(&self) -> Vec<Notice> {
        self.waits.notices()
    }

    fn stop(&self, stop: Stop, why: Option<Error>) {
        if let Some(error) = why {
            self.lock().failure.get_or_insert(error);
        }
        self.outbox.withdraw();
        self.stop.send_modify(|current| *current = stop.max(*current));
    }

    fn fail(&self, error: Error) {
        self.stop(Stop::Finish, Some(error));
    }

    async fn courier(self: Arc<Self>) {
        loop {
            let max_rows = self.limit.rows_to_take(self.max_rows.load(Ordering::Relaxed));
            let taken = tokio::select! {
                biased;
                () = self.stopped(Stop::Finish) => return,
                taken = self.outbox.take(max_rows, self.destination.limits().max_bytes) => taken,
            };
            match taken {
                Some(batch) => self.deliver(batch).await,
                None => return,
            }
        }
    }

    /// Delivers one batch, in halves where it is too large.
    async fn deliver(&self, batch: Batch) {
        let mut waiting = vec![batch];
        while let Some(batch) = waiting.pop() {
            let mut attempt = Attempt::new(self, &batch);
            loop {
                match attempt.once().await {
                    Next::Again => {}
                    Next::Settled => break,
                    Next::GiveUp => return,
                    Next::Halve(halves) => {
                        self.max_rows.fetch_min(halves[0].rows().max(1), Ordering::Relaxed);
                        waiting.extend(halves.into_iter().rev());
                        break;
                    }
                }
            }
        }
    }

    fn settle(&self, batch: &Batch, fate: Fate, resent: bool) {
        self.outbox.settle(batch, fate, resent);
    }

    /// Waits until the lane has been told to stop as far as `stop`.
    async fn stopped(&self, stop: Stop) {
        // The sender lives as long as the lane, so that this only ends when it should.
        let _ = self.stop.subscribe().wait_for(|current| *current >= stop).await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn out_of_time() -> Error {
    Error::new(Kind::Deadline, "the time limit of this call has passed")
        .with_hint("give a longer timeout=, or push the rest: result.resume_from says where it begins")
}
