//! The mark: a small file beside the queue that says what has to be in it.
//!
//! It is written, not synced, after each commit and before its rows are acknowledged: it outlives a killed process, and
//! after a power cut it is older than the file, never newer. A log that was damaged or deleted opens without an error;
//! then the mark knows of more than the file does.

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::failure::{FileFailure, system};
use super::metadata;
use super::place::{Place, create_private};
use super::record::State;
use super::transaction::Transaction;
use crate::delivery::queue::taken::Taken;
use crate::error::Result;

/// What every mark begins with. Behind it stand a checksum and the totals as JSON, up to the end of the line.
const MAGIC: &str = "powerbi-push mark ";
/// Every mark is so long, in bytes: a sector, which a disk writes whole or not at all.
const SECTOR: usize = 512;
/// Where somebody else's file has the first name, the next one is taken.
const NAMES: [&str; 3] = ["-mark", "-mark-1", "-mark-2"];

/// So often the metadata is written in one commit, at the most.
const CHANGES_OF_A_COMMIT: u64 = 2;
/// By so much an opening changes the metadata, so that no mark of the time before it fits.
pub(super) const CHANGES_OF_AN_OPENING: u64 = 1 + 2 * CHANGES_OF_A_COMMIT;
/// Changes with every start of the system.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// What may be wrong with a file, by its mark.
pub(super) const ANOTHERS: &str = "its file, or the log beside it, was replaced by another outbox's";
const BEHIND: &str = "its mark knows of more than is in it";
const NO_MARK: &str = "its mark is missing or damaged: nobody knows what should be in it";
const OLD_MARK: &str = "its mark is older than it is: nobody knows what should be in it";

/// What a queue has to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "each is a word of the file by itself")]
pub(super) struct Totals {
    /// When the system was started: since then no power was cut.
    pub(super) boot: String,
    /// The queue that it is the mark of.
    pub(super) id: u64,
    /// Whether nothing was written after this.
    pub(super) closed: bool,
    /// Whether a commit failed after this: the rows behind may be in the file all the same, and were refused.
    pub(super) failed: bool,
    /// Whether the file keeps notices of rows that are lost, which nobody has heard.
    pub(super) untold: bool,
    /// Rows ever accepted.
    pub(super) accepted: u64,
    /// Those that are not settled, and those among them that were taken.
    pub(super) rows: u64,
    pub(super) taken: u64,
    /// The first that is not settled, and the first that nobody took.
    pub(super) first: u64,
    pub(super) next: u64,
    /// How often the metadata in the file was written, and how often when a dead letter was last added, or left it.
    pub(super) changes: (u64, u64),
    /// How often it may have been written since.
    pub(super) ahead: u64,
    /// Rows of dead letters.
    pub(super) dead_letter_rows: u64,
    /// The last sequence number given.
    pub(super) last_sequence_number: u64,
}

impl Totals {
    /// What a queue with this metadata has to hold, whether a commit has `failed`, and whether a loss is `untold`.
    pub(super) fn of(transaction: &Transaction, failed: bool, untold: bool) -> Self {
        let Transaction { state, taken, .. } = transaction;
        Self {
            failed,
            untold,
            accepted: state.accepted,
            rows: state.rows + taken.rows(),
            taken: taken.rows(),
            first: taken.first().unwrap_or(state.next),
            next: state.next,
            changes: (state.change, transaction.dead_letter_change),
            ahead: CHANGES_OF_A_COMMIT,
            dead_letter_rows: state.dead_letter_rows,
            last_sequence_number: state.last_sequence_number,
            ..Self::default()
        }
    }

    /// The same of a queue whose opening is about to be written; `before` it, they were these.
    pub(super) fn opening(self, before: &Self) -> Self {
        Self { ahead: CHANGES_OF_A_COMMIT + CHANGES_OF_AN_OPENING, untold: before.untold, ..self }
    }

    /// Whether more was committed than a file with this metadata knows.
    pub(super) fn is_ahead_of(&self, state: &State) -> bool {
        self.accepted > state.accepted || self.changes.0 > state.change
    }

    /// Whether a `file` with this metadata is newer than one commit explains, of which nobody was told: then this is an
    /// older mark, put back by somebody, and nobody knows what else was accepted.
    pub(super) fn is_outrun_by(&self, file: &Connection, state: &State) -> Result<bool, FileFailure> {
        let is_outrun = || -> Result<bool, FileFailure> {
            let commits = metadata::commits_from(file, self.accepted)?;
            Ok(state.change > self.changes.0 + self.ahead || commits > self.ahead.min(1))
        };
        if self.is_newest() { is_outrun() } else { Ok(false) }
    }

    /// Whether nobody has sent these rows.
    pub(super) fn says_unsent(&self, rows: &Range<u64>) -> bool {
        self.is_newest() && rows.start >= self.next
    }

    /// Whether all rows from the first one on that is not settled are not.
    pub(super) fn is_precise(&self) -> bool {
        self.next.saturating_sub(self.first) == self.taken
    }

    /// Whether nothing can have been written since, but for one commit that nobody was told of.
    pub(super) fn is_newest(&self) -> bool {
        self.closed || (!self.boot.is_empty() && self.boot == boot())
    }
}

/// The file, open from the first time that it is written.
#[derive(Debug)]
pub(super) struct MarkFile {
    path: PathBuf,
    boot: String,
    /// The queue that it is the mark of.
    pub(super) id: u64,
    file: Option<File>,
    /// What it said last; nothing where it is missing, or not what was written.
    pub(super) said: Option<Totals>,
}

impl MarkFile {
    /// Looks at the mark of the queue at `place`. Where all its names are taken by others, none of them is written to.
    pub(super) fn find(place: &Place) -> Result<Self> {
        let mut ours = None;
        for path in NAMES.map(|name| place.beside(name)) {
            ours = look(&path).map_err(|error| system("the outbox's mark", &path, &error))?.map(|bytes| (bytes, path));
            if ours.is_some() {
                break;
            }
        }
        let (bytes, path) = ours.unwrap_or_default();
        let said = read(&bytes);
        // No other queue has the same number. The files of earlier versions all have 1.
        let id = said.as_ref().map_or_else(|| fastrand::u64(2..1 << 48), |totals| totals.id);
        Ok(Self { path, boot: boot(), id, file: None, said })
    }

    /// What is wrong with a `file` with this metadata: whether it is as old as its mark, and no newer than that explains.
    /// Without a mark nobody can tell, but of a file that was closed.
    pub(super) fn objection(&self, file: &Connection, state: &State) -> Result<Option<&'static str>, FileFailure> {
        let marked = metadata::marked(file);
        Ok(match &self.said {
            Some(totals) if marked.is_some_and(|marked| marked.id != totals.id) => Some(ANOTHERS),
            Some(totals) if totals.is_ahead_of(state) => Some(BEHIND),
            Some(totals) if totals.is_outrun_by(file, state)? => Some(OLD_MARK),
            None if marked.is_some_and(|marked| !marked.closed) => Some(NO_MARK),
            _ => None,
        })
    }

    /// What it says, or that nobody knows.
    pub(super) fn totals(&self) -> Totals {
        self.said.clone().unwrap_or_default()
    }

    /// The row from which on rows are in the file whose commit had failed, and that were refused. The mark says so as long
    /// as no power was cut, after which it may be older than what was told. Rows behind a mark that knows of no failure
    /// stay: their process ended before it could tell, or the mark is an older one.
    pub(super) fn refused_from(&self, state: &State, taken: &Taken) -> Option<u64> {
        let totals = self.said.as_ref().filter(|totals| totals.failed && totals.is_newest())?;
        let behind = totals.accepted.max(state.next);
        let all_taken_before = taken.ranges().all(|rows| rows.end <= behind);
        (behind < state.accepted && all_taken_before).then_some(behind)
    }

    /// Says `totals`. What cannot be written is removed: it would go on saying what is so no more.
    pub(super) fn say(&mut self, totals: &Totals, synced: bool) {
        let said = Totals { boot: self.boot.clone(), id: self.id, ..totals.clone() };
        if self.put(&said, synced).is_err() {
            self.file = None;
            if self.said.is_some() {
                let _ = fs::remove_file(&self.path);
            }
        }
        self.said = Some(said);
    }

    /// Says `totals`, and that nothing is written after them.
    pub(super) fn close(&mut self, totals: Totals) {
        // Somebody may have removed or replaced it.
        if matches!(look(&self.path), Ok(Some(_))) {
            self.file = None;
            self.say(&Totals { closed: true, ahead: 0, ..totals }, true);
        }
    }

    fn put(&mut self, totals: &Totals, synced: bool) -> io::Result<()> {
        let file = match self.file.take() {
            Some(file) => file,
            None => create_private(&self.path)?,
        };
        let totals = serde_json::to_string(totals)?;
        let line = format!("{MAGIC}{:08x} {totals}\n", crc32c::crc32c(totals.as_bytes()));
        let file = self.file.insert(file);
        file.rewind()?;
        file.write_all(format!("{line:SECTOR$}").as_bytes())?;
        if synced { file.sync_data() } else { Ok(()) }
    }
}

/// What is in the file of this name: nothing where it is missing, and `None` where it is somebody else's.
fn look(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let bytes = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Ok(found) if !found.is_file() || found.len() > SECTOR as u64 => return Ok(None),
        // What cannot be read may be anybody's.
        found => found.and_then(|_| fs::read(path))?,
    };
    let is_ours = bytes.starts_with(MAGIC.as_bytes()) || bytes.iter().all(|byte| *byte == 0);
    Ok(is_ours.then_some(bytes))
}

/// What a mark says, where it is what was written.
fn read(bytes: &[u8]) -> Option<Totals> {
    let line = bytes.split(|byte| *byte == b'\n').next()?;
    let (sum, totals) = std::str::from_utf8(line).ok()?.strip_prefix(MAGIC)?.split_once(' ')?;
    let is_right = u32::from_str_radix(sum, 16) == Ok(crc32c::crc32c(totals.as_bytes()));
    if is_right { serde_json::from_str(totals).ok() } else { None }
}

/// The system's present start, where that is known.
fn boot() -> String {
    fs::read_to_string(BOOT).unwrap_or_default().trim_end().to_owned()
}
