//! Rows of one table that wait: in chunks in a spool, or in memory as long as they may go in one request.

use std::fs::File;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::Policy;
use super::arrange::{Arranger, Form};
use super::datasets::TableInfo;
use super::keys::Repeated;
use crate::delivery::queue::Spool;
use crate::error::{Error, Result, shown};
use crate::rows::encode::{Framing, Limits, Run};

/// Rows as the encoder writes them; what goes out is made of that.
pub static ROWS: Framing = Framing { prefix: b"[", separator: b",", suffix: b"]" };

/// Rows that are encoded at a time.
pub const LIMITS: Limits = Limits { max_rows: 50_000, max_bytes: 8_000_000 };

/// Base64 of one request, where one is enough for everything. Above it chunks are no slower.
pub const ONE_REQUEST: u64 = 5_000_000;

/// What a chunk may have in Base64, and what it has where nothing is said. Source: "Create a dataset incrementally":
/// chunks of 50 to 200 MB, ideally 100.
pub const CHUNK_BYTES: Range<u64> = 50_000_000..200_000_001;
/// See [`CHUNK_BYTES`].
pub const USUAL_CHUNK: u64 = 100_000_000;

/// Bytes that are written to the spool at a time.
const WRITE: usize = 256 * 1024;

/// What rows go into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workflow {
    /// One request, whatever their size.
    One,
    /// An upload session.
    Many,
    /// One request where they are few.
    BySize,
}

/// The rows of one push.
#[derive(Debug)]
pub struct Staging {
    /// Where they go.
    pub table: TableInfo,
    /// What becomes of those that are there.
    pub policy: Policy,
    workflow: Workflow,
    folder: PathBuf,
    chunk: u64,
    arranger: Arranger,
    repeated: Option<Repeated>,
    /// As they were encoded, while they may go in one request.
    held: Vec<Run>,
    spool: Option<Spool>,
    buffer: Vec<u8>,
    line: Vec<u8>,
    chunks: Vec<Range<u64>>,
    /// Where the chunk begins that is being filled.
    open: Option<u64>,
    /// Rows taken.
    pub rows: u64,
}

/// A chunk in a spool.
#[derive(Debug, Clone)]
pub struct Part {
    /// The spool.
    pub file: Arc<File>,
    /// Where in it.
    pub range: Range<u64>,
}

impl Staging {
    /// Nothing is taken yet. Chunks have at most `chunk` bytes of Base64, and wait in `folder`.
    pub fn new(table: TableInfo, policy: Policy, workflow: Workflow, chunk: u64, folder: PathBuf) -> Result<Self> {
        if policy != Policy::Replace && table.keys.is_empty() {
            let message = format!(
                "table `{}` has no key: policy=\"{policy}\" compares rows by their attributes, and it has metrics alone",
                shown(&table.name)
            );
            return Err(Error::configuration(message).with_hint(
                "policy=\"replace\" needs no key; create_dataset(attributes=[...]) makes attributes of columns of numbers",
            ));
        }
        let arranger = Arranger::new(table.columns.iter().map(|column| column.name.as_str()), &table.keys);
        let repeated = arranger.has_key().then(|| Repeated::new(folder.clone()));
        Ok(Self {
            table,
            policy,
            workflow,
            folder,
            chunk: chunk / 4 * 3,
            arranger,
            repeated,
            held: Vec::new(),
            spool: None,
            buffer: Vec::new(),
            line: Vec::new(),
            chunks: Vec::new(),
            open: None,
            rows: 0,
        })
    }

    /// Takes encoded rows.
    pub fn take(&mut self, run: Run) -> Result<()> {
        self.rows += run.rows() as u64;
        if self.workflow == Workflow::Many {
            return self.write(&run);
        }
        self.held.push(run);
        if self.workflow == Workflow::BySize && base64(self.held.iter().map(Run::bytes).sum()) > ONE_REQUEST {
            self.spill()?;
        }
        Ok(())
    }

    /// There are too many for one request.
    fn spill(&mut self) -> Result<()> {
        self.workflow = Workflow::Many;
        for run in std::mem::take(&mut self.held) {
            self.write(&run)?;
        }
        Ok(())
    }

    fn write(&mut self, run: &Run) -> Result<()> {
        for row in 0..run.rows() {
            self.line.clear();
            let key = self.arranger.put(run.bare(row..row + 1), Form::Array, &mut self.line)?;
            if let Some(repeated) = &mut self.repeated {
                repeated.add(key)?;
            }
            let used = self.open.map(|start| self.position() - start);
            match used {
                Some(used) if used + self.line.len() as u64 + 2 <= self.chunk => self.buffer.push(b','),
                Some(_) => {
                    self.close_chunk();
                    self.open_chunk();
                }
                None => self.open_chunk(),
            }
            self.buffer.extend_from_slice(&self.line);
            if self.buffer.len() >= WRITE {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn position(&self) -> u64 {
        self.spool.as_ref().map_or(0, Spool::len) + self.buffer.len() as u64
    }

    fn open_chunk(&mut self) {
        self.open = Some(self.position());
        self.buffer.push(b'[');
    }

    fn close_chunk(&mut self) {
        if let Some(start) = self.open.take() {
            self.buffer.push(b']');
            self.chunks.push(start..self.position());
        }
    }

    fn flush(&mut self) -> Result<()> {
        let spool = match &mut self.spool {
            Some(spool) => spool,
            none => none.insert(Spool::new(&self.folder)?),
        };
        spool.write(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// There are no more; answers how many keys repeat, and the rows as one JSON array of records where one request is to
    /// take them.
    pub fn finish(&mut self) -> Result<(u64, Option<Vec<u8>>)> {
        let mut whole = None;
        if self.workflow != Workflow::Many {
            let mut records = vec![b'['];
            for run in std::mem::take(&mut self.held) {
                for row in 0..run.rows() {
                    if records.len() > 1 {
                        records.push(b',');
                    }
                    let key = self.arranger.put(run.bare(row..row + 1), Form::Record, &mut records)?;
                    if let Some(repeated) = &mut self.repeated {
                        repeated.add(key)?;
                    }
                }
            }
            records.push(b']');
            whole = Some(records);
        }
        self.close_chunk();
        if !self.buffer.is_empty() {
            self.flush()?;
        }
        let repeated = self.repeated.take().map_or(Ok(0), Repeated::count)?;
        Ok((repeated, whole))
    }

    /// Its chunks.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let Some(spool) = &self.spool else { return Vec::new() };
        self.chunks.iter().map(|range| Part { file: spool.file(), range: range.clone() }).collect()
    }
}

fn base64(bytes: usize) -> u64 {
    crate::http::transport::base64_length(bytes as u64)
}
