//! What was let through lately, and how long more of it must wait.
//!
//! ```text
//!  sliding   ────────●──●───●───|now       what is younger than the span counts
//!                    └─ span ───┘
//!  fixed     ──|─────────●───●──|now──|    what came since the last edge counts; edges lie at any phase
//!              └────── span ──────────┘
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use super::assumed::{Assumed, Windows};
use crate::clock::Moment;

/// So much in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quota {
    pub(super) most: u64,
    pub(super) span: Duration,
}

/// The longest span of any quota; what is older counts nowhere.
const LONGEST: Duration = Duration::from_secs(3_600);

/// How much was let through at which moment, oldest first.
#[derive(Debug, Default)]
pub(super) struct Window(VecDeque<(Moment, u64)>);

impl Window {
    /// Counts `amount` as let through.
    pub(super) fn charge(&mut self, amount: u64, now: Moment) {
        while self.0.front().is_some_and(|(at, _)| now - *at > LONGEST) {
            self.0.pop_front();
        }
        self.0.push_back((now, amount));
    }

    /// How much of a quota is used up.
    pub(super) fn used(&self, quota: Quota, now: Moment, assumed: &Assumed) -> u64 {
        self.counting(quota, now, assumed).map(|(_, amount)| amount).sum()
    }

    /// How long `amount` more must wait; no time at all if there is room for it.
    pub(super) fn wait(&self, amount: u64, quota: Quota, now: Moment, assumed: &Assumed) -> Duration {
        let mut used = self.used(quota, now, assumed);
        if used + amount <= quota.most {
            return Duration::ZERO;
        }
        if assumed.windows == Windows::Fixed {
            return quota.span.saturating_sub(since_edge(quota.span, now, assumed.phase));
        }
        for (at, gone) in self.counting(quota, now, assumed) {
            used -= gone;
            if used + amount <= quota.most {
                return quota.span.saturating_sub(now - at);
            }
        }
        quota.span
    }

    /// What counts, oldest first.
    fn counting(&self, quota: Quota, now: Moment, assumed: &Assumed) -> impl Iterator<Item = (Moment, u64)> {
        let counts = move |at: Moment| match assumed.windows {
            Windows::Sliding => now - at < quota.span,
            Windows::Fixed => now - at <= since_edge(quota.span, now, assumed.phase),
        };
        self.0.iter().copied().filter(move |(at, _)| counts(*at))
    }
}

/// How long ago the last edge of the fixed windows was.
fn since_edge(span: Duration, now: Moment, phase: Duration) -> Duration {
    let elapsed = (now - Moment::default()) + phase;
    let nanoseconds = elapsed.as_nanos() % span.as_nanos();
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota { most: 2, span: Duration::from_secs(1) };

    fn at(milliseconds: u64) -> Moment {
        Moment::default() + Duration::from_millis(milliseconds)
    }

    /// Which of these come through, each counting one.
    fn through(times: &[u64], assumed: &Assumed) -> Vec<u64> {
        let mut window = Window::default();
        let mut admitted = |time: &&u64| {
            let is_in = window.wait(1, QUOTA, at(**time), assumed) == Duration::ZERO;
            if is_in {
                window.charge(1, at(**time));
            }
            is_in
        };
        times.iter().filter(|time| admitted(time)).copied().collect()
    }

    #[test]
    fn no_span_however_placed_has_more_than_the_most() {
        let times = [0, 900, 999, 1_000, 1_899, 1_900, 1_999, 2_000];
        assert_eq!(through(&times, &Assumed::default()), [0, 900, 1_000, 1_900, 2_000]);
    }

    #[test]
    fn fixed_windows_begin_anew_at_each_edge_wherever_it_lies() {
        let fixed =
            |phase| Assumed { windows: Windows::Fixed, phase: Duration::from_millis(phase), ..Assumed::default() };
        let times = [0, 100, 200, 399, 400, 999, 1_000, 1_001, 1_399, 1_400];
        assert_eq!(through(&times, &fixed(0)), [0, 100, 1_000, 1_001]);
        assert_eq!(through(&times, &fixed(600)), [0, 100, 400, 999, 1_400]);
        assert_eq!(through(&times, &fixed(2_600)), [0, 100, 400, 999, 1_400]);
    }

    #[test]
    fn the_wait_is_exactly_as_long_as_there_is_no_room() {
        let quota = Quota { most: 10, span: Duration::from_secs(10) };
        let mut window = Window::default();
        for (amount, time) in [(4, 1_000), (3, 2_000), (3, 5_000)] {
            window.charge(amount, at(time));
        }
        let wait = |amount, assumed: &Assumed| window.wait(amount, quota, at(6_000), assumed).as_millis();
        let sliding = Assumed::default();
        assert_eq!(
            [0, 1, 4, 5, 7, 8, 10].map(|amount| wait(amount, &sliding)),
            [0, 5_000, 5_000, 6_000, 6_000, 9_000, 9_000]
        );
        let fixed = Assumed { windows: Windows::Fixed, phase: Duration::from_millis(500), ..Assumed::default() };
        assert_eq!([0, 1, 10].map(|amount| wait(amount, &fixed)), [0, 3_500, 3_500]);
        assert_eq!(window.used(quota, at(6_000), &sliding), 10);
        assert_eq!(window.used(quota, at(11_000), &sliding), 6);
    }

    #[test]
    fn what_counts_nowhere_any_more_is_forgotten() {
        let mut window = Window::default();
        for second in 0..10_000 {
            window.charge(1, at(second * 1_000));
        }
        assert_eq!(window.0.len(), 3_601);
    }
}
