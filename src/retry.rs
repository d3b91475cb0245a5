//! How often a request that failed is tried again, and how long to wait in between.

use std::time::Duration;

/// A policy of trying again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// How often one request is sent at most, the first time included.
    pub attempts: u32,
    /// The wait after the first failure; it doubles with each further one.
    pub first_delay: Duration,
    /// No wait is longer.
    pub max_delay: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 5, first_delay: Duration::from_millis(500), max_delay: Duration::from_secs(30) }
    }
}

impl Retry {
    /// One attempt and no other; what a 429 asks for is not waited for either.
    #[must_use]
    pub fn never() -> Self {
        Self { attempts: 1, first_delay: Duration::ZERO, max_delay: Duration::ZERO }
    }

    /// Whether there is another attempt after `failures` of them.
    #[must_use]
    pub fn allows(&self, failures: u32) -> bool {
        failures < self.attempts
    }

    /// The wait after the `failures`-th failure in a row: between half of it and all of it, so that many clients spread.
    #[must_use]
    pub fn delay(&self, failures: u32) -> Duration {
        let doubled = self.first_delay.saturating_mul(1 << failures.saturating_sub(1).min(16));
        doubled.min(self.max_delay).mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_are_never_less_than_half() {
        let retry = Retry::default();
        for (failures, whole) in [(1, 0.5), (2, 1.0), (3, 2.0), (7, 30.0), (60, 30.0)] {
            let delay = retry.delay(failures).as_secs_f64();
            assert!((whole / 2.0..=whole).contains(&delay), "{failures}: {delay}");
        }
    }

    #[test]
    fn never_means_one_attempt() {
        assert!(Retry::never().allows(0));
        assert!(!Retry::never().allows(1));
        assert!(Retry::default().allows(4));
        assert!(!Retry::default().allows(5));
    }
}
