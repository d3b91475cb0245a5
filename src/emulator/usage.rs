//! What a dataset was sent lately, held to the limits of its kind (facts/powerbi 4).
//!
//! A request that is let through counts, whatever becomes of it; one that is refused here does not, and neither does
//! one that a fault answered.

use std::time::Duration;

use super::assumed::{Assumed, Licence};
use super::refusal::Refusal;
use super::rules;
use super::schema::Mode;
use super::store::Dataset;
use super::window::{Quota, Window};
use crate::clock::Moment;

/// The requests with rows to a dataset, and their rows.
#[derive(Debug, Default)]
pub(super) struct Usage {
    pub(super) requests: Window,
    pub(super) rows: Window,
}

/// Why something has to wait, and for how long.
#[derive(Debug)]
pub(super) struct Wait {
    rule: &'static rules::Rule,
    pub(super) time: Duration,
}

impl Wait {
    /// There are too many requests.
    pub(super) fn of_requests(time: Duration) -> Self {
        Self { rule: &rules::TOO_MANY_REQUESTS, time }
    }

    /// What the client is told; `seconds` is the time, rounded up.
    pub(super) fn refusal(&self, seconds: u64) -> Refusal {
        let message = if self.rule == &rules::TOO_MANY_ROWS_AN_HOUR {
            "You are over your rows per hour limit for this dataset. To push more rows per hour, upgrade your account to \
             Power BI Pro or retry your push later."
                .to_owned()
        } else {
            format!(
                "You have exceeded the amount of requests allowed in the current time frame and further requests will \
                 fail. Retry in {seconds} seconds."
            )
        };
        Refusal::new(self.rule, message)
    }
}

/// How many rows an hour a dataset may get.
pub(super) fn rows_an_hour(assumed: &Assumed) -> Quota {
    match assumed.licence {
        Licence::Pro => rules::ROWS_AN_HOUR,
        Licence::Free => rules::FREE_ROWS_AN_HOUR,
    }
}

impl Dataset {
    /// How many requests with rows it may get; a table with many rows adds a limit.
    pub(super) fn quotas(&self) -> &'static [Quota] {
        if self.mode == Mode::Streaming {
            return &[rules::STREAMED_REQUESTS];
        }
        let is_large = self.tables.iter().any(|table| table.rows.len() >= rules::LARGE_TABLE);
        if is_large { &[rules::REQUESTS_A_MINUTE, rules::REQUESTS_AN_HOUR] } else { &[rules::REQUESTS_A_MINUTE] }
    }

    /// Lets one request in, of `pending` that are not answered yet, or says how long it has to wait.
    pub(super) fn admit_request(&mut self, pending: usize, now: Moment, assumed: &Assumed) -> Result<(), Wait> {
        if self.mode != Mode::Streaming && pending > rules::MAX_PENDING {
            return Err(Wait { rule: &rules::TOO_MANY_PENDING, time: Duration::from_secs(1) });
        }
        let waits = self.quotas().iter().map(|quota| self.usage.requests.wait(1, *quota, now, assumed));
        let time = waits.max().unwrap_or_default();
        if time > Duration::ZERO {
            return Err(Wait::of_requests(time));
        }
        self.usage.requests.charge(1, now);
        Ok(())
    }

    /// Says how long so many rows have to wait, if they have to.
    pub(super) fn check_rows(&self, count: u64, now: Moment, assumed: &Assumed) -> Result<(), Wait> {
        if self.mode == Mode::Streaming {
            return Ok(());
        }
        let time = self.usage.rows.wait(count, rows_an_hour(assumed), now, assumed);
        if time > Duration::ZERO { Err(Wait { rule: &rules::TOO_MANY_ROWS_AN_HOUR, time }) } else { Ok(()) }
    }
}
