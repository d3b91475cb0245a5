//! What SQLite can still read of a damaged file goes on in a new one, and the damaged one is moved away.
//!
//! ```text
//!  queue.db ─records with their checksums─▶ queue.db.draft-…, fsync
//!  queue.db, then its -wal ─rename─▶ queue.db.corrupt-1, -wal
//!  queue.db.draft-… ─rename─▶ queue.db
//! ```
//!
//! Where a draft is complete and its file is gone, the process that built it was interrupted: the next one goes on from
//! there. Otherwise it begins again. A file that is made where there was none is a salvage of nothing.

mod count;
mod reading;

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;

use self::count::Account;
use super::destination::StoredDestination;
use super::failure::{FileFailure, system};
use super::mark::{MarkFile, Totals};
use super::metadata::{self, stored};
use super::place::Place;
use super::record::{Marked, State, StoredDeadLetter, StoredNotice, StoredRun};
use super::schema;
use super::table::{all, gather, put};
use super::transaction::Transaction;
use crate::delivery::queue::taken::Taken;
use crate::error::Result;

/// The files that a queue consists of, by what their names end in, in the order in which they are moved: SQLite would take
/// an old log for the new file's, and a file without its log for whole.
const FILES: [&str; 3] = ["", "-wal", "-journal"];

/// What a process knows of the queue that it uses: nobody knows better.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) transaction: Transaction,
    /// The batches of an earlier process, which are only in the file.
    pub(super) inherited: BTreeSet<u64>,
}

impl Memory {
    /// Whether the rows of a batch are in memory, whatever becomes of the file.
    pub(super) fn is_on_its_way(&self, first: u64) -> bool {
        self.transaction.taken.get(first).is_some() && !self.inherited.contains(&first)
    }
}

/// A new file that only needs its name.
pub(super) struct Draft {
    transaction: Transaction,
    notices: Vec<StoredNotice>,
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
    let Draft { transaction, notices } = match interrupted(place, mark) {
        Some(draft) => draft,
        None => build(place, mark, why, destination, memory)?,
    };
    if let Some(number) = notices.last().and_then(|notice| notice.kept) {
        let kept = place.kept(number);
        for (from, to) in FILES.map(|suffix| (place.beside(suffix), kept.beside(suffix))) {
            match fs::rename(&from, to) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(system("the damaged outbox", &from, &error).into());
                }
                _ => {}
            }
        }
    }
    // It only described the log to those who had the file open.
    let _ = fs::remove_file(place.beside("-shm"));
    place.sync_folder()?;
    mark.close(Totals::of(&transaction, false, !notices.is_empty()));
    schema::install(&place.draft(mark.id), place)?;
    Ok((transaction.state, transaction.taken))
}

/// What a process has built that was interrupted between the two renames.
pub(super) fn interrupted(place: &Place, mark: &MarkFile) -> Option<Draft> {
    if place.path().exists() {
        return None;
    }
    let file = schema::connect_to_read(&place.draft(mark.id)).ok()?;
    // Without it, it was not completed.
    metadata::marked(&file)?;
    let (state, taken) = metadata::load(&file).ok()?;
    Some(Draft { transaction: Transaction::resume(state, taken), notices: all(&file, "ORDER BY first", ()).ok()? })
}

/// Makes a file of what can be read of the one that is at `place`.
fn build(
    place: &Place,
    mark: &MarkFile,
    why: &str,
    destination: &StoredDestination,
    memory: Option<&Memory>,
) -> Result<Draft, FileFailure> {
    let draft = place.draft(mark.id);
    clear(place, mark);
    let is_there = FILES.iter().any(|suffix| fs::metadata(place.beside(suffix)).is_ok_and(|file| file.len() > 0));
    let kept = is_there.then(|| free_number(place));
    let (source, found) = if is_there { reading::open(place, &draft.copy()) } else { None }.unzip();
    let (mut totals, mut found) = (mark.totals(), found.unwrap_or_default());
    if mark.said.is_some() && totals.id != found.marked.map_or(mark.id, |marked| marked.id) {
        // Of the file that was here nothing is left, and nobody knows what should be in this one.
        (totals, found.marked) = (Totals::default(), None);
    }
    if let Some(Memory { transaction, .. }) = memory {
        (found.exact, found.state, found.taken) = (true, Some(transaction.state), transaction.taken.clone());
    }
    if let Some((source, state)) = source.as_ref().zip(found.state) {
        found.is_newer = totals.is_outrun_by(source, &state).unwrap_or(false);
    }
    let known = found.state.map(|state| state.destination).or_else(|| schema::named(place)).unwrap_or(*destination);
    known.check(place.path())?;
    let mut account = Account::new(&found, known, &totals, memory);
    let mut connection = schema::create(&draft, &State { destination: known, ..State::default() })?;
    let transaction = connection.transaction()?;
    let mut outcome = Ok(());
    let mut keep = |written: rusqlite::Result<()>| outcome = std::mem::replace(&mut outcome, Ok(())).and(written);
    if let Some(source) = &source {
        gather(source, |run: StoredRun| account.admit(run).iter().for_each(|run| keep(put(&transaction, run))));
        gather(source, |letter: StoredDeadLetter| keep(put(&transaction, &account.admit_dead_letter(letter))));
    }
    let (state, taken, mut loss) = account.close();
    // What nobody has heard of is lost along with the notice.
    loss.exact &= !totals.untold || !found.notices.is_empty();
    taken.iter().for_each(|batch| keep(put(&transaction, &stored(batch))));
    keep(put(&transaction, &state));
    // Until it is in use, it is as whole as one that was closed.
    keep(put(&transaction, &Marked { id: mark.id, closed: true }));
    let (mut notices, what) = (found.notices, why.to_owned());
    let first = notices.iter().map(|notice| notice.first + 1).max().unwrap_or(0);
    notices.extend(Some(StoredNotice { first, kept, what, loss }).filter(|_| kept.is_some() || loss.is_any()));
    for notice in &notices {
        keep(put(&transaction, notice));
    }
    outcome?;
    transaction.commit()?;
    connection.close().map_err(|(_, error)| error)?;
    drop(source);
    remove(&draft.copy());
    place.sync_folder()?;
    Ok(Draft { transaction: Transaction::resume(state, taken), notices })
}

fn free_number(place: &Place) -> u64 {
    let is_free = |number: &u64| FILES.iter().all(|suffix| !place.kept(*number).beside(suffix).exists());
    (1..u64::MAX).find(is_free).unwrap_or(u64::MAX)
}

/// Removes what a process left that was interrupted while it built a file.
pub(super) fn clear(place: &Place, mark: &MarkFile) {
    let draft = place.draft(mark.id);
    remove(&draft);
    remove(&draft.copy());
}

/// Removes a file whose name has the number of a queue in it, which nobody else gives.
fn remove(ours: &Place) {
    for suffix in FILES.iter().chain(&["-shm"]) {
        let _ = fs::remove_file(ours.beside(suffix));
    }
}
