//! What is written in one transaction, and the metadata as it will be after that.

use bytes::Bytes;
use rusqlite::{Connection, named_params};

use super::failure::FileFailure;
use super::metadata::stored;
use super::record::{State, StoredBatch, StoredDeadLetter, StoredRun};
use super::table::{Record, put};
use crate::delivery::queue::numbering::Numbering;
use crate::delivery::queue::taken::{Known, Split, Taken};
use crate::rows::encode::Run;

/// The metadata in memory, changed along with the file.
#[derive(Debug, Clone)]
pub(super) struct Transaction {
    pub(super) state: State,
    pub(super) taken: Taken,
    pub(super) numbering: Numbering,
    /// The change of the metadata with which a dead letter was last added, or left it.
    pub(super) dead_letter_change: u64,
}

impl Transaction {
    /// The metadata and the batches as they are in a file.
    pub(super) fn resume(state: State, taken: Taken) -> Self {
        let numbering = Numbering::resume(state.last_sequence_number);
        Self { state, taken, numbering, dead_letter_change: state.change }
    }

    /// Rows are accepted.
    pub(super) fn accept(&mut self, file: &Connection, run: &Run, at: u64) -> Result<(), FileFailure> {
        debug_assert_eq!(run.framing().separator, self.state.destination.separator(), "the file says how it is cut");
        let all = 0..run.rows();
        let ends = run.ends(all.clone()).flat_map(u32::to_le_bytes).collect();
        self.put_behind(file, (&run.bare_bytes(all), &ends), at, false)
    }

    /// Rows, and where each of them ends, come behind all others.
    pub(super) fn put_behind(
        &mut self,
        file: &Connection,
        (rows, ends): (&Bytes, &Bytes),
        at: u64,
        sent: bool,
    ) -> Result<(), FileFailure> {
        let (first, count, bytes) = (self.state.accepted, (ends.len() / 4) as u64, rows.len() as u64);
        self.state.total += bytes;
        let (total, rows, ends) = (self.state.total, rows.clone(), ends.clone());
        put(file, &StoredRun { first, count, bytes, total, at, sent, ends, rows })?;
        self.state.accepted += count;
        self.state.rows += count;
        self.state.bytes += bytes;
        Ok(())
    }

    /// A batch, or a part of one, is about to be sent; answers its sequence number.
    pub(super) fn issue(&mut self, file: &Connection, split: &Split) -> Result<Option<u64>, FileFailure> {
        let sequence_number = split.part.sequence_number.or_else(|| self.numbering.next());
        self.state.last_sequence_number = self.numbering.last;
        self.replace(file, split, Some(Known { sequence_number, sent: true, recorded: false, ..split.part }))?;
        self.save(file)?;
        Ok(sequence_number)
    }

    /// A batch, or a part of one, is known not to have been applied.
    pub(super) fn recall(&mut self, file: &Connection, split: &Split) -> Result<(), FileFailure> {
        let sent = split.part.doubt;
        self.replace(file, split, Some(Known { sent, recorded: false, ..split.part }))?;
        self.save(file)
    }

    /// A batch, or a part of one, is done with.
    pub(super) fn settle(&mut self, file: &Connection, split: &Split) -> Result<(), FileFailure> {
        self.replace(file, split, None)?;
        self.save(file)?;
        self.clear(file, split.first, split.part.stop)
    }

    /// Rows become a dead letter.
    pub(super) fn add_dead_letter(&mut self, file: &Connection, letter: &StoredDeadLetter) -> Result<(), FileFailure> {
        self.count_dead_letter(letter);
        Ok(put(file, letter)?)
    }

    pub(super) fn count_dead_letter(&mut self, letter: &StoredDeadLetter) {
        self.dead_letter_change = self.state.change + 1;
        self.state.dead_letter_rows += letter.count;
        self.state.dead_letter_bytes += letter.bytes;
    }

    /// Rows of a dead letter leave.
    pub(super) fn forget_dead_letter(
        &mut self,
        file: &Connection,
        letter: &StoredDeadLetter,
    ) -> Result<(), FileFailure> {
        let sql = format!("DELETE FROM {} WHERE first = ?1", StoredDeadLetter::TABLE);
        file.prepare_cached(&sql)?.execute([letter.first.cast_signed()])?;
        self.dead_letter_change = self.state.change + 1;
        self.state.dead_letter_rows = self.state.dead_letter_rows.saturating_sub(letter.count);
        self.state.dead_letter_bytes = self.state.dead_letter_bytes.saturating_sub(letter.bytes);
        Ok(())
    }

    pub(super) fn replace(&mut self, file: &Connection, split: &Split, part: Option<Known>) -> Result<(), FileFailure> {
        let sql = format!("DELETE FROM {} WHERE first = ?1", StoredBatch::TABLE);
        file.prepare_cached(&sql)?.execute([split.whole.cast_signed()])?;
        let rest = split.rest.iter().map(|(first, known)| (*first, Known { recorded: false, ..*known })).collect();
        self.taken.replace(&Split { rest, ..split.clone() }, part);
        Ok(())
    }

    /// Writes the metadata, and every batch that the file does not know of: what is taken is either in a batch or done.
    pub(super) fn save(&mut self, file: &Connection) -> Result<(), FileFailure> {
        for (first, known) in self.taken.iter_mut().filter(|(_, known)| !known.recorded) {
            known.recorded = true;
            put(file, &stored((first, known)))?;
        }
        self.state.taken = self.taken.rows();
        self.state.change += 1;
        Ok(put(file, &self.state)?)
    }

    /// Deletes the runs around the rows from `first` to `stop` of which no row is left.
    pub(super) fn clear(&self, file: &Connection, first: u64, stop: u64) -> Result<(), FileFailure> {
        let sql = "DELETE FROM runs
            WHERE first >= coalesce((SELECT max(first) FROM runs WHERE first <= :first), :first)
            AND first < :stop AND first + count <= :next AND NOT EXISTS (
                SELECT 1 FROM batches WHERE batches.first < runs.first + runs.count AND batches.stop > runs.first)";
        let mut statement = file.prepare_cached(sql)?;
        let [first, stop, next] = [first, stop, self.state.next].map(u64::cast_signed);
        statement.execute(named_params! { ":first": first, ":stop": stop, ":next": next })?;
        Ok(())
    }

    /// Writes everything anew: after a failure nobody knows how much of the last change is in the file.
    pub(super) fn write_anew(
        &mut self,
        file: &Connection,
        dead_letters: &[StoredDeadLetter],
    ) -> Result<(), FileFailure> {
        file.execute(
            &format!("DELETE FROM {} WHERE first >= ?1", StoredRun::TABLE),
            [self.state.accepted.cast_signed()],
        )?;
        file.execute(&format!("DELETE FROM {}", StoredBatch::TABLE), ())?;
        self.taken.iter_mut().for_each(|(_, known)| known.recorded = false);
        for letter in dead_letters {
            put(file, letter)?;
        }
        self.save(file)?;
        self.clear(file, 0, self.state.next)
    }
}
