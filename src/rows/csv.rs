//! CSV as records: bytes come in pieces of any length, and what is whole among them goes out, with its lines.
//!
//! ```text
//!  bytes ─▶ Scanner: where cells begin and end ─▶ Reader: records of the header's width, in blocks
//!                                              └─▶ lines that are none, and what ends the reading
//! ```
//!
//! What is read is what Python's `csv` reads strictly: quotes are around whole cells or mean themselves. A line with one that
//! stands elsewhere is no record. The crate `csv` takes such quotes, and does not say where they were.

mod cell;
mod scanner;

use std::ops::Range;
use std::sync::Arc;

pub use self::scanner::{Failure, Reason};
use self::scanner::{Record, Scanner};

/// Reads records out of bytes as they come.
#[derive(Debug)]
pub struct Reader {
    scanner: Scanner,
}

/// What was found, in the order of the lines.
#[derive(Debug)]
pub enum Found {
    /// Records that are as wide as the header.
    Rows(Rows),
    /// A record that is not: its line, and its cells.
    Ragged(u64, Vec<Vec<u8>>),
    /// One that is none: its line, its cells up to the rest of the line that is wrong, and what that is.
    Wrong(u64, Vec<Vec<u8>>, Failure),
}

/// Neighbouring records of the same width.
#[derive(Debug)]
pub struct Rows {
    /// Where their cells are, and perhaps others.
    pub bytes: Arc<Vec<u8>>,
    /// The cells of one record behind those of the other.
    pub cells: Vec<Range<u32>>,
    /// The line on which each of them begins.
    pub lines: Vec<u64>,
}

impl Reader {
    /// A reader of cells with this delimiter between them.
    #[must_use]
    pub fn new(delimiter: char) -> Self {
        Self { scanner: Scanner::new(delimiter) }
    }

    /// Takes more bytes; a byte order mark before the first one is passed over.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.scanner.feed(bytes);
    }

    /// There are no more bytes: what is open ends here.
    pub fn end(&mut self) {
        self.scanner.end();
    }

    /// Takes the next record out of those that are whole, however wide it is.
    pub fn record(&mut self) -> Option<Vec<Vec<u8>>> {
        self.scanner.first()
    }

    /// Takes all records that are whole, which are to have so many cells.
    pub fn take(&mut self, width: usize) -> Vec<Found> {
        let (bytes, cells, records) = self.scanner.take();
        let bytes = Arc::new(bytes);
        let mut found = Vec::new();
        let mut start = 0;
        let mut lines = Vec::new();
        let mut first = 0;
        for Record { line, end, wrong } in records {
            if wrong.is_none() && end - start == width {
                lines.push(line);
            } else {
                push_rows(&mut found, &bytes, &cells[first..start], &mut lines);
                let cells = owned(&bytes, &cells[start..end]);
                found.push(match wrong {
                    Some(failure) => Found::Wrong(line, cells, failure),
                    None => Found::Ragged(line, cells),
                });
                first = end;
            }
            start = end;
        }
        if first == 0 {
            // Nearly always all of them are well, and none needs to be moved.
            if !lines.is_empty() {
                found.push(Found::Rows(Rows { bytes, cells, lines }));
            }
            return found;
        }
        push_rows(&mut found, &bytes, &cells[first..start], &mut lines);
        found
    }

    /// What ended the reading, behind the records before it.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        self.scanner.failure()
    }

    /// How many lines have ended so far.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.scanner.lines()
    }

    /// How many bytes wait for the end of their record.
    #[must_use]
    pub fn held(&self) -> usize {
        self.scanner.held()
    }
}

fn push_rows(found: &mut Vec<Found>, bytes: &Arc<Vec<u8>>, cells: &[Range<u32>], lines: &mut Vec<u64>) {
    if !lines.is_empty() {
        let (bytes, lines) = (Arc::clone(bytes), std::mem::take(lines));
        found.push(Found::Rows(Rows { bytes, cells: cells.to_vec(), lines }));
    }
}

/// The cells by themselves.
fn owned(bytes: &[u8], cells: &[Range<u32>]) -> Vec<Vec<u8>> {
    cells.iter().map(|cell| bytes[cell.start as usize..cell.end as usize].to_vec()).collect()
}
