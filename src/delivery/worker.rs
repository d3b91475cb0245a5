//! A delivery and its workers: they take batches, deliver them, and settle every one.
//!
//! ```text
//!            take                send                    judge
//!  queue ─────────▶ batch ──────────────▶ outcome ───────────────▶ settle
//!                      ▲                                     │
//!                      └── wait, new token, half as many ◀───┘
//! ```
//!
//! The first failure stops the delivery of a push: what is on the wire is waited for, what was not begun is withdrawn.
//! An abort (time limit, Ctrl-C) does not wait: what was sent whole and not answered ends in doubt.
//! The delivery of a sender goes on: refused rows become dead letters, and while nothing can be delivered it pauses and probes.
//!
//! | step | where it is |
//! |---|---|
//! | [`Delivery::run`]: the sink is opened, the workers begin, the call's time is kept | `running`, `opening`, `time_limit` |
//! | take: the next batch, once a request is full or has waited long enough | `take` |
//! | deliver: a batch to its end, in halves where that helps | this file, `isolate` |
//! | attempt: the requests of one batch, until a verdict is final | `attempt`, `pause` |
//! | conclude: what was staged is committed, abandoned, or sent again | `staging`, `keep_alive` |
//! | what is told meanwhile | `waits`, `status`, `unchecked_rows` |

mod attempt;
mod isolate;
mod keep_alive;
mod opening;
mod pause;
mod policy;
mod running;
mod staging;
mod status;
mod take;
mod time_limit;
mod unchecked_rows;
mod waits;

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use self::attempt::End;
use self::isolate::{NotFoundCount, Pieces};
pub use self::opening::Opening;
use self::pause::Pause;
pub use self::policy::{OnFailure, Policy};
use self::staging::Staged;
pub use self::status::{DeliveryStatus, Trouble};
pub use self::waits::{Notice, Waits};
use crate::clock::{Clock, Moment};
use crate::delivery::queue::{Batch, DiskQueue, Queue, RowState};
use crate::delivery::report::{Meter, Refused};
use crate::delivery::{Route, Session, Sink};
use crate::error::{Error, Result};
use crate::http::Exchanges;
use crate::rate_limit::{RateLimit, Watch};
use crate::retry::Retry;
use crate::rows::encode::Limits;

/// How often a sender looks whether somebody has mended what keeps it from delivering.
const PROBE: Duration = Duration::from_secs(300);

/// How soon it asks again where the service could not answer.
const AGAIN: Duration = Duration::from_secs(15);

/// Everything one table's workers share.
#[derive(Debug)]
pub struct Delivery {
    queue: Arc<Queue>,
    sink: Arc<dyn Sink>,
    http: Arc<Exchanges>,
    limit: RateLimit,
    waits: Arc<Waits>,
    clock: Clock,
    policy: Policy,
    /// Rows of one request; halved when the service finds a body too large.
    max_rows: AtomicUsize,
    max_bytes: usize,
    /// One worker at a time waits for a full request.
    turn_to_fill: tokio::sync::Mutex<()>,
    /// Rows before this one do not wait.
    hurried: AtomicU64,
    stop: watch::Sender<Stop>,
    state: Mutex<State>,
    pause: Pause,
    not_found: NotFoundCount,
    /// Whether rows were checked by the schema of their table.
    has_schema: bool,
    listener: Listener,
    opening: Opening,
    /// One worker at a time begins another session.
    turn_to_restart: tokio::sync::Mutex<()>,
}

/// Who hears of failures on a sender's delivery.
struct Listener(Box<dyn Fn(&Error) + Send + Sync>);

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

#[derive(Debug, Default)]
struct State {
    failure: Option<Error>,
    meter: Meter,
    trouble: Option<Trouble>,
    refused: Vec<Refused>,
    session: Option<Arc<Session>>,
    emptied: bool,
    staged: Staged,
}

/// How far the delivery has been told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stop {
    /// Not at all.
    Go,
    /// Begin nothing; wait for what is on the wire.
    Finish,
    /// Wait for nothing.
    Abort,
}

impl Delivery {
    /// A delivery of what is in `queue` on `route`; nothing moves before [`Delivery::run`].
    pub(super) fn new(queue: Arc<Queue>, route: Route, policy: Policy) -> Self {
        let Route { sink, http, limit, clock, .. } = route;
        // A sender never gives up: one that was told not to try again waits between its attempts all the same.
        let patient = policy.on_failure == OnFailure::Continue && !policy.retry.allows(1);
        let policy = if patient { Policy { retry: Retry::default(), ..policy } } else { policy };
        let Limits { max_rows, max_bytes } = sink.limits();
        let max_rows = AtomicUsize::new(max_rows);
        let max_bytes = sink.framing().bytes_of_rows(max_bytes);
        let stop = watch::Sender::new(Stop::Go);
        let pause = Pause::default();
        let listener = Listener(Box::new(|_| ()));
        let waits = Arc::new(Waits::new(clock.clone()));
        Self {
            waits,
            queue,
            sink,
            http,
            limit,
            clock,
            policy,
            max_rows,
            max_bytes,
            turn_to_fill: tokio::sync::Mutex::new(()),
            hurried: AtomicU64::new(0),
            stop,
            state: Mutex::default(),
            pause,
            not_found: NotFoundCount::default(),
            has_schema: true,
            listener,
            opening: Opening::default(),
            turn_to_restart: tokio::sync::Mutex::new(()),
        }
    }

    /// Never sends more at once than `limits`.
    #[must_use]
    pub fn limited(self, limits: Limits) -> Self {
        self.max_rows.fetch_min(limits.max_rows, Ordering::Relaxed);
        self.queue.full_at(limits.max_rows, limits.max_bytes);
        Self { max_bytes: self.sink.framing().bytes_of_rows(limits.max_bytes), ..self }
    }

    /// Its rows were not checked by a schema: where they are refused, what they looked like is told.
    #[must_use]
    pub fn without_schema(self) -> Self {
        Self { has_schema: false, ..self }
    }

    /// Has `listener` called with each failure on a sender's delivery that somebody should hear of.
    #[must_use]
    pub fn telling(mut self, listener: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        self.listener = Listener(Box::new(listener));
        self
    }

    /// Asks so much of the sink before the first row.
    #[must_use]
    pub fn opening(self, opening: Opening) -> Self {
        Self { opening, ..self }
    }

    /// Has `heard` called with each notice; it is also kept for [`Delivery::notices`].
    #[must_use]
    pub fn noticing(self, heard: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        Self { waits: Arc::new(Waits::new(self.clock.clone()).telling(heard)), ..self }
    }

    /// Ends the delivery at once; `why` counts where nothing has failed before.
    pub fn abort(&self, why: Option<Error>) {
        self.stop(Stop::Abort, why);
    }

    /// Begins nothing more and waits for what is on the wire.
    pub fn finish(&self) {
        self.stop(Stop::Finish, None);
    }

    /// Why the delivery ended early, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<Error> {
        self.lock().failure.clone()
    }

    /// What keeps a sender's delivery from delivering; `None` while all is well.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        self.lock().trouble.clone()
    }

    /// What sending has cost so far.
    #[must_use]
    pub fn meter(&self) -> Meter {
        Meter { waited: self.waits.waited(), ..self.lock().meter.clone() }
    }

    /// The rows at fault that were found so far, in no order.
    #[must_use]
    pub fn refused(&self) -> Vec<Refused> {
        self.lock().refused.clone()
    }

    /// Who is told of the waits of whatever belongs to its rows.
    #[must_use]
    pub fn watch(&self) -> Arc<dyn Watch> {
        Arc::clone(&self.waits) as Arc<dyn Watch>
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
        self.queue.withdraw();
        self.stop.send_modify(|current| *current = stop.max(*current));
    }

    fn fail(&self, error: Error) {
        self.stop(Stop::Finish, Some(error));
    }

    /// What was accepted so far is sent without waiting for others.
    pub fn hurry(&self) {
        self.hurried.store(self.queue.accepted(), Ordering::Release);
        self.queue.wake();
    }

    async fn worker(self: Arc<Self>) {
        loop {
            let taken = tokio::select! {
                biased;
                () = self.stopped(Stop::Finish) => return,
                taken = self.take() => taken,
            };
            match taken {
                Ok(Some(batch)) => self.deliver(batch).await,
                Ok(None) => return,
                Err(error) => self.hold(error).await,
            }
        }
    }

    /// Nothing can be sent: that ends a push, and a sender looks again after a while.
    async fn hold(&self, error: Error) {
        if self.policy.on_failure == OnFailure::Stop {
            return self.fail(error);
        }
        let passing = error.is_passing();
        let next = self.clock.now() + if passing { AGAIN } else { PROBE };
        if !passing {
            self.tell(&error);
        }
        self.note_trouble(error, next, !passing);
        tokio::select! {
            () = self.stopped(Stop::Finish) => {}
            () = self.clock.sleep_until(next) => {}
        }
    }

    /// Delivers one batch, in halves where it is too large or some of its rows are refused.
    async fn deliver(&self, batch: Batch) {
        let mut pieces = Pieces::new(batch, self.policy.workers == 1);
        while let Some(mut batch) = pieces.next() {
            while let Err(error) = self.queue.issue(&mut batch) {
                self.hold(error).await;
                if self.is_stopped() {
                    return;
                }
            }
            match self.attempt(&batch).await {
                End::Confirmed => {
                    pieces.note_success();
                    self.queue.recycle(batch);
                }
                End::Staged(session) => {
                    pieces.note_success();
                    self.stage(batch, &session);
                }
                End::StageAgain => {
                    let rest = std::iter::from_fn(|| pieces.next());
                    return self.stage_again(std::iter::once(batch).chain(rest));
                }
                End::DeadLetter => self.queue.recycle(batch),
                End::GiveUp => return,
                End::Halve(halves) => {
                    let rows = halves[0].rows().max(1);
                    let rows = self.max_rows.fetch_min(rows, Ordering::Relaxed).min(rows);
                    self.queue.full_at(rows, self.max_bytes);
                    pieces.put_halves(halves);
                }
                End::Isolate(why) => self.isolate(&mut pieces, batch, &why),
                End::Renumber(last) => {
                    self.note_queue(self.queue.renumber(&mut batch, last));
                    pieces.put_back(batch);
                }
            }
        }
    }

    /// The service has the rows.
    fn confirm(&self, batch: &Batch, resent: bool) {
        self.lock().trouble = None;
        self.pause.end();
        self.not_found.end();
        self.note_queue(self.queue.settle(batch, RowState::Confirmed, resent));
    }

    /// The service refused the rows, or never answered for them, because of `why`.
    fn settle_as_dead_letter(&self, batch: &Batch, state: RowState, why: &Error) {
        self.note_queue(self.queue.settle_as_dead_letter(batch, state, why));
    }

    /// Nobody tries the batch any more.
    fn release_unsettled(&self, batch: &Batch, in_doubt: bool) {
        self.note_queue(self.queue.release_unsettled(batch, in_doubt));
    }

    /// What the queue answered, and what it has to tell.
    fn note_queue(&self, outcome: Result<()>) {
        for notice in self.queue.on_disk().map(DiskQueue::hand_out).unwrap_or_default() {
            self.waits.note(Notice::Queue(notice));
        }
        if let Err(error) = outcome {
            self.fail(error);
        }
    }

    /// Tells of a failure on a sender's delivery.
    fn tell(&self, error: &Error) {
        (self.listener.0)(error);
    }

    /// Remembers what keeps the delivery from delivering.
    fn note_trouble(&self, error: Error, next: Moment, paused: bool) {
        self.lock().trouble = Some(Trouble { error, next, paused });
    }

    fn is_stopped(&self) -> bool {
        *self.stop.borrow() >= Stop::Finish
    }

    /// Waits until the delivery has been told to stop as far as `stop`.
    async fn stopped(&self, stop: Stop) {
        // The sender lives as long as the delivery, so that this only ends when it should.
        let _ = self.stop.subscribe().wait_for(|current| *current >= stop).await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
