//! Rows that wait on the disk: when they are accepted they survive `kill -9` and power loss.
//!
//! ```text
//!  accept ─▶ group ─▶ runs ──take──▶ batch ──issue──▶ batches ──settle──▶ gone
//!            (one fsync for all       (row range, number, sent?)   └──▶ dead letter ─▶ retry, drop, export
//!             who wait for it)
//! ```
//!
//! The file is an SQLite database with a write-ahead log. One process writes to it, others may read. It belongs to one
//! destination, of which it keeps a hash, and says itself how its rows are to be cut. Beside it lie `-lock`, and `-mark`,
//! which says what has to be in it; SQLite's own `-wal` and `-shm` come and go.

mod batch_states;
mod destination;
mod database;
mod dequeue;
mod failure;
mod metadata;
mod group;
mod transaction;
mod known_tables;
mod lock;
mod mark;
mod notice;
mod place;
mod reader;
mod record;
mod rows;
mod salvage;
mod schema;
mod dead_letters;
mod settings;
mod store;
mod strangers;
mod table;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use self::dead_letters::DeadLetter;
pub use self::destination::Destination;
pub use self::lock::{after_fork, before_fork};
pub use self::notice::{Loss, QueueNotice};
pub use self::reader::{Part, Reader};
pub use self::rows::StoredRows;
pub use self::settings::Settings;

use self::database::Database;
use self::destination::StoredDestination;
use self::failure::FileFailure;
use self::group::{Group, Member};
use self::lock::Lock;
use self::mark::MarkFile;
use self::place::{Place, keep_private};
use self::schema::Found;
use super::calendar::Calendar;
use super::level::{self, Counters};
use super::store::Store as _;
use crate::error::{Error, Kind, Result};
use crate::rows::encode::Run;

/// An outbox on the disk, open for writing by this process alone.
#[derive(Debug)]
pub struct DiskQueue {
    process: u32,
    path: PathBuf,
    capacity: u64,
    calendar: Calendar,
    group: Group,
    open: Mutex<Option<Open>>,
    /// For those who do not want to wait for the disk.
    counters: Mutex<Counters>,
}

/// The file, and the right to write to it.
#[derive(Debug)]
struct Open {
    database: Database,
    /// Given back after the file is closed.
    _lock: Lock,
}

impl DiskQueue {
    /// Opens the outbox. What an earlier process left is taken first; what it had sent without hearing the answer is
    /// taken as the same batches.
    pub fn open(settings: Settings) -> Result<Self> {
        let place = Place::find(&settings.path)?;
        let notice = place.check_disk(settings.forced)?;
        let mut lock = Lock::take(&place)?;
        if let Err(error) = strangers::check(&place, lock.is_known()) {
            lock.remove();
            return Err(error);
        }
        let found = MarkFile::find(&place).and_then(|mut mark| {
            mark.id = lock.id().unwrap_or(mark.id);
            Ok((look(&place, &lock, &mut mark, settings.destination)?, mark))
        });
        if found.is_err() && !lock.is_known() {
            lock.remove();
        }
        let (damage, mark) = found?;
        keep_private(place.path());
        let path = place.path().to_path_buf();
        let owner = lock.destination();
        let destination = if lock.is_known() {
            owner
        } else {
            settings.destination.map_or_else(StoredDestination::default, Into::into)
        };
        if damage.is_some() && place.path().exists() {
            // By this the next process finds what this one has built, should it be interrupted.
            lock.sign(&destination, mark.id);
        }
        let framing = settings.destination.map(|one| one.framing);
        let opened = Database::open(place, framing, damage, (destination, owner), mark);
        let mut database = opened.map_err(|failure| failure.to_error("opening", &path))?;
        settings::claim(&mut database, settings.destination).map_err(|failure| failure.to_error("opening", &path))?;
        lock.sign(&database.transaction.state.destination, database.mark.id);
        database.notices.extend(notice);
        let queue = Self {
            process: std::process::id(),
            path,
            capacity: settings.capacity,
            calendar: Calendar::new(settings.clock),
            group: Group::default(),
            counters: Mutex::new(Counters { inherited: database.pending(), ..Counters::default() }),
            open: Mutex::new(Some(Open { database, _lock: lock })),
        };
        queue.with("opening", |_| Ok(()))?;
        Ok(queue)
    }

    fn commit(&self, members: &[Member], full: [u64; 2], stirs: &mut bool) -> Vec<Result<()>> {
        let at = self.calendar.now();
        let mut used = self.counters().used();
        let outcomes: Vec<Result<()>> = members
            .iter()
            .map(|member| {
                let fits = used + member.bytes() <= self.capacity;
                used += if fits { member.bytes() } else { 0 };
                if fits { Ok(()) } else { Err(self.full(member.bytes())) }
            })
            .collect();
        let fitting: Vec<&Run> = members
            .iter()
            .zip(&outcomes)
            .filter(|(_, fits)| fits.is_ok())
            .flat_map(|(member, _)| &member.runs)
            .collect();
        let bytes = fitting.iter().map(|run| run.size(0..run.rows()) as u64).sum();
        let written = self.with("writing to", |database| {
            let before = database.waiting();
            database.accept(bytes, |transaction, file| {
                fitting.iter().try_for_each(|run| transaction.accept(file, run, at))
            })?;
            *stirs = level::stirs(before, database.waiting(), full);
            Ok(())
        });
        outcomes.into_iter().map(|fits| fits.and_then(|()| written.clone())).collect()
    }

    fn full(&self, bytes: u64) -> Error {
        let counters = self.counters();
        let message = format!(
            "the outbox `{}` is full: {bytes} bytes more do not fit beside {} of {}",
            self.path.display(),
            counters.used(),
            self.capacity
        );
        let hint = if counters.dead_letter_bytes > 0 {
            format!(
                "give a larger outbox_bytes=, or look at the {} bytes of rows set aside",
                counters.dead_letter_bytes
            )
        } else {
            "give a larger outbox_bytes=, or wait until rows are delivered".to_owned()
        };
        Error::new(Kind::OutboxFull, message).with_hint(hint)
    }

    /// Puts the dead letters behind the rows that wait; answers how many rows that were.
    pub fn retry(&self) -> Result<u64> {
        let at = self.calendar.now();
        self.with("retrying rows of", |database| database.retry(at))
    }

    /// Deletes the dead letters; answers how many rows that were.
    pub fn drop_dead_letters(&self) -> Result<u64> {
        self.with("dropping rows from", Database::drop_dead_letters)
    }

    /// Closes the file: others may open it. The counters stay as they were.
    pub fn close(&self) {
        if self.is_ours().is_ok() {
            drop(self.lock().take());
        }
    }

    /// What is to be told since this was last asked: whoever asks tells it.
    #[must_use]
    pub fn notices(&self) -> Vec<QueueNotice> {
        let notices = self.hand_out();
        notices.iter().filter(|notice| notice.is_kept()).for_each(|_| self.heard());
        notices
    }

    /// The same for somebody who is not sure to be heard: what the outbox keeps is told again to the next sender, unless
    /// [`DiskQueue::heard`] was called for each.
    #[must_use]
    pub fn hand_out(&self) -> Vec<QueueNotice> {
        self.with("reading", |database| Ok(database.hand_out())).unwrap_or_default()
    }

    /// A notice that the outbox keeps has reached somebody.
    pub fn heard(&self) {
        // What is closed tells it again.
        let _ = self.with("writing to", |database| {
            database.heard();
            Ok(())
        });
    }

    /// The file, by its real path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses in a forked child, before any lock is asked for: its parent may have held it.
    fn is_ours(&self) -> Result<()> {
        if self.process == std::process::id() {
            return Ok(());
        }
        let message =
            format!("the outbox `{}` belongs to the process {} that opened it", self.path.display(), self.process);
        Err(Error::new(Kind::Closed, message)
            .with_hint("a forked process opens an outbox of its own, with another path"))
    }

    fn with<T>(&self, doing: &str, work: impl FnOnce(&mut Database) -> Result<T, FileFailure>) -> Result<T> {
        self.is_ours()?;
        let mut open = self.lock();
        let Some(Open { database, .. }) = open.as_mut() else {
            return Err(Error::new(Kind::Closed, format!("the outbox `{}` is closed", self.path.display())));
        };
        let outcome = work(database).map_err(|failure| failure.to_error(doing, &self.path));
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        *counters = database.counters(&counters);
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks what there is at `place`; answers why a new file is needed, where it is.
fn look(
    place: &Place,
    lock: &Lock,
    mark: &mut MarkFile,
    destination: Option<Destination>,
) -> Result<Option<&'static str>> {
    if salvage::interrupted(place, mark).is_some() {
        return Ok(Some("the process that rescued its rows was interrupted"));
    }
    match schema::look(place, lock.is_known() || mark.said.is_some())? {
        Found::Outbox => Ok(None),
        Found::Damaged => Ok(Some("its header is not what was written")),
        Found::Nothing if destination.is_none() => {
            let message = format!("there is no outbox at `{}`", place.path().display());
            Err(Error::new(Kind::Outbox, message))
        }
        Found::Nothing => {
            if mark.said.is_none() && !lock.is_known() {
                // There was no queue here before.
                mark.close(mark.totals());
            }
            Ok(Some("its file is gone"))
        }
    }
}
