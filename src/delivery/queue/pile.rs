//! Rows that lie in a file, and the length of each of them in another: neither has a name, and memory holds nothing of them.
//!
//! ```text
//!  rows     row,row,row,row,row …        a stretch: rows that follow one another,
//!  lengths  4 bytes for each             found by their lengths, in halves too
//! ```

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::Spool;
use crate::error::{Error, Kind, Result};
use crate::http::transport::{Body, Spooled, read_exact_at};
use crate::rows::encode::{Framing, Run};

/// Bytes of one length.
const LENGTH: u64 = 4;
/// Lengths that are read at a time.
const READ: u64 = 16 * 1024;

/// Rows of one part of a sink, which grow.
#[derive(Debug)]
pub struct Pile {
    folder: PathBuf,
    part: usize,
    files: Option<Files>,
    rows: u64,
}

#[derive(Debug)]
struct Files {
    framing: &'static Framing,
    rows: Spool,
    lengths: Spool,
}

impl Pile {
    /// No rows yet; the files are made in `folder` with the first of them.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, part: 0, files: None, rows: 0 }
    }

    /// The same for another part of the sink than the first; the sink knows its parts by their numbers.
    #[must_use]
    pub fn for_part(self, part: usize) -> Self {
        Self { part, ..self }
    }

    /// Adds rows.
    pub fn push(&mut self, run: &Run) -> Result<()> {
        let files = match &mut self.files {
            Some(files) => {
                files.rows.write(files.framing.separator)?;
                files
            }
            none => none.insert(Files {
                framing: run.framing(),
                rows: Spool::new(&self.folder)?,
                lengths: Spool::new(&self.folder)?,
            }),
        };
        let all = 0..run.rows();
        files.rows.write(run.bare(all.clone()))?;
        let (mut before, separator) = (0, files.framing.separator.len());
        let mut lengths = Vec::with_capacity(run.rows() * 4);
        for end in run.ends(all) {
            lengths.extend_from_slice(&(end - before).to_le_bytes());
            before = end + u32::try_from(separator).unwrap_or_default();
        }
        files.lengths.write(&lengths)?;
        self.rows += run.rows() as u64;
        Ok(())
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// How many bytes they take.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.as_ref().map_or(0, |files| files.rows.len())
    }

    /// Which part of the sink they are for.
    pub(super) fn part(&self) -> usize {
        self.part
    }

    /// The rows from `row` on, of which the first begins at `start`; at least one, and at most so many rows and bytes.
    pub(super) fn cut(&self, row: u64, start: u64, max_rows: u64, max_bytes: u64) -> Result<Option<Stretch>> {
        let Some(files) = self.files.as_ref().filter(|_| row < self.rows) else { return Ok(None) };
        let Framing { prefix, suffix, .. } = files.framing;
        let stretch = Stretch {
            framing: files.framing,
            files: [files.rows.file(), files.lengths.file()],
            rows: row..self.rows.min(row.saturating_add(max_rows)),
            bytes: start..files.rows.len(),
        };
        stretch.shorter(max_bytes.saturating_sub((prefix.len() + suffix.len()) as u64)).map(Some).map_err(unreadable)
    }
}

/// Rows that follow one another.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    framing: &'static Framing,
    /// Rows and lengths.
    files: [Arc<File>; 2],
    /// Which rows, in the counting of their pile.
    rows: Range<u64>,
    /// Where they are.
    bytes: Range<u64>,
}

impl Stretch {
    pub(super) fn rows(&self) -> usize {
        usize::try_from(self.rows.end - self.rows.start).unwrap_or(usize::MAX)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.end - self.bytes.start
    }

    /// Where the row behind them begins.
    pub(super) fn next(&self) -> u64 {
        self.bytes.end + self.framing.separator.len() as u64
    }

    pub(super) fn body(&self) -> Body {
        let Framing { prefix, suffix, in_base64, .. } = *self.framing;
        Body::Spooled(Arc::new(Spooled {
            file: Arc::clone(&self.files[0]),
            range: self.bytes.clone(),
            frame: [prefix, suffix],
            in_base64,
            around: Default::default(),
        }))
    }

    /// Its first half and the rest; `None` for a single row, and where the lengths cannot be read.
    pub(super) fn halves(&self) -> Option<[Self; 2]> {
        let middle = self.rows.start + self.rows() as u64 / 2;
        let first = Self { rows: self.rows.start..middle, ..self.clone() };
        let first = first.shorter(u64::MAX).ok().filter(|first| first.rows() > 0)?;
        let second = Self { rows: middle..self.rows.end, bytes: first.next()..self.bytes.end, ..self.clone() };
        Some([first, second])
    }

    /// Those of its rows, from the first one on, that have so many bytes together; at least one. Its bytes may reach beyond
    /// its rows.
    fn shorter(mut self, max_bytes: u64) -> io::Result<Self> {
        let separator = self.framing.separator.len() as u64;
        let (start, mut row, mut end) = (self.bytes.start, self.rows.start, self.bytes.start);
        'all: while row < self.rows.end {
            let mut lengths = vec![0; usize::try_from(READ.min(self.rows.end - row) * LENGTH).unwrap_or_default()];
            read_exact_at(&self.files[1], &mut lengths, row * LENGTH)?;
            for length in lengths.as_chunks().0 {
                let before = if row == self.rows.start { 0 } else { separator };
                let behind = end + before + u64::from(u32::from_le_bytes(*length));
                if before > 0 && behind - start > max_bytes {
                    break 'all;
                }
                (row, end) = (row + 1, behind);
            }
        }
        self.rows.end = row;
        self.bytes.end = end;
        Ok(self)
    }
}

fn unreadable(error: io::Error) -> Error {
    Error::new(Kind::Outbox, format!("the file of waiting rows cannot be read: {error}")).caused_by(error)
}
