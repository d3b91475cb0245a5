//! What a push asks of the service before its first row: that old rows be deleted, and where numbers begin.

use pyo3::prelude::*;

use super::{Phase, Push, interrupted};
use crate::python::errors;
use crate::python::operation::Step;
use crate::python::reading::{Early, Stop};
use crate::python::runtime::{Received, Running, lost};
use crate::rows::encode::Kept;

impl Push {
    /// Finds out which number the first batch has, where batches are numbered.
    pub(super) fn number(&mut self, py: Python<'_>, kept: Option<Kept>) -> Result<(), Stop> {
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
            Received::NotYet => return self.wait(),
            Received::Lost => return Err(interrupted(lost(py))),
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
            Received::NotYet => return self.wait(),
            Received::Lost => return Err(interrupted(lost(py))),
            Received::Done(Err(error)) => return Err(interrupted(errors::to_py(py, &error))),
            Received::Done(Ok(())) => {}
        }
        let kept = kept.take();
        self.emptied = true;
        self.number(py, kept)?;
        Ok(Step::Again)
    }

    /// Waits for the service, no longer than the lane does: it keeps the time limit of the whole call.
    fn wait(&self) -> Result<Step, Stop> {
        let Some(error) = self.lane.failure() else { return Ok(Step::Wait) };
        let hint = match self.phase {
            Phase::Empty { .. } => Some("whether the rows that were to be replaced are gone is not known"),
            _ => None,
        };
        Err(Stop::Early(Early::Failed(match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        })))
    }

    /// Hands over what was kept of the check, if there was one, and reads on or again from there.
    pub(super) fn hand_over(&mut self, py: Python<'_>, kept: Option<Kept>) -> Result<(), Stop> {
        let mut ended = false;
        if let Some(kept) = kept {
            let (runs, again) = kept.into_runs(&mut self.encoder);
            self.accept(runs)?;
            match again {
                Some(row) => self.with_source(py, |_, source| source.rewind(row))?,
                None => ended = true,
            }
        }
        self.phase = Phase::Send { ready: None, ended };
        Ok(())
    }
}
