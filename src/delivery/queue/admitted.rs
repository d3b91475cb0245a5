//! Whoever came before the end, and has yet to hand over rows: the end waits for them.

use super::{Gate, Queue};
use crate::error::{Error, Kind, Result};

/// The right to hand over rows, had before the queue was closed.
#[derive(Debug)]
pub struct Admitted<'a>(&'a Queue);

impl Queue {
    /// Lets somebody hand over rows. While one of those is on the way, no worker takes a closed queue for drained.
    pub fn admit(&self) -> Result<Admitted<'_>> {
        let mut gate = self.gate();
        gate.refuse_late()?;
        gate.admitted += 1;
        Ok(Admitted(self))
    }

    /// Whether nothing is given out any more.
    #[must_use]
    pub fn is_withdrawn(&self) -> bool {
        self.gate().withdrawn
    }

    /// Whether no more rows can come.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let gate = self.gate();
        gate.closed && gate.admitted == 0
    }
}

impl Gate {
    /// Refuses whoever comes after the end: nobody would look for the rows.
    pub(super) fn refuse_late(&self) -> Result<()> {
        if self.closed { Err(Error::new(Kind::Closed, "the sender is closed")) } else { Ok(()) }
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        let mut gate = self.0.gate();
        gate.admitted -= 1;
        let was_last = gate.closed && gate.admitted == 0;
        drop(gate);
        if was_last {
            self.0.tell_all();
        }
    }
}
