//! The file in use: one connection, the metadata in memory, and what to do when the disk fails.
//!
//! ```text
//!            ┌── full: as before ──┐
//!  write ─▶ transaction ─▶ COMMIT with fsync ─▶ metadata in memory
//!            ├── damaged ─▶ salvage into a new file ─▶ once more
//!            └── disk error ─▶ before the next write the file is opened again, its log written back and emptied,
//!                              and the metadata is written anew
//! ```
//!
//! After a failed fsync the system may show pages that are not on the disk, and a second fsync may say that all is
//! well. So what stood in the log then is never built upon.

use std::collections::VecDeque;
use std::sync::Arc;

use rusqlite::{Connection, TransactionBehavior};

use super::destination::StoredDestination;
use super::failure::{FileFailure, full_disk};
use super::mark::{CHANGES_OF_AN_OPENING, MarkFile, Totals};
use super::metadata;
use super::notice::QueueNotice;
use super::place::{Place, Watch};
use super::record::{Marked, State, StoredDeadLetter, StoredNotice};
use super::salvage::{self, Memory};
use super::schema;
use super::table::{Record, all, put};
use super::transaction::Transaction;
use crate::delivery::queue::taken::Taken;
use crate::error::{Error, Kind};
use crate::rows::encode::{Framing, Run};

/// The log is written back when about this many of its pages were written.
const LOG_PAGES: u64 = 1_000;
const PAGE: u64 = 4_096;
/// Room on the disk that new rows leave to the settling of old ones, beside what is needed to write the log back.
const RESERVE: u64 = 16 * PAGE;
/// Empty pages that a file without rows may keep.
const SPARE_PAGES: u64 = 1_024;

/// A queue's file, open for writing.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) place: Place,
    /// Whose the rows were when the lock was last signed, where that is known.
    owner: StoredDestination,
    /// How batches are wrapped; nobody but the destination's sender takes any.
    pub(super) framing: Option<&'static Framing>,
    process: u32,
    connection: Option<Connection>,
    /// Whether the disk has failed: before the next write the file is opened again.
    suspect: bool,
    /// The file and its lock, without which no rows are accepted.
    watch: Watch,
    /// The log and its index, which SQLite makes anew.
    beside: Watch,
    pub(super) transaction: Transaction,
    /// The batches of an earlier process that were not taken yet, by their first rows.
    pub(super) inherited: VecDeque<u64>,
    /// The run of which some rows were taken.
    pub(super) begun: Option<Begun>,
    /// Whether the metadata has to be written anew.
    pub(super) unsaved: bool,
    /// Dead letters that are not in the file as such.
    pub(super) unsaved_dead_letters: Vec<StoredDeadLetter>,
    /// Pages written to the log since it was last written back.
    pages: u64,
    /// Whether the number and the destination of this queue stand in the log since then: what is another's is known by them.
    is_log_signed: bool,
    pub(super) mark: MarkFile,
    pub(super) notices: Vec<QueueNotice>,
    /// Notices in the file that were handed out, and those of them that somebody has heard.
    handed: (usize, usize),
}

/// A run in memory of which some rows were taken.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) run: Arc<Run>,
    pub(super) first: u64,
    pub(super) at: u64,
    pub(super) sent: bool,
}

impl Database {
    /// Opens the queue that is at `place`; where it is `damaged`, or missing, what is intact of it in a new file.
    /// Should nothing else tell whose rows they are, they are the `destination`'s. What is another's than the `owner`'s,
    /// where he is known, is refused.
    pub(super) fn open(
        place: Place,
        framing: Option<&'static Framing>,
        damaged: Option<&str>,
        (destination, owner): (StoredDestination, StoredDestination),
        mark: MarkFile,
    ) -> Result<Self, FileFailure> {
        let state = State { destination, ..State::default() };
        let mut database = Self {
            place,
            owner,
            framing,
            process: std::process::id(),
            connection: None,
            suspect: false,
            watch: Watch::over([]),
            beside: Watch::over([]),
            transaction: Transaction::resume(state, Taken::default()),
            inherited: VecDeque::new(),
            begun: None,
            unsaved: false,
            unsaved_dead_letters: Vec::new(),
            pages: 0,
            is_log_signed: false,
            mark,
            notices: Vec::new(),
            handed: (0, 0),
        };
        let loaded = damaged.map_or_else(|| database.load(), |what| Err(FileFailure::Damaged(what.to_owned())));
        match loaded {
            Err(FileFailure::Damaged(what)) => {
                if let Some(connection) = database.connection.take() {
                    let _ = schema::spare_log(&connection, true);
                }
                salvage::renew(&database.place, &mut database.mark, &what, &destination, None)?;
                database.load()?;
            }
            outcome => outcome?,
        }
        Ok(database)
    }

    fn load(&mut self) -> Result<(), FileFailure> {
        let alone = schema::named(&self.place);
        let connection = schema::connect(&self.place)?;
        // Should it be damaged, it is kept as it is.
        schema::spare_log(&connection, true)?;
        schema::check_owner(&connection, &self.place, &self.owner, alone)?;
        let (mut state, taken) = metadata::load(&connection)?;
        if let Some(wrong) = self.mark.objection(&connection, &state)? {
            return Err(FileFailure::Damaged(wrong.into()));
        }
        if let Some(accepted) = self.mark.refused_from(&state, &taken) {
            metadata::forget_from(&connection, &mut state, accepted)?;
            self.unsaved = true;
        }
        metadata::check(&connection, &state, &taken)?;
        // A file that an earlier version salvaged may stand before a gap.
        state.pass_gap();
        schema::spare_log(&connection, false)?;
        // The log of an earlier process may hold the remains of a commit that failed. A reader or a full disk may be
        // in the way; then it stays as it is.
        match schema::empty_log(&connection) {
            Ok(_) | Err(FileFailure::Full) => {}
            Err(failure) => return Err(failure),
        }
        self.inherited = taken.iter().map(|(first, _)| first).collect();
        self.transaction = Transaction::resume(state, taken);
        salvage::clear(&self.place, &self.mark);
        self.mark.id = metadata::marked(&connection).map_or(self.mark.id, |marked| marked.id);
        self.put_to_use(connection);
        self.begin()
    }

    /// The file knows from now on that it is open, and the mark what is in it.
    fn begin(&mut self) -> Result<(), FileFailure> {
        self.mark.say(&self.totals().opening(&self.mark.totals()), true);
        let written = self.write_once(&|transaction: &mut Transaction, file: &Connection| {
            transaction.state.change += CHANGES_OF_AN_OPENING - 1;
            transaction.save(file)?;
            all::<StoredNotice>(file, "ORDER BY first", ())
        });
        match written {
            Ok(notices) => {
                self.notices.extend(notices.into_iter().map(|notice| QueueNotice::kept(&self.place, notice)));
            }
            Err(FileFailure::Full) => {}
            Err(failure) => return Err(failure),
        }
        // Whatever becomes of the log, the file itself says that it is open.
        self.write_back();
        self.mark.say(&self.totals(), true);
        Ok(self.place.sync_folder()?)
    }

    fn put_to_use(&mut self, connection: Connection) -> &Connection {
        self.watch = Watch::over([self.place.path().to_path_buf(), self.place.lock()]);
        self.beside = Watch::over([self.place.wal(), self.place.beside("-shm")]);
        (self.suspect, self.is_log_signed) = (false, false);
        self.connection.insert(connection)
    }

    /// Goes on in a new file with what is intact in the old one: what is in memory holds.
    pub(super) fn salvage_in_use(&mut self, what: &str) -> Result<(), FileFailure> {
        self.begun = None;
        if let Some(connection) = self.connection.take() {
            // It is kept as it is.
            let _ = schema::spare_log(&connection, true);
        }
        let unsaved =
            self.unsaved_dead_letters.iter().fold((0, 0), |sum, letter| (sum.0 + letter.count, sum.1 + letter.bytes));
        let mut memory =
            Memory { transaction: self.transaction.clone(), inherited: self.inherited.iter().copied().collect() };
        memory.transaction.state.dead_letter_rows -= unsaved.0;
        let (mut state, taken) =
            salvage::renew(&self.place, &mut self.mark, what, &memory.transaction.state.destination, Some(&memory))?;
        (state.dead_letter_rows, state.dead_letter_bytes) =
            (state.dead_letter_rows + unsaved.0, state.dead_letter_bytes + unsaved.1);
        self.inherited = taken.iter().map(|(first, _)| first).filter(|first| !memory.is_on_its_way(*first)).collect();
        self.transaction = Transaction { state, taken, ..memory.transaction };
        let connection = schema::connect(&self.place)?;
        self.put_to_use(connection);
        self.unsaved = true;
        // The new file has them all again, and a new one.
        self.handed = (0, 0);
        self.notices.retain(|notice| !notice.is_kept());
        self.begin()
    }

    /// What is to be told. What the file keeps to be told stays in it until somebody has heard it.
    pub(super) fn hand_out(&mut self) -> Vec<QueueNotice> {
        self.handed.0 += self.notices.iter().filter(|notice| notice.is_kept()).count();
        std::mem::take(&mut self.notices)
    }

    /// Somebody has heard one of those that the file keeps.
    pub(super) fn heard(&mut self) {
        self.handed.1 += 1;
    }

    /// Whether somebody has heard all that the file keeps to be told.
    fn is_told(&self) -> bool {
        let (handed, heard) = self.handed;
        handed > 0 && heard >= handed && !self.notices.iter().any(QueueNotice::is_kept)
    }

    /// Whether the file keeps something to be told that nobody has heard.
    fn is_untold(&self) -> bool {
        !self.is_told() && (self.handed.0 > 0 || self.notices.iter().any(QueueNotice::is_kept))
    }

    /// Has the mark say what is in the file, or what it will be told as soon as it can be written.
    pub(super) fn note(&mut self) {
        self.mark.say(&self.totals(), false);
    }

    /// What the file has to hold. Until it is written anew after a failure, it may hold what was refused, too.
    fn totals(&self) -> Totals {
        Totals::of(&self.transaction, self.suspect || self.unsaved, self.is_untold())
    }

    /// The connection, for reading.
    pub(super) fn reading(&mut self) -> Result<&Connection, FileFailure> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => schema::connect(&self.place)?,
        };
        Ok(self.connection.insert(connection))
    }

    /// Opens the file again after a failure, with an empty log. Until that succeeds, the old connection reads.
    fn recover(&mut self) -> Result<(), FileFailure> {
        if self.suspect || self.connection.is_none() {
            self.is_ours()?;
            let connection = schema::connect(&self.place)?;
            if !schema::empty_log(&connection)? {
                return Err(schema::being_read(&self.place).into());
            }
            self.put_to_use(connection);
            self.unsaved = true;
        }
        Ok(())
    }

    /// Writes in one transaction; what it changes is known here once it is committed. Where the file is damaged, once more in
    /// a new one.
    pub(super) fn write<T>(
        &mut self,
        work: impl Fn(&mut Transaction, &Connection) -> Result<T, FileFailure>,
    ) -> Result<T, FileFailure> {
        match self.write_once(&work) {
            Err(FileFailure::Damaged(what)) => {
                self.salvage_in_use(&what)?;
                self.write_once(&work)
            }
            outcome => outcome,
        }
    }

    pub(super) fn write_once<T>(
        &mut self,
        work: &impl Fn(&mut Transaction, &Connection) -> Result<T, FileFailure>,
    ) -> Result<T, FileFailure> {
        self.recover()?;
        let told = self.is_told();
        let id = self.mark.id;
        let Self { connection: Some(connection), is_log_signed, unsaved, unsaved_dead_letters, .. } = self else {
            return Err(FileFailure::Full);
        };
        let mut transaction = self.transaction.clone();
        let outcome = transact(connection, |file| {
            if !*is_log_signed {
                metadata::sign(file, id)?;
            }
            if *unsaved {
                transaction.write_anew(file, unsaved_dead_letters)?;
            } else if !*is_log_signed {
                // The log says whose rows are in it.
                transaction.save(file)?;
            }
            if told {
                file.execute(&format!("DELETE FROM {}", StoredNotice::TABLE), ())?;
            }
            work(&mut transaction, file)
        });
        match &outcome {
            Ok(_) => {
                self.transaction = transaction;
                (self.is_log_signed, self.unsaved) = (true, false);
                self.handed = if told { (0, 0) } else { self.handed };
                self.unsaved_dead_letters.clear();
                self.note();
            }
            Err(FileFailure::Full | FileFailure::Refused(_)) => {}
            Err(_) => {
                self.suspect = true;
                self.note();
                // What was refused may stand in the log, whole: nobody else should find it there.
                let _ = self.recover();
            }
        }
        outcome
    }

    /// Accepts rows that come to `bytes`, where the files are still ours and the disk has room.
    pub(super) fn accept(
        &mut self,
        bytes: u64,
        work: impl Fn(&mut Transaction, &Connection) -> Result<(), FileFailure>,
    ) -> Result<(), FileFailure> {
        self.is_ours()?;
        self.keep_beside()?;
        self.has_space(bytes)?;
        let pages = bytes / PAGE + 1;
        let due = self.pages + pages > LOG_PAGES;
        self.write(|transaction, file| {
            work(transaction, file)?;
            if due { transaction.save(file) } else { Ok(()) }
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
    fn keep_beside(&mut self) -> Result<(), FileFailure> {
        if self.beside.missing().is_none() {
            return Ok(());
        }
        self.is_ours()?;
        if let Some(old) = &self.connection {
            schema::give_up_log(old, &self.place)?;
        }
        // One process has one index of a file: the new one is made once the old one is closed.
        self.connection = None;
        self.write_once(&|_: &mut Transaction, _: &Connection| Ok(()))
    }

    fn is_ours(&self) -> Result<(), FileFailure> {
        let Some(gone) = self.watch.missing() else { return Ok(()) };
        let message =
            format!("`{}` was removed or replaced while the outbox was open: no rows are accepted", gone.display());
        let hint = "rows that were accepted before are still sent; close the outbox and open it again";
        Err(Error::new(Kind::Outbox, message).with_hint(hint).into())
    }

    /// New rows must leave the room that it takes to write the log back, or settled rows could never be deleted.
    fn has_space(&mut self, bytes: u64) -> Result<(), FileFailure> {
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
            Ok(()) => (self.pages, self.is_log_signed) = (0, false),
            Err(FileFailure::Full) => {}
            Err(_) => self.suspect = true,
        }
    }

    /// Gives the disk back what a long wait has taken, once nothing waits.
    pub(super) fn shrink(&mut self) {
        let State { rows, taken, dead_letter_rows, .. } = self.transaction.state;
        let Some(connection) = self.connection.as_ref().filter(|_| rows + taken + dead_letter_rows == 0) else {
            return;
        };
        if schema::spare_pages(connection) > SPARE_PAGES && schema::vacuum(connection).is_ok() {
            self.write_back();
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.process != std::process::id() {
            // It is the parent's: closing it here would write to its file.
            std::mem::forget(self.connection.take());
            return;
        }
        if self.connection.is_some() {
            // What is not written now is in the log, or is sent again.
            let id = self.mark.id;
            let written = self.write(|transaction, file| {
                put(file, &Marked { id, closed: true })?;
                transaction.save(file)
            });
            if written.is_ok() {
                self.mark.close(self.totals());
            }
        }
    }
}

fn transact<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Connection) -> Result<T, FileFailure>,
) -> Result<T, FileFailure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let value = work(&transaction)?;
    transaction.commit()?;
    Ok(value)
}
