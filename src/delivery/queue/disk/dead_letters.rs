//! Dead letters, which are rows refused by the service, or sent and never answered for. They stay until somebody decides.

use std::time::{Duration, SystemTime};

use rusqlite::Connection;

use super::database::Database;
use super::destination::StoredDestination;
use super::failure::FileFailure;
use super::record::StoredDeadLetter;
use super::rows::StoredRows;
use super::table::{all, each};
use crate::delivery::queue::batch::Batch;
use crate::error::{Error, Kind, ServiceAnswer};

/// Some rows that became dead letters together, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The number of the first of them; it names them all.
    pub first: u64,
    /// How many they are.
    pub rows: u64,
    /// Whether nobody knows if the service has them; otherwise it refused them.
    pub in_doubt: bool,
    /// What the service answered.
    pub answer: ServiceAnswer,
    /// What went wrong, in a sentence.
    pub message: String,
    /// When they became dead letters.
    pub at: SystemTime,
}

impl DeadLetter {
    /// What went wrong, as it was when they became dead letters.
    #[must_use]
    pub fn error(&self) -> Error {
        let kind = if self.in_doubt { Kind::InDoubt } else { Kind::Service };
        Error::new(kind, self.message.clone()).with_answer(self.answer.clone())
    }
}

impl StoredDeadLetter {
    /// The rows of `batch`, which `why` makes dead letters.
    pub(super) fn new(batch: &Batch, in_doubt: bool, why: &Error, at: u64) -> Self {
        let (rows, ends) = batch.bare();
        Self {
            first: batch.row_range().start,
            count: batch.rows() as u64,
            bytes: batch.bytes(),
            in_doubt,
            status: why.answer.status.map(u64::from),
            code: why.answer.code.clone(),
            message: why.message.clone(),
            request_id: why.answer.request_id.clone(),
            at,
            ends: ends.flat_map(u32::to_le_bytes).collect(),
            rows,
        }
    }

    /// Without its rows.
    fn told(&self) -> DeadLetter {
        let answer = ServiceAnswer {
            status: self.status.and_then(|status| status.try_into().ok()),
            code: self.code.clone(),
            request_id: self.request_id.clone(),
            ..ServiceAnswer::default()
        };
        DeadLetter {
            first: self.first,
            rows: self.count,
            in_doubt: self.in_doubt,
            answer,
            message: self.message.clone(),
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(self.at),
        }
    }

    /// Its rows, cut as the file of this `destination` says.
    pub(super) fn stored_rows(&self, destination: &StoredDestination) -> StoredRows {
        StoredRows::new(&self.rows, &self.ends, destination)
    }
}

/// The dead letters, oldest first, each with its rows.
pub(super) fn list(
    connection: &Connection,
    destination: &StoredDestination,
) -> Result<Vec<(DeadLetter, StoredRows)>, FileFailure> {
    let mut found = Vec::new();
    each(connection, "ORDER BY first", (), |letter: StoredDeadLetter| {
        found.push((letter.told(), letter.stored_rows(destination)));
        Ok(true)
    })?;
    Ok(found)
}

impl Database {
    /// Puts the dead letters behind the rows that wait; answers how many rows that were.
    pub(super) fn retry(&mut self, at: u64) -> Result<u64, FileFailure> {
        self.empty_dead_letters(|database, letter| {
            database.write(|transaction, file| {
                // Rows in doubt may be at the service already: that they are sent twice is not forgotten.
                transaction.put_behind(file, (&letter.rows, &letter.ends), at, letter.in_doubt)?;
                transaction.forget_dead_letter(file, letter)?;
                transaction.save(file)
            })
        })
    }

    /// Deletes the dead letters; answers how many rows that were.
    pub(super) fn drop_dead_letters(&mut self) -> Result<u64, FileFailure> {
        self.empty_dead_letters(|database, letter| {
            database.write(|transaction, file| {
                transaction.forget_dead_letter(file, letter)?;
                transaction.save(file)
            })
        })
    }

    /// Deletes the oldest dead letters until they come to `bytes`; answers rows and bytes.
    pub(super) fn drop_oldest_dead_letters(&mut self, bytes: u64) -> Result<(u64, u64), FileFailure> {
        let (mut rows, mut freed) = (0, 0);
        while freed < bytes
            && let Some(letter) = self.oldest_dead_letter()?
        {
            self.write(|transaction, file| {
                transaction.forget_dead_letter(file, &letter)?;
                transaction.state.dropped += letter.count;
                transaction.save(file)
            })?;
            (rows, freed) = (rows + letter.count, freed + letter.bytes);
        }
        Ok((rows, freed))
    }

    /// Does `work` with each of the dead letters, which takes it away; answers how many rows that were.
    fn empty_dead_letters(
        &mut self,
        work: impl Fn(&mut Self, &StoredDeadLetter) -> Result<(), FileFailure>,
    ) -> Result<u64, FileFailure> {
        let mut rows = 0;
        while let Some(letter) = self.oldest_dead_letter()? {
            work(self, &letter)?;
            rows += letter.count;
        }
        Ok(rows)
    }

    /// The oldest that is intact: those that are not are told as lost, and are in the file that was damaged.
    fn oldest_dead_letter(&mut self) -> Result<Option<StoredDeadLetter>, FileFailure> {
        if self.transaction.state.dead_letter_rows == 0 {
            return Ok(None);
        }
        let oldest = |database: &mut Self| all(database.reading()?, "ORDER BY first LIMIT 1", ());
        let mut found = oldest(self);
        if let Err(FileFailure::Damaged(what)) = &found {
            self.salvage_in_use(what)?;
            found = oldest(self);
        }
        Ok(found?.pop())
    }
}
