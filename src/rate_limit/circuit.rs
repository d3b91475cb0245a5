//! Whether the service is down, and how much may be sent again: an outage is not to be answered with a storm.
//!
//! ```text
//!  up ── five failures in a row ──▶ down: one probe every 15 s ── it is answered ──▶ up: everybody goes on
//! ```

use std::time::Duration;

use super::IN_FLIGHT;
use super::log::Log;
use crate::clock::Moment;

/// So many failures in a row, and the service counts as down: everything that is out as a rule, and one more.
const FAILURES: usize = IN_FLIGHT + 1;
/// The window in which resends are counted.
const BUDGET_SPAN: Duration = Duration::from_secs(300);
/// In it, one resend for so many requests, and always at least one.
const REQUESTS_PER_RESEND: u64 = 10;

/// What the last requests to one place came to.
#[derive(Debug, Clone)]
pub(super) struct Circuit {
    /// Failures since the last answer.
    failures: usize,
    /// When a request left last.
    left: Moment,
    /// When an answer came after the service had been down.
    recovered: Option<Moment>,
    /// Requests and resends.
    log: Log,
    resent: Option<Moment>,
}

impl Circuit {
    pub(super) fn new() -> Self {
        Self { failures: 0, left: Moment::default(), recovered: None, log: Log::new(BUDGET_SPAN), resent: None }
    }

    pub(super) fn is_down(&self) -> bool {
        self.failures >= FAILURES
    }

    /// When the next probe may go, while the service is down.
    pub(super) fn probe_at(&self, every: Duration) -> Moment {
        self.left + every
    }

    /// When a request that failed at `failed` may go again; its own back-off ends at `again`. Once the service has
    /// recovered, everybody who failed before has waited long enough.
    pub(super) fn resend_at(&self, failed: Moment, again: Moment, every: Duration, now: Moment) -> Moment {
        if self.recovered.is_some_and(|recovered| failed <= recovered) {
            return now;
        }
        let [requests, resends] = self.log.within(BUDGET_SPAN, now);
        let allowed = (requests / REQUESTS_PER_RESEND).max(1);
        match self.resent {
            Some(resent) if resends >= allowed => again.max(resent + every),
            _ => again,
        }
    }

    /// A request leaves.
    pub(super) fn go(&mut self, now: Moment, is_resend: bool) {
        self.left = now;
        if is_resend {
            self.resent = Some(now);
        }
        self.log.add(now, if is_resend { [0, 1] } else { [1, 0] });
    }

    /// The service answered, whatever it said.
    pub(super) fn answered(&mut self, now: Moment) {
        if self.is_down() {
            self.recovered = Some(now);
        }
        self.failures = 0;
    }

    /// The service did not answer, or could not do its work.
    pub(super) fn failed(&mut self) {
        self.failures += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(15);

    fn at(seconds: u64) -> Moment {
        Moment::default() + Duration::from_secs(seconds)
    }

    #[test]
    fn five_failures_in_a_row_are_an_outage_and_one_answer_ends_it() {
        let mut circuit = Circuit::new();
        for _ in 0..4 {
            circuit.failed();
        }
        circuit.answered(at(0));
        assert_eq!(circuit.recovered, None);
        for failures in 1..=5 {
            assert!(!circuit.is_down(), "{failures}");
            circuit.go(at(10), false);
            circuit.failed();
        }
        assert!(circuit.is_down());
        assert_eq!(circuit.probe_at(EVERY), at(25));
        circuit.answered(at(25));
        assert!(!circuit.is_down());
        // Whoever failed before has nothing more to wait for.
        assert_eq!(circuit.resend_at(at(10), at(100), EVERY, at(25)), at(25));
        assert_eq!(circuit.resend_at(at(26), at(100), EVERY, at(26)), at(100));
    }

    #[test]
    fn one_resend_for_ten_requests_in_five_minutes_and_then_one_every_fifteen_seconds() {
        let mut circuit = Circuit::new();
        let next = |circuit: &Circuit, now| circuit.resend_at(at(now), at(now), EVERY, at(now));
        circuit.go(at(0), false);
        assert_eq!(next(&circuit, 0), at(0));
        circuit.go(at(0), true);
        assert_eq!(next(&circuit, 1), at(15));
        for _ in 0..19 {
            circuit.go(at(2), false);
        }
        assert_eq!(next(&circuit, 3), at(3));
        circuit.go(at(3), true);
        assert_eq!(next(&circuit, 4), at(18));
        assert_eq!(next(&circuit, 304), at(304));
    }
}
