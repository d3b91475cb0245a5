//! Taking rows out of the file: batches of an earlier process first, frozen as they were, then what waits, in order.

use std::ops::Range;
use std::sync::Arc;

use super::database::{Begun, Database};
use super::failure::FileFailure;
use super::record::StoredRun;
use super::rows::numbers;
use super::table::each;
use crate::delivery::queue::batch::{Batch, Cut};
use crate::delivery::queue::taken::Known;
use crate::error::{Error, Kind};
use crate::rows::encode::{Framing, Run};

impl Database {
    /// The next rows for one request.
    pub(super) fn take(&mut self, max_rows: usize, max_bytes: usize) -> Result<Option<Batch>, FileFailure> {
        match self.take_once(max_rows, max_bytes) {
            Err(FileFailure::Damaged(what)) => {
                self.salvage_in_use(&what)?;
                self.take_once(max_rows, max_bytes)
            }
            outcome => outcome,
        }
    }

    fn take_once(&mut self, max_rows: usize, max_bytes: usize) -> Result<Option<Batch>, FileFailure> {
        if let Some(&first) = self.inherited.front() {
            let batch = self.again(first)?;
            self.inherited.pop_front();
            return Ok(batch);
        }
        if self.transaction.state.rows == 0 {
            return Ok(None);
        }
        let Dequeued { cut, first, at, sent, last, .. } = self.dequeue(Cut::new(max_rows, max_bytes, true))?;
        let bytes = cut.bytes;
        let Some(batch) = cut.into_batch(first) else { return Ok(None) };
        let stop = batch.row_range().end;
        self.move_on(stop, batch.rows(), bytes, last);
        self.transaction
            .taken
            .add(first, Known { stop, bytes, at, sequence_number: None, doubt: sent, sent, recorded: false });
        Ok(Some(batch.known(None, sent)))
    }

    /// Drops the oldest rows that nobody took until they come to `bytes`; answers how many rows went.
    pub(super) fn drop_oldest(&mut self, bytes: u64) -> Result<u64, FileFailure> {
        let (mut rows, mut freed) = self.drop_oldest_dead_letters(bytes)?;
        let before = self.transaction.state;
        while freed < bytes && self.transaction.state.rows > 0 {
            let goal = usize::try_from(bytes - freed).unwrap_or(usize::MAX);
            let Dequeued { cut, next, last, .. } = self.dequeue(Cut::new(usize::MAX, goal, true))?;
            self.move_on(next, cut.rows(), cut.bytes, last);
            rows += cut.rows() as u64;
            freed += cut.bytes;
        }
        self.transaction.state.dropped += before.rows - self.transaction.state.rows;
        let written = self.write(|transaction, file| {
            transaction.save(file)?;
            transaction.clear(file, before.next, transaction.state.next)
        });
        if written.is_err() {
            // They stay, and are read again.
            (self.transaction.state, self.begun) = (before, None);
        }
        written.map(|()| rows)
    }

    /// The batch of an earlier process that begins with the row `first`, as it was.
    fn again(&mut self, first: u64) -> Result<Option<Batch>, FileFailure> {
        let Some(known) = self.transaction.taken.get(first) else { return Ok(None) };
        let run = self.read(first..known.stop)?;
        let all = 0..run.rows();
        Ok(Some(Batch::new(Arc::new(run), all, first).known(known.sequence_number, known.doubt)))
    }

    /// The rows of these numbers as one run.
    fn read(&mut self, rows: Range<u64>) -> Result<Run, FileFailure> {
        let (framing, mut next, mut parts) = (self.framing()?, rows.start, Vec::new());
        each(self.reading()?, AROUND, [rows.start.cast_signed()], |stored: StoredRun| {
            if stored.first > next || next >= rows.end {
                return Ok(false);
            }
            let run = restored(&stored, framing);
            let last = rows.end.min(stored.first + stored.count);
            parts.push((run, position(next - stored.first)..position(last - stored.first)));
            next = last;
            Ok(true)
        })?;
        if next < rows.end {
            return Err(missing(next));
        }
        Ok(Run::join(framing, parts.iter().map(|(run, rows)| (run.bare(rows.clone()), run.ends(rows.clone())))))
    }

    fn framing(&self) -> Result<&'static Framing, FileFailure> {
        self.framing.ok_or_else(|| {
            let path = self.place.path().display();
            Error::new(Kind::Outbox, format!("the outbox `{path}` gives its rows to its own sender alone")).into()
        })
    }

    /// Fills `cut` with neighbouring rows from the next one on.
    fn dequeue(&mut self, cut: Cut) -> Result<Dequeued, FileFailure> {
        let (state, framing) = (self.transaction.state, self.framing()?);
        let mut dequeued = Dequeued { cut, first: state.next, next: state.next, at: 0, sent: false, last: None };
        if let Some(begun) = self.begun.take_if(|begun| begun.first <= state.next) {
            dequeued.add(begun, state.next);
        }
        if !dequeued.cut.is_full() {
            each(self.reading()?, AROUND, [dequeued.next.cast_signed()], |stored: StoredRun| {
                if stored.first + stored.count <= dequeued.next {
                    return Ok(true);
                }
                if stored.first > dequeued.next && stored.first > state.gaps_below {
                    return Err(missing(dequeued.next));
                }
                let run = Arc::new(restored(&stored, framing));
                let StoredRun { first, at, sent, .. } = stored;
                Ok(dequeued.add(Begun { run, first, at, sent }, first.max(state.next)) && !dequeued.cut.is_full())
            })?;
        }
        if dequeued.cut.rows() == 0 { Err(missing(dequeued.next)) } else { Ok(dequeued) }
    }

    /// Notes that the rows up to `next` are taken; `last` is the run that was read last.
    fn move_on(&mut self, next: u64, rows: usize, bytes: u64, last: Option<Begun>) {
        let state = &mut self.transaction.state;
        state.next = next;
        state.rows = state.rows.saturating_sub(rows as u64);
        state.bytes = state.bytes.saturating_sub(bytes);
        state.pass_gap();
        self.begun = last.filter(|begun| next < begun.first + begun.run.rows() as u64);
    }
}

/// The runs from the one on that holds the row ?1.
const AROUND: &str = "WHERE first >= coalesce((SELECT max(first) FROM runs WHERE first <= ?1), ?1) ORDER BY first";

/// Rows read from the file to be taken.
struct Dequeued {
    cut: Cut,
    first: u64,
    next: u64,
    /// When the first of them was accepted.
    at: u64,
    sent: bool,
    /// The run that was read last: the last of them came from it, or it comes next.
    last: Option<Begun>,
}

impl Dequeued {
    /// Takes what fits of a run from the row `from` on; answers whether more may follow.
    fn add(&mut self, begun: Begun, from: u64) -> bool {
        let is_first = self.cut.rows() == 0;
        if is_first {
            (self.first, self.next, self.at, self.sent) = (from, from, begun.at, begun.sent);
        }
        // Rows in doubt stay among themselves, and a batch has no gap.
        let follows = from == self.next && begun.sent == self.sent;
        let count = if follows { self.cut.add(&begun.run, position(from - begun.first)) } else { 0 };
        self.next += count as u64;
        let is_used_up = self.next == begun.first + begun.run.rows() as u64;
        self.last = Some(begun);
        is_used_up
    }
}

/// The rows of a file whose separator is that of `framing`.
fn restored(stored: &StoredRun, framing: &'static Framing) -> Run {
    Run::join(framing, [(&stored.rows[..], numbers(&stored.ends))])
}

fn missing(row: u64) -> FileFailure {
    FileFailure::Damaged(format!("row {row} is missing"))
}

/// A place within a run.
fn position(place: u64) -> usize {
    usize::try_from(place).expect("a run is cut far below 4 GB")
}
