//! Dead letters, which are rows refused by the service, or sent and never answered for. They stay until somebody decides.

use std::time::{Duration, SystemTime};

use rusqlite::Connection;

use super::database::Database;
use super::destination::StoredDestination;
use super::failure::FileFailure;
use super::record::StoredDeadLetter;
use super::rows::StoredRows;
use super::table::{all, each};
use super::transaction::Transaction;
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
        let retried = self.empty_dead_letters(u64::MAX, |transaction, file, letter| {
            // Rows in doubt may be at the service already: that they are sent twice is not forgotten.
            transaction.put_behind(file, (&letter.rows, &letter.ends), at, letter.in_doubt)
        });
        retried.map(|(rows, _)| rows)
    }

    /// Deletes the dead letters; answers how many rows that were.
    pub(super) fn drop_dead_letters(&mut self) -> Result<u64, FileFailure> {
        self.empty_dead_letters(u64::MAX, |_, _, _| Ok(())).map(|(rows, _)| rows)
    }

    /// Deletes the oldest dead letters until they come to `bytes`; answers rows and bytes.
    pub(super) fn drop_oldest_dead_letters(&mut self, bytes: u64) -> Result<(u64, u64), FileFailure> {
        self.empty_dead_letters(bytes, |transaction, _, letter| {
            transaction.state.dropped += letter.count;
            Ok(())
        })
    }

    /// Takes the oldest dead letters away until they come to `bytes`, each after `work` was done with it; answers how many
    /// rows that were, and how many bytes. Those that are not intact are told as lost, and are in the file that was damaged.
    fn empty_dead_letters(
        &mut self,
        bytes: u64,
        work: impl Fn(&mut Transaction, &Connection, &StoredDeadLetter) -> Result<(), FileFailure>,
    ) -> Result<(u64, u64), FileFailure> {
        let (mut rows, mut freed, mut salvaged) = (0, 0, false);
        while freed < bytes && self.transaction.state.dead_letter_rows > 0 {
            let taken = self.reading().and_then(|file| Ok(all(file, "ORDER BY first LIMIT 1", ())?.pop()));
            let taken = taken.and_then(|oldest: Option<StoredDeadLetter>| {
                let Some(letter) = oldest else { return Ok(None) };
                let written = self.write_once(&|transaction: &mut Transaction, file: &Connection| {
                    work(transaction, file, &letter)?;
                    transaction.forget_dead_letter(file, &letter)?;
                    transaction.save(file)
                });
                written.map(|()| Some(letter))
            });
            match taken {
                Ok(Some(letter)) => (rows, freed) = (rows + letter.count, freed + letter.bytes),
                Ok(None) => break,
                Err(FileFailure::Damaged(what)) if !std::mem::replace(&mut salvaged, true) => {
                    // The letter that was read before may be among what is told as lost: it is read anew.
                    self.salvage_in_use(&what)?;
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok((rows, freed))
    }
}
