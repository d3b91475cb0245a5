//! Rows as a file holds them: one behind the other, with nothing around them.

use std::ops::Range;

use bytes::Bytes;

use super::destination::StoredDestination;

/// Some rows out of a file, cut by the framing that the file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRows {
    rows: Bytes,
    ends: Vec<u32>,
    /// How many bytes stand between two of them.
    between: usize,
}

impl StoredRows {
    /// The `rows` of a file, which end at `ends`, little-endian numbers of 32 bits.
    pub(super) fn new(rows: &Bytes, ends: &[u8], destination: &StoredDestination) -> Self {
        Self { rows: rows.clone(), ends: numbers(ends).collect(), between: destination.separator().len() }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// Each row as it is sent.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.part(0..self.count())
    }

    /// Each of the rows at `range`.
    pub(super) fn part(&self, range: Range<usize>) -> impl Iterator<Item = &[u8]> {
        range.map(|row| &self.rows[self.start(row)..self.end(row + 1)])
    }

    /// What the rows at `range` count for; neighbouring ranges add up.
    pub(super) fn size(&self, range: Range<usize>) -> usize {
        self.end(range.end) - self.end(range.start)
    }

    fn start(&self, row: usize) -> usize {
        if row == 0 { 0 } else { self.end(row) + self.between }
    }

    /// Where the rows before `row` end.
    fn end(&self, row: usize) -> usize {
        if row == 0 { 0 } else { self.ends[row - 1] as usize }
    }
}

/// The numbers in `ends`.
pub(super) fn numbers(ends: &[u8]) -> impl Iterator<Item = u32> {
    ends.chunks_exact(4).map(|end| u32::from_le_bytes([end[0], end[1], end[2], end[3]]))
}
