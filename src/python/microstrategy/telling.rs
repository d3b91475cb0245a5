//! How far a push has come, shown to a person or to the caller's function: at most twice a second, and at the end.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::clock::{Clock, Moment};
use crate::python::errors::face;
use crate::python::options::Progress;

/// How often it is shown at most.
const EVERY: Duration = Duration::from_millis(500);
/// Nobody needs to see a push that is over before this.
const PATIENCE: Duration = Duration::from_secs(2);

/// Who is shown how far a push has come, and when the next time.
pub(super) struct Telling {
    progress: Progress,
    clock: Clock,
    next: Moment,
    bar: Option<Py<PyAny>>,
}

/// What there is to show.
#[derive(Default)]
pub(super) struct Shown {
    pub(super) read: u64,
    pub(super) confirmed: u64,
    pub(super) total: Option<u64>,
    pub(super) requests: u64,
    pub(super) retries: u64,
    pub(super) waiting: Option<String>,
}

impl Telling {
    pub(super) fn new(progress: Progress, clock: Clock) -> Self {
        let patience = if matches!(progress, Progress::WhereWatched) { PATIENCE } else { EVERY };
        Self { next: clock.now() + patience, progress, clock, bar: None }
    }

    /// How long rows may be read without a pause.
    pub(super) fn time_slice(&self) -> Option<Duration> {
        (!matches!(self.progress, Progress::Never)).then_some(EVERY)
    }

    /// Shows it, if it is time to.
    pub(super) fn show(&mut self, py: Python<'_>, shown: impl FnOnce() -> Shown) -> PyResult<()> {
        if matches!(self.progress, Progress::Never) || self.clock.now() < self.next {
            return Ok(());
        }
        self.next = self.clock.now() + EVERY;
        self.show_now(py, shown())
    }

    /// Shows how it ended.
    pub(super) fn end(&mut self, py: Python<'_>, shown: Shown) -> PyResult<()> {
        if matches!(self.progress, Progress::Always | Progress::Function(_)) || self.bar.is_some() {
            self.show_now(py, shown)?;
        }
        self.close(py)
    }

    /// Takes the bar away.
    pub(super) fn close(&mut self, py: Python<'_>) -> PyResult<()> {
        match self.bar.take() {
            Some(bar) => bar.call_method0(py, "close").map(drop),
            None => Ok(()),
        }
    }

    fn show_now(&mut self, py: Python<'_>, shown: Shown) -> PyResult<()> {
        let fields = PyDict::new(py);
        fields.set_item("read", shown.read)?;
        fields.set_item("confirmed", shown.confirmed)?;
        fields.set_item("total", shown.total)?;
        fields.set_item("requests", shown.requests)?;
        fields.set_item("retries", shown.retries)?;
        fields.set_item("waiting", shown.waiting)?;
        fields.set_item("until", None::<f64>)?;
        let progress = face(py, "delivery.progress")?.getattr("progress")?.call((), Some(&fields))?;
        if let Progress::Function(function) = &self.progress {
            return function.call1(py, (progress,)).map(drop);
        }
        if self.bar.is_none() {
            let always = matches!(self.progress, Progress::Always);
            let bar = face(py, "display.bar")?.call_method1("bar", (always,))?;
            if bar.is_none() {
                self.progress = Progress::Never;
                return Ok(());
            }
            self.bar = Some(bar.unbind());
        }
        match &self.bar {
            Some(bar) => bar.call1(py, (progress,)).map(drop),
            None => Ok(()),
        }
    }
}
