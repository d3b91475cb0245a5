//! How rows are delivered: what it tries again, what it gives up, and what a failure means for the rows behind it.

use std::time::Duration;

use crate::clock::Moment;
use crate::retry::Retry;

/// How rows are delivered.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// When to try again.
    pub retry: Retry,
    /// Whether rows in doubt are sent again (at least once) or given up (the caller decides).
    pub resend_doubt: bool,
    /// Whether a request that is refused for its rows is taken apart until those at fault are found; else it is refused
    /// whole.
    pub isolate: bool,
    /// When the whole call must be over.
    pub deadline: Option<Moment>,
    /// How many requests may be out at once.
    pub workers: usize,
    /// What a failure means for the rows behind it.
    pub on_failure: OnFailure,
    /// How long rows wait for others that fill their request; a push does not wait.
    pub linger: Option<Duration>,
}

/// What a failure that trying again does not mend means for the rows behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// They are not sent: somebody waits for the outcome.
    Stop,
    /// They are: nobody waits, and nothing that was accepted may be lost.
    Continue,
}
