//! A damaged file is set aside, and what is intact of it goes on in a new one.
//!
//! ```text
//!  outbox.db ──records with their checksums──▶ outbox.db.draft ─fsync─▶ outbox.db.new    (from here on it is decided)
//!  outbox.db, -wal ─rename─▶ outbox.db.corrupt-1, -wal                  outbox.db.new ─rename─▶ outbox.db
//! ```
//!
//! A process that ends in between leaves either the old file or a complete new one, and the next process goes on.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::failure::{Trouble, system};
use super::ink::Ink;
use super::pages::Pages;
use super::place::Place;
use super::record::{State, StoredAside, StoredBatch, StoredRun};
use super::schema;
use super::table::{Record, put};
use crate::error::Result;
use crate::outbox::taken::Known;

/// The files that belong to an outbox beside its own.
const BESIDE: [&str; 2] = ["-wal", "-journal"];

/// Whether a rescue was interrupted after it was decided.
pub(super) fn is_decided(place: &Place) -> bool {
    place.successor().exists()
}

/// Puts a new file in the place of the damaged one; answers where that is now.
pub(super) fn rescue(place: &Place, destination: &[u8; 32]) -> Result<PathBuf, Trouble> {
    if !is_decided(place) {
        let draft = place.draft();
        let pages = Pages::open(place).map_err(|error| system("the outbox", place.path(), &error))?;
        build(&draft, pages, destination)?;
        let written = File::open(draft.path()).and_then(|file| file.sync_all());
        written
            .and_then(|()| fs::rename(draft.path(), place.successor()))
            .map_err(|error| system("the outbox", place.path(), &error))?;
        place.sync_folder()?;
    }
    Ok(install(place)?)
}

fn install(place: &Place) -> Result<PathBuf> {
    let taken = (1..u32::MAX).take_while(|number| place.beside(&format!(".corrupt-{number}")).exists()).count();
    // An earlier process may have come as far as setting the old file aside.
    let is_aside = taken > 0 && !place.path().exists();
    let name = format!(".corrupt-{}", if is_aside { taken } else { taken + 1 });
    for suffix in BESIDE {
        rename(&place.beside(suffix), &place.beside(&format!("{name}{suffix}")))?;
    }
    // It only described the log to those who had the file open.
    let _ = fs::remove_file(place.beside("-shm"));
    rename(place.path(), &place.beside(&name))?;
    rename(&place.successor(), place.path())?;
    place.sync_folder()?;
    Ok(place.beside(&name))
}

/// Renames a file, if it is there.
fn rename(from: &Path, to: &Path) -> Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(system("the damaged outbox", from, &error)),
        _ => Ok(()),
    }
}

/// Makes a file at `draft` of the intact records of `pages`.
fn build(draft: &Place, mut pages: Pages, destination: &[u8; 32]) -> Result<(), Trouble> {
    let named = pages.first().and_then(|page| schema::destination(&page)).unwrap_or(*destination);
    let (found, batches) = pages.figures();
    let batches: BTreeMap<u64, StoredBatch> = batches.into_iter().map(|batch| (batch.first, batch)).collect();
    let on_their_way: u64 = batches.values().map(|batch| batch.stop.saturating_sub(batch.first)).sum();
    let exact = found.filter(|state: &State| state.taken == on_their_way);
    let known = found.map_or(named, |state| state.destination);
    let mut connection = schema::create(draft, &State { destination: known, ..State::default() })?;
    let transaction = connection.transaction()?;
    let mut outcome = Ok(());
    let mut keep = |written: rusqlite::Result<()>| {
        if outcome.is_ok() {
            outcome = written;
        }
    };
    let mut extent = Extent::default();
    pages.all(|run: StoredRun| {
        extent.add(&run);
        // Without exact figures nobody knows which rows were sent.
        keep(put(&transaction, &StoredRun { sent: run.sent || exact.is_none(), ..run }));
    });
    pages.all(|aside: StoredAside| keep(put(&transaction, &aside)));
    match exact {
        Some(_) => batches.values().for_each(|batch| keep(put(&transaction, batch))),
        None => extent.numbers = batches.values().filter_map(|batch| batch.number).max(),
    }
    let state = figures(found, exact.is_some(), &extent);
    keep(put(&transaction, &State { destination: known, ..state }));
    outcome?;
    transaction.commit()?;
    Ok(connection.close().map_err(|(_, error)| error)?)
}

/// The runs that were found, all in all.
#[derive(Default)]
struct Extent {
    first: Option<u64>,
    end: u64,
    total: u64,
    /// The greatest number of a batch that is given up.
    numbers: Option<u64>,
}

impl Extent {
    fn add(&mut self, run: &StoredRun) {
        self.first = Some(self.first.map_or(run.first, |first| first.min(run.first)));
        self.end = self.end.max(run.first + run.count);
        self.total = self.total.max(run.total);
    }
}

/// The figures of the new file: those that were `found`, or what can be said without.
fn figures(found: Option<State>, exact: bool, extent: &Extent) -> State {
    let known = found.unwrap_or_default();
    let accepted = known.accepted.max(extent.end);
    let behind = accepted - known.accepted;
    let mut state = State {
        accepted,
        total: known.total.max(extent.total),
        rows: known.rows + behind,
        number: known.number.max(extent.numbers.unwrap_or(0)),
        gaps_below: accepted,
        ..known
    };
    if !exact {
        state.next = extent.first.unwrap_or(accepted);
        state.rows = if found.is_some() { state.rows + known.taken } else { accepted - state.next };
        state.taken = 0;
    }
    state
}

/// Which rows a file holds.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Rows without a gap, and what they count for.
    pieces: Vec<(Range<u64>, u64)>,
    aside_rows: u64,
    aside_bytes: u64,
}

impl Survey {
    fn add(&mut self, rows: Range<u64>, bytes: u64) {
        match self.pieces.last_mut() {
            Some((last, sum)) if last.end == rows.start => (last.end, *sum) = (rows.end, *sum + bytes),
            _ => self.pieces.push((rows, bytes)),
        }
    }

    /// What there is of `rows`; what parts count for is taken to be even.
    fn within(&self, rows: &Range<u64>) -> Vec<(Range<u64>, u64)> {
        let cut = |(piece, bytes): &(Range<u64>, u64)| {
            let part = piece.start.max(rows.start)..piece.end.min(rows.end);
            let share = (!part.is_empty()).then(|| bytes / (piece.end - piece.start) * (part.end - part.start))?;
            Some((part.clone(), if part == *piece { *bytes } else { share }))
        };
        self.pieces.iter().filter_map(cut).collect()
    }
}

/// Looks which rows are in the file.
pub(super) fn survey(connection: &Connection) -> Result<Survey, Trouble> {
    let mut survey = Survey::default();
    let mut statement =
        connection.prepare(&format!("SELECT first, count, bytes FROM {} ORDER BY first", StoredRun::TABLE))?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let [first, count, bytes] = [row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?].map(i64::cast_unsigned);
        survey.add(first..first + count, bytes);
    }
    let sql = format!("SELECT total(count), total(bytes) FROM {}", StoredAside::TABLE);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sums of whole numbers far below 2^53")]
    let sum = |sum: f64| sum as u64;
    (survey.aside_rows, survey.aside_bytes) =
        connection.query_row(&sql, (), |row| Ok((sum(row.get(0)?), sum(row.get(1)?))))?;
    Ok(survey)
}

/// Brings the figures in line with what is there; answers how many rows are not.
pub(super) fn adopt(ink: &mut Ink, inherited: &mut VecDeque<u64>, survey: &Survey) -> u64 {
    let state = &mut ink.state;
    let waiting = survey.within(&(state.next..state.accepted));
    let rows: u64 = waiting.iter().map(|(rows, _)| rows.end - rows.start).sum();
    let mut lost = state.rows.saturating_sub(rows);
    state.rows = rows;
    state.bytes = waiting.iter().map(|(_, bytes)| bytes).sum();
    (state.aside_rows, state.aside_bytes) = (survey.aside_rows, survey.aside_bytes);
    for first in std::mem::take(inherited) {
        let Some(known) = ink.taken.get(first) else { continue };
        let pieces = survey.within(&(first..known.stop));
        if pieces.iter().any(|(rows, _)| *rows == (first..known.stop)) {
            inherited.push_back(first);
            continue;
        }
        // What is left of a batch is another batch: it has no number.
        ink.taken.remove(first);
        lost += known.stop - first;
        for (rows, bytes) in pieces {
            lost -= rows.end - rows.start;
            inherited.push_back(rows.start);
            let part = Known { stop: rows.end, bytes, number: None, recorded: false, ..known };
            ink.taken.add(rows.start, part);
        }
    }
    ink.state.lost += lost;
    ink.state.gaps_below = ink.state.accepted;
    lost
}
