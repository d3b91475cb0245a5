//! The two places where rows wait, behind one set of verbs.

use super::Fate;
use super::batch::Batch;
use super::calendar::Calendar;
use super::durable::Durable;
use super::level::Water;
use super::memory::Memory;
use crate::error::{Error, Result};
use crate::rows::encode::{Framing, Run};

/// Where rows wait.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one for each sender or push")]
pub(super) enum Store {
    Memory(Memory),
    Durable(Box<Durable>),
}

impl Store {
    /// Answers whether that is worth waking who waits for a `full` request; see [`super::level::stirs`].
    pub(super) fn accept(&self, runs: impl Iterator<Item = Run>, full: [u64; 2]) -> Result<bool> {
        match self {
            Self::Memory(memory) => Ok(memory.accept(runs, full)),
            Self::Durable(durable) => waiting(|| durable.accept(runs.collect(), full)),
        }
    }

    /// Accepts one row, where that is no work and there is room for it; answers whether it did, and whether that is worth
    /// waking who waits for a `full` request.
    pub(super) fn accept_one(&self, framing: &'static Framing, bare: &[u8], full: [u64; 2]) -> (bool, bool) {
        match self {
            Self::Memory(memory) => memory.accept_one(framing, bare, full),
            Self::Durable(_) => (false, false),
        }
    }

    pub(super) fn has_room(&self, bytes: Option<u64>) -> bool {
        match self {
            Self::Memory(memory) => memory.has_room(bytes),
            Self::Durable(durable) => durable.has_room(bytes),
        }
    }

    pub(super) fn drop_oldest(&self, bytes: u64) -> Result<u64> {
        match self {
            Self::Memory(memory) => Ok(memory.drop_oldest(bytes)),
            Self::Durable(durable) => waiting(|| durable.drop_oldest(bytes)),
        }
    }

    /// What nobody took is no longer needed here.
    pub(super) fn forget_untaken(&self) {
        if let Self::Memory(memory) = self {
            memory.forget_untaken();
        }
    }

    pub(super) fn number_from(&self, last: u64) -> Result<()> {
        match self {
            Self::Memory(memory) => {
                memory.number_from(last);
                Ok(())
            }
            Self::Durable(durable) => durable.number_from(last),
        }
    }

    /// Numbers go on behind `last`; the batch has none.
    pub(super) fn number_anew(&self, batch: &Batch, last: u64) -> Result<()> {
        match self {
            Self::Memory(memory) => {
                memory.number_anew(batch, last);
                Ok(())
            }
            Self::Durable(durable) => waiting(|| durable.number_anew(batch, last)),
        }
    }

    pub(super) fn take(&self, max_rows: usize, max_bytes: usize) -> Result<Option<Batch>> {
        match self {
            Self::Memory(memory) => Ok(memory.take(max_rows, max_bytes)),
            Self::Durable(durable) => waiting(|| durable.take(max_rows, max_bytes)),
        }
    }

    /// Whether there is more to take.
    pub(super) fn has_more(&self) -> bool {
        match self {
            Self::Memory(memory) => memory.has_more(),
            Self::Durable(durable) => durable.has_more(),
        }
    }

    pub(super) fn issue(&self, batch: &mut Batch) -> Result<()> {
        match self {
            Self::Memory(memory) => {
                memory.issue(batch);
                Ok(())
            }
            Self::Durable(durable) => waiting(|| durable.issue(batch)),
        }
    }

    /// Nobody tries the batch any more; answers whether it ends in doubt.
    pub(super) fn leave(&self, batch: &Batch, in_doubt: bool) -> Result<bool> {
        match self {
            Self::Memory(memory) => Ok(in_doubt && memory.settle(batch)),
            Self::Durable(_) if in_doubt => Ok(true),
            Self::Durable(durable) => waiting(|| durable.recall(batch)).map(|()| false),
        }
    }

    /// Forgets the batch, or sets its rows aside for `why`; answers whether it was there.
    pub(super) fn settle(&self, batch: &Batch, fate: Fate, why: Option<&Error>) -> Result<bool> {
        match self {
            Self::Memory(memory) => Ok(memory.settle(batch)),
            Self::Durable(durable) => waiting(|| durable.settle(batch, fate, why)),
        }
    }

    /// Others may have the file.
    pub(super) fn release(&self) {
        if let Self::Durable(durable) = self {
            durable.close();
        }
    }

    pub(super) fn water(&self) -> Water {
        match self {
            Self::Memory(memory) => memory.water(),
            Self::Durable(durable) => durable.water(),
        }
    }

    pub(super) fn calendar(&self) -> Option<&Calendar> {
        match self {
            Self::Memory(memory) => memory.calendar(),
            Self::Durable(durable) => Some(durable.calendar()),
        }
    }

    pub(super) fn durable(&self) -> Option<&Durable> {
        match self {
            Self::Memory(_) => None,
            Self::Durable(durable) => Some(durable),
        }
    }
}

/// Work that waits for the disk; a thread that has other tasks hands them on first.
fn waiting<T>(work: impl FnOnce() -> T) -> T {
    let flavor = tokio::runtime::Handle::try_current().map(|runtime| runtime.runtime_flavor());
    if flavor.is_ok_and(|flavor| flavor == tokio::runtime::RuntimeFlavor::MultiThread) {
        return tokio::task::block_in_place(work);
    }
    work()
}
