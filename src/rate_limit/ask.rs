//! What is asked of the usage and what it is told: the words between whoever sends and what holds them.

use std::fmt;
use std::time::Duration;

use super::quotas::Window;
use crate::clock::Moment;
use crate::retry::Retry;

/// A request that wants to go.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// How many rows it carries.
    pub rows: u64,
    /// When to try again.
    pub retry: Retry,
    /// Where it is sent again because it failed: when that was, and until when it backs off.
    pub failed: Option<(Moment, Moment)>,
}

/// Why a request waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The service has said when to come back, or at least that it is too much now.
    RetryAfter,
    /// One of our own quotas.
    Quota(Window),
    /// It failed, and goes again a little later.
    BackOff,
    /// The service is down.
    Down,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RetryAfter => f.write_str("Retry-After"),
            Self::Quota(window) => window.fmt(f),
            Self::BackOff => f.write_str("backing off after a failure"),
            Self::Down => f.write_str("the service is down"),
        }
    }
}

/// What one request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Nothing of it was sent.
    Unsent,
    /// The service has its rows.
    Taken,
    /// The service has answered and not taken its rows.
    Refused,
    /// A quota of the service's; it may have said how long to wait.
    Throttled(Option<Duration>),
    /// The service answered that it could not do its work: its rows may be there.
    Failed,
    /// It was sent whole and not answered.
    Lost,
    /// It could not be sent whole.
    Broken,
    /// We gave it up ourselves when some of it was sent.
    Abandoned,
}

impl Ending {
    /// Whether its rows may be in the table.
    pub(super) fn may_have_landed(self) -> bool {
        matches!(self, Self::Taken | Self::Failed | Self::Lost | Self::Abandoned)
    }
}

/// Whether a request may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// Now.
    Go,
    /// Not before.
    Wait(Moment, Reason),
    /// Once one that is out comes back, or at that moment.
    Queue(Option<Moment>),
}
