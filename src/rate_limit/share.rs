//! The share of a quota that this process takes for itself, because others may use the same quota.
//!
//! A 429 while our own count was within the quota means that somebody else sends too. The share is then halved, but not
//! below nine tenths of what the service has just taken, and grows again, slowly at first: additive increase,
//! multiplicative decrease.

use std::time::Duration;

use crate::clock::Moment;

/// What is left of the share after a 429.
const CUT: f64 = 0.5;
/// A process that was let through with so much takes a little less, so that room for the others appears.
const BELOW_TAKEN: f64 = 0.9;
/// No share is smaller: every process gets through some day.
const SMALLEST: f64 = 1.0 / 32.0;
/// How much the share grows in the first window after a cut; in the n-th it is n times as much.
const GROWTH: f64 = 0.01;

/// The share of one quota.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    /// What it was cut to, and when; `None` while we seem to be alone.
    cut: Option<(f64, Moment)>,
    window: Duration,
}

impl Share {
    /// All of a quota over `window`.
    pub(super) fn whole(window: Duration) -> Self {
        Self { cut: None, window }
    }

    /// What of `most` is ours now, at least one.
    pub(super) fn of(&self, most: u64, now: Moment) -> u64 {
        let share = self.now(now);
        if share >= 1.0 {
            return most;
        }
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small"
        )]
        let ours = (most as f64 * share) as u64;
        ours.max(1)
    }

    /// The service refused a request that began at `begun`, after it took `taken` of `most` in the window before.
    pub(super) fn cut(&mut self, begun: Moment, now: Moment, taken: u64, most: u64) {
        // Requests that were out together are refused together: that is one sign, not several.
        if self.cut.is_some_and(|(_, at)| begun <= at) {
            return;
        }
        #[allow(clippy::cast_precision_loss, reason = "quotas are far below 2^52")]
        let taken = taken as f64 / most.max(1) as f64;
        let share = (self.now(now) * CUT).max(taken * BELOW_TAKEN).clamp(SMALLEST, 1.0);
        self.cut = Some((share, now));
    }

    /// Whether somebody else seems to send too.
    pub(super) fn is_part(&self, now: Moment) -> bool {
        self.now(now) < 1.0
    }

    fn now(&self, now: Moment) -> f64 {
        let Some((share, at)) = self.cut else { return 1.0 };
        let windows = (now - at).as_secs_f64() / self.window.as_secs_f64();
        (share + GROWTH * windows * (windows + 1.0) / 2.0).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(minutes: u32) -> Moment {
        Moment::default() + MINUTE * minutes
    }

    #[test]
    fn a_share_is_halved_but_not_far_below_what_was_taken() {
        let mut share = Share::whole(MINUTE);
        assert_eq!(share.of(120, at(0)), 120);
        share.cut(at(0), at(0), 10, 120);
        assert_eq!(share.of(120, at(0)), 60);
        share.cut(at(1), at(1), 40, 120);
        assert_eq!(share.of(120, at(1)), 36);
    }

    #[test]
    fn requests_that_were_out_together_cut_once() {
        let mut share = Share::whole(MINUTE);
        for _ in 0..4 {
            share.cut(at(0), at(1), 0, 120);
        }
        assert_eq!(share.of(120, at(1)), 60);
    }

    #[test]
    fn a_share_grows_back_slowly_at_first_and_is_never_nothing() {
        let mut share = Share::whole(MINUTE);
        share.cut(at(0), at(0), 0, 100);
        let grown = [1, 2, 3, 9, 10].map(|minutes| share.of(100, at(minutes)));
        assert_eq!(grown, [51, 53, 56, 95, 100]);
        for minute in 11..30 {
            share.cut(at(minute), at(minute), 0, 100);
        }
        assert_eq!((share.of(100, at(29)), share.of(1, at(29))), (3, 1));
    }
}
