//! A run: encoded rows in one piece, and where each of them ends.

use std::ops::Range;

use bytes::Bytes;

use super::{Framing, RunBuilder, position};

/// Encoded rows, wrapped as one whole body. Any part of it can be had as a body of its own.
#[derive(Debug, Clone)]
pub struct Run {
    framing: &'static Framing,
    body: Bytes,
    ends: Vec<u32>,
    keys: Vec<u64>,
    /// Whether its memory is a part of some that others have too.
    shares_memory: bool,
}

impl Run {
    pub(super) fn new(framing: &'static Framing, body: Vec<u8>, ends: Vec<u32>) -> Self {
        Self { framing, body: body.into(), ends, keys: Vec::new(), shares_memory: false }
    }

    pub(super) fn with_keys(self, keys: Vec<u64>) -> Self {
        Self { keys, ..self }
    }

    /// A number for the key of each row, where the encoder was asked for them; see [`super::Encoder::with_key`].
    #[must_use]
    pub fn keys(&self) -> &[u64] {
        &self.keys
    }

    /// The rows of `pieces` as one run. A piece is what [`Run::bare`] and [`Run::ends`] gave for some rows.
    #[must_use]
    pub fn join<'a, E>(framing: &'static Framing, pieces: impl IntoIterator<Item = (&'a [u8], E)>) -> Self
    where
        E: Iterator<Item = u32>,
    {
        let mut builder = RunBuilder::new(framing);
        for (rows, ends) in pieces {
            builder.push(rows, ends);
        }
        builder.into_run()
    }

    /// How its rows are wrapped.
    #[must_use]
    pub fn framing(&self) -> &'static Framing {
        self.framing
    }

    /// The memory behind its body, unless others have a part in it.
    #[must_use]
    pub fn into_memory(self) -> Vec<u8> {
        if self.shares_memory { Vec::new() } else { own_memory(self.body) }
    }

    /// The same rows in `body`, which is a copy in memory that bodies share, and the memory in which they were.
    pub(super) fn moved_to(mut self, body: Bytes) -> (Self, Vec<u8>) {
        let own = std::mem::replace(&mut self.body, body);
        (Self { shares_memory: true, ..self }, own_memory(own))
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.ends.len()
    }

    /// The size of the whole body in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.body.len()
    }

    /// The bytes of the rows at `range`; the sizes of neighbouring ranges add up.
    #[must_use]
    pub fn size(&self, range: Range<usize>) -> usize {
        self.end(range.end) - self.end(range.start)
    }

    /// The rows at `range` as one body; the whole run without a copy.
    #[must_use]
    pub fn body(&self, range: Range<usize>) -> Bytes {
        if range == (0..self.rows()) {
            return self.body.clone();
        }
        [self.framing.prefix, self.bare(range), self.framing.suffix].concat().into()
    }

    /// The rows at `range` with what stands between them, and nothing around them.
    #[must_use]
    pub fn bare(&self, range: Range<usize>) -> &[u8] {
        if range.is_empty() { &[] } else { &self.body[self.start(range.start)..self.end(range.end)] }
    }

    /// The same without a copy.
    #[must_use]
    pub fn bare_bytes(&self, range: Range<usize>) -> Bytes {
        if range.is_empty() { Bytes::new() } else { self.body.slice(self.start(range.start)..self.end(range.end)) }
    }

    /// Where in [`Run::bare`] each of the rows at `range` ends.
    pub fn ends(&self, range: Range<usize>) -> impl ExactSizeIterator<Item = u32> {
        let start = if range.is_empty() { 0 } else { position(self.start(range.start)) };
        self.ends[range].iter().map(move |end| end - start)
    }

    /// How many rows from `start` on fit into a body of `max_bytes` behind `before` bytes of other rows, at most
    /// `max_rows`. Where there are no other rows it is at least one.
    #[must_use]
    pub fn fitting(&self, start: usize, max_rows: usize, max_bytes: usize, before: usize) -> usize {
        let envelope = self.framing.prefix.len() + self.framing.suffix.len();
        let taken = if before == 0 { 0 } else { before + self.framing.separator.len() };
        let room = self.start(start) + max_bytes.saturating_sub(envelope + taken);
        let fitting = self.ends[start..].partition_point(|&end| end as usize <= room).min(max_rows);
        if before == 0 { fitting.max(1) } else { fitting }
    }

    fn start(&self, row: usize) -> usize {
        match row {
            0 => self.framing.prefix.len(),
            _ => self.ends[row - 1] as usize + self.framing.separator.len(),
        }
    }

    fn end(&self, row: usize) -> usize {
        match row {
            0 => self.framing.prefix.len(),
            _ => self.ends[row - 1] as usize,
        }
    }
}

/// The memory behind `body`, unless somebody else holds it too.
fn own_memory(body: Bytes) -> Vec<u8> {
    if body.is_unique() { body.into() } else { Vec::new() }
}
