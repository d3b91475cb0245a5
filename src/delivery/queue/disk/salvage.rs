//! A damaged file is moved away, and what SQLite can still read of it goes on in a new one.
//!
//! ```text
//!  moving:   queue.db, -wal ─rename─▶ queue.db.corrupt-1, -wal
//!  building: queue.db.corrupt-1 ─records with their checksums─▶ queue.db.draft-… ─fsync, rename─▶ queue.db
//! ```
//!
//! The mark says which of the two is under way: a process that ends in between leaves it to the next one. A file that is
//! made where there was none is a salvage of nothing.

mod count;
mod reading;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

use self::count::Account;
use super::destination::StoredDestination;
use super::failure::{FileFailure, system};
use super::mark::{MarkFile, Plan, Step, Totals};
use super::metadata::{self, stored};
use super::place::Place;
use super::record::{Marked, State, StoredDeadLetter, StoredNotice, StoredRun};
use super::schema;
use super::table::{gather, put};
use super::transaction::Transaction;
use crate::delivery::queue::taken::Taken;
use crate::error::Result;

/// The files that a queue consists of, by what their names end in.
const FILES: [&str; 3] = ["-wal", "-journal", ""];

/// What a process knows of the queue that it uses: nobody knows better.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) transaction: Transaction,
    /// The batches of an earlier process, which are only in the file.
    pub(super) inherited: BTreeSet<u64>,
    /// Dead letters that the file does not have yet.
    pub(super) unsaved: u64,
}

impl Memory {
    /// Whether the rows of a batch are in memory, whatever becomes of the file.
    pub(super) fn is_on_its_way(&self, first: u64) -> bool {
        self.transaction.taken.get(first).is_some() && !self.inherited.contains(&first)
    }
}

/// Puts a new file in the place of a damaged one, or of none, because of `why`. Should nothing else tell whose rows they
/// are, they are the `destination`'s. Answers its metadata and batches.
pub(super) fn renew(
    place: &Place,
    mark: &mut MarkFile,
    why: &str,
    destination: &StoredDestination,
    memory: Option<&Memory>,
) -> Result<(State, Taken), FileFailure> {
    let mut plan = mark.plan();
    if plan.step == Step::Nothing || !is_under_way(place, mark) {
        let is_there = FILES.iter().any(|suffix| fs::metadata(place.beside(suffix)).is_ok_and(|file| file.len() > 0));
        let kept = if is_there { free_number(place) } else { 0 };
        plan = Plan { step: Step::Moving, kept, draft: mark.id };
        mark.set_plan(place, plan)?;
    }
    mark.id = plan.draft;
    let old = place.kept(plan.kept);
    if plan.step == Step::Moving {
        for suffix in FILES.iter().filter(|_| plan.kept > 0) {
            rename(&place.beside(suffix), &old.beside(suffix))?;
        }
        // It only described the log to those who had the file open.
        let _ = fs::remove_file(place.beside("-shm"));
        place.sync_folder()?;
        plan.step = Step::Building;
        mark.set_plan(place, plan)?;
    }
    let draft = place.draft(plan.draft);
    let goes_on = build(&old, &draft, mark, why, destination, memory)?;
    File::open(draft.path())
        .and_then(|file| file.sync_all())
        .map_err(|error| system("the outbox", place.path(), &error))?;
    schema::install(&draft, place)?;
    Ok(goes_on)
}

/// Whether a salvage was begun whose new file is not in its place yet. A file that can be moved nowhere was not there then:
/// the mark is an older one, or another queue's.
pub(super) fn is_under_way(place: &Place, mark: &MarkFile) -> bool {
    let plan = mark.plan();
    let (is_there, kept) = (|place: &Place, suffix| place.beside(suffix).exists(), place.kept(plan.kept));
    match plan.step {
        Step::Nothing => false,
        Step::Moving => {
            FILES.iter().all(|suffix| !is_there(place, suffix) || plan.kept > 0 && !is_there(&kept, suffix))
        }
        Step::Building => !place.path().exists(),
    }
}

fn free_number(place: &Place) -> u64 {
    let is_free = |number: &u64| FILES.iter().all(|suffix| !place.kept(*number).beside(suffix).exists());
    (1..u64::MAX).find(is_free).unwrap_or(u64::MAX)
}

/// Renames a file, if it is there.
fn rename(from: &Path, to: &Path) -> Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(system("the damaged outbox", from, &error)),
        _ => Ok(()),
    }
}

/// Makes a file at `draft` of what can be read of the `old` one.
fn build(
    old: &Place,
    draft: &Place,
    mark: &MarkFile,
    why: &str,
    destination: &StoredDestination,
    memory: Option<&Memory>,
) -> Result<(State, Taken), FileFailure> {
    let copy = draft.copy();
    let mut totals = mark.totals();
    let kept = Some(totals.plan.kept).filter(|number| *number > 0);
    remove(draft);
    remove(&copy);
    let (source, found) = if kept.is_some() { reading::open(old, &copy) } else { None }.unzip();
    let mut found = found.unwrap_or_default();
    if !totals.is_of(found.marked.map(|marked| marked.id).or(mark.signed)) {
        // Of the file that was here nothing is left, and nobody knows what should be in this one.
        (totals, found.marked) = (Totals::default(), None);
    }
    if let (Some(source), Some(state)) = (&source, &found.state) {
        found.is_newer = totals.is_outrun_by(state, |row| metadata::commits_from(source, row)).unwrap_or(false);
    }
    let known = found.state.map(|state| state.destination).or_else(|| schema::named(old)).unwrap_or(*destination);
    known.check(old.path())?;
    let mut account = Account::new(&found, &totals, memory);
    let mut connection = schema::create(draft, &State { destination: known, ..State::default() })?;
    let transaction = connection.transaction()?;
    let mut outcome = Ok(());
    let mut keep = |written: rusqlite::Result<()>| outcome = std::mem::replace(&mut outcome, Ok(())).and(written);
    if let Some(source) = &source {
        gather(source, |run: StoredRun| {
            for (rows, clean) in account.wanted(&run) {
                let part = run.cut(rows, run.sent || !clean, &known);
                account.keep(&part);
                keep(put(&transaction, &part));
            }
        });
        gather(source, |letter: StoredDeadLetter| keep(put(&transaction, &account.keep_dead_letter(letter))));
    }
    let (state, taken, mut loss) = account.close();
    // What nobody has heard of is lost along with the notice.
    loss.exact &= !totals.untold || !found.notices.is_empty();
    taken.iter().for_each(|batch| keep(put(&transaction, &stored(batch))));
    let state = State { destination: known, ..state };
    keep(put(&transaction, &state));
    // Until it is in use, it is as whole as one that was closed.
    keep(put(&transaction, &Marked { id: mark.id, closed: true }));
    let first = found.notices.iter().map(|notice| notice.first + 1).max().unwrap_or(0);
    found.notices.iter().for_each(|notice| keep(put(&transaction, notice)));
    if kept.is_some() || loss.is_any() {
        keep(put(&transaction, &StoredNotice { first, kept, what: why.to_owned(), loss }));
    }
    outcome?;
    transaction.commit()?;
    connection.close().map_err(|(_, error)| error)?;
    drop(source);
    let _ = fs::remove_file(old.beside("-shm"));
    remove(&copy);
    Ok((state, taken))
}

/// Removes a file whose name is in our mark, and nobody else's.
fn remove(ours: &Place) {
    for suffix in FILES.iter().chain(&["-shm"]) {
        let _ = fs::remove_file(ours.beside(suffix));
    }
}
