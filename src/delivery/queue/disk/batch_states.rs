//! The states of a batch on its way, as the file knows them: issued, recalled, settled.
//!
//! What was accepted goes on being delivered while the disk is full or fails. Then memory knows better than the file,
//! and the file is told as soon as it can be written.

use super::database::Database;
use super::failure::FileFailure;
use super::metadata;
use super::notice::QueueNotice;
use super::record::StoredDeadLetter;
use crate::delivery::queue::batch::Batch;
use crate::delivery::queue::level::Counters;
use crate::delivery::queue::taken::{Known, Split};

impl Database {
    /// The file knows that `batch` may have been sent from now on, and with which sequence number.
    pub(super) fn issue(&mut self, batch: &Batch) -> Result<Option<u64>, FileFailure> {
        let Some(split) = self.split(batch) else { return Ok(batch.sequence_number()) };
        let known = split.part;
        let is_whole =
            split.rest.is_empty() && (known.sequence_number.is_some() || !self.transaction.numbering.is_started());
        if is_whole && known.sent && known.recorded && !self.unsaved {
            return Ok(known.sequence_number);
        }
        match self.write(|transaction, file| transaction.issue(file, &split)) {
            // A sequence number that is not on the disk could be given twice.
            Err(failure) if self.transaction.numbering.is_started() => Err(failure),
            Err(failure) => {
                self.transaction.taken.replace(&split, Some(Known { sent: true, recorded: false, ..split.part }));
                self.put_off(&failure);
                Ok(split.part.sequence_number)
            }
            written => written,
        }
    }

    /// Numbers go on behind `last`, and `batch` has none.
    pub(super) fn renumber(&mut self, batch: &Batch, last: u64) -> Result<(), FileFailure> {
        let split = self.split(batch);
        self.write(|transaction, file| {
            transaction.numbering.forget(last);
            transaction.state.last_sequence_number = last;
            if let Some(split) = &split {
                transaction.replace(
                    file,
                    split,
                    Some(Known { sequence_number: None, recorded: false, ..split.part }),
                )?;
            }
            transaction.save(file)
        })
    }

    /// `batch` is known not to have been applied.
    pub(super) fn recall(&mut self, batch: &Batch) {
        let Some(split) = self.split(batch).filter(|split| split.part.sent) else { return };
        if let Err(failure) = self.write(|transaction, file| transaction.recall(file, &split)) {
            let sent = split.part.doubt;
            self.transaction.taken.replace(&split, Some(Known { sent, recorded: false, ..split.part }));
            self.put_off(&failure);
        }
    }

    /// `batch` is done with; its rows leave, or become a dead letter. Answers whether it was there.
    pub(super) fn settle(&mut self, batch: &Batch, letter: Option<StoredDeadLetter>) -> bool {
        let Some(split) = self.split(batch) else { return false };
        let written = self.write(|transaction, file| {
            letter.iter().try_for_each(|letter| transaction.add_dead_letter(file, letter))?;
            transaction.settle(file, &split)
        });
        if let Err(failure) = written {
            self.transaction.taken.replace(&split, None);
            if let Some(letter) = letter {
                self.transaction.count_dead_letter(&letter);
                self.unsaved_dead_letters.push(letter);
            }
            self.put_off(&failure);
        }
        self.shrink();
        true
    }

    fn split(&self, batch: &Batch) -> Option<Split> {
        self.transaction.taken.split(&batch.row_range(), batch.bytes())
    }

    /// The file is told later.
    fn put_off(&mut self, failure: &FileFailure) {
        if !std::mem::replace(&mut self.unsaved, true) {
            let path = self.place.path().to_path_buf();
            let why = failure.to_error("writing to", &path).message;
            self.notices.push(QueueNotice::Unsaved { path, why });
        }
        self.note();
        if matches!(failure, FileFailure::Full) {
            self.write_back();
        }
    }

    /// The rows that nobody has taken, and their bytes.
    pub(super) fn waiting(&self) -> [u64; 2] {
        [self.transaction.state.rows, self.transaction.state.bytes]
    }

    /// The rows that are not settled.
    pub(super) fn pending(&self) -> u64 {
        self.transaction.state.rows + self.transaction.taken.rows()
    }

    /// The counters as they are now; `before` they were these.
    pub(super) fn counters(&mut self, before: &Counters) -> Counters {
        let state = self.transaction.state;
        let since = if state.rows == 0 {
            None
        } else if before.rows > 0 && before.next == state.next && before.since.is_some() {
            before.since
        } else if let Some(begun) = self.begun.as_ref().filter(|begun| begun.first <= state.next) {
            Some(begun.at)
        } else {
            self.reading().ok().and_then(|connection| metadata::since(connection, state.next))
        };
        let taken = &self.transaction.taken;
        Counters {
            accepted: state.accepted,
            next: state.next,
            rows: state.rows,
            bytes: state.bytes,
            since,
            dead_letter_bytes: state.dead_letter_bytes,
            dropped: state.dropped,
            lost: state.lost,
            inherited: before.inherited,
            inherited_left: self.inherited.len(),
            taken_rows: taken.rows(),
            taken_bytes: taken.bytes(),
            taken_since: taken.oldest(),
            first_taken: taken.first(),
        }
    }
}
