//! What goes out in one request: rows gathered from neighbouring runs, frozen from then on.

use std::ops::Range;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::pile::Stretch;
use crate::delivery::Parcel;
use crate::http::transport::base64_length;
use crate::rows::encode::Run;

/// Rows that go out in one request, frozen: the same bytes each time they are sent.
#[derive(Debug)]
pub struct Batch {
    rows: BatchRows,
    part: usize,
    first: u64,
    sequence_number: Option<u64>,
    maybe_sent: bool,
    /// The wrapped rows, where they are in memory.
    pub body: Bytes,
}

/// Where the rows of a batch are.
#[derive(Debug)]
enum BatchRows {
    /// In memory: those at these positions.
    Run(Arc<Run>, Range<usize>),
    /// In a file.
    File(Stretch),
}

impl Batch {
    /// The rows at `positions` of `run`, of which the first one has the number `first`.
    pub(super) fn new(run: Arc<Run>, positions: Range<usize>, first: u64) -> Self {
        let body = run.body(positions.clone());
        Self { rows: BatchRows::Run(run, positions), part: 0, first, sequence_number: None, maybe_sent: false, body }
    }

    /// The rows of `stretch`, for a part of the sink.
    pub(super) fn in_file(stretch: Stretch, part: usize, first: u64) -> Self {
        Self {
            rows: BatchRows::File(stretch),
            part,
            first,
            sequence_number: None,
            maybe_sent: false,
            body: Bytes::new(),
        }
    }

    /// What the sink is given to make a request of.
    #[must_use]
    pub fn parcel(&self) -> Parcel {
        let body = match &self.rows {
            BatchRows::Run(run, _) if run.framing().in_base64 => Bytes::from(STANDARD.encode(&self.body)).into(),
            BatchRows::Run(..) => self.body.clone().into(),
            BatchRows::File(stretch) => stretch.body(),
        };
        Parcel { body, sequence_number: self.sequence_number, part: self.part }
    }

    /// How many bytes the sink is given.
    #[must_use]
    pub fn size(&self) -> usize {
        let bytes = match &self.rows {
            BatchRows::Run(run, _) if run.framing().in_base64 => base64_length(self.body.len() as u64),
            BatchRows::Run(..) => return self.body.len(),
            BatchRows::File(stretch) => stretch.body().len(),
        };
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// The part of the sink that the rows are for.
    #[must_use]
    pub fn part(&self) -> usize {
        self.part
    }

    /// The same batch as it was known to an earlier process.
    pub(super) fn known(mut self, sequence_number: Option<u64>, maybe_sent: bool) -> Self {
        (self.sequence_number, self.maybe_sent) = (sequence_number, maybe_sent);
        self
    }

    pub(super) fn give_sequence_number(&mut self, sequence_number: Option<u64>) {
        self.sequence_number = sequence_number;
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        match &self.rows {
            BatchRows::Run(_, positions) => positions.len(),
            BatchRows::File(stretch) => stretch.rows(),
        }
    }

    /// Which rows they are, in the queue's counting.
    #[must_use]
    pub fn row_range(&self) -> Range<u64> {
        self.first..self.first + self.rows() as u64
    }

    /// The sequence number that it is sent with, each time it is sent; see [`super::Queue::number_batches_after`].
    #[must_use]
    pub fn sequence_number(&self) -> Option<u64> {
        self.sequence_number
    }

    /// Whether it may have been sent before it was taken: by an earlier process, or before rows in doubt were retried.
    #[must_use]
    pub fn maybe_sent(&self) -> bool {
        self.maybe_sent
    }

    /// The same rows as two batches, which have not been sent as such; `None` for a single row.
    #[must_use]
    pub fn halves(&self) -> Option<[Self; 2]> {
        let middle = self.first + self.rows() as u64 / 2;
        let halves = match &self.rows {
            BatchRows::Run(run, positions) => {
                let half = positions.start + self.rows() / 2;
                (self.rows() > 1).then(|| {
                    [(positions.start..half, self.first), (half..positions.end, middle)]
                        .map(|(positions, first)| Self::new(Arc::clone(run), positions, first))
                })
            }
            BatchRows::File(stretch) => stretch.halves().map(|[before, behind]| {
                [(before, self.first), (behind, middle)]
                    .map(|(stretch, first)| Self::in_file(stretch, self.part, first))
            }),
        };
        halves.map(|halves| halves.map(|half| half.known(None, self.maybe_sent)))
    }

    /// The memory behind its body, unless somebody else holds it too.
    pub(super) fn into_memory(self) -> Vec<u8> {
        drop(self.body);
        match self.rows {
            BatchRows::Run(run, _) => Arc::into_inner(run).map(Run::into_memory).unwrap_or_default(),
            BatchRows::File(_) => Vec::new(),
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        match &self.rows {
            BatchRows::Run(run, positions) => run.size(positions.clone()) as u64,
            BatchRows::File(stretch) => stretch.bytes(),
        }
    }

    /// The bare rows, and where each of them ends, where they are in memory.
    pub(super) fn bare(&self) -> (Bytes, impl Iterator<Item = u32>) {
        let (bare, ends) = match &self.rows {
            BatchRows::Run(run, positions) => (run.bare_bytes(positions.clone()), Some(run.ends(positions.clone()))),
            BatchRows::File(_) => (Bytes::new(), None),
        };
        (bare, ends.into_iter().flatten())
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
