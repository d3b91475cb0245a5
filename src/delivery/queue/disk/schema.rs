//! How a file is made, opened, known again, and brought up to date.

use std::fs;
use std::io::Read;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::destination::StoredDestination;
use super::failure::{FileFailure, system};
use super::known_tables;
use super::place::{Place, create_private};
use super::record::{Marked, State, StoredBatch, StoredDeadLetter, StoredNotice, StoredRun};
use super::strangers::{is_log_strange, stranger};
use super::table::{Record, all, definition, put};
use crate::error::{Error, Kind, Result};

/// What our tables say of themselves; a file is known by it though its header is gone.
pub(super) const REMARK: &str = "powerbi-push outbox";
/// `PBOX`: SQLite's mark of whose file it is.
const APPLICATION: u32 = 0x5042_4F58;
/// The version of a file that is written here.
const FILE_VERSION: u32 = 2;
/// No version to come is greater: a number above it is damage.
const LAST_VERSION: u32 = 0xFFFF;
/// Where a file says which version of SQLite may write to it, and the last that there is: one that is newer may only read it.
const WRITE_VERSION: (usize, u8) = (18, 2);
/// What brings a file from each version to the next one, the first from version 1. Version 2 writes behind the hash of the
/// destination how rows are framed; metadata that does not say it yet are read as well.
const MIGRATIONS: [&str; FILE_VERSION as usize - 1] = [""];
/// How long a writer waits for readers that hold the file.
const BUSY: Duration = Duration::from_secs(5);
/// The log beside the file shrinks to this when it is written back.
const LOG_LIMIT: u32 = 8_000_000;

/// What there is at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// A queue, to all appearances.
    Outbox,
    /// Something that was a queue.
    Damaged,
}

/// Looks at what is at `place`, whose lock file is `known` to have been a queue's.
pub(super) fn look(place: &Place, known: bool) -> Result<Found> {
    let mut start = Vec::new();
    match fs::File::open(place.path()) {
        Ok(file) => {
            file.take(4096).read_to_end(&mut start).map_err(|error| system("the outbox", place.path(), &error))?
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
        Err(error) => return Err(system("the outbox", place.path(), &error)),
    };
    if start.is_empty() {
        // An empty file may be anybody's, and a log without its file, too.
        let log = Some(place.wal()).filter(|log| fs::metadata(log).is_ok_and(|file| file.len() > 0));
        let left = log.or_else(|| Some(place.path().to_path_buf()).filter(|file| file.exists()));
        return match left {
            None => Ok(Found::Nothing),
            Some(_) if known => Ok(Found::Damaged),
            Some(path) => Err(stranger(&path)),
        };
    }
    let field =
        |at: usize| start.get(at..at + 4).map(|bytes| u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
    let ours = field(68) == Some(APPLICATION);
    if start.starts_with(b"SQLite format 3\0") && ours {
        let state = state(place);
        state.map_or(Ok(()), |state| state.destination.check(place.path()))?;
        let is_writable = start.get(WRITE_VERSION.0).is_some_and(|version| *version <= WRITE_VERSION.1);
        return match field(60) {
            Some(version @ ..=LAST_VERSION) if version > FILE_VERSION && state.is_none() => Err(newer(place, version)),
            _ if !is_writable => Ok(Found::Damaged),
            // A log that is nobody's is kept, as a damaged one is.
            Some(1..=FILE_VERSION) if is_log_strange(place)? => Ok(Found::Damaged),
            Some(1..=FILE_VERSION) => Ok(Found::Outbox),
            _ => Ok(Found::Damaged),
        };
    }
    let says_so = start.windows(REMARK.len()).any(|words| words == REMARK.as_bytes());
    if known || ours || says_so {
        return Ok(Found::Damaged);
    }
    let message = format!("`{}` is there and is not an outbox", place.path().display());
    Err(Error::new(Kind::Outbox, message).with_hint("name a file of its own for the outbox; it is made where missing"))
}

/// Refuses a queue whose log is another destination's than its file, and one that is another's than the `owner` whom its
/// lock names: somebody has mixed up files, and nothing of them is changed. The file `alone` was read before it was opened.
pub(super) fn check_owner(
    connection: &Connection,
    place: &Place,
    owner: &StoredDestination,
    alone: Option<StoredDestination>,
) -> Result<(), FileFailure> {
    let sql = format!("SELECT sql FROM sqlite_schema WHERE name = '{}'", State::TABLE);
    let words: String = connection.query_row(&sql, (), |row| row.get(0))?;
    let in_metadata = all::<State>(connection, "", ()).ok().and_then(|mut states| states.pop());
    let found = [destination(words.as_bytes()), in_metadata.map(|state| state.destination)];
    let is_anothers = |than: &StoredDestination| found.iter().flatten().any(|found| than.is_not(found));
    let (path, hint) = (place.path().display(), "put the files back where they belong: nothing was changed");
    let message = if alone.as_ref().is_some_and(is_anothers) {
        format!("the log beside the outbox `{path}` is that of another outbox, with another destination")
    } else if is_anothers(owner) {
        format!("the outbox `{path}` was replaced by one that holds rows for another destination")
    } else {
        return Ok(());
    };
    Err(Error::new(Kind::Outbox, message).with_hint(hint).into())
}

/// The metadata, where those of our own version are in the file, whatever its header says.
fn state(place: &Place) -> Option<State> {
    // Nothing is to be left beside a file that is not ours to use.
    let path = percent_encode(place.path().as_os_str().as_encoded_bytes(), NON_ALPHANUMERIC);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let mut connection = Connection::open_with_flags(format!("file:{path}?immutable=1"), flags).ok()?;
    known_tables::check(&mut connection, place).ok()?;
    all(&connection, "", ()).ok()?.pop()
}

fn newer(place: &Place, version: u32) -> Error {
    let path = place.path().display();
    let message =
        format!("the outbox `{path}` was written by a newer powerbi-push (form {version}, known here: {FILE_VERSION})");
    Error::new(Kind::Outbox, message).with_hint("upgrade powerbi-push")
}

/// Makes an empty queue at `place` with this metadata in it.
pub(super) fn create(place: &Place, state: &State) -> Result<Connection, FileFailure> {
    create_private(place.path()).map_err(|error| system("the outbox", place.path(), &error))?;
    let mut connection = open(place, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = 1;")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(&format!(
        "PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {FILE_VERSION}; {} {} {} {}",
        definition::<State>(&remark(&state.destination)),
        definition::<StoredBatch>("taken and not settled"),
        definition::<StoredRun>("rows in the order in which they were accepted"),
        definition::<StoredDeadLetter>("refused, or in doubt"),
    ))?;
    add_tables(&transaction)?;
    put(&transaction, state)?;
    transaction.commit()?;
    Ok(connection)
}

/// Makes the tables that files of this version that were made earlier do without.
pub(super) fn add_tables(connection: &Connection) -> Result<(), FileFailure> {
    let tables = [definition::<Marked>("there is a mark beside it"), definition::<StoredNotice>("to be told once")];
    Ok(connection.execute_batch(&tables.concat())?)
}

/// What the file and its lock say of themselves: should the metadata be gone, it still says whose rows they are.
pub(super) fn remark(destination: &StoredDestination) -> String {
    format!("{REMARK} for {destination}")
}

/// The destination in such words.
pub(super) fn destination(words: &[u8]) -> Option<StoredDestination> {
    let start = format!("{REMARK} for ");
    let at = words.windows(start.len()).position(|found| found == start.as_bytes())? + start.len();
    StoredDestination::parse(&words[at..])
}

/// The destination that the first page of a file names. Nobody here may have the file open: on systems other than Linux
/// and Windows that would take SQLite's locks away.
pub(super) fn named(place: &Place) -> Option<StoredDestination> {
    let mut page = Vec::new();
    fs::File::open(place.path()).and_then(|file| file.take(4_096).read_to_end(&mut page)).ok()?;
    destination(&page)
}

/// Gives the complete file at `draft` the name of `place`, of which nothing must be there.
pub(super) fn install(draft: &Place, place: &Place) -> Result<()> {
    fs::rename(draft.path(), place.path()).map_err(|error| system("the outbox", place.path(), &error))?;
    place.sync_folder()
}

/// Opens the queue for writing.
pub(super) fn connect(place: &Place) -> Result<Connection, FileFailure> {
    let mut connection = open(place, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    known_tables::check(&mut connection, place)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", (), |row| row.get(0))?;
    if mode != "wal" {
        let message = format!("the outbox `{}` cannot keep a log beside it", place.path().display());
        let hint = "put it on a disk of this machine that can be written";
        return Err(Error::new(Kind::Outbox, message).with_hint(hint).into());
    }
    // The log is written back by us, after the metadata has been written; see `Database`.
    connection.execute_batch(&format!(
        "PRAGMA synchronous = FULL; PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1; PRAGMA temp_store = 2;
         PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = {LOG_LIMIT}; PRAGMA cell_size_check = 1;"
    ))?;
    migrate(connection, &MIGRATIONS)
}

/// Opens the queue for looking at it.
pub(super) fn connect_to_read(place: &Place) -> Result<Connection, FileFailure> {
    let mut connection = open(place, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    known_tables::check(&mut connection, place)?;
    Ok(connection)
}

fn open(place: &Place, access: OpenFlags) -> Result<Connection, FileFailure> {
    let connection = Connection::open_with_flags(place.path(), access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.execute_batch("PRAGMA trusted_schema = 0;")?;
    Ok(connection)
}

/// Whether closing the connection leaves the log as it is.
pub(super) fn spare_log(connection: &Connection, spared: bool) -> Result<(), FileFailure> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, spared)?;
    Ok(())
}

/// Writes the log back into the file, as far as no reader is in the way.
pub(super) fn write_back(connection: &Connection) -> Result<(), FileFailure> {
    Ok(connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(()))?)
}

/// Writes all of a log back into the file that will not be used again, and leaves what now has its name alone.
pub(super) fn give_up_log(connection: &Connection, place: &Place) -> Result<(), FileFailure> {
    let counts = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
    let (pages, written) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), counts)?;
    if written < pages {
        return Err(being_read(place).into());
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(())
}

/// Somebody reads what has to be written.
pub(super) fn being_read(place: &Place) -> Error {
    Error::new(Kind::Outbox, format!("the outbox `{}` is being read: try again later", place.path().display()))
}

/// Writes the log back into the file and empties it; answers whether no reader was in the way.
pub(super) fn empty_log(connection: &Connection) -> Result<bool, FileFailure> {
    connection.busy_timeout(Duration::ZERO)?;
    let emptied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get::<_, i64>(0));
    connection.busy_timeout(BUSY)?;
    Ok(emptied? == 0)
}

/// How many pages of the file hold nothing.
pub(super) fn spare_pages(connection: &Connection) -> u64 {
    connection.query_row("PRAGMA freelist_count", (), |row| row.get::<_, u32>(0)).unwrap_or(0).into()
}

/// Cuts off the file's empty pages.
pub(super) fn vacuum(connection: &Connection) -> Result<(), FileFailure> {
    let mut statement = connection.prepare("PRAGMA incremental_vacuum")?;
    let mut pages = statement.query(())?;
    while pages.next()?.is_some() {}
    Ok(())
}

/// Brings the file to the newest version: all the steps it still needs, or none.
fn migrate(mut connection: Connection, steps: &[&str]) -> Result<Connection, FileFailure> {
    let version: u32 = connection.query_row("PRAGMA user_version", (), |row| row.get(0))?;
    let missing = steps.get((version as usize).saturating_sub(1)..).unwrap_or_default();
    if missing.is_empty() {
        return Ok(connection);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in missing {
        transaction.execute_batch(step)?;
    }
    transaction.execute_batch(&format!("PRAGMA user_version = {}", steps.len() + 1))?;
    transaction.commit()?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(connection: &Connection) -> u32 {
        connection.query_row("PRAGMA user_version", (), |row| row.get(0)).expect("a version")
    }

    fn old() -> Connection {
        let connection = Connection::open_in_memory().expect("memory");
        connection
            .execute_batch("PRAGMA user_version = 2; CREATE TABLE a (x); INSERT INTO a VALUES (1)")
            .expect("a table");
        connection
    }

    #[test]
    fn a_file_takes_the_steps_that_it_still_needs() {
        let steps = ["no SQL: this step was taken", "ALTER TABLE a ADD COLUMN y", "UPDATE a SET y = 2 * x"];
        let connection = migrate(old(), &steps).expect("steps");
        assert_eq!(version(&connection), 4);
        assert_eq!(connection.query_row("SELECT y FROM a", (), |row| row.get(0)), Ok(2));
        let again = migrate(connection, &steps).expect("no steps");
        assert_eq!(version(&again), 4);
    }

    #[test]
    fn a_step_that_fails_changes_nothing() {
        let place = std::env::temp_dir().join(format!("powerbi-push-migrate-{}", std::process::id()));
        let file = |sql: &str| {
            let connection = Connection::open(&place).expect("a file");
            connection.execute_batch(sql).expect(sql);
            connection
        };
        let connection = file("PRAGMA user_version = 1; CREATE TABLE a (x);");
        assert!(migrate(connection, &["ALTER TABLE a ADD COLUMN y", "no SQL"]).is_err());
        let connection = file("INSERT INTO a (x) VALUES (1)");
        assert_eq!(version(&connection), 1);
        assert!(connection.query_row("SELECT y FROM a", (), |row| row.get::<_, u32>(0)).is_err());
        drop(connection);
        fs::remove_file(place).expect("the file");
    }
}
