//! What the usage makes of a 429: when to come back, which quota it was, and whether somebody else sends too.

use std::time::Duration;

use super::{Gone, Usage};
use crate::clock::Moment;
use crate::rate_limit::quotas::{Counts, Quotas, Window};
use crate::rate_limit::share::Share;
use crate::rate_limit::tables::Holding;
use crate::retry::Retry;

/// A throttled request waits at least this long where the service does not say how long.
const SHORTEST_THROTTLE: Duration = Duration::from_secs(1);
/// So that many clients do not come back in the same instant, a told wait is stretched by up to this share.
const THROTTLE_JITTER: f64 = 0.05;
/// After so many refusals in a row without a word on how long, the quota is one of long windows.
const STUBBORN: u32 = 4;
/// Whoever is to wait for more than this part of a window may be held by that one.
const LONG_PART: u32 = 60;

impl Usage {
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

    /// A long refusal, after as many requests as a window lets through that holds from so many rows on: the table has them.
    fn learn(&mut self, now: Moment, gone: &Gone, told: Option<Duration>, quotas: &Quotas) {
        if self.tables.of(&gone.table) != Holding::Unknown {
            return;
        }
        let is_long =
            |window: &Window| told.map_or(self.throttles >= STUBBORN, |told| told > window.length() / LONG_PART);
        let is_used_up = |window: &Window| self.log.within(window.length(), now)[window.column()] >= window.most;
        let windows = quotas.windows(true, |_| true).filter(|window| window.counts == Counts::Requests);
        let shown = windows.filter(|window| is_long(window) && is_used_up(window)).filter_map(|it| it.stored_rows());
        if let Some(rows) = shown.max() {
            self.tables.set(&gone.table, Holding::Shown(rows));
        }
    }

    /// Cuts our share of the quota that was probably the one.
    fn blame(&mut self, now: Moment, gone: &Gone, told: Option<Duration>, quotas: &Quotas) {
        let wait = told.unwrap_or_default();
        let fullness = |window: &Window| {
            #[allow(clippy::cast_precision_loss, reason = "a comparison of shares")]
            let full = self.used(window, now) as f64 / window.most.max(1) as f64;
            full
        };
        // A wait is no longer than the window it is for. Where nothing was told, the fullest is the likeliest.
        let by_length = |window: &Window| if told.is_some() { window.length() } else { Duration::ZERO };
        let fits = self.windows(quotas, &gone.table, gone.rows).filter(|window| window.length() >= wait);
        let blamed = fits.min_by(|left, right| {
            by_length(left).cmp(&by_length(right)).then(fullness(right).total_cmp(&fullness(left)))
        });
        let Some(window) = blamed else { return };
        let length = window.length();
        // A window that began before we did may have been filled by somebody who is gone.
        if now - self.since >= length {
            let taken = self.log.within(length, now)[window.column()];
            self.share(&window).cut(gone.at, now, taken, window.most);
        }
    }
    /// Our share of what a window lets through; all of it at first.
    fn share(&mut self, window: &Window) -> &mut Share {
        let known = self.shares.iter().position(|(known, _)| known.is_like(window));
        let at = known.unwrap_or_else(|| {
            self.shares.push((*window, Share::whole(window.length())));
            self.shares.len() - 1
        });
        &mut self.shares[at].1
    }
}
