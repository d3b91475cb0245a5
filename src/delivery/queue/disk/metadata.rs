//! The metadata of a file, brought up to the last row in it.
//!
//! They are not written with every accepted row, which would cost a page each time, but before the log is written back
//! and whenever a batch changes. So rows behind what they say are in the log, whose frames SQLite checks; and where
//! fewer rows are there than they say, rows are lost.

use std::ops::Range;

use rusqlite::{Connection, OptionalExtension};

use super::failure::FileFailure;
use super::record::{Marked, State, StoredBatch, StoredDeadLetter, StoredRun};
use super::schema;
use super::table::{Record, all, each_intact, leads_back, put};
use crate::delivery::queue::taken::{Known, Taken};
use crate::error::amount;

/// The metadata, and those batches that were taken and not settled which are intact.
pub(super) fn load(connection: &Connection) -> Result<(State, Taken), FileFailure> {
    let mut states = all::<State>(connection, "", ())?;
    let (Some(mut state), None) = (states.pop(), states.pop()) else {
        return Err(FileFailure::Damaged("the metadata is missing".into()));
    };
    state.destination.check(connection.path().unwrap_or_default().as_ref())?;
    let mut taken = Taken::default();
    let wrong = each_intact(connection, |batch: StoredBatch| {
        taken.add(batch.first, batch.into());
        Ok(())
    })?;
    if let Some(failure @ FileFailure::Disk(_)) = wrong {
        return Err(failure);
    }
    let last = last(connection)?;
    if let Some((end, total)) = last.filter(|(end, _)| *end > state.accepted) {
        state.rows += end - state.accepted;
        state.bytes += total.saturating_sub(state.total);
        (state.accepted, state.total) = (end, total);
    }
    Ok((state, taken))
}

/// What the file says of its mark.
pub(super) fn marked(connection: &Connection) -> Option<Marked> {
    all(connection, "", ()).ok()?.pop()
}

/// Writes that the queue `id` is open. SQLite would not write again what stands there already.
pub(super) fn sign(connection: &Connection, id: u64) -> Result<(), FileFailure> {
    schema::add_tables(connection)?;
    connection.execute(&format!("DELETE FROM {}", Marked::TABLE), ())?;
    Ok(put(connection, &Marked { id, closed: false })?)
}

/// Whether everything is there that should be by this metadata.
pub(super) fn check(connection: &Connection, state: &State, taken: &Taken) -> Result<(), FileFailure> {
    if taken.rows() != state.taken {
        return Err(FileFailure::Damaged(format!("{} on the way, of {}", amount(taken.rows(), "row"), state.taken)));
    }
    let (mut there, mut in_letters, all) = (0, 0, state.rows + state.taken);
    each_range::<StoredRun>(connection, |rows| {
        let spans = taken.ranges().chain(std::iter::once(state.next..state.accepted));
        there += spans.map(|span| overlap(&span, &rows)).sum::<u64>();
    })?;
    each_range::<StoredDeadLetter>(connection, |rows| in_letters += rows.end - rows.start)?;
    if (there, in_letters) == (all, state.dead_letter_rows) {
        return Ok(());
    }
    let (all, all_in_letters) = (amount(all, "row"), amount(state.dead_letter_rows, "row"));
    let message = format!("{there} of {all} can be found, and {in_letters} of {all_in_letters} set aside");
    Err(FileFailure::Damaged(message))
}

/// Visits the rows of each record, unread. A page that is met twice is damage, though its rows may be as many as those of
/// the page in whose place it is.
fn each_range<R: Record>(connection: &Connection, mut visit: impl FnMut(Range<u64>)) -> Result<(), FileFailure> {
    let mut statement = connection.prepare(&format!("SELECT first, count FROM {} ORDER BY first", R::TABLE))?;
    let (mut found, mut next) = (statement.query(())?, 0);
    while let Some(record) = found.next()? {
        let [first, count] = [record.get::<_, i64>(0)?, record.get(1)?].map(i64::cast_unsigned);
        if first < next {
            return Err(leads_back::<R>(first.cast_signed()));
        }
        next = first.saturating_add(1);
        visit(first..first.saturating_add(count));
    }
    Ok(())
}

/// Takes the rows from `accepted` on out of the metadata, which has to be written anew.
pub(super) fn forget_from(connection: &Connection, state: &mut State, accepted: u64) -> Result<(), FileFailure> {
    let sql = format!("SELECT coalesce(sum(bytes), 0) FROM {} WHERE first >= ?1", StoredRun::TABLE);
    let bytes = connection.query_row(&sql, [accepted.cast_signed()], |row| row.get::<_, i64>(0))?.cast_unsigned();
    state.rows = state.rows.saturating_sub(state.accepted - accepted);
    state.bytes = state.bytes.saturating_sub(bytes);
    state.total = state.total.saturating_sub(bytes);
    state.accepted = accepted;
    Ok(())
}

/// In how many commits the rows from `row` on came, at the least: those of one came at one time.
pub(super) fn commits_from(connection: &Connection, row: u64) -> Result<u64, FileFailure> {
    let sql = format!("SELECT count(DISTINCT at) FROM {} WHERE first >= ?1", StoredRun::TABLE);
    Ok(connection.query_row(&sql, [row.cast_signed()], |row| row.get::<_, i64>(0))?.cast_unsigned())
}

/// The number behind the last row, and what all rows up to it count for.
fn last(connection: &Connection) -> Result<Option<(u64, u64)>, FileFailure> {
    let sql = format!("SELECT first + count, total FROM {} ORDER BY first DESC LIMIT 1", StoredRun::TABLE);
    let found = connection.query_row(&sql, (), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))).optional()?;
    Ok(found.map(|(end, total)| (end.cast_unsigned(), total.cast_unsigned())))
}

/// How many rows two ranges share.
pub(super) fn overlap(one: &Range<u64>, other: &Range<u64>) -> u64 {
    one.end.min(other.end).saturating_sub(one.start.max(other.start))
}

/// When the first of the rows from `next` on was accepted.
pub(super) fn since(connection: &Connection, next: u64) -> Option<u64> {
    let sql = format!(
        "SELECT at FROM {} WHERE first + count > ?1 AND first >= coalesce((SELECT max(first) FROM {0} WHERE first <= ?1), 0) ORDER BY first LIMIT 1",
        StoredRun::TABLE
    );
    let at: rusqlite::Result<i64> = connection
        .prepare_cached(&sql)
        .and_then(|mut statement| statement.query_row([next.cast_signed()], |row| row.get(0)));
    at.ok().map(i64::cast_unsigned)
}

impl From<StoredBatch> for Known {
    fn from(batch: StoredBatch) -> Self {
        let StoredBatch { first: _, stop, bytes, at, sequence_number, sent } = batch;
        Self { stop, bytes, at, sequence_number, doubt: sent, sent, recorded: true }
    }
}

/// The batch as it is written.
pub(super) fn stored((first, known): (u64, &Known)) -> StoredBatch {
    let Known { stop, bytes, at, sequence_number, doubt: _, sent, recorded: _ } = *known;
    StoredBatch { first, stop, bytes, at, sequence_number, sent }
}
