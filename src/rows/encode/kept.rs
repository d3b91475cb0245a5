//! Rows that are all checked before the first of them is sent, and the bodies that were kept of it.
//!
//! ```text
//!  rows ──checked and encoded──▶ runs kept ─ full ─▶ checked alone
//!                                                └─▶ read again from here, once all is well
//! ```

use super::{Encoder, Filled, Mark, Run};

/// What is kept of rows that were checked.
#[derive(Debug)]
pub struct Kept {
    most: usize,
    runs: Vec<Run>,
    bytes: usize,
    /// Behind the last run.
    mark: Mark,
    full: bool,
}

impl Kept {
    /// Bodies of at most so many bytes.
    #[must_use]
    pub fn new(most: usize, encoder: &Encoder) -> Self {
        Self { most, runs: Vec::new(), bytes: 0, mark: encoder.mark(), full: false }
    }

    /// Takes what `encoder` has filled, as long as there is room and something to be sent; then has it check alone.
    pub fn take(&mut self, filled: Filled, encoder: &mut Encoder, useless: bool) {
        if useless {
            self.runs.clear();
        }
        let bytes = filled.run.as_ref().map_or(0, Run::bytes);
        self.full |= useless || self.bytes + bytes > self.most;
        let Some(run) = filled.run else { return };
        if self.full {
            encoder.only_check();
            encoder.reuse(run.into_memory());
            return;
        }
        self.bytes += run.bytes();
        self.mark = encoder.mark();
        self.runs.push(run);
    }

    /// The runs, and the row from which on they have to be read again, for which `encoder` is made ready; `None` where
    /// they are all there.
    #[must_use]
    pub fn into_runs(self, encoder: &mut Encoder) -> (Vec<Run>, Option<u64>) {
        let again = self.full.then_some(self.mark.row);
        if self.full {
            encoder.back_to(self.mark);
        }
        (self.runs, again)
    }
}
