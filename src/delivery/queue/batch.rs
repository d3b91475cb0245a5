//! What goes out in one request: rows gathered from neighbouring runs, frozen from then on.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::rows::encode::Run;

/// Rows that go out in one request, frozen: the same bytes each time they are sent.
#[derive(Debug)]
pub struct Batch {
    run: Arc<Run>,
    positions: Range<usize>,
    first: u64,
    number: Option<u64>,
    maybe_sent: bool,
    /// The body of the request.
    pub body: Bytes,
}

impl Batch {
    /// The rows at `positions` of `run`, of which the first one has the number `first`.
    pub(super) fn new(run: Arc<Run>, positions: Range<usize>, first: u64) -> Self {
        let body = run.body(positions.clone());
        Self { run, positions, first, number: None, maybe_sent: false, body }
    }

    /// The same batch as it was known to an earlier process.
    pub(super) fn known(mut self, number: Option<u64>, maybe_sent: bool) -> Self {
        (self.number, self.maybe_sent) = (number, maybe_sent);
        self
    }

    pub(super) fn give_number(&mut self, number: Option<u64>) {
        self.number = number;
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.positions.len()
    }

    /// Which rows they are, in the outbox's counting.
    #[must_use]
    pub fn numbers(&self) -> Range<u64> {
        self.first..self.first + self.rows() as u64
    }

    /// The sequence number that it is sent with, each time it is sent; see [`super::Outbox::number_from`].
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.number
    }

    /// Whether it may have been sent before it was taken: by an earlier process, or before rows in doubt were retried.
    #[must_use]
    pub fn maybe_sent(&self) -> bool {
        self.maybe_sent
    }

    /// The same rows as two batches, which have not been sent as such; `None` for a single row.
    #[must_use]
    pub fn halves(&self) -> Option<[Self; 2]> {
        let middle = self.positions.start + self.rows() / 2;
        let half = |positions: Range<usize>| {
            let first = self.first + (positions.start - self.positions.start) as u64;
            Self::new(Arc::clone(&self.run), positions, first).known(None, self.maybe_sent)
        };
        (self.rows() > 1).then(|| [half(self.positions.start..middle), half(middle..self.positions.end)])
    }

    /// The memory behind its body, unless somebody else holds it too.
    pub(super) fn into_memory(self) -> Vec<u8> {
        drop(self.body);
        Arc::into_inner(self.run).map(Run::into_memory).unwrap_or_default()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.run.size(self.positions.clone()) as u64
    }

    /// The bare rows, and where each of them ends.
    pub(super) fn bare(&self) -> (Bytes, impl Iterator<Item = u32>) {
        (self.run.bare_bytes(self.positions.clone()), self.run.ends(self.positions.clone()))
    }
}

/// A request being filled with rows from the front of the queue.
#[derive(Debug)]
pub(super) struct Cut {
    max_rows: usize,
    max_bytes: usize,
    /// Whether one batch may hold rows of several runs.
    joins: bool,
    parts: Vec<(Arc<Run>, Range<usize>)>,
    rows: usize,
    /// The bare rows so far.
    length: usize,
    /// What the parts count for as long as they wait.
    pub(super) bytes: u64,
}

impl Cut {
    pub(super) fn new(max_rows: usize, max_bytes: usize, joins: bool) -> Self {
        Self { max_rows, max_bytes, joins, parts: Vec::new(), rows: 0, length: 0, bytes: 0 }
    }

    /// Takes as many rows of `run` from `start` on as fit; answers how many that were.
    pub(super) fn add(&mut self, run: &Arc<Run>, start: usize) -> usize {
        if !self.parts.is_empty() && !self.joins {
            return 0;
        }
        let left = self.max_rows.saturating_sub(self.rows);
        let count = run.fitting(start, left, self.max_bytes, self.length);
        if count == 0 {
            return 0;
        }
        let positions = start..start + count;
        let separator = if self.length == 0 { 0 } else { run.framing().separator.len() };
        self.length += separator + run.bare(positions.clone()).len();
        self.rows += count;
        self.bytes += run.size(positions.clone()) as u64;
        self.parts.push((Arc::clone(run), positions));
        count
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Whether it holds as many rows as it may.
    pub(super) fn is_full(&self) -> bool {
        self.rows >= self.max_rows
    }

    /// The batch, whose first row has the number `first`; rows of one run are not copied where they are all of it.
    pub(super) fn into_batch(mut self, first: u64) -> Option<Batch> {
        if self.parts.len() < 2 {
            let (run, positions) = self.parts.pop()?;
            return Some(Batch::new(run, positions, first));
        }
        let pieces = self.parts.iter().map(|(run, rows)| (run.bare(rows.clone()), run.ends(rows.clone())));
        let joined = Run::join(self.parts[0].0.framing(), pieces);
        let all = 0..joined.rows();
        Some(Batch::new(Arc::new(joined), all, first))
    }
}
