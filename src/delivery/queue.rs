//! Where rows wait: runs go in, batches are cut when they are taken, and every batch is settled once.
//!
//! ```text
//!  accept ─▶ [run][run][run] ─take─▶ batch ─issue─▶ on the wire ─▶ settle ─▶ ledger
//!                 └── withdraw: what no one has taken will not be sent
//! ```
//!
//! The runs wait in memory; in files without a name, where they are many, see [`Pile`]; or on the disk, where they outlive
//! the process, see [`DiskQueue`].
//!
//! Rows are counted here from 0 in the order in which they were accepted; the report turns that into the
//! caller's own counting.

mod admitted;
mod batch;
mod calendar;
mod disk;
mod ledger;
mod level;
mod memory;
mod numbering;
mod pile;
mod spare;
mod spool;
mod spooled;
mod store;
mod taken;

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};

use tokio::sync::{Notify, watch};

pub use self::admitted::Admitted;
pub use self::batch::Batch;
pub use self::disk::{
    DeadLetter, Destination, DiskQueue, Loss, Part, QueueNotice, Reader, Settings, StoredRows, after_fork, before_fork,
};
pub use self::ledger::{Ledger, RowState};
pub use self::level::{Level, Stats};
pub use self::pile::Pile;
pub use self::spool::Spool;

use self::calendar::Calendar;
use self::memory::Memory;
use self::spare::Spare;
use self::spooled::InPiles;
use self::store::Store;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::rows::encode::{Framing, Run};

/// Rows on their way.
pub struct Queue {
    store: Arc<dyn Store>,
    /// The same, where it is on the disk.
    disk: Option<Arc<DiskQueue>>,
    gate: Mutex<Gate>,
    /// Shared by those who settle, until the ledger knows: whoever reads it does not find rows without an end of which the
    /// store says that they have one.
    settling: RwLock<()>,
    /// The number of the first row that is accepted here.
    start: u64,
    /// Wakes workers: there is something to take, or never will be again.
    filled: Notify,
    /// How many rows and bytes a request holds; see [`Queue::full_at`].
    full: [AtomicU64; 2],
    /// Wakes whoever waits for a full request.
    stirred: watch::Sender<()>,
    /// Wakes the caller: there may be room.
    drained: Box<dyn Fn() + Send + Sync>,
    /// What bodies were made in; a sender's rows come too seldom for it.
    spare: Option<Spare>,
}

#[derive(Debug, Default)]
struct Gate {
    closed: bool,
    withdrawn: bool,
    /// How many are about to hand over rows; see [`Queue::admit`].
    admitted: usize,
    /// What became of the rows that were accepted here.
    ledger: Ledger,
    /// The same for those that an earlier process had accepted.
    inherited: Ledger,
}

impl Gate {
    /// Records the state of `rows`, of which those from `start` on were accepted here.
    fn record(&mut self, rows: Range<u64>, start: u64, state: RowState, resent: bool) {
        let border = start.clamp(rows.start, rows.end);
        self.inherited.record(rows.start..border, state, resent);
        self.ledger.record(border..rows.end, state, resent);
    }

    /// Whether no more rows will come; `None` where nothing is given out any more.
    fn still_gives(&self) -> Option<bool> {
        (!self.withdrawn).then_some(self.closed && self.admitted == 0)
    }
}

impl Queue {
    /// An empty queue for one push: it takes about `capacity` bytes of rows, and always at least one run; a batch is
    /// never more than one run. `drained` is called whenever there may be room again.
    #[must_use]
    pub fn new(capacity: usize, drained: impl Fn() + Send + Sync + 'static) -> Self {
        Self { spare: Some(Spare::default()), ..Self::on(Arc::new(Memory::new(capacity)), drained) }
    }

    /// An empty queue for a sender, whose rows come one by one: they are kept together, and count as old as the first of them;
    /// a batch is as many neighbouring rows as one request holds.
    #[must_use]
    pub fn compact(capacity: usize, clock: Clock, drained: impl Fn() + Send + Sync + 'static) -> Self {
        Self::on(Arc::new(Memory::compact(capacity, Calendar::new(clock))), drained)
    }

    /// The same on the disk: what is accepted outlives the process.
    #[must_use]
    pub fn on_the_disk(disk: DiskQueue, drained: impl Fn() + Send + Sync + 'static) -> Self {
        let disk = Arc::new(disk);
        Self { disk: Some(Arc::clone(&disk)), ..Self::on(disk, drained) }
    }

    /// The rows of `piles`, which lie in files, and further ones, which wait in `folder`.
    #[must_use]
    pub fn in_piles(folder: PathBuf, piles: Vec<Pile>) -> Self {
        Self { start: 0, ..Self::on(Arc::new(InPiles::new(folder, piles)), || ()) }
    }

    fn on(store: Arc<dyn Store>, drained: impl Fn() + Send + Sync + 'static) -> Self {
        let start = store.counters().accepted;
        Self {
            store,
            disk: None,
            gate: Mutex::default(),
            settling: RwLock::default(),
            start,
            filled: Notify::new(),
            full: [AtomicU64::new(u64::MAX), AtomicU64::new(u64::MAX)],
            stirred: watch::Sender::new(()),
            drained: Box::new(drained),
            spare: None,
        }
    }

    /// Accepts `runs`, all of them or none. In memory there is always room; on the disk they are there to stay once
    /// this returns.
    pub fn accept(&self, runs: impl IntoIterator<Item = Run>) -> Result<()> {
        if self.ringing(|store| store.accept(&mut runs.into_iter(), self.full_now()))? {
            self.wake();
        }
        self.filled.notify_one();
        Ok(())
    }

    /// Accepts one bare row into memory, if there is room for it.
    pub fn accept_one(&self, framing: &'static Framing, bare: &[u8]) -> Result<bool> {
        let gate = self.gate();
        gate.refuse_late()?;
        let (accepted, stirs) = self.store.accept_one(framing, bare, self.full_now());
        drop(gate);
        if stirs {
            self.wake();
        }
        if accepted {
            self.filled.notify_one();
        }
        Ok(accepted)
    }

    fn full_now(&self) -> [u64; 2] {
        self.full.each_ref().map(|figure| figure.load(Ordering::Acquire))
    }

    /// Whether there is some room. Whoever finds none is woken by `drained`.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.store.has_room(None) || self.is_closed()
    }

    /// Whether there is room for `bytes` of rows.
    #[must_use]
    pub fn has_room_for(&self, bytes: usize) -> bool {
        self.store.has_room(Some(bytes as u64))
    }

    /// Drops the oldest rows that nobody has taken, until they come to `bytes`; answers how many. On the disk those
    /// that are dead letters go first.
    pub fn drop_oldest(&self, bytes: usize) -> Result<u64> {
        let dropped = self.store.drop_oldest(bytes as u64);
        (self.drained)();
        dropped
    }

    /// No more rows will come.
    pub fn close(&self) {
        self.gate().closed = true;
        self.tell_all();
    }

    /// Wakes everybody who waits for rows, or for room.
    fn tell_all(&self) {
        self.filled.notify_waiters();
        self.filled.notify_one();
        self.wake();
        (self.drained)();
    }

    /// Whether rows can still be accepted to some use.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.gate().closed
    }

    /// What no worker has taken will not be sent from here. On the disk it stays for the next process.
    pub fn withdraw(&self) {
        self.gate().withdrawn = true;
        self.store.forget_untaken();
        self.close();
    }

    /// Numbers batches from now on, from behind the greater of `last` and the last sequence number that was ever given.
    pub fn number_batches_after(&self, last: u64) -> Result<()> {
        self.store.number_batches_after(last)
    }

    /// The service has forgotten its sequence numbers and knows none but `last`: `batch`, which no attempt has had
    /// applied, is given the one behind it with the next [`Queue::issue`].
    pub fn renumber(&self, batch: &mut Batch, last: u64) -> Result<()> {
        batch.give_sequence_number(None);
        self.store.renumber(batch, last)
    }

    /// The next rows for one request; waits for them, and is `None` when there will be none.
    pub async fn take(&self, max_rows: usize, max_bytes: usize) -> Result<Option<Batch>> {
        loop {
            let mut filled = std::pin::pin!(self.filled.notified());
            filled.as_mut().enable();
            let Some(closed) = self.gate().still_gives() else { return Ok(None) };
            if let Some(batch) = self.ringing(|store| store.take(max_rows, max_bytes))? {
                if self.store.has_more() {
                    self.filled.notify_one();
                }
                return Ok(Some(batch));
            }
            if closed {
                return Ok(None);
            }
            filled.await;
        }
    }

    /// To be called before the first byte of `batch` leaves, each time it is sent: once this returns it has its sequence
    /// number, and is known to have been sent, perhaps, also to the next process.
    pub fn issue(&self, batch: &mut Batch) -> Result<()> {
        self.ringing(|store| store.issue(batch))
    }

    /// Does `work`, and wakes the caller where rows were found to be lost, which nobody will settle.
    fn ringing<T>(&self, work: impl FnOnce(&dyn Store) -> T) -> T {
        let first = || self.disk.as_ref().map(|_| self.first_pending());
        let before = first();
        let done = work(&*self.store);
        if first() > before {
            (self.drained)();
        }
        done
    }

    /// Nobody tries `batch` any more, and it has no end: where it is `in_doubt` whether it was applied, that is what
    /// the ledger says; on the disk it stays for the next process, which need not count it as sent twice otherwise.
    pub fn release_unsettled(&self, batch: &Batch, in_doubt: bool) -> Result<()> {
        let _settling = self.settling.read().unwrap_or_else(PoisonError::into_inner);
        if self.store.release_unsettled(batch, in_doubt)? {
            self.gate().record(batch.row_range(), self.start, RowState::InDoubt, false);
        }
        Ok(())
    }

    /// The last word on a batch. `resent` says that an earlier attempt was in doubt, also one of an earlier process;
    /// see [`Batch::maybe_sent`].
    pub fn settle(&self, batch: &Batch, state: RowState, resent: bool) -> Result<()> {
        self.end(batch, state, resent, None)
    }

    /// The same for rows that the service refused, or that ended in doubt, because of `why`. On the disk they become
    /// dead letters, until somebody retries or drops them.
    pub fn settle_as_dead_letter(&self, batch: &Batch, state: RowState, why: &Error) -> Result<()> {
        self.end(batch, state, false, Some(why))
    }

    fn end(&self, batch: &Batch, state: RowState, resent: bool, why: Option<&Error>) -> Result<()> {
        let settling = self.settling.read().unwrap_or_else(PoisonError::into_inner);
        if self.store.settle(batch, state, why)? {
            self.gate().record(batch.row_range(), self.start, state, resent);
        }
        drop(settling);
        (self.drained)();
        Ok(())
    }

    /// Waits until nobody settles anything; whoever wants to waits meanwhile.
    fn nobody_settles(&self) -> RwLockWriteGuard<'_, ()> {
        self.settling.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the memory of a batch that is settled for [`Queue::spare`].
    pub fn recycle(&self, batch: Batch) {
        if let Some(spare) = &self.spare {
            spare.put(batch.into_memory());
        }
    }

    /// Memory for a body to come, if some has come back.
    #[must_use]
    pub fn spare(&self) -> Option<Vec<u8>> {
        self.spare.as_ref()?.take()
    }

    /// Puts the dead letters behind the rows that wait; answers how many rows that were.
    pub fn retry_dead_letters(&self) -> Result<u64> {
        let Some(disk) = self.on_disk() else { return Ok(0) };
        let rows = disk.retry()?;
        self.wake();
        self.filled.notify_one();
        Ok(rows)
    }

    /// To be called once nobody accepts or takes any more: others may open the file now. The counters stay.
    pub fn release(&self) {
        self.store.release();
    }

    /// The queue on the disk, where it is one.
    #[must_use]
    pub fn on_disk(&self) -> Option<&DiskQueue> {
        self.disk.as_deref()
    }

    /// What has become of the rows that were accepted here.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        let _account = self.nobody_settles();
        self.gate().ledger.clone()
    }

    /// What has become of the rows so far, in numbers.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let _account = self.nobody_settles();
        let counters = self.store.counters();
        let gate = self.gate();
        counters.stats(self.start, self.store.calendar(), [&gate.inherited, &gate.ledger])
    }

    /// The rows that nobody has taken yet.
    #[must_use]
    pub fn waiting(&self) -> Level {
        self.store.counters().waiting(self.store.calendar())
    }

    /// The number of the next row to be taken.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.store.counters().next
    }

    /// Has whoever waits for a full request look again.
    pub fn wake(&self) {
        self.stirred.send_replace(());
    }

    /// Has whoever waits for a full request woken by the first row, and by the one that makes so many rows or bytes;
    /// those in between come at the price of a lock.
    pub fn full_at(&self, rows: usize, bytes: usize) {
        self.full[0].store(rows as u64, Ordering::Release);
        self.full[1].store(bytes as u64, Ordering::Release);
        self.wake();
    }

    /// The number of the first row that is not settled; that of the next row where there is none.
    #[must_use]
    pub fn first_pending(&self) -> u64 {
        self.store.counters().first_pending()
    }

    /// Whether batches of an earlier process wait, which need not wait for others.
    #[must_use]
    pub fn has_inherited(&self) -> bool {
        self.store.counters().inherited_left > 0
    }

    /// How many rows were ever accepted.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.store.counters().accepted
    }

    /// Changes whenever it is worth looking whether a request is full.
    #[must_use]
    pub fn stirred(&self) -> watch::Receiver<()> {
        self.stirred.subscribe()
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("store", &self.store).field("gate", &self.gate).finish_non_exhaustive()
    }
}
