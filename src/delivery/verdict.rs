//! What an outcome means for the rows that were sent: the heart of "nothing lost, doubt counted".

use std::time::Duration;

use super::Sink;
use crate::http::Outcome;

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The service has the rows.
    Confirmed,
    /// The service keeps the rows aside until the session is committed.
    Staged,
    /// The service does not have them and will take them later; it may say when.
    NotApplied {
        /// How long the service asked to wait.
        told: Option<Duration>,
        /// Whether it was a quota: then waiting is all there is to do.
        throttled: bool,
    },
    /// The service does not have them, and sending them again would not help.
    Misdirected,
    /// The service does not have them: the token has ended.
    Expired,
    /// The service does not have them: the body is too large.
    TooLarge,
    /// The service will never take them.
    Rejected,
    /// They were sent whole, and nobody knows.
    InDoubt,
}

/// Judges one exchange that carried rows: what `sink` makes of an answer, and what silence means wherever it comes from.
#[must_use]
pub fn judge(outcome: &Outcome, sink: &dyn Sink) -> Verdict {
    match outcome {
        Outcome::Failed(failure) if failure.sent_whole => Verdict::InDoubt,
        Outcome::Failed(_) => Verdict::NotApplied { told: None, throttled: false },
        Outcome::Answered(answer) => sink.classify(answer),
    }
}
