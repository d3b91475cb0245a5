//! Looking into a queue that another process may be writing to.

use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::dead_letters::{self, DeadLetter};
use super::destination::StoredDestination;
use super::failure::{FileFailure, system};
use super::lock;
use super::mark::{ANOTHERS, MarkFile};
use super::metadata;
use super::place::Place;
use super::record::{State, StoredDeadLetter, StoredRun};
use super::rows::StoredRows;
use super::salvage;
use super::schema::{self, Found};
use super::strangers;
use super::table::each_intact;
use crate::clock::Clock;
use crate::delivery::queue::calendar::Calendar;
use crate::delivery::queue::level::Level;
use crate::delivery::queue::taken::Taken;
use crate::error::{Error, Kind, Result, amount};

/// Which rows of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Those that are accepted and not settled.
    Pending,
    /// Those that were refused, or sent and never answered for.
    DeadLetter,
}

/// A queue, open for reading. Whatever it is asked, it answers with one moment's truth.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    place: Place,
    path: PathBuf,
    calendar: Calendar,
}

impl Reader {
    /// Opens the queue at `path`.
    pub fn open(path: &Path, clock: Clock) -> Result<Self> {
        let place = Place::find(path)?;
        let path = place.path().to_path_buf();
        let is_held_here = lock::is_held_here(&place);
        if !is_held_here {
            strangers::check_to_read(&place)?;
        }
        let found = if is_held_here {
            Found::Outbox
        } else if salvage::interrupted(&place, &MarkFile::find(&place)?).is_some() {
            Found::Damaged
        } else {
            schema::look(&place, false)?
        };
        match found {
            Found::Outbox => {}
            Found::Nothing => {
                return Err(Error::new(Kind::Outbox, format!("there is no outbox at `{}`", path.display())));
            }
            Found::Damaged => {
                let message = format!("the outbox `{}` is damaged", path.display());
                return Err(Error::new(Kind::Outbox, message).with_hint(OPEN_WITH_SENDER));
            }
        }
        let connect = || {
            let alone = if is_held_here { None } else { schema::named(&place) };
            let connection = schema::connect_to_read(&place)?;
            schema::check_owner(&connection, &place, &StoredDestination::default(), alone)?;
            Ok(connection)
        };
        let connection = connect().map_err(|failure: FileFailure| failure.to_error("reading", &path))?;
        Ok(Self { connection, place, path, calendar: Calendar::new(clock) })
    }

    /// The rows that are accepted and not settled. Where not all of them are there, that is an error.
    pub fn pending(&self) -> Result<Level> {
        self.read(|file, state, taken| {
            metadata::check(file, state, taken)?;
            Self::check_rows(file, state, taken)?;
            let since = if state.rows > 0 { metadata::since(file, state.next) } else { None };
            let oldest = since.into_iter().chain(taken.oldest()).min().map(|at| self.calendar.age(at));
            Ok(Level { rows: state.rows + taken.rows(), bytes: state.bytes + taken.bytes(), oldest })
        })
    }

    /// The dead letters, oldest first, each with its rows.
    pub fn dead_letters(&self) -> Result<Vec<(DeadLetter, StoredRows)>> {
        self.read(|file, state, _| {
            let found = dead_letters::list(file, &state.destination).map_err(|failure| match failure {
                FileFailure::Damaged(_) => failure.to_error("reading", &self.path).with_hint(CLEAR_UP).into(),
                failure => failure,
            })?;
            let rows: u64 = found.iter().map(|(letter, _)| letter.rows).sum();
            if rows < state.dead_letter_rows {
                return Err(FileFailure::Damaged(format!(
                    "{rows} of {} set aside can be found",
                    amount(state.dead_letter_rows, "row")
                )));
            }
            Ok(found)
        })
    }

    /// How many rows were ever dropped to make room.
    pub fn dropped(&self) -> Result<u64> {
        self.read(|_, state, _| Ok(state.dropped))
    }

    /// Writes the rows of these parts to `out`, one a line, oldest first; answers how many. Where that is not all of them,
    /// what can be read is written, and the error says how many rows that are and how many are not there.
    pub fn export(&self, parts: &[Part], out: &mut impl Write) -> Result<u64> {
        self.look(|file, state, taken, doubt| {
            let (mut count, mut all, mut wrong, mut hint) = (0, 0, None, OPEN_WITH_SENDER);
            let mut write = |stored: &StoredRows, rows| {
                count += self.lines(stored, rows, out)?;
                Ok(())
            };
            for part in parts {
                let (rows, found) = match part {
                    Part::Pending => (
                        doubt.map_or(state.rows + state.taken, |doubt| doubt.rows),
                        each_intact(file, |run| Self::pending_of(&run, state, taken, &mut write))?,
                    ),
                    Part::DeadLetter => (
                        doubt.map_or(state.dead_letter_rows, |doubt| doubt.dead_letter_rows),
                        each_intact(file, |letter: StoredDeadLetter| {
                            let stored = letter.stored_rows(&state.destination);
                            write(&stored, 0..stored.count())
                        })?,
                    ),
                };
                all += rows;
                if wrong.is_none() && found.is_some() {
                    hint = if *part == Part::DeadLetter { CLEAR_UP } else { OPEN_WITH_SENDER };
                    wrong = found;
                }
            }
            let what = match wrong {
                None if doubt.is_some() => doubt.map_or(BEHIND, |doubt| doubt.why).to_owned(),
                None if count < all => "they are not in the file".to_owned(),
                None => return Ok(count),
                Some(FileFailure::Damaged(what)) => what,
                Some(FileFailure::Disk(error)) => error.to_string(),
                Some(failure) => return Err(failure),
            };
            Err(self.missing(count, all.saturating_sub(count), doubt.is_none(), &what).with_hint(hint).into())
        })
    }

    fn missing(&self, count: u64, missing: u64, exact: bool, what: &str) -> Error {
        let path = self.path.display();
        let missing = match missing {
            0 => "an unknown number are".to_owned(),
            1 if exact => "1 is".to_owned(),
            1 => "at least 1 is".to_owned(),
            missing if exact => format!("{missing} are"),
            missing => format!("at least {missing} are"),
        };
        let (rows, were) = (amount(count, "row"), if count == 1 { "was" } else { "were" });
        let message = format!("the outbox `{path}` is damaged: {rows} {were} written and {missing} missing ({what})");
        Error::new(Kind::Outbox, message)
    }

    /// Whether all rows that are not settled can be read.
    fn check_rows(file: &Connection, state: &State, taken: &Taken) -> Result<(), FileFailure> {
        let (mut there, all) = (0, state.rows + state.taken);
        let wrong = each_intact(file, |run| {
            Self::pending_of(&run, state, taken, |_, rows| {
                there += rows.len() as u64;
                Ok(())
            })
        })?;
        match wrong {
            Some(FileFailure::Damaged(what)) if there < all => {
                Err(FileFailure::Damaged(format!("{there} of {} can be read ({what})", amount(all, "row"))))
            }
            Some(failure @ FileFailure::Disk(_)) => Err(failure),
            _ => Ok(()),
        }
    }

    /// Writes the rows of `run` that are not settled.
    fn pending_of(
        run: &StoredRun,
        state: &State,
        taken: &Taken,
        mut write: impl FnMut(&StoredRows, Range<usize>) -> Result<(), FileFailure>,
    ) -> Result<(), FileFailure> {
        let rows = run.stored_rows(&state.destination);
        for part in taken.ranges().chain(std::iter::once(state.next..state.accepted)) {
            let part = part.start.max(run.first)..part.end.min(run.first + run.count);
            if !part.is_empty() {
                write(&rows, run.position(part.start)..run.position(part.end))?;
            }
        }
        Ok(())
    }

    fn lines(&self, stored: &StoredRows, rows: Range<usize>, out: &mut impl Write) -> Result<u64, FileFailure> {
        for row in stored.part(rows.clone()) {
            let written = out.write_all(row).and_then(|()| out.write_all(b"\n"));
            written.map_err(|error| system("writing rows of the outbox", &self.path, &error))?;
        }
        Ok(rows.len() as u64)
    }

    /// Reads of a file in which everything is that its mark knows of.
    fn read<T>(&self, work: impl FnOnce(&Connection, &State, &Taken) -> Result<T, FileFailure>) -> Result<T> {
        self.look(|file, state, taken, doubt| match doubt {
            Some(doubt) => Err(FileFailure::Damaged(doubt.why.into())),
            None => work(file, state, taken),
        })
    }

    /// What the `mark` says against the file. One that changes meanwhile has a writer, who knows better.
    fn doubt(&self, mark: &MarkFile, file: &Connection, state: &State) -> Result<Option<Doubt>, FileFailure> {
        let wrong = mark.objection(file, state)?;
        let totals = mark.totals();
        Ok(match wrong {
            None | Some(ANOTHERS) => None,
            Some(_) if totals.is_ahead_of(state) => {
                Some(Doubt { rows: totals.rows, dead_letter_rows: totals.dead_letter_rows, why: BEHIND })
            }
            Some(_) if lock::is_held_here(&self.place) || MarkFile::find(&self.place)?.said != mark.said => None,
            Some(why) => Some(Doubt { rows: state.rows + state.taken, dead_letter_rows: state.dead_letter_rows, why }),
        })
    }

    /// Reads in one transaction, so that what is read belongs together; along with what the mark says, where that is more.
    fn look<T>(
        &self,
        work: impl FnOnce(&Connection, &State, &Taken, Option<Doubt>) -> Result<T, FileFailure>,
    ) -> Result<T> {
        // A writer writes the mark after the file: what was read of it first must be in the file.
        let mark = MarkFile::find(&self.place)?;
        let begin = || -> Result<T, FileFailure> {
            let transaction = self.connection.unchecked_transaction()?;
            let (state, taken) = metadata::load(&transaction)?;
            let doubt = self.doubt(&mark, &transaction, &state)?;
            work(&transaction, &state, &taken, doubt)
        };
        begin().map_err(|failure| match failure {
            FileFailure::Damaged(_) => failure.to_error("reading", &self.path).with_hint(OPEN_WITH_SENDER),
            _ => failure.to_error("reading", &self.path),
        })
    }
}

/// Why rows may be missing in a file, and how many should be there at the least.
#[derive(Debug, Clone, Copy)]
struct Doubt {
    rows: u64,
    dead_letter_rows: u64,
    why: &'static str,
}

/// What is wrong with a file whose mark is ahead of it.
const BEHIND: &str = "rows that were accepted are not in it";
/// What to do about a damaged queue.
const OPEN_WITH_SENDER: &str = "open it with its sender: that rescues its rows";
/// What to do about dead letters that are damaged: a sender does not read them.
const CLEAR_UP: &str =
    "`Outbox.export` writes the rows that are intact, `Outbox.retry` puts them back and `Outbox.drop` deletes them";
