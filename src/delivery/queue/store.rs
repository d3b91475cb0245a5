//! What a place is where rows wait.

use std::fmt::Debug;

use super::RowState;
use super::batch::Batch;
use super::calendar::Calendar;
use super::level::Counters;
use crate::error::{Error, Result};
use crate::rows::encode::{Framing, Run};

/// Where rows wait. All of it may be called from several threads at once.
pub(super) trait Store: Debug + Send + Sync {
    /// Accepts `runs`, all of them or none; answers whether that is worth waking who waits for a `full` request, see
    /// [`super::level::stirs`].
    fn accept(&self, runs: &mut dyn Iterator<Item = Run>, full: [u64; 2]) -> Result<bool>;

    /// Accepts one row, where that is no work and there is room for it; answers whether it did, and whether that is worth
    /// waking who waits for a `full` request.
    fn accept_one(&self, _framing: &'static Framing, _bare: &[u8], _full: [u64; 2]) -> (bool, bool) {
        (false, false)
    }

    /// Whether there is room for `bytes` more, or for some.
    fn has_room(&self, bytes: Option<u64>) -> bool;

    /// Drops the oldest rows that nobody took until they come to `bytes`; answers how many rows went.
    fn drop_oldest(&self, bytes: u64) -> Result<u64>;

    /// What nobody took is no longer needed here. A store that outlives the process keeps it for the next one.
    fn forget_untaken(&self) {}

    /// Sequence numbers go on behind the greater of `last` and the last one that was given.
    fn number_batches_after(&self, last: u64) -> Result<()>;

    /// Sequence numbers go on behind `last`; the batch has none.
    fn renumber(&self, batch: &Batch, last: u64) -> Result<()>;

    /// The next rows for one request, if there are any.
    fn take(&self, max_rows: usize, max_bytes: usize) -> Result<Option<Batch>>;

    /// Whether there is more to take.
    fn has_more(&self) -> bool;

    /// The batch is about to be sent, and is given its sequence number.
    fn issue(&self, batch: &mut Batch) -> Result<()>;

    /// Nobody tries the batch any more; answers whether it ends in doubt. A store that ends with the process does not try
    /// again what is.
    fn release_unsettled(&self, batch: &Batch, in_doubt: bool) -> Result<bool> {
        if in_doubt { self.settle(batch, RowState::InDoubt, None) } else { Ok(false) }
    }

    /// Forgets the batch, or makes its rows dead letters for `why`; answers whether it was there.
    fn settle(&self, batch: &Batch, state: RowState, why: Option<&Error>) -> Result<bool>;

    /// Others may have the file.
    fn release(&self) {}

    /// What it counts of its rows.
    fn counters(&self) -> Counters;

    /// The time that rows grow old by, where they do.
    fn calendar(&self) -> Option<&Calendar>;
}
