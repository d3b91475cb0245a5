//! A sliding log: what was counted when, so that any window of time can be looked at.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Moment;

/// Two counts that are kept side by side, such as requests and rows.
pub(super) type Tally = [u64; 2];

/// Entries kept. Beyond this the oldest two become one, which then counts as long as the newer of them. The 7,200
/// requests that a dataset may take in an hour are kept each; the ring of 8,192, which they fill, is a quarter of a MB.
const MAX_ENTRIES: usize = 8_191;

/// What was counted, the oldest first.
#[derive(Debug, Clone)]
pub(super) struct Log {
    /// No window is longer.
    span: Duration,
    /// When it was counted, and the sums up to and with it.
    entries: VecDeque<(Moment, Tally)>,
    /// The sums up to the first entry, which carries everything since then.
    before: Tally,
}

impl Log {
    /// An empty log for windows of at most `span`.
    pub(super) fn new(span: Duration) -> Self {
        Self { span, entries: VecDeque::new(), before: [0; 2] }
    }

    /// Counts `tally` at `now`; time never goes back in a log.
    pub(super) fn add(&mut self, now: Moment, tally: Tally) {
        let last = self.entries.back().map_or((now, self.before), |last| *last);
        self.entries.push_back((now.max(last.0), [last.1[0] + tally[0], last.1[1] + tally[1]]));
        while self.entries.front().is_some_and(|first| first.0 + self.span <= now) {
            if let Some((_, sums)) = self.entries.pop_front() {
                self.before = sums;
            }
        }
        if self.entries.len() > MAX_ENTRIES {
            self.entries.pop_front();
        }
    }

    /// How much was counted in the `window` that ends now.
    pub(super) fn within(&self, window: Duration, now: Moment) -> Tally {
        let Some((_, sums)) = self.entries.back() else { return [0; 2] };
        let gone = self.entries.partition_point(|(at, _)| *at + window <= now);
        let left = gone.checked_sub(1).map_or(self.before, |last| self.entries[last].1);
        [sums[0] - left[0], sums[1] - left[1]]
    }

    /// When `amount` of what is now in the `window`, in that column, will have left it; `None` where there is less.
    pub(super) fn leaves(&self, amount: u64, column: usize, window: Duration, now: Moment) -> Option<Moment> {
        let sum = self.entries.back()?.1[column] - self.within(window, now)[column] + amount;
        let at = self.entries.partition_point(|(_, sums)| sums[column] < sum);
        self.entries.get(at).map(|(at, _)| *at + window)
    }

    /// Whether everything in it has left the longest window.
    pub(super) fn is_idle(&self, now: Moment) -> bool {
        self.entries.back().is_none_or(|last| last.0 + self.span <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn at(seconds: u64) -> Moment {
        Moment::default() + Duration::from_secs(seconds)
    }

    #[test]
    fn a_window_holds_what_was_counted_less_than_its_length_ago() {
        let mut log = Log::new(HOUR);
        for second in 0..10 {
            log.add(at(second), [1, 100]);
        }
        let window = Duration::from_secs(3);
        assert_eq!(log.within(window, at(9)), [3, 300]);
        assert_eq!(log.within(window, at(11)), [1, 100]);
        assert_eq!(log.within(window, at(12)), [0, 0]);
        assert_eq!(log.leaves(1, 0, window, at(9)), Some(at(10)));
        assert_eq!(log.leaves(201, 1, window, at(9)), Some(at(12)));
        assert_eq!(log.leaves(4, 0, window, at(9)), None);
    }

    #[test]
    fn what_is_forgotten_has_left_the_longest_window_and_nothing_is_forgotten_early() {
        let mut log = Log::new(HOUR);
        for second in 0..2 * HOUR.as_secs() {
            log.add(at(second), [1, 1]);
            assert_eq!(log.within(HOUR, at(second))[0], (second + 1).min(HOUR.as_secs()));
        }
        assert_eq!(log.entries.len() as u64, HOUR.as_secs());
        assert!(!log.is_idle(at(2 * 3_600 + 3_598)));
        assert!(log.is_idle(at(2 * 3_600 + 3_599)));
    }

    #[test]
    fn a_full_log_counts_longer_and_never_less() {
        let mut log = Log::new(HOUR);
        for count in 0..2 * MAX_ENTRIES as u64 {
            log.add(at(count / 100), [1, 10]);
        }
        assert_eq!((log.entries.len(), log.entries.capacity()), (MAX_ENTRIES, MAX_ENTRIES + 1));
        assert_eq!(log.within(HOUR, at(200)), [16_382, 163_820]);
        // What was counted in the first half leaves with its last entry.
        assert_eq!(log.leaves(1, 0, HOUR, at(200)), Some(at(3_600 + 81)));
    }
}
