//! How far a push has come, shown to a person or to the caller's function: at most twice a second, and at the end.

use std::time::{Duration, UNIX_EPOCH};

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{Phase, Push};
use crate::clock::Moment;
use crate::delivery::queue::RowState;
use crate::python::errors::face;
use crate::python::options::Progress;
use crate::python::reading::TIME_SLICE;

/// How often it is shown at most.
const EVERY: Duration = Duration::from_millis(500);
/// Nobody needs to see a push that is over before this.
const PATIENCE: Duration = Duration::from_secs(2);

/// Who is shown how far a push has come, and when the next time.
#[derive(Default)]
pub(super) struct Telling {
    next: Moment,
    /// Rows that there are, where that is known.
    total: Option<u64>,
    /// Reading must not go on for long without showing something.
    often: bool,
    /// What shows it, once there is something to show.
    bar: Option<Py<PyAny>>,
}

impl Telling {
    pub(super) fn new(py: Python<'_>, push: &Push, total: Option<usize>) -> PyResult<Self> {
        let patience = if matches!(push.options.progress, Progress::WhereWatched) { PATIENCE } else { EVERY };
        let total = total.map(|total| total as u64);
        let often = match push.options.progress {
            Progress::Never => false,
            Progress::Always | Progress::Function(_) => true,
            // A list is read at once, and a generator may wait for each of its rows.
            Progress::WhereWatched => {
                total.is_none() && face(py, "display.bar")?.call_method0("is_watched")?.extract()?
            }
        };
        Ok(Self { next: push.started + patience, total, often, bar: None })
    }

    /// How long rows may be read without a pause.
    pub(super) fn time_slice(&self, soon: bool) -> Option<Duration> {
        soon.then_some(TIME_SLICE).or(self.often.then_some(EVERY))
    }
}

impl Push {
    /// Shows how far it has come, if it is time to.
    pub(super) fn show(&mut self, py: Python<'_>) -> PyResult<()> {
        let now = self.sink.route.clock.now();
        if matches!(self.options.progress, Progress::Never) || now < self.telling.next {
            return Ok(());
        }
        self.telling.next = now + EVERY;
        self.show_now(py)
    }

    /// Shows how it ended.
    pub(super) fn show_end(&mut self, py: Python<'_>) -> PyResult<()> {
        if matches!(self.options.progress, Progress::Always | Progress::Function(_)) || self.telling.bar.is_some() {
            self.show_now(py)?;
        }
        match self.telling.bar.take() {
            Some(bar) => bar.call_method0(py, "close").map(drop),
            None => Ok(()),
        }
    }

    fn show_now(&mut self, py: Python<'_>) -> PyResult<()> {
        if let Progress::Function(function) = &self.options.progress {
            return function.call1(py, (self.progress(py)?,)).map(drop);
        }
        if self.telling.bar.is_none() {
            let always = matches!(self.options.progress, Progress::Always);
            let bar = face(py, "display.bar")?.call_method1("bar", (always,))?;
            if bar.is_none() {
                self.options.progress = Progress::Never;
                return Ok(());
            }
            self.telling.often = true;
            self.telling.bar = Some(bar.unbind());
        }
        match &self.telling.bar {
            Some(bar) => bar.call1(py, (self.progress(py)?,)).map(drop),
            None => Ok(()),
        }
    }

    /// Python's `Progress`.
    fn progress<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (read, meter, status) = (self.read(py), self.delivery.meter(), self.delivery.status());
        let ended = matches!(self.phase, Phase::Settle) && self.early.is_none();
        let until = status.as_ref().and_then(|status| status.until?.duration_since(UNIX_EPOCH).ok());
        let fields = PyDict::new(py);
        fields.set_item("read", read)?;
        fields.set_item("confirmed", self.queue.ledger().count(RowState::Confirmed))?;
        fields.set_item("total", self.telling.total.or(ended.then_some(read)))?;
        fields.set_item("requests", meter.requests)?;
        fields.set_item("retries", meter.retries)?;
        fields.set_item("waiting", status.map(|status| status.why))?;
        fields.set_item("until", until.map(|until| until.as_secs_f64()))?;
        face(py, "delivery.progress")?.getattr("progress")?.call((), Some(&fields))
    }
}
