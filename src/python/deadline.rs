//! The time limit of a call that does several things, one after the other.

use std::time::Duration;

use pyo3::prelude::*;

use super::options;
use crate::clock::{Clock, Moment};

/// A time limit that has begun.
#[pyclass(frozen, module = "powerbi_push._core")]
pub(super) struct Deadline {
    clock: Clock,
    at: Moment,
}

#[pymethods]
impl Deadline {
    #[new]
    fn new(timeout: &Bound<'_, PyAny>) -> PyResult<Self> {
        let clock = Clock::of_process();
        let at = clock.now() + options::required_seconds("timeout", timeout)?;
        Ok(Self { clock, at })
    }

    /// What is left of it, in seconds.
    #[getter(left)]
    fn seconds_left(&self) -> f64 {
        self.left().as_secs_f64()
    }
}

impl Deadline {
    /// What is left of it.
    pub(super) fn left(&self) -> Duration {
        self.at - self.clock.now()
    }

    /// Ends with it.
    pub(super) fn passing(&self) -> impl Future<Output = ()> + Send + 'static {
        let (clock, at) = (self.clock.clone(), self.at);
        async move { clock.deadline(at).await }
    }
}
