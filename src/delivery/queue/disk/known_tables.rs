//! Whether a file has the tables of a queue, which is asked before anything is asked of them.

use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode};

use super::failure::FileFailure;
use super::place::Place;
use super::record::{Marked, State, StoredBatch, StoredDeadLetter, StoredNotice, StoredRun};
use super::strangers::stranger;
use super::table::{Record, is_definition};

/// Ours have a tenth of it.
const LONGEST_DEFINITION: i32 = 10_000;
/// Steps of SQLite that look at some thousand definitions.
const MOST_STEPS: i32 = 50_000;

/// Whether a definition is the one that we make.
type IsOurs = fn(&str) -> bool;

/// Refuses a file whose tables are not ours, before anything is asked of them: a view or a trigger by one of our names
/// could keep SQLite busy for ever. Other tables do no harm.
pub(super) fn check(connection: &mut Connection, place: &Place) -> Result<(), FileFailure> {
    let longest = connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST_DEFINITION)?;
    connection.progress_handler(MOST_STEPS, Some(|| true))?;
    let found = definitions(connection);
    connection.progress_handler(0, None::<fn() -> bool>)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, longest)?;
    let found = match found {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            return Err(stranger(place.path()).into());
        }
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::TooBig) => {
            return Err(FileFailure::Damaged(error.to_string()));
        }
        found => found?,
    };
    // A file of an earlier version has neither of the last two.
    let known: [(&str, IsOurs, bool); 6] = [
        (State::TABLE, is_definition::<State>, true),
        (StoredBatch::TABLE, is_definition::<StoredBatch>, true),
        (StoredRun::TABLE, is_definition::<StoredRun>, true),
        (StoredDeadLetter::TABLE, is_definition::<StoredDeadLetter>, true),
        (Marked::TABLE, is_definition::<Marked>, false),
        (StoredNotice::TABLE, is_definition::<StoredNotice>, false),
    ];
    for (table, is_ours, is_needed) in known {
        let mut about = found.iter().filter(|(_, of, _)| of.eq_ignore_ascii_case(table));
        match (about.next(), about.next()) {
            (Some((kind, ..)), None) if kind != "table" => return Err(stranger(place.path()).into()),
            (Some((_, _, sql)), None) if is_ours(sql) => {}
            (None, _) if !is_needed => {}
            (_, None) => return Err(FileFailure::Damaged(format!("its table `{table}` is not what was made"))),
            (_, Some(_)) => return Err(stranger(place.path()).into()),
        }
    }
    Ok(())
}

/// What there is in a file: its kind, the table that it belongs to, and what made it.
fn definitions(connection: &Connection) -> rusqlite::Result<Vec<(String, String, String)>> {
    let mut statement = connection.prepare("SELECT type, tbl_name, coalesce(sql, '') FROM sqlite_schema")?;
    statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
}
