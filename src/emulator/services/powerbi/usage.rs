//! What a dataset was sent lately, held to the limits of its kind (facts/powerbi 4).
//!
//! A request that is let through counts, whatever becomes of it; one that is refused here does not, and neither does
//! one that a fault answered.

use std::time::Duration;

use super::assumed::{Assumed, Licence};
use super::refusal::Refusal;
use super::rules;
use super::window::{Quota, Window};

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

    /// There are too many requests that are not answered yet.
    pub(super) fn of_pending(time: Duration) -> Self {
        Self { rule: &rules::TOO_MANY_PENDING, time }
    }

    /// There are too many rows.
    pub(super) fn of_rows(time: Duration) -> Self {
        Self { rule: &rules::TOO_MANY_ROWS_AN_HOUR, time }
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
