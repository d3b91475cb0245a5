//! The disk as a place where rows wait.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::{Handle, RuntimeFlavor};

use super::DiskQueue;
use super::record::StoredDeadLetter;
use crate::delivery::queue::RowState;
use crate::delivery::queue::batch::Batch;
use crate::delivery::queue::calendar::Calendar;
use crate::delivery::queue::level::Counters;
use crate::delivery::queue::store::Store;
use crate::error::{Error, Result};
use crate::rows::encode::Run;

impl Store for DiskQueue {
    /// Once this returns, they are on the disk. Where another caller's commit took them along, that one hears whether
    /// that is worth waking anybody.
    fn accept(&self, runs: &mut dyn Iterator<Item = Run>, full: [u64; 2]) -> Result<bool> {
        waiting(|| {
            self.is_ours()?;
            let (runs, mut stirs): (Vec<_>, _) = (runs.collect(), false);
            if !runs.is_empty() {
                self.group.commit(runs, |members| self.commit(members, full, &mut stirs))?;
            }
            Ok(stirs)
        })
    }

    fn has_room(&self, bytes: Option<u64>) -> bool {
        let used = self.counters().used();
        bytes.map_or(used < self.capacity, |bytes| used + bytes <= self.capacity)
    }

    /// Dead letters go first.
    fn drop_oldest(&self, bytes: u64) -> Result<u64> {
        waiting(|| self.with("dropping rows from", |database| database.drop_oldest(bytes)))
    }

    fn number_batches_after(&self, last: u64) -> Result<()> {
        self.with("numbering", |database| {
            database.transaction.numbering.start(last);
            Ok(())
        })
    }

    fn renumber(&self, batch: &Batch, last: u64) -> Result<()> {
        waiting(|| self.with("numbering", |database| database.renumber(batch, last)))
    }

    fn take(&self, max_rows: usize, max_bytes: usize) -> Result<Option<Batch>> {
        waiting(|| self.with("reading", |database| database.take(max_rows, max_bytes)))
    }

    fn has_more(&self) -> bool {
        let counters = self.counters();
        counters.rows > 0 || counters.inherited_left > 0
    }

    fn issue(&self, batch: &mut Batch) -> Result<()> {
        let sequence_number = waiting(|| self.with("writing to", |database| database.issue(batch)))?;
        batch.give_sequence_number(sequence_number);
        Ok(())
    }

    /// What is in doubt stays in the file as sent.
    fn release_unsettled(&self, batch: &Batch, in_doubt: bool) -> Result<bool> {
        if !in_doubt {
            waiting(|| {
                self.with("writing to", |database| {
                    database.recall(batch);
                    Ok(())
                })
            })?;
        }
        Ok(in_doubt)
    }

    fn settle(&self, batch: &Batch, state: RowState, why: Option<&Error>) -> Result<bool> {
        let letter = why.map(|why| StoredDeadLetter::new(batch, state == RowState::InDoubt, why, self.calendar.now()));
        waiting(|| self.with("settling rows in", |database| Ok(database.settle(batch, letter))))
    }

    fn release(&self) {
        self.close();
    }

    fn counters(&self) -> Counters {
        *self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn calendar(&self) -> Option<&Calendar> {
        Some(&self.calendar)
    }
}

/// How many threads of runtimes wait for the disk.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// Work that waits for the disk. The last thread of a runtime that is free hands its other tasks on first; those before it
/// do not, since each that does may begin one thread more, which stays.
fn waiting<T>(work: impl FnOnce() -> T) -> T {
    let Some(runtime) = Handle::try_current().ok().filter(|it| it.runtime_flavor() == RuntimeFlavor::MultiThread)
    else {
        return work();
    };
    let waits = Waits::begin();
    if waits.all < runtime.metrics().num_workers() { work() } else { tokio::task::block_in_place(work) }
}

/// One that waits, until it is dropped.
struct Waits {
    /// How many wait, with this one.
    all: usize,
}

impl Waits {
    fn begin() -> Self {
        Self { all: WAITING.fetch_add(1, Ordering::Relaxed) + 1 }
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use tokio::runtime::Builder;
    use tokio::time::timeout;

    use super::*;

    const WATCHDOG: Duration = Duration::from_secs(30);

    #[test]
    fn however_many_wait_for_the_disk_others_go_on() {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_time().build().expect("threads");
        let (ends, disks): (Vec<_>, Vec<_>) = (0..5).map(|_| channel::<()>()).unzip();
        let went_on = runtime.block_on(async {
            let begun = disks.into_iter().map(|disk| tokio::spawn(async move { waiting(|| disk.recv().is_err()) }));
            let waiting: Vec<_> = begun.collect();
            let others = async {
                for _ in 0..100 {
                    tokio::spawn(tokio::task::yield_now()).await.expect("no panic");
                }
            };
            let went_on = timeout(WATCHDOG, others).await.is_ok();
            drop(ends);
            for one in waiting {
                assert!(one.await.expect("no panic"));
            }
            went_on
        });
        assert!(went_on);
    }
}
