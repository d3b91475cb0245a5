//! The file in use: one connection, the figures in memory, and what to do when the disk fails.
//!
//! ```text
//!            ┌── full: as before ──┐
//!  write ─▶ transaction ─▶ COMMIT with fsync ─▶ figures in memory
//!            ├── damaged ─▶ rescue into a new file ─▶ once more
//!            └── disk error ─▶ before the next write the file is opened again, its log written back and emptied,
//!                              and the figures are written anew
//! ```
//!
//! After a failed fsync the system may show pages that are not on the disk, and a second fsync may say that all is
//! well. So what stood in the log then is never built upon.

use std::collections::VecDeque;
use std::sync::Arc;

use rusqlite::{Connection, TransactionBehavior};

use super::failure::{Trouble, full_disk};
use super::figures;
use super::ink::Ink;
use super::notice::Notice;
use super::place::{Place, Watch};
use super::record::{State, StoredAside};
use super::rescue;
use super::schema;
use crate::encode::{Dialect, Run};
use crate::error::{Error, Kind};
use crate::outbox::numbering::Numbering;
use crate::outbox::taken::Taken;

/// The log is written back when about this many of its pages were written.
const LOG_PAGES: u64 = 1_000;
const PAGE: u64 = 4_096;
/// Room on the disk that new rows leave to the settling of old ones, beside what is needed to write the log back.
const RESERVE: u64 = 16 * PAGE;
/// Empty pages that a file without rows may keep.
const SPARE_PAGES: u64 = 1_024;

/// An outbox's file, open for writing.
#[derive(Debug)]
pub(super) struct Disk {
    pub(super) place: Place,
    pub(super) dialect: &'static Dialect,
    process: u32,
    connection: Option<Connection>,
    /// Whether the disk has failed: before the next write the file is opened again.
    suspect: bool,
    /// The file and its lock, without which no rows are accepted.
    watch: Watch,
    /// The log and its index, which SQLite makes anew.
    beside: Watch,
    pub(super) ink: Ink,
    /// The batches of an earlier process that were not taken yet, by their first rows.
    pub(super) inherited: VecDeque<u64>,
    /// The run of which some rows were taken.
    pub(super) begun: Option<Begun>,
    /// Whether the figures have to be written anew.
    pub(super) unsaved: bool,
    /// Rows that were set aside and are not in the file as such.
    pub(super) unsaved_asides: Vec<StoredAside>,
    /// Pages written to the log since it was last written back.
    pages: u64,
    pub(super) notices: Vec<Notice>,
}

/// A run in memory of which some rows were taken.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) run: Arc<Run>,
    pub(super) first: u64,
    pub(super) at: u64,
    pub(super) sent: bool,
}

impl Disk {
    /// Opens the outbox that is at `place`; where it is `damaged`, what is intact of it.
    /// Should nothing else tell whose rows they are, they are the `destination`'s.
    pub(super) fn open(
        place: Place,
        dialect: &'static Dialect,
        damaged: Option<&str>,
        destination: [u8; 32],
    ) -> Result<Self, Trouble> {
        let state = State { destination, ..State::default() };
        let ink = Ink { state, taken: Taken::default(), numbering: Numbering::default() };
        let mut disk = Self {
            place,
            dialect,
            process: std::process::id(),
            connection: None,
            suspect: false,
            watch: Watch::over([]),
            beside: Watch::over([]),
            ink,
            inherited: VecDeque::new(),
            begun: None,
            unsaved: false,
            unsaved_asides: Vec::new(),
            pages: 0,
            notices: Vec::new(),
        };
        let loaded = damaged.map_or_else(|| disk.load(), |what| Err(Trouble::Damaged(what.to_owned())));
        match loaded {
            Err(Trouble::Damaged(what)) => disk.rescue(&what, None)?,
            outcome => outcome?,
        }
        Ok(disk)
    }

    fn load(&mut self) -> Result<(), Trouble> {
        let connection = schema::connect(&self.place)?;
        // The log of an earlier process may hold the remains of a commit that failed. A reader or a full disk may be
        // in the way; then it stays as it is.
        match schema::empty_log(&connection) {
            Ok(_) | Err(Trouble::Full) => {}
            Err(trouble) => return Err(trouble),
        }
        let (state, taken) = figures::load(&connection)?;
        self.inherited = taken.iter().map(|(first, _)| first).collect();
        self.ink = Ink { state, taken, numbering: Numbering::resume(state.number) };
        self.put_to_use(connection);
        Ok(())
    }

    fn put_to_use(&mut self, connection: Connection) -> &Connection {
        self.watch = Watch::over([self.place.path().to_path_buf(), self.place.lock()]);
        self.beside = Watch::over([self.place.wal(), self.place.beside("-shm")]);
        self.suspect = false;
        self.connection.insert(connection)
    }

    /// Goes on in a new file with what is intact in the old one, and with what is `known` in memory.
    fn rescue(&mut self, what: &str, known: Option<(Ink, VecDeque<u64>)>) -> Result<(), Trouble> {
        self.connection = None;
        let kept = rescue::rescue(&self.place, &self.ink.state.destination)?;
        self.load()?;
        if let Some((ink, inherited)) = known {
            (self.ink, self.inherited) = (ink, inherited);
        }
        let survey = rescue::survey(self.reading()?)?;
        let lost = rescue::adopt(&mut self.ink, &mut self.inherited, &survey);
        let path = self.place.path().to_path_buf();
        self.notices.push(Notice::Damaged { path, kept, what: what.to_owned(), lost });
        self.unsaved = true;
        self.write_once(&|_: &mut Ink, _: &Connection| Ok(()))
    }

    /// The same while rows are on their way: what is in memory holds.
    pub(super) fn rescue_in_use(&mut self, what: &str) -> Result<(), Trouble> {
        self.begun = None;
        let known = (self.ink.clone(), std::mem::take(&mut self.inherited));
        self.rescue(what, Some(known))
    }

    /// The connection, for reading.
    pub(super) fn reading(&mut self) -> Result<&Connection, Trouble> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => schema::connect(&self.place)?,
        };
        Ok(self.connection.insert(connection))
    }

    /// Opens the file again after a failure, with an empty log. Until that succeeds, the old connection reads.
    fn recover(&mut self) -> Result<(), Trouble> {
        if self.suspect || self.connection.is_none() {
            let connection = schema::connect(&self.place)?;
            if !schema::empty_log(&connection)? {
                return Err(schema::being_read(&self.place).into());
            }
            self.put_to_use(connection);
            self.unsaved = true;
        }
        Ok(())
    }

    /// Writes in one transaction; what it changes is known here once it is committed.
    pub(super) fn write<T>(
        &mut self,
        work: impl Fn(&mut Ink, &Connection) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        match self.write_once(&work) {
            Err(Trouble::Damaged(what)) => {
                self.rescue_in_use(&what)?;
                self.write_once(&work)
            }
            outcome => outcome,
        }
    }

    fn write_once<T>(&mut self, work: &impl Fn(&mut Ink, &Connection) -> Result<T, Trouble>) -> Result<T, Trouble> {
        self.recover()?;
        let Self { connection: Some(connection), unsaved, unsaved_asides, .. } = self else {
            return Err(Trouble::Full);
        };
        let mut ink = self.ink.clone();
        let outcome = transact(connection, |file| {
            if *unsaved {
                ink.write_anew(file, unsaved_asides)?;
            }
            work(&mut ink, file)
        });
        match &outcome {
            Ok(_) => {
                self.ink = ink;
                self.unsaved = false;
                self.unsaved_asides.clear();
            }
            Err(Trouble::Full | Trouble::Refused(_)) => {}
            Err(_) => self.suspect = true,
        }
        outcome
    }

    /// Accepts rows that come to `bytes`, where the files are still ours and the disk has room.
    pub(super) fn accept(
        &mut self,
        bytes: u64,
        work: impl Fn(&mut Ink, &Connection) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        self.is_ours()?;
        self.keep_beside()?;
        self.has_space(bytes)?;
        let pages = bytes / PAGE + 1;
        let due = self.pages + pages > LOG_PAGES;
        self.write(|ink, file| {
            work(ink, file)?;
            if due { ink.save(file) } else { Ok(()) }
        })?;
        self.pages += pages;
        if due {
            self.write_back();
        }
        // What went into a log that is gone is not accepted before it is in the file.
        self.keep_beside()
    }

    /// Opens the file again where its log or index was removed or replaced by somebody else; what the old log holds is
    /// written into the file first.
    fn keep_beside(&mut self) -> Result<(), Trouble> {
        if self.beside.missing().is_none() {
            return Ok(());
        }
        self.is_ours()?;
        if let Some(old) = &self.connection {
            schema::give_up_log(old, &self.place)?;
        }
        // One process has one index of a file: the new one is made once the old one is closed.
        self.connection = None;
        self.write_once(&|_: &mut Ink, _: &Connection| Ok(()))
    }

    fn is_ours(&self) -> Result<(), Trouble> {
        let Some(gone) = self.watch.missing() else { return Ok(()) };
        let message =
            format!("`{}` was removed or replaced while the outbox was open: no rows are accepted", gone.display());
        let hint = "rows that were accepted before are still sent; close the outbox and open it again";
        Err(Error::new(Kind::Outbox, message).with_hint(hint).into())
    }

    /// New rows must leave the room that it takes to write the log back, or settled rows could never be deleted.
    fn has_space(&mut self, bytes: u64) -> Result<(), Trouble> {
        let Some(free) = self.place.free() else { return Ok(()) };
        if free >= 2 * bytes + self.pages * PAGE + RESERVE {
            return Ok(());
        }
        // What the file and the log have of the disk can be used again.
        self.write_back();
        let spare = self.connection.as_ref().map_or(0, schema::spare_pages) * PAGE;
        let log = self.place.wal().metadata().map_or(0, |log| log.len());
        let need = bytes.saturating_sub(log) + (bytes + self.pages * PAGE).saturating_sub(spare) + RESERVE;
        let free = self.place.free().unwrap_or(u64::MAX);
        if free >= need { Ok(()) } else { Err(full_disk(&self.place.path().display()).into()) }
    }

    /// Writes the log back into the file. Where that fails it stays, and is as good.
    pub(super) fn write_back(&mut self) {
        let Some(connection) = &self.connection else { return };
        match schema::write_back(connection) {
            Ok(()) => self.pages = 0,
            Err(Trouble::Full) => {}
            Err(_) => self.suspect = true,
        }
    }

    /// Gives the disk back what a long wait has taken, once nothing waits.
    pub(super) fn shrink(&mut self) {
        let State { rows, taken, aside_rows, .. } = self.ink.state;
        let Some(connection) = self.connection.as_ref().filter(|_| rows + taken + aside_rows == 0) else { return };
        if schema::spare_pages(connection) > SPARE_PAGES && schema::vacuum(connection).is_ok() {
            self.write_back();
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.process != std::process::id() {
            // It is the parent's: closing it here would write to its file.
            std::mem::forget(self.connection.take());
            return;
        }
        if self.connection.is_some() && !self.suspect {
            // What is not written now is in the log, or is sent again.
            let _ = self.write(Ink::save);
        }
    }
}

fn transact<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Connection) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let value = work(&transaction)?;
    transaction.commit()?;
    Ok(value)
}
