//! The mark: a small file beside the queue that says what has to be in it.
//!
//! It is written, not synced, after each commit and before its rows are acknowledged: it outlives a killed process, and
//! after a power cut it is older than the file, never newer. A log that was damaged or deleted opens without an error;
//! then the mark knows of more than the file does.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::failure::{FileFailure, system};
use super::place::Place;
use super::record::{Marked, State};
use super::transaction::Transaction;
use crate::delivery::queue::taken::Taken;
use crate::error::Result;

/// What every mark begins with. Behind it stand a checksum and the totals as JSON, up to the end of the line.
const MAGIC: &str = "powerbi-push mark ";
/// No mark is longer, in bytes.
const LONGEST: u64 = 4_096;
/// Requests on their way and the rows that wait take five or six, which one sector holds as long as their numbers have some
/// seven digits; a disk writes it whole or not at all. A longer mark may be torn, and is then one that says nothing.
const SPANS: usize = 9;
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
pub(super) const ANOTHERS: &str = "its file was replaced by another outbox's";
pub(super) const NO_MARK: &str = "its mark is missing or damaged: nobody knows what should be in it";
pub(super) const OLD_MARK: &str = "its mark is older than it is: nobody knows what should be in it";

/// What a queue has to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "each is a word of the file by itself")]
pub(super) struct Totals {
    /// When the system was started: since then no power was cut.
    boot: String,
    /// The queue that it is the mark of; 0 where that is not known.
    #[serde(default)]
    id: u64,
    /// Whether nothing was written after this.
    pub(super) closed: bool,
    /// Whether the queue is just being opened: its metadata is about to be written.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) opening: bool,
    /// Whether a commit failed after this: the rows behind may be in the file all the same, and were refused.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) failed: bool,
    /// Whether the file keeps notices of rows that are lost, which nobody has heard.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) untold: bool,
    /// Rows ever accepted.
    pub(super) accepted: u64,
    /// Those that are not settled.
    pub(super) rows: u64,
    /// How often the metadata in the file was written, and how often when a dead letter was last added, or left it.
    pub(super) changes: (u64, u64),
    /// Rows of dead letters.
    #[serde(rename = "aside")]
    pub(super) dead_letter_rows: u64,
    /// The last sequence number given.
    #[serde(rename = "number")]
    pub(super) last_sequence_number: u64,
    /// Where the rows that are not settled are, and whether they may have been sent. Some in between may be missing.
    pub(super) spans: Vec<(Range<u64>, bool)>,
    /// Whether the spans have no other rows in them.
    pub(super) precise: bool,
    pub(super) plan: Plan,
}

/// What is being done about a damaged file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) step: Step,
    /// The number that the old file is kept by; 0 where there was none.
    pub(super) kept: u64,
    /// The number of the new file, which is also called so while it is built: nobody else calls a file so.
    pub(super) draft: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Step {
    #[default]
    Nothing,
    /// The old file is being moved away.
    Moving,
    /// It is gone; what stands in its place now is the new one.
    Building,
}

impl Totals {
    /// What a queue with this metadata has to hold, whether a commit has `failed`, and whether a loss is `untold`.
    pub(super) fn of(transaction: &Transaction, failed: bool, untold: bool) -> Self {
        let (mut spans, mut precise) = (Vec::<(Range<u64>, bool)>::with_capacity(SPANS), true);
        let taken = transaction.taken.iter().map(|(first, known)| (first..known.stop, known.sent));
        let waiting = (transaction.state.next..transaction.state.accepted, false);
        for (rows, sent) in taken.chain([waiting]).filter(|(rows, _)| !rows.is_empty()) {
            let is_full = spans.len() == SPANS;
            match spans.last_mut() {
                Some((last, same)) if last.end == rows.start && *same == sent => last.end = rows.end,
                Some((last, may)) if is_full => (last.end, *may, precise) = (rows.end, true, false),
                _ => spans.push((rows, sent)),
            }
        }
        let (state, rows) = (&transaction.state, transaction.state.rows + transaction.taken.rows());
        Self {
            failed,
            untold,
            accepted: state.accepted,
            rows,
            changes: (state.change, transaction.dead_letter_change),
            dead_letter_rows: state.dead_letter_rows,
            last_sequence_number: state.last_sequence_number,
            spans,
            precise,
            ..Self::default()
        }
    }

    /// Of a queue that never was.
    fn nothing(id: u64) -> Self {
        Self { id, closed: true, precise: true, ..Self::default() }
    }

    /// Whether a salvage was begun.
    pub(super) fn is_planned(&self) -> bool {
        self.plan.step != Step::Nothing
    }

    /// Whether this is the mark of the queue with this number, where that is known.
    pub(super) fn is_of(&self, queue: Option<u64>) -> bool {
        self.id == 0 || queue.is_none_or(|id| id == self.id)
    }

    /// Whether a file that is `marked` so is what came of the salvage that is planned, and was not opened since.
    fn has_built(&self, marked: Option<Marked>) -> bool {
        marked == Some(Marked { id: self.plan.draft, closed: true })
    }

    /// Whether more was committed than a file with this metadata knows.
    pub(super) fn is_ahead_of(&self, state: &State) -> bool {
        self.accepted > state.accepted || self.changes.0 > state.change
    }

    /// Whether a file with this metadata is newer than one commit explains, of which nobody was told: then this is an
    /// older mark, put back by somebody, and nobody knows what else was accepted. `commits` says in how many the rows from
    /// a number on came, at the least.
    pub(super) fn is_outrun_by(
        &self,
        state: &State,
        commits: impl FnOnce(u64) -> Result<u64, FileFailure>,
    ) -> Result<bool, FileFailure> {
        if !self.is_newest() {
            return Ok(false);
        }
        let (changes, most) = match self {
            Self { closed: true, .. } => (0, 0),
            Self { opening: true, .. } => (CHANGES_OF_A_COMMIT + CHANGES_OF_AN_OPENING, 1),
            _ => (CHANGES_OF_A_COMMIT, 1),
        };
        Ok(state.change > self.changes.0 + changes || commits(self.accepted)? > most)
    }

    /// Whether nobody has sent these rows.
    pub(super) fn says_unsent(&self, rows: &Range<u64>) -> bool {
        let all = rows.end - rows.start;
        self.spans.iter().any(|(span, sent)| !sent && overlap(span, rows) == all)
            || (rows.start >= self.accepted && self.is_newest())
    }

    /// Whether nothing can have been written since, but for one commit that nobody was told of.
    pub(super) fn is_newest(&self) -> bool {
        self.closed || (!self.boot.is_empty() && self.boot == boot())
    }

    fn to_line(&self) -> Vec<u8> {
        let totals = serde_json::to_string(self).unwrap_or_default();
        let line = format!("{MAGIC}{:08x} {totals}\n", crc32c::crc32c(totals.as_bytes()));
        // As long as the sector, at the least: of most marks nothing but this sector changes.
        format!("{line:SECTOR$}").into_bytes()
    }

    fn read(line: &[u8]) -> Option<Self> {
        let (sum, totals) = std::str::from_utf8(line).ok()?.strip_prefix(MAGIC)?.split_once(' ')?;
        let is_right = u32::from_str_radix(sum, 16) == Ok(crc32c::crc32c(totals.as_bytes()));
        if is_right { serde_json::from_str(totals).ok() } else { None }
    }
}

/// How many rows two ranges share.
pub(super) fn overlap(one: &Range<u64>, other: &Range<u64>) -> u64 {
    one.end.min(other.end).saturating_sub(one.start.max(other.start))
}

/// What is not so is left out: a mark has little room.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// What no other queue has. The files of earlier versions all have 1.
fn new_id() -> u64 {
    fastrand::u64(2..1 << 48)
}

fn boot() -> String {
    fs::read_to_string(BOOT).unwrap_or_default().trim_end().to_owned()
}

/// What a mark said when it was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Said {
    /// There was none.
    #[default]
    Nothing,
    /// It is not what was written.
    Damaged,
    Totals(Totals),
}

/// The file, open from the first time that it is written.
#[derive(Debug)]
pub(super) struct MarkFile {
    path: PathBuf,
    boot: String,
    /// The queue that it is the mark of.
    pub(super) id: u64,
    /// The queue that was here when the lock was last signed, where that is known.
    pub(super) signed: Option<u64>,
    file: Option<File>,
    pub(super) said: Said,
}

impl MarkFile {
    /// Looks at the mark of the queue at `place`.
    pub(super) fn find(place: &Place) -> Self {
        let mut free = None;
        for path in NAMES.map(|name| place.beside(name)) {
            let said = look(&path);
            match said {
                Some(Said::Nothing) => free = free.or(Some((path, Said::Nothing))),
                Some(said) => return Self::new(path, said),
                None => {}
            }
        }
        // Where all names are taken by others, none of them is written to.
        let (path, said) = free.unwrap_or_default();
        Self::new(path, said)
    }

    fn new(path: PathBuf, said: Said) -> Self {
        Self { path, boot: boot(), id: new_id(), signed: None, file: None, said }
    }

    /// There was no queue here before.
    pub(super) fn begin_anew(&mut self) {
        self.said = Said::Totals(Totals::nothing(self.id));
    }

    /// What is being done about the file.
    pub(super) fn plan(&self) -> Plan {
        if let Said::Totals(totals) = &self.said { totals.plan } else { Plan::default() }
    }

    /// What is wrong with a file with this metadata, which was `marked` so: whether it is as old as its mark, and no newer
    /// than that explains. Without a mark nobody can tell, but of a file that was closed.
    pub(super) fn objection(
        &self,
        state: &State,
        marked: Option<Marked>,
        commits: impl FnOnce(u64) -> Result<u64, FileFailure>,
    ) -> Result<Option<&'static str>, FileFailure> {
        Ok(match &self.said {
            Said::Totals(totals) if totals.is_planned() && !totals.opening => {
                Some(ANOTHERS).filter(|_| !totals.has_built(marked))
            }
            Said::Totals(totals) if !totals.is_of(marked.map(|marked| marked.id)) => Some(ANOTHERS),
            Said::Totals(totals) if totals.is_ahead_of(state) => Some("its mark knows of more than is in it"),
            Said::Totals(totals) if totals.is_outrun_by(state, commits)? => Some(OLD_MARK),
            Said::Totals(_) => None,
            _ => marked.filter(|marked| !marked.closed).map(|_| NO_MARK),
        })
    }

    /// What it says, or that nobody knows.
    pub(super) fn totals(&self) -> Totals {
        if let Said::Totals(totals) = &self.said { totals.clone() } else { Totals::default() }
    }

    /// The row from which on rows are in the file whose commit had failed, and that were refused. The mark says so as long
    /// as no power was cut, after which it may be older than what was told. Rows behind a mark that knows of no failure
    /// stay: their process ended before it could tell, or the mark is an older one.
    pub(super) fn refused_from(&self, state: &State, taken: &Taken) -> Option<u64> {
        let Said::Totals(totals) = &self.said else { return None };
        let behind = totals.accepted.max(state.next);
        let all_taken_before = taken.ranges().all(|rows| rows.end <= behind);
        let knows = totals.failed && totals.is_newest() && !totals.is_planned();
        (knows && behind < state.accepted && all_taken_before).then_some(behind)
    }

    /// Says `totals`; what is planned stays.
    pub(super) fn write(&mut self, totals: Totals) {
        let plan = self.plan();
        self.say(Totals { plan, opening: plan.step != Step::Nothing, ..totals }, false);
    }

    /// What cannot be written is removed: it would go on saying what is so no more.
    fn say(&mut self, totals: Totals, synced: bool) {
        let said = Totals { boot: self.boot.clone(), id: self.id, ..totals };
        if self.put(&said, synced).is_err() {
            self.file = None;
            if self.said != Said::Nothing {
                let _ = fs::remove_file(&self.path);
            }
        }
        self.said = Said::Totals(said);
    }

    /// The same of a `plan` that is not carried out before it is on the disk.
    pub(super) fn set_plan(&mut self, place: &Place, plan: Plan) -> Result<()> {
        let said = Totals { plan, ..self.totals() };
        self.put(&said, true).map_err(|error| system("the mark of the outbox", &self.path, &error))?;
        self.said = Said::Totals(said);
        place.sync_folder()
    }

    /// Says `totals` of a file whose opening is about to be written, and must not make an old mark of this one.
    pub(super) fn announce(&mut self, totals: Totals) {
        let before = self.totals();
        let untold = before.untold || before.is_planned();
        self.say(Totals { plan: before.plan, opening: true, untold, ..totals }, true);
    }

    /// Says `totals` of a file that is in its place, so that no power cut brings back what was said before.
    pub(super) fn begin(&mut self, place: &Place, totals: Totals) -> Result<()> {
        self.say(totals, true);
        place.sync_folder()
    }

    /// Says `totals`, and that nothing is written after them.
    pub(super) fn close(&mut self, totals: Totals) {
        // Somebody may have removed or replaced it.
        if look(&self.path).is_some() {
            self.file = None;
            self.say(Totals { closed: true, ..totals }, true);
        }
    }

    fn put(&mut self, totals: &Totals, synced: bool) -> io::Result<()> {
        let file = match self.file.take() {
            Some(file) => file,
            None => open(&self.path)?,
        };
        let file = self.file.insert(file);
        file.rewind()?;
        file.write_all(&totals.to_line())?;
        if synced { file.sync_data() } else { Ok(()) }
    }
}

/// What a file says; `None` where it is somebody else's.
fn look(path: &Path) -> Option<Said> {
    let Ok(file) = fs::symlink_metadata(path) else { return Some(Said::Nothing) };
    if !file.is_file() || file.len() > LONGEST {
        return None;
    }
    let mut bytes = Vec::new();
    if File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes)).is_err() {
        return Some(Said::Damaged);
    }
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_ours = bytes.starts_with(MAGIC.as_bytes()) || bytes.iter().all(|byte| *byte == 0);
    match Totals::read(line) {
        Some(totals) => Some(Said::Totals(totals)),
        None => is_ours.then_some(Said::Damaged),
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
