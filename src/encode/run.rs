//! A run: encoded rows in one piece, and where each of them ends.

use std::ops::Range;

use bytes::Bytes;

use super::{Dialect, position};

/// Encoded rows, wrapped as one whole body. Any part of it can be had as a body of its own.
#[derive(Debug, Clone)]
pub struct Run {
    dialect: &'static Dialect,
    body: Bytes,
    ends: Vec<u32>,
}

impl Run {
    pub(super) fn new(dialect: &'static Dialect, body: Vec<u8>, ends: Vec<u32>) -> Self {
        Self { dialect, body: body.into(), ends }
    }

    /// Takes the rows of `other` behind its own, where both are of one dialect.
    pub fn append(&mut self, other: &Self) {
        let (prefix, suffix) = (self.dialect.prefix.len(), self.dialect.suffix.len());
        let mut body = Vec::from(std::mem::take(&mut self.body));
        body.truncate(body.len() - suffix);
        body.extend_from_slice(self.dialect.separator);
        let shift = body.len() - prefix;
        body.extend_from_slice(&other.body[prefix..]);
        self.body = body.into();
        self.ends.extend(other.ends.iter().map(|&end| position(end as usize + shift)));
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
        let rows = &self.body[self.start(range.start)..self.end(range.end)];
        [self.dialect.prefix, rows, self.dialect.suffix].concat().into()
    }

    /// How many rows from `start` on fit into a body of `max_bytes`, at most `max_rows`; at least one.
    #[must_use]
    pub fn fitting(&self, start: usize, max_rows: usize, max_bytes: usize) -> usize {
        let envelope = self.dialect.prefix.len() + self.dialect.suffix.len();
        let room = self.start(start) + max_bytes.saturating_sub(envelope);
        let fitting = self.ends[start..].partition_point(|&end| end as usize <= room);
        fitting.min(max_rows).max(1)
    }

    fn start(&self, row: usize) -> usize {
        match row {
            0 => self.dialect.prefix.len(),
            _ => self.ends[row - 1] as usize + self.dialect.separator.len(),
        }
    }

    fn end(&self, row: usize) -> usize {
        match row {
            0 => self.dialect.prefix.len(),
            _ => self.ends[row - 1] as usize,
        }
    }
}
