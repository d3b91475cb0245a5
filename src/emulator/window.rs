//! A sliding window: which requests were let through lately.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Moment;

/// The moments at which requests were let through, oldest first; only those that still count.
#[derive(Debug, Default)]
pub(super) struct Window(VecDeque<Moment>);

impl Window {
    /// Lets a request through at `now`, unless `most` were let through in the `span` that ends now.
    pub(super) fn admits(&mut self, now: Moment, most: usize, span: Duration) -> bool {
        while self.0.front().is_some_and(|oldest| now - *oldest >= span) {
            self.0.pop_front();
        }
        let admitted = self.0.len() < most;
        if admitted {
            self.0.push_back(now);
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_span_however_placed_has_more_than_the_most() {
        let span = Duration::from_secs(1);
        let mut window = Window::default();
        let mut admits = |milliseconds| window.admits(Moment::default() + Duration::from_millis(milliseconds), 2, span);
        let admitted = [0, 900, 999, 1_000, 1_899, 1_900, 1_999, 2_000].map(|at| (at, admits(at)));
        let through: Vec<u64> = admitted.iter().filter(|(_, through)| *through).map(|(at, _)| *at).collect();
        assert_eq!(through, [0, 900, 1_000, 1_900, 2_000]);
    }
}
