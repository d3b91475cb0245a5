//! What SQLite can still read of a damaged file.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};

use rusqlite::Connection;

use crate::outbox::durable::failure::{Trouble, system};
use crate::outbox::durable::place::Place;
use crate::outbox::durable::record::{Marked, State, StoredBatch, StoredNotice};
use crate::outbox::durable::schema;
use crate::outbox::durable::table::{Record, each_found};
use crate::outbox::taken::Taken;

/// How often a table is looked into from another place before the rest of it is given up.
const LOOKS: u32 = 500;
/// No table has greater keys.
const LAST: i64 = 1 << 48;

const PAGE: u64 = 4_096;

/// What a file says besides its rows.
#[derive(Debug, Default)]
pub(super) struct Old {
    /// The figures, where the batches are those that belong to them.
    pub(super) exact: bool,
    pub(super) state: Option<State>,
    pub(super) taken: Taken,
    pub(super) id: Option<u64>,
    pub(super) closed: bool,
    pub(super) notices: Vec<StoredNotice>,
}

/// Opens the `old` file for reading. Where its head is not what was written, a copy with the head of a new file is opened,
/// which lies beside `draft` until it is removed: the tables of all outboxes begin at the same pages.
pub(super) fn open(old: &Place, copy: &Place) -> Option<(Connection, Old)> {
    // SQLite deletes the log of an empty file.
    let is_empty = fs::metadata(old.path()).is_ok_and(|file| file.len() == 0);
    let whole = Some(old)
        .filter(|_| !is_empty)
        .and_then(|old| schema::connect_to_read(old).ok())
        .map(|source| (Old::read(&source), source));
    if let Some((found, source)) = whole.filter(|(found, _)| found.state.is_some()) {
        return Some((source, found));
    }
    mend(old, copy).ok()?;
    let source = schema::connect_to_read(copy).ok()?;
    let found = Old::read(&source);
    Some((source, found))
}

fn mend(old: &Place, copy: &Place) -> Result<(), Trouble> {
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
    pub(super) fn read(source: &Connection) -> Self {
        let mut old = Self::default();
        // A cell that reaches beyond its page is not read.
        let _ = source.execute_batch("PRAGMA cell_size_check = 1; BEGIN");
        gather(source, |state: State| old.state = Some(state));
        gather(source, |batch: StoredBatch| old.taken.add(batch.first, batch.into()));
        gather(source, |marked: Marked| (old.id, old.closed) = (Some(marked.id), marked.closed));
        gather(source, |notice| old.notices.push(notice));
        old.exact = old.state.is_some_and(|state| state.taken == old.taken.rows());
        old
    }
}

/// Visits every intact record that can be reached: in order up to the first page that cannot be read, then backwards from
/// the end, and what lies between such pages in halves.
pub(super) fn gather<R: Record>(source: &Connection, mut visit: impl FnMut(R)) {
    let (mut looks, mut left) = (0, VecDeque::from([(0, LAST)]));
    while let Some((mut first, mut last)) = left.pop_front() {
        let mut hole = false;
        for order in ["ASC", "DESC"] {
            looks += 1;
            let rest = format!("WHERE first BETWEEN ?1 AND ?2 ORDER BY first {order}");
            let read: Result<(), Trouble> = each_found(source, &rest, [first, last], |key, record| {
                (first, last) = if order == "ASC" { (key + 1, last) } else { (first, key - 1) };
                record.into_iter().for_each(&mut visit);
                Ok(true)
            });
            hole = read.is_err() && first <= last;
            if !hole {
                break;
            }
        }
        let middle = first + (last - first) / 2;
        if hole && first < last && looks < LOOKS {
            left.extend([(first, middle), (middle + 1, last)]);
        }
    }
}
