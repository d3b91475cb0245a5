//! When rows were accepted: the calendar's time at the start, carried on by the monotonic clock.
//!
//! So ages are right although the machine's clock is set while we run, and still mean something to the next process.

use std::time::{Duration, SystemTime};

use crate::clock::{Clock, Moment};

/// Milliseconds of the calendar that never run backwards.
#[derive(Debug, Clone)]
pub(super) struct Calendar {
    clock: Clock,
    start: Moment,
    wall: Duration,
}

impl Calendar {
    pub(super) fn new(clock: Clock) -> Self {
        let (start, wall) = (clock.now(), clock.wall());
        let wall = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { clock, start, wall }
    }

    /// Milliseconds since 1970.
    pub(super) fn now(&self) -> u64 {
        let now = self.wall + (self.clock.now() - self.start);
        u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
    }

    /// How long ago `at` was.
    pub(super) fn age(&self, at: u64) -> Duration {
        Duration::from_millis(self.now().saturating_sub(at))
    }
}
