//! Rows that are all checked before the first of them is sent, and the bodies that were kept of it.
//!
//! ```text
//!  rows ──checked and encoded──▶ runs kept ─ no room ─▶ checked alone
//!                                                   └─▶ read again from here, once all is well
//! ```

mod free;
mod huge_pages;
mod pack;
mod room;

use self::pack::Pack;
pub use self::room::{BOUNDLESS, FREE_MEMORY, LEAST, Room, Share};
use super::{Encoder, Filled, Mark, Run};

/// What is kept of rows that were checked.
#[derive(Debug)]
pub struct CheckedRows {
    share: Share,
    pack: Pack,
    runs: Vec<Run>,
    /// Behind the last run.
    mark: Mark,
    full: bool,
}

/// What was kept, once all is checked.
#[derive(Debug)]
pub struct Checked {
    /// The bodies.
    pub runs: Vec<Run>,
    /// The row from which on they have to be read again; `None` where they are all there.
    pub again: Option<u64>,
    /// The room that they take until it is dropped.
    pub share: Share,
}

impl CheckedRows {
    /// Bodies for which there is `room`.
    #[must_use]
    pub fn new(room: &'static Room, encoder: &Encoder) -> Self {
        Self { share: Share::of(room), pack: Pack::default(), runs: Vec::new(), mark: encoder.mark(), full: false }
    }

    /// Takes what `encoder` has filled, as long as there is room and something to be sent; then has it check alone.
    pub fn take(&mut self, filled: Filled, encoder: &mut Encoder, useless: bool) {
        if useless {
            self.runs.clear();
            self.share.give_back();
        }
        self.full |= useless;
        let Some(run) = filled.run else { return };
        // What comes behind the first that did not fit is not kept, and takes no room.
        self.full = self.full || !self.share.grow(run.bytes());
        if self.full {
            encoder.only_check();
            encoder.reuse(run.into_memory());
            return;
        }
        self.mark = encoder.mark();
        let copy = self.pack.copy(&run.body(0..run.rows()));
        let Some(body) = copy else { return self.runs.push(run) };
        let (run, memory) = run.moved_to(body);
        encoder.reuse(memory);
        self.runs.push(run);
    }

    /// What is kept; where rows have to be read again, `encoder` is made ready for them.
    #[must_use]
    pub fn into_checked(self, encoder: &mut Encoder) -> Checked {
        let again = self.full.then_some(self.mark.row);
        if self.full {
            encoder.back_to(self.mark);
        }
        Checked { runs: self.runs, again, share: self.share }
    }
}
