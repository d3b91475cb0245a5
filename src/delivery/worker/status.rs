//! The status of a delivery: what keeps it from delivering at the moment, and that as people say it.

use std::time::SystemTime;

use super::Delivery;
use crate::clock::Moment;
use crate::error::{Error, Kind};
use crate::rate_limit::{Reason, Wait};

/// What keeps a sender's delivery from delivering at the moment.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// What went wrong.
    pub error: Error,
    /// When the next attempt is made.
    pub next: Moment,
    /// Whether the delivery waits for somebody to mend it, not for the service to recover.
    pub paused: bool,
}

/// What holds a delivery up, and when it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryStatus {
    /// One line for people.
    pub why: String,
    /// The time of day when it goes on; `None` where nobody knows.
    pub until: Option<SystemTime>,
}

impl Delivery {
    /// When the next attempt is made, where one is waited for.
    #[must_use]
    pub fn next_attempt(&self) -> Option<Moment> {
        let permitted = self.waits.current().0.map(|wait| wait.until);
        self.trouble().map(|trouble| permitted.map_or(trouble.next, |until| until.max(trouble.next)))
    }

    /// What keeps requests from going out, or from being answered; `None` while all is well.
    #[must_use]
    pub fn status(&self) -> Option<DeliveryStatus> {
        let (wait, attempt) = self.waits.current();
        let trouble = self.trouble().filter(|trouble| trouble.error.kind != Kind::RateLimited);
        let (why, until) = match (wait, trouble) {
            (Some(Wait { reason: Reason::Quota(window), until, .. }), _) => {
                (format!("waiting for the quota of {window}"), Some(until))
            }
            (Some(Wait { reason: Reason::RetryAfter, until, .. }), _) => {
                ("waiting, because the service refused for now (429, Retry-After)".to_owned(), Some(until))
            }
            (_, Some(trouble)) => (format!("{}, attempt {attempt}", trouble.error.message), None),
            (Some(Wait { reason, .. }), None) => (reason.to_string(), None),
            (None, None) => return None,
        };
        let until = until.map(|until| self.clock.wall() + (until - self.clock.now()));
        Some(DeliveryStatus { why, until })
    }
}
