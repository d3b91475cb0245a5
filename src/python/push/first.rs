//! What a push asks of the service before its first row: that old rows be deleted, and where numbers begin.

use pyo3::prelude::*;

use super::{Phase, Push, encoder, interrupted};
use crate::encode::Run;
use crate::python::errors;
use crate::python::operation::Step;
use crate::python::reading::Stop;
use crate::python::runtime::{Received, Running, lost};

impl Push {
    /// Finds out which number the first batch has, where batches are numbered.
    pub(super) fn number(&mut self, py: Python<'_>, kept: Option<Vec<Run>>) -> Result<(), Stop> {
        match self.first.last_number.take() {
            Some(asking) => {
                let running = Running::start(&self.bell, asking(self.lane.watch())).map_err(interrupted)?;
                self.phase = Phase::Number { running, kept };
                Ok(())
            }
            None => self.hand_over(py, kept),
        }
    }

    pub(super) fn wait_for_number(&mut self, py: Python<'_>) -> Result<Step, Stop> {
        let Phase::Number { running, kept } = &mut self.phase else { return Ok(Step::Again) };
        let last = match running.look() {
            Received::NotYet => return Ok(Step::Wait),
            Received::Lost => return Err(interrupted(lost())),
            Received::Done(Err(error)) => return Err(interrupted(errors::to_py(py, &error))),
            Received::Done(Ok(last)) => last,
        };
        let kept = kept.take();
        self.outbox.number_from(last).map_err(|error| interrupted(errors::to_py(py, &error)))?;
        self.hand_over(py, kept)?;
        Ok(Step::Again)
    }

    /// Waits until the rows that are to be replaced are gone.
    pub(super) fn wait_until_empty(&mut self, py: Python<'_>) -> Result<Step, Stop> {
        let Phase::Empty { running, kept } = &mut self.phase else { return Ok(Step::Again) };
        match running.look() {
            Received::NotYet => return Ok(Step::Wait),
            Received::Lost => return Err(interrupted(lost())),
            Received::Done(Err(error)) => return Err(interrupted(errors::to_py(py, &error))),
            Received::Done(Ok(())) => {}
        }
        let kept = kept.take();
        self.emptied = true;
        self.number(py, kept)?;
        Ok(Step::Again)
    }

    /// Everything is checked: hands over what was kept, or begins to read again.
    pub(super) fn hand_over(&mut self, py: Python<'_>, kept: Option<Vec<Run>>) -> Result<(), Stop> {
        let ended = kept.is_some();
        if let Some(runs) = kept {
            self.accept(runs)?;
        } else {
            self.encoder = encoder(&self.target, &self.options);
            self.with_source(py, |_, source| source.rewind())?;
        }
        self.phase = Phase::Send { ready: None, ended };
        Ok(())
    }
}
