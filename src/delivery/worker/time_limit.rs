//! The time limit of a call: what is said once it has passed, also of what kept the call until then.

use super::{Delivery, Waits};
use crate::error::{Error, Kind};

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
