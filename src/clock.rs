//! The one source of time: now, the calendar, and waiting; real, or virtual for tests.
//!
//! Virtual time stands still while any exchange is open. It moves by [`Clock::advance`], or by
//! itself to the next [`Clock::sleep_until`] when nothing is on the wire. A [`Clock::deadline`]
//! only watches: it never makes time pass.

use std::collections::BTreeSet;
use std::future::Future;
use std::ops::{Add, Sub};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;

/// How long (real time) nothing must happen before virtual time moves by itself.
const QUIET: Duration = Duration::from_millis(2);

/// A point on one clock's own line, counted from the clock's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(Duration);

impl Add<Duration> for Moment {
    type Output = Self;
    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(later))
    }
}

impl Sub for Moment {
    type Output = Duration;
    /// The time from `earlier` to `self`; zero when it has not come yet.
    fn sub(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// A clock, cheap to clone; clones show the same time.
#[derive(Debug, Clone)]
pub struct Clock(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Real { start: tokio::time::Instant },
    Virtual(Arc<Virtual>),
}

#[derive(Debug)]
struct Virtual {
    wall_start: SystemTime,
    state: Mutex<State>,
    moved: Notify,
}

#[derive(Debug, Default)]
struct State {
    now: Moment,
    open_exchanges: usize,
    /// Counts what happened, so that a sleeper can see whether all was quiet.
    activity: u64,
    sleepers: BTreeSet<(Moment, u64)>,
}

static PROCESS: RwLock<Option<Clock>> = RwLock::new(None);
/// One for all clients of a process: what one of them has counted another reads.
static REAL: LazyLock<Clock> = LazyLock::new(Clock::real);

#[allow(clippy::disallowed_methods, reason = "this is where time comes from")]
impl Clock {
    /// The time of the machine; in a paused tokio runtime, that runtime's time.
    #[must_use]
    pub fn real() -> Self {
        Self(Kind::Real { start: tokio::time::Instant::now() })
    }

    /// A clock that only moves as the module's first lines say.
    #[must_use]
    pub fn simulated() -> Self {
        let state = Mutex::default();
        Self(Kind::Virtual(Arc::new(Virtual { wall_start: SystemTime::now(), state, moved: Notify::new() })))
    }

    /// The clock that clients of this process are made with.
    #[must_use]
    pub fn of_process() -> Self {
        PROCESS.read().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_else(|| REAL.clone())
    }

    /// Gives clients made from now on this clock.
    pub fn enter_process(&self) {
        *PROCESS.write().unwrap_or_else(PoisonError::into_inner) = Some(self.clone());
    }

    /// Gives clients made from now on the real time again, if this clock is what they would have had.
    pub fn leave_process(&self) {
        let mut process = PROCESS.write().unwrap_or_else(PoisonError::into_inner);
        if process.as_ref().is_some_and(|clock| clock.shows_the_time_of(self)) {
            *process = None;
        }
    }

    /// Whether both go by the same time, so that a moment of the one means something to the other.
    #[must_use]
    pub fn shows_the_time_of(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Kind::Virtual(ours), Kind::Virtual(theirs)) => Arc::ptr_eq(ours, theirs),
            (Kind::Real { start: ours }, Kind::Real { start: theirs }) => ours == theirs,
            _ => false,
        }
    }

    /// Monotonic now.
    #[must_use]
    pub fn now(&self) -> Moment {
        match &self.0 {
            Kind::Real { start } => Moment(start.elapsed()),
            Kind::Virtual(clock) => clock.lock().now,
        }
    }

    /// The calendar's now.
    #[must_use]
    pub fn wall(&self) -> SystemTime {
        match &self.0 {
            Kind::Real { .. } => SystemTime::now(),
            Kind::Virtual(clock) => clock.wall_start + clock.lock().now.0,
        }
    }

    /// Waits until `at`. On a virtual clock this makes time pass once nothing is on the wire.
    pub async fn sleep_until(&self, at: Moment) {
        match &self.0 {
            Kind::Real { start } => tokio::time::sleep_until(*start + at.0).await,
            Kind::Virtual(clock) => Sleeper::register(clock, at).wait().await,
        }
    }

    /// Waits until `at` has passed, without ever making time pass.
    pub async fn deadline(&self, at: Moment) {
        match &self.0 {
            Kind::Real { start } => tokio::time::sleep_until(*start + at.0).await,
            Kind::Virtual(clock) => {
                clock.until_moved(|state| state.now >= at).await;
            }
        }
    }

    /// Moves virtual time forward; real time cannot be moved, and the answer is then `false`.
    #[allow(clippy::must_use_candidate, reason = "who made the clock knows the answer")]
    pub fn advance(&self, by: Duration) -> bool {
        let Kind::Virtual(clock) = &self.0 else { return false };
        let mut state = clock.lock();
        state.now = state.now + by;
        state.activity += 1;
        drop(state);
        clock.moved.notify_waiters();
        true
    }

    /// Holds virtual time still until the guard is dropped.
    #[must_use]
    pub fn exchange(&self) -> Exchange {
        let clock = match &self.0 {
            Kind::Real { .. } => None,
            Kind::Virtual(clock) => Some(Arc::clone(clock)),
        };
        if let Some(clock) = &clock {
            let mut state = clock.lock();
            state.open_exchanges += 1;
            state.activity += 1;
        }
        Exchange(clock)
    }
}

/// An open exchange; see [`Clock::exchange`].
#[derive(Debug)]
pub struct Exchange(Option<Arc<Virtual>>);

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(clock) = &self.0 {
            let mut state = clock.lock();
            state.open_exchanges -= 1;
            state.activity += 1;
        }
    }
}

impl Virtual {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn until_moved(&self, done: impl Fn(&State) -> bool) {
        loop {
            let mut moved = std::pin::pin!(self.moved.notified());
            moved.as_mut().enable();
            if done(&self.lock()) {
                return;
            }
            moved.await;
        }
    }

    /// Jumps to the next sleeper's moment if nothing is on the wire and nothing happened since `seen`.
    fn move_if_quiet(&self, seen: u64) {
        let mut state = self.lock();
        if state.open_exchanges > 0 || state.activity != seen {
            return;
        }
        if let Some(&(next, _)) = state.sleepers.first() {
            state.now = state.now.max(next);
            state.activity += 1;
            drop(state);
            self.moved.notify_waiters();
        }
    }
}

/// One waiting `sleep_until`, listed for as long as it waits.
struct Sleeper<'a> {
    clock: &'a Virtual,
    key: (Moment, u64),
}

impl<'a> Sleeper<'a> {
    fn register(clock: &'a Virtual, at: Moment) -> Self {
        let mut state = clock.lock();
        state.activity += 1;
        let key = (at, state.activity);
        state.sleepers.insert(key);
        Self { clock, key }
    }

    #[allow(clippy::disallowed_methods, reason = "virtual time moves after a moment of real quiet")]
    fn quiet() -> impl Future<Output = ()> {
        tokio::time::sleep(QUIET)
    }

    async fn wait(self) {
        let at = self.key.0;
        loop {
            let (seen, arrived) = {
                let state = self.clock.lock();
                (state.activity, state.now >= at)
            };
            if arrived {
                return;
            }
            tokio::select! {
                () = self.clock.until_moved(|state| state.now >= at) => return,
                () = Self::quiet() => self.clock.move_if_quiet(seen),
            }
        }
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        let mut state = self.clock.lock();
        state.sleepers.remove(&self.key);
        state.activity += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn clients_of_one_process_go_by_one_time() {
        let (one, other) = (Clock::of_process(), Clock::of_process());
        assert!(one.shows_the_time_of(&other));
        assert!(!one.shows_the_time_of(&Clock::real()) && !one.shows_the_time_of(&Clock::simulated()));
    }

    #[tokio::test]
    async fn virtual_time_jumps_to_the_sleeper_when_nothing_is_on_the_wire() {
        let clock = Clock::simulated();
        clock.sleep_until(clock.now() + seconds(3392)).await;
        assert_eq!(clock.now(), Moment(seconds(3392)));
    }

    #[tokio::test]
    async fn virtual_time_stands_still_while_an_exchange_is_open() {
        let clock = Clock::simulated();
        let exchange = clock.exchange();
        let sleeping = clock.sleep_until(Moment(seconds(60)));
        let early = tokio::time::timeout(QUIET * 5, sleeping).await;
        assert!(early.is_err());
        assert_eq!(clock.now(), Moment::default());
        drop(exchange);
        clock.sleep_until(Moment(seconds(60))).await;
        assert_eq!(clock.now(), Moment(seconds(60)));
    }

    #[tokio::test]
    async fn a_deadline_fires_after_advance_and_never_by_itself() {
        let clock = Clock::simulated();
        let early = tokio::time::timeout(QUIET * 5, clock.deadline(Moment(seconds(1)))).await;
        assert!(early.is_err());
        assert!(clock.advance(seconds(1)));
        clock.deadline(Moment(seconds(1))).await;
    }

    #[tokio::test]
    async fn two_sleepers_wake_in_the_order_of_their_moments() {
        let clock = Clock::simulated();
        let late = async {
            clock.sleep_until(Moment(seconds(9))).await;
            clock.now()
        };
        let soon = async {
            clock.sleep_until(Moment(seconds(4))).await;
            clock.now()
        };
        assert_eq!(tokio::join!(late, soon), (Moment(seconds(9)), Moment(seconds(4))));
    }
}
