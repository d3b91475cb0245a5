//! What an account makes of a 429: when to come back, which quota it was, and whether somebody else sends too.

use std::time::Duration;

use super::{Account, Gone};
use crate::clock::Moment;
use crate::rate_limit::quotas::{Quotas, Span, Window};
use crate::rate_limit::tables::Holding;
use crate::retry::Retry;

/// A throttled request waits at least this long where the service does not say how long.
const SHORTEST_THROTTLE: Duration = Duration::from_secs(1);
/// So that many clients do not come back in the same instant, a told wait is stretched by up to this share.
const THROTTLE_JITTER: f64 = 0.05;
/// After so many refusals in a row without a word on how long, the quota is one of hours.
const STUBBORN: u32 = 4;

impl Account {
    /// The service refused for a quota: nothing goes for a while, then one request, then as much as seems to be ours.
    pub(super) fn throttle(
        &mut self,
        now: Moment,
        gone: &Gone,
        told: Option<Duration>,
        quotas: &Quotas,
        retry: &Retry,
    ) {
        // Requests that were out together are refused together: that is one sign, not several.
        if gone.at >= self.not_before || self.throttles == 0 {
            self.throttles += 1;
        }
        self.is_careful = true;
        // To come back at once is no answer to a quota.
        let told = told.filter(|told| !told.is_zero());
        let wait = told.unwrap_or_else(|| retry.delay(self.throttles).max(SHORTEST_THROTTLE));
        self.not_before = self.not_before.max(now + wait.mul_f64(1.0 + fastrand::f64() * THROTTLE_JITTER));
        self.learn(now, gone, told, quotas);
        self.blame(now, gone, told, quotas);
    }

    /// A refusal for longer than a minute, after as many requests in the hour as a large table takes: it is large.
    fn learn(&mut self, now: Moment, gone: &Gone, told: Option<Duration>, quotas: &Quotas) {
        let is_long = told.map_or(self.throttles >= STUBBORN, |told| told > Span::Minute.length());
        let [requests, _] = self.log.within(Span::LargeHour.length(), now);
        let suffices = quotas.large_table_requests_per_hour.is_some_and(|most| requests >= most);
        if is_long && suffices && self.tables.of(&gone.table) == Holding::Unknown {
            self.tables.set(&gone.table, Holding::Large);
        }
    }

    /// Cuts our share of the quota that was probably the one.
    fn blame(&mut self, now: Moment, gone: &Gone, told: Option<Duration>, quotas: &Quotas) {
        let large = self.tables.any_large(&gone.table, gone.rows, quotas.large_table_rows);
        let wait = told.unwrap_or_default();
        let fullness = |window: &Window| {
            #[allow(clippy::cast_precision_loss, reason = "a comparison of shares")]
            let full = self.used(window, now) as f64 / window.most.max(1) as f64;
            full
        };
        // A wait is no longer than the window it is for. Where nothing was told, the fullest is the likeliest.
        let by_length = |window: &Window| if told.is_some() { window.span.length() } else { Duration::ZERO };
        let fits = quotas.windows(large).filter(|window| window.span.length() >= wait);
        let blamed = fits.min_by(|left, right| {
            by_length(left).cmp(&by_length(right)).then(fullness(right).total_cmp(&fullness(left)))
        });
        let Some(window) = blamed else { return };
        let length = window.span.length();
        // A window that began before we did may have been filled by somebody who is gone.
        if now - self.since >= length {
            let taken = self.log.within(length, now)[window.span.column()];
            self.shares[window.span as usize].cut(gone.at, now, taken, window.most);
        }
    }
}
