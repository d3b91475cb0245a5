//! What the file holds: runs that wait, batches on their way, dead letters, and the metadata of it all.

use bytes::Bytes;
use rusqlite::types::ValueRef;

use super::destination::StoredDestination;
use super::notice::Loss;
use super::rows::StoredRows;
use super::table::Record;

/// Rows that wait: a run as it was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredRun {
    /// The number of its first row.
    pub(super) first: u64,
    pub(super) count: u64,
    /// What its rows count for.
    pub(super) bytes: u64,
    /// The same of all rows ever accepted, this run included.
    pub(super) total: u64,
    /// When it was accepted.
    pub(super) at: u64,
    /// Whether its rows may have been sent before.
    pub(super) sent: bool,
    /// Where each row ends, as little-endian numbers of 32 bits.
    pub(super) ends: Bytes,
    pub(super) rows: Bytes,
}

impl StoredRun {
    /// Where in the run the row with this number is.
    pub(super) fn position(&self, number: u64) -> usize {
        usize::try_from(number - self.first).expect("a run is cut far below 4 GB")
    }

    /// Its rows, cut as the file of this `destination` says.
    pub(super) fn stored_rows(&self, destination: &StoredDestination) -> StoredRows {
        StoredRows::new(&self.rows, &self.ends, destination)
    }
}

/// A batch that was taken and is not settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StoredBatch {
    pub(super) first: u64,
    pub(super) stop: u64,
    pub(super) bytes: u64,
    pub(super) at: u64,
    pub(super) sequence_number: Option<u64>,
    pub(super) sent: bool,
}

/// The metadata of the whole queue, as of the last time it was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Grows each time this is written.
    pub(super) change: u64,
    pub(super) destination: StoredDestination,
    /// The number of the next row to be accepted.
    pub(super) accepted: u64,
    /// What all rows ever accepted count for.
    pub(super) total: u64,
    /// The number of the next row to be taken.
    pub(super) next: u64,
    /// Rows accepted and not taken.
    pub(super) rows: u64,
    /// What they count for.
    pub(super) bytes: u64,
    /// Rows taken and not settled.
    pub(super) taken: u64,
    /// The last sequence number given.
    pub(super) last_sequence_number: u64,
    /// Rows of dead letters, and what they count for.
    pub(super) dead_letter_rows: u64,
    pub(super) dead_letter_bytes: u64,
    pub(super) dropped: u64,
    pub(super) lost: u64,
    /// Below this row number some may be missing: they were lost, and that was told.
    pub(super) gaps_below: u64,
}

impl State {
    /// Where no row waits, the next one to be taken is the next one to be accepted: those in between were lost, and
    /// nobody may wait for them.
    pub(super) fn pass_gap(&mut self) {
        if self.rows == 0 {
            self.next = self.accepted;
        }
    }
}

/// Rows that the service refused, or whose state nobody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredDeadLetter {
    pub(super) first: u64,
    pub(super) count: u64,
    pub(super) bytes: u64,
    /// Whether nobody knows whether the service has them.
    pub(super) in_doubt: bool,
    pub(super) status: Option<u64>,
    pub(super) code: Option<String>,
    pub(super) message: String,
    pub(super) request_id: Option<String>,
    /// When they became dead letters.
    pub(super) at: u64,
    pub(super) ends: Bytes,
    pub(super) rows: Bytes,
}

/// What is to be told of a damage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredNotice {
    /// Its place among others.
    pub(super) first: u64,
    /// The number that the damaged file is kept by.
    pub(super) kept: Option<u64>,
    pub(super) what: String,
    pub(super) loss: Loss,
}

/// That the queue has a mark beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marked {
    /// Tells this queue from others; the mark says the same.
    pub(super) id: u64,
    /// Whether nobody has it open.
    pub(super) closed: bool,
}

fn int(value: u64) -> ValueRef<'static> {
    ValueRef::Integer(value.cast_signed())
}

fn maybe(value: Option<u64>) -> ValueRef<'static> {
    value.map_or(ValueRef::Null, int)
}

fn text(value: Option<&String>) -> ValueRef<'_> {
    value.map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes()))
}

/// The columns of a record, read one after the other.
struct Columns<'v, 'r>(std::slice::Iter<'v, ValueRef<'r>>);

#[allow(clippy::option_option, reason = "nothing there is one thing, NULL another")]
impl Columns<'_, '_> {
    fn int(&mut self) -> Option<u64> {
        self.maybe_int()?
    }

    fn flag(&mut self) -> Option<bool> {
        Some(self.int()? != 0)
    }

    fn maybe_int(&mut self) -> Option<Option<u64>> {
        match self.0.next()? {
            ValueRef::Null => Some(None),
            ValueRef::Integer(value) => Some(Some(value.cast_unsigned())),
            _ => None,
        }
    }

    fn bytes(&mut self) -> Option<Bytes> {
        match self.0.next()? {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(Bytes::copy_from_slice(bytes)),
            _ => None,
        }
    }

    fn maybe_text(&mut self) -> Option<Option<String>> {
        match self.0.next()? {
            ValueRef::Null => Some(None),
            ValueRef::Text(bytes) => Some(Some(String::from_utf8(bytes.to_vec()).ok()?)),
            _ => None,
        }
    }
}

impl Record for StoredRun {
    const TABLE: &'static str = "runs";
    const COLUMNS: &'static [&'static str] = &["count", "bytes", "total", "at", "sent", "ends", "rows"];

    fn key(&self) -> u64 {
        self.first
    }

    fn values(&self) -> Vec<ValueRef<'_>> {
        let Self { first: _, count, bytes, total, at, sent, ends, rows } = self;
        let figures = [*count, *bytes, *total, *at, u64::from(*sent)].map(int);
        figures.into_iter().chain([ValueRef::Blob(ends), ValueRef::Text(rows)]).collect()
    }

    fn read(first: u64, values: &[ValueRef<'_>]) -> Option<Self> {
        let mut columns = Columns(values.iter());
        let [count, bytes, total, at] = [columns.int()?, columns.int()?, columns.int()?, columns.int()?];
        let (sent, ends, rows) = (columns.flag()?, columns.bytes()?, columns.bytes()?);
        Some(Self { first, count, bytes, total, at, sent, ends, rows })
    }
}

impl Record for StoredBatch {
    const TABLE: &'static str = "batches";
    const COLUMNS: &'static [&'static str] = &["stop", "bytes", "at", "number", "sent"];

    fn key(&self) -> u64 {
        self.first
    }

    fn values(&self) -> Vec<ValueRef<'_>> {
        vec![int(self.stop), int(self.bytes), int(self.at), maybe(self.sequence_number), int(self.sent.into())]
    }

    fn read(first: u64, values: &[ValueRef<'_>]) -> Option<Self> {
        let mut columns = Columns(values.iter());
        let (stop, bytes, at) = (columns.int()?, columns.int()?, columns.int()?);
        Some(Self { first, stop, bytes, at, sequence_number: columns.maybe_int()?, sent: columns.flag()? })
    }
}

impl Record for State {
    const TABLE: &'static str = "state";
    const COLUMNS: &'static [&'static str] = &[
        "change",
        "destination",
        "accepted",
        "total",
        "next",
        "rows",
        "bytes",
        "taken",
        "number",
        "aside_rows",
        "aside_bytes",
        "dropped",
        "lost",
        "gaps_below",
    ];

    fn key(&self) -> u64 {
        1
    }

    fn values(&self) -> Vec<ValueRef<'_>> {
        let figures = [
            self.accepted,
            self.total,
            self.next,
            self.rows,
            self.bytes,
            self.taken,
            self.last_sequence_number,
            self.dead_letter_rows,
            self.dead_letter_bytes,
            self.dropped,
            self.lost,
            self.gaps_below,
        ];
        [int(self.change), ValueRef::Blob(self.destination.bytes())].into_iter().chain(figures.map(int)).collect()
    }

    fn read(_: u64, values: &[ValueRef<'_>]) -> Option<Self> {
        let mut columns = Columns(values.iter());
        let (change, destination) = (columns.int()?, columns.bytes()?);
        let mut int = || columns.int();
        Some(Self {
            change,
            destination: StoredDestination::read(&destination)?,
            accepted: int()?,
            total: int()?,
            next: int()?,
            rows: int()?,
            bytes: int()?,
            taken: int()?,
            last_sequence_number: int()?,
            dead_letter_rows: int()?,
            dead_letter_bytes: int()?,
            dropped: int()?,
            lost: int()?,
            gaps_below: int()?,
        })
    }
}

impl Record for StoredDeadLetter {
    const TABLE: &'static str = "set_aside";
    const COLUMNS: &'static [&'static str] =
        &["count", "bytes", "in_doubt", "status", "code", "message", "request_id", "at", "ends", "rows"];

    fn key(&self) -> u64 {
        self.first
    }

    fn values(&self) -> Vec<ValueRef<'_>> {
        vec![
            int(self.count),
            int(self.bytes),
            int(self.in_doubt.into()),
            maybe(self.status),
            text(self.code.as_ref()),
            text(Some(&self.message)),
            text(self.request_id.as_ref()),
            int(self.at),
            ValueRef::Blob(&self.ends),
            ValueRef::Text(&self.rows),
        ]
    }

    fn read(first: u64, values: &[ValueRef<'_>]) -> Option<Self> {
        let mut columns = Columns(values.iter());
        let (count, bytes, in_doubt) = (columns.int()?, columns.int()?, columns.flag()?);
        let (status, code) = (columns.maybe_int()?, columns.maybe_text()?);
        let (message, request_id) = (columns.maybe_text()??, columns.maybe_text()?);
        let (at, ends, rows) = (columns.int()?, columns.bytes()?, columns.bytes()?);
        Some(Self { first, count, bytes, in_doubt, status, code, message, request_id, at, ends, rows })
    }
}

impl Record for Marked {
    const TABLE: &'static str = "mark";
    const COLUMNS: &'static [&'static str] = &["closed"];

    fn key(&self) -> u64 {
        self.id
    }

    fn values(&self) -> Vec<ValueRef<'_>> {
        vec![int(self.closed.into())]
    }

    fn read(id: u64, values: &[ValueRef<'_>]) -> Option<Self> {
        let mut columns = Columns(values.iter());
        Some(Self { id, closed: columns.flag()? })
    }
}

impl Record for StoredNotice {
    const TABLE: &'static str = "notices";
    const COLUMNS: &'static [&'static str] = &["kept", "what", "rows", "sent", "aside", "exact"];

    fn key(&self) -> u64 {
        self.first
    }

    fn values(&self) -> Vec<ValueRef<'_>> {
        let Loss { rows, sent, dead_letter_rows, exact } = self.loss;
        let loss = [rows, sent, dead_letter_rows, exact.into()].map(int);
        [maybe(self.kept), text(Some(&self.what))].into_iter().chain(loss).collect()
    }

    fn read(first: u64, values: &[ValueRef<'_>]) -> Option<Self> {
        let mut columns = Columns(values.iter());
        let (kept, what) = (columns.maybe_int()?, columns.maybe_text()??);
        let (rows, sent, dead_letter_rows, exact) = (columns.int()?, columns.int()?, columns.int()?, columns.flag()?);
        Some(Self { first, kept, what, loss: Loss { rows, sent, dead_letter_rows, exact } })
    }
}
