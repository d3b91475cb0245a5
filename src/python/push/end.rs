//! The end of a push: the delivery is waited for, and the exact result returned or raised.

use pyo3::prelude::*;

use super::{Phase, Push};
use crate::delivery::report::Report;
use crate::python::operation::{Step, Work};
use crate::python::reading::Early;
use crate::python::runtime::{Received, check, lost};
use crate::python::{notices, results};

impl Push {
    /// Waits for the delivery; once it is over, so is the push.
    pub(super) fn settle(&mut self, py: Python<'_>) -> PyResult<Step> {
        let ending = matches!(self.early, Some(Early::Interrupted(_)));
        match self.running.look() {
            Received::NotYet if ending => return Ok(Step::Ending),
            Received::NotYet => {
                if let Err(raised) = self.tell(py) {
                    self.end_early(Early::Interrupted(raised));
                    return Ok(Step::Again);
                }
                return Ok(Step::Wait);
            }
            Received::Lost if !ending => self.early = Some(Early::Interrupted(lost(py))),
            // Ctrl-C in the very moment of the last answer still finds its result.
            Received::Done(()) if self.early.is_none() => {
                self.early = self.log(py).and_then(|()| check(py)).err().map(Early::Interrupted);
            }
            // What ended it early counts for more than what a handler of the log raises.
            Received::Done(()) if !ending => drop(self.log(py)),
            Received::Done(()) | Received::Lost => {}
        }
        let early = self.early.take().or_else(|| self.delivery.failure().map(Early::Failed));
        // What ended it early counts for more than what is raised by whoever is shown that it has.
        let shown = self.show_end(py).err().map(Early::Interrupted);
        let early = early.or(shown);
        let result = self.report(py)?;
        match early {
            None => Ok(Step::Done(result.unbind())),
            Some(early) => Err(self.raise(py, early, &result)?),
        }
    }

    /// Begins nothing more. Rows that were handed over are still sent, unless the caller wants to be gone.
    pub(super) fn end_early(&mut self, early: Early) {
        if matches!(early, Early::Interrupted(_)) {
            self.delivery.finish();
        }
        self.queue.close();
        self.early = Some(early);
        if !matches!(self.phase, Phase::Open { .. } if self.opening.replace) {
            self.phase = Phase::Settle;
        }
    }

    /// Logs what there is to know, and shows how far it has come to whoever wants to see it.
    pub(super) fn tell(&mut self, py: Python<'_>) -> PyResult<()> {
        self.log(py)?;
        self.show(py)
    }

    /// The same on the way to the next step; what is raised there ends the push.
    pub(super) fn told(&mut self, py: Python<'_>, step: Step) -> Step {
        match self.tell(py) {
            Ok(()) => step,
            Err(raised) => {
                self.interrupt(raised);
                Step::Again
            }
        }
    }

    pub(super) fn log(&self, py: Python<'_>) -> PyResult<()> {
        notices::log(py, &self.sink.route.place, &self.delivery.notices())
    }

    pub(super) fn report<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let read = self.read(py);
        let elapsed = self.sink.route.clock.now() - self.started;
        let (problems, ledger) = (self.encoder.problems(), self.queue.ledger());
        let report =
            Report::new(read, problems, self.options.skip_invalid, 0, &ledger, &self.delivery.meter(), elapsed)
                .with_refused(self.delivery.refused(), problems, 0, self.options.max_errors);
        results::push_result(py, &report, self.delivery.is_emptied())
    }

    /// Rows taken from the caller so far.
    pub(super) fn read(&self, py: Python<'_>) -> u64 {
        let left = self.rows.as_ref().map_or(0, |rows| rows.left(py));
        self.encoder.rows_read().max(self.checked) + left as u64
    }

    /// The exception for `early`, with the result in it.
    pub(super) fn raise(&self, py: Python<'_>, early: Early, result: &Bound<'_, PyAny>) -> PyResult<PyErr> {
        let raised = early.into_raised(py, &self.encoder)?;
        results::with_result(py, &raised, result)?;
        Ok(raised)
    }
}
