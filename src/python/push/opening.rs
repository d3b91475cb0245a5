//! What is waited for before the first row of a push: the sink is opened, its old rows deleted where they are replaced.

use pyo3::prelude::*;

use super::{Phase, Push, interrupted};
use crate::python::errors;
use crate::python::operation::Step;
use crate::python::reading::{Early, Stop};
use crate::python::runtime::{Received, lost};
use crate::rows::encode::{Checked, CheckedRows};

impl Push {
    /// Waits until the sink is open.
    pub(super) fn wait_until_open(&mut self, py: Python<'_>) -> Result<Step, Stop> {
        let Phase::Open { running, kept } = &mut self.phase else { return Ok(Step::Again) };
        match running.look() {
            Received::NotYet => return self.wait(),
            Received::Lost => return Err(interrupted(lost(py))),
            Received::Done(Err(error)) => return Err(interrupted(errors::to_py(py, &error))),
            Received::Done(Ok(())) => {}
        }
        let kept = kept.take();
        self.hand_over(py, kept)?;
        Ok(Step::Again)
    }

    /// Waits for the service, no longer than the delivery does: it keeps the time limit of the whole call.
    fn wait(&self) -> Result<Step, Stop> {
        let Some(error) = self.delivery.failure() else { return Ok(Step::Wait) };
        let is_half_done = self.opening.replace && !self.delivery.is_emptied();
        let hint = is_half_done.then_some("whether the rows that were to be replaced are gone is not known");
        Err(Stop::Early(Early::Failed(match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        })))
    }

    /// Hands over what was kept of the check, if there was one, and reads on or again from there.
    fn hand_over(&mut self, py: Python<'_>, kept: Option<CheckedRows>) -> Result<(), Stop> {
        let mut ended = false;
        if let Some(kept) = kept {
            let Checked { runs, again, share } = kept.into_checked(&mut self.encoder);
            self.kept = Some(share);
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
