//! What SQLite can still read of a damaged file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};

use rusqlite::Connection;

use crate::delivery::queue::disk::failure::{FileFailure, system};
use crate::delivery::queue::disk::place::Place;
use crate::delivery::queue::disk::record::{Marked, State, StoredBatch, StoredNotice};
use crate::delivery::queue::disk::schema;
use crate::delivery::queue::disk::table::gather;
use crate::delivery::queue::taken::Taken;

/// The head of a file, up to where its tables begin.
const PAGE: u64 = 4_096;

/// What a file says besides its rows.
#[derive(Debug, Default)]
pub(super) struct Old {
    /// The metadata, where the batches are those that belong to it.
    pub(super) exact: bool,
    pub(super) state: Option<State>,
    pub(super) taken: Taken,
    pub(super) marked: Option<Marked>,
    pub(super) notices: Vec<StoredNotice>,
    /// Whether its mark is an older one.
    pub(super) is_newer: bool,
}

/// Opens the `old` file for reading. Where its head is not what was written, a `copy` with the head of a new file is
/// opened: the tables of all queues begin at the same pages.
pub(super) fn open(old: &Place, copy: &Place) -> Option<(Connection, Old)> {
    // SQLite deletes the log of an empty file.
    let is_empty = fs::metadata(old.path()).is_ok_and(|file| file.len() == 0);
    if !is_empty && let Ok(source) = schema::connect_to_read(old) {
        let found = Old::read(&source);
        if found.state.is_some() {
            return Some((source, found));
        }
    }
    mend(old, copy).ok()?;
    let source = schema::connect_to_read(copy).ok()?;
    let found = Old::read(&source);
    Some((source, found))
}

fn mend(old: &Place, copy: &Place) -> Result<(), FileFailure> {
    drop(schema::create(copy, &State::default())?);
    schema::connect(copy)?.execute_batch("DELETE FROM state")?;
    let copied = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(copy.path())?;
        if let Ok(mut from) = File::open(old.path()) {
            from.seek(SeekFrom::Start(PAGE))?;
            file.seek(SeekFrom::Start(PAGE))?;
            io::copy(&mut from, &mut file)?;
        }
        // No size in the head: then that of the file holds.
        file.seek(SeekFrom::Start(28))?;
        file.write_all(&[0; 4])?;
        if old.wal().exists() { fs::copy(old.wal(), copy.wal()).map(drop) } else { Ok(()) }
    };
    copied().map_err(|error| system("the damaged outbox", copy.path(), &error).into())
}

impl Old {
    fn read(source: &Connection) -> Self {
        let mut old = Self::default();
        // A cell that reaches beyond its page is not read.
        let _ = source.execute_batch("PRAGMA cell_size_check = 1; BEGIN");
        gather(source, |state: State| old.state = Some(state));
        gather(source, |batch: StoredBatch| old.taken.add(batch.first, batch.into()));
        gather(source, |marked| old.marked = Some(marked));
        gather(source, |notice| old.notices.push(notice));
        old.exact = old.state.is_some_and(|state| state.taken == old.taken.rows());
        old
    }
}
