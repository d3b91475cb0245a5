//! What is said where the time of a call is over: also what kept it until then.

use super::{Delivery, Waits};
use crate::clock::Moment;
use crate::error::{Error, Kind};

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

impl Delivery {
    /// The same failure of time with what kept the delivery from delivering, where something did.
    #[must_use]
    pub fn caused(&self, error: Error) -> Error {
        match self.trouble() {
            Some(trouble) => because(error, trouble.error),
            None => self.waits.caused(error),
        }
    }
}

impl Waits {
    /// The same failure of time with what failed last, where nobody has got through since.
    #[must_use]
    pub fn caused(&self, error: Error) -> Error {
        match self.last_failure() {
            Some(last) => because(error, last),
            None => error,
        }
    }
}

fn because(error: Error, last: Error) -> Error {
    if error.kind != Kind::Deadline {
        return error;
    }
    let mut error = error;
    error.message = format!("{}; the last failure: {last}", error.message);
    error.caused_by(last)
}

pub(super) fn out_of_time() -> Error {
    Error::new(Kind::Deadline, "the time limit of this call has passed")
        .with_hint("give a longer timeout=, or push the rest: result.resume_from says where it begins")
}
