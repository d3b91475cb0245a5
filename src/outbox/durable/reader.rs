//! Looking into an outbox that another process may be writing to.

use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::failure::{Trouble, system};
use super::figures;
use super::lock;
use super::place::Place;
use super::record::{StoredAside, StoredBatch, StoredRun, restored};
use super::schema::{self, Found};
use super::set_aside::{self, SetAside};
use super::table::{all, each};
use crate::clock::Clock;
use crate::encode::{PUSH_ROWS, Run};
use crate::error::{Error, Kind, Result};
use crate::outbox::calendar::Calendar;
use crate::outbox::level::Level;

/// Which rows of an outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Those that are accepted and not settled.
    Pending,
    /// Those that were refused, or sent and never answered for.
    SetAside,
}

/// An outbox, open for reading. Whatever it is asked, it answers with one moment's truth.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    path: PathBuf,
    calendar: Calendar,
}

impl Reader {
    /// Opens the outbox at `path`.
    pub fn open(path: &Path, clock: Clock) -> Result<Self> {
        let place = Place::find(path)?;
        let path = place.path().to_path_buf();
        let found = if lock::is_held_here(&place) { Found::Outbox } else { schema::look(&place, false)? };
        match found {
            Found::Outbox => {}
            Found::Nothing => {
                return Err(Error::new(Kind::Outbox, format!("there is no outbox at `{}`", path.display())));
            }
            Found::Damaged => {
                let message = format!("the outbox `{}` is damaged", path.display());
                return Err(
                    Error::new(Kind::Outbox, message).with_hint("open it with its sender: that rescues its rows")
                );
            }
        }
        let connection = schema::connect_to_read(&place).map_err(|trouble| trouble.to_error("reading", &path))?;
        Ok(Self { connection, path, calendar: Calendar::new(clock) })
    }

    /// The rows that are accepted and not settled.
    pub fn pending(&self) -> Result<Level> {
        self.read(|file| {
            let (state, taken) = figures::load(file)?;
            let since = if state.rows > 0 { figures::since(file, state.next) } else { None };
            let oldest = since.into_iter().chain(taken.oldest()).min().map(|at| self.calendar.age(at));
            Ok(Level { rows: state.rows + taken.rows(), bytes: state.bytes + taken.bytes(), oldest })
        })
    }

    /// What was set aside, oldest first, with its rows.
    pub fn set_aside(&self) -> Result<Vec<(SetAside, Run)>> {
        self.read(set_aside::list)
    }

    /// How many rows were ever dropped to make room.
    pub fn dropped(&self) -> Result<u64> {
        self.read(|file| Ok(figures::load(file)?.0.dropped))
    }

    /// Writes rows to `out`, one JSON object a line, oldest first; answers how many.
    pub fn export(&self, part: Part, out: &mut impl Write) -> Result<u64> {
        self.read(|file| match part {
            Part::Pending => self.export_pending(file, out),
            Part::SetAside => {
                let mut count = 0;
                each(file, "ORDER BY first", (), |aside: StoredAside| {
                    let run = aside.run();
                    count += self.lines(&run, 0..run.rows(), out)?;
                    Ok(true)
                })?;
                Ok(count)
            }
        })
    }

    fn export_pending(&self, file: &Connection, out: &mut impl Write) -> Result<u64, Trouble> {
        let (state, _) = figures::load(file)?;
        let batches: Vec<StoredBatch> = all(file, "ORDER BY first", ())?;
        let mut count = 0;
        each(file, "ORDER BY first", (), |run: StoredRun| {
            let rows = restored(&run.rows, &run.ends, &PUSH_ROWS);
            let waiting = std::iter::once(state.next..state.accepted);
            let parts = batches.iter().map(|batch| batch.first..batch.stop).chain(waiting);
            for part in parts {
                let part = part.start.max(run.first)..part.end.min(run.first + run.count);
                if !part.is_empty() {
                    count += self.lines(&rows, run.position(part.start)..run.position(part.end), out)?;
                }
            }
            Ok(true)
        })?;
        Ok(count)
    }

    fn lines(&self, run: &Run, rows: Range<usize>, out: &mut impl Write) -> Result<u64, Trouble> {
        for row in rows.clone() {
            let written = out.write_all(run.bare(row..row + 1)).and_then(|()| out.write_all(b"\n"));
            written.map_err(|error| system("writing rows of the outbox", &self.path, &error))?;
        }
        Ok(rows.len() as u64)
    }

    /// Reads in one transaction, so that what is read belongs together.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Trouble>) -> Result<T> {
        let begin = || -> Result<T, Trouble> {
            let transaction = self.connection.unchecked_transaction()?;
            work(&transaction)
        };
        begin().map_err(|trouble| trouble.to_error("reading", &self.path))
    }
}
