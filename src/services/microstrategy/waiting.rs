//! Rows of one table that wait: in files, or in memory as long as they may go in one request.

use std::ops::Range;
use std::path::PathBuf;

use super::Policy;
use super::datasets::TableInfo;
use super::keys::Repeated;
use super::records::Columns;
use crate::delivery::queue::Pile;
use crate::error::{Error, Result, shown};
use crate::http::transport::base64_length;
use crate::rows::encode::{Framing, Limits, Run};

/// `[[...],[...]]` in Base64 (facts/microstrategy 4.1).
pub static ROWS: Framing = Framing::new(b"[", b",", b"]").in_arrays().in_base64();

/// Rows that are encoded at a time: few, since their memory is used again, and new memory is slow.
pub const LIMITS: Limits = Limits { max_rows: 10_000, max_bytes: 4_000_000 };
/// Bytes of one row: what the smallest chunk holds in Base64. Texts may be of any length, and a row is never cut.
pub const LONGEST_ROW: usize = 37_500_000;

/// Base64 of one request, where one is enough for everything. Above it chunks are no slower.
pub const ONE_REQUEST: u64 = 5_000_000;

/// What a chunk may have in Base64, and what it has where nothing is said. Source: "Create a dataset incrementally":
/// chunks of 50 to 200 MB, ideally 100.
pub const CHUNK_BYTES: Range<u64> = 50_000_000..200_000_001;
/// See [`CHUNK_BYTES`].
pub const USUAL_CHUNK: u64 = 100_000_000;

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
pub struct WaitingRows {
    /// Where they go.
    pub table: TableInfo,
    /// What becomes of those that are there.
    pub policy: Policy,
    workflow: Workflow,
    columns: Columns,
    repeated: Option<Repeated>,
    /// As they were encoded, while they may go in one request.
    held: Vec<Run>,
    /// Bytes of these as records.
    held_bytes: usize,
    pile: Pile,
    /// Rows taken.
    pub rows: u64,
}

impl WaitingRows {
    /// Nothing is taken yet. Rows wait in `folder`.
    pub fn new(table: TableInfo, policy: Policy, workflow: Workflow, folder: PathBuf) -> Result<Self> {
        if policy != Policy::Replace && table.keys.is_empty() {
            let message = format!(
                "table `{}` has no key: policy=\"{policy}\" compares rows by their attributes, and it has metrics alone",
                shown(&table.name)
            );
            return Err(Error::configuration(message).with_hint(
                "policy=\"replace\" needs no key; create_dataset(attributes=[...]) makes attributes of columns of numbers",
            ));
        }
        let columns = Columns::of(&table);
        let repeated = (!table.keys.is_empty()).then(|| Repeated::new(folder.clone()));
        let pile = Pile::new(folder);
        Ok(Self { table, policy, workflow, columns, repeated, held: Vec::new(), held_bytes: 0, pile, rows: 0 })
    }

    /// Whether each column is of the key.
    pub fn key(&self) -> impl Iterator<Item = bool> {
        self.table.columns.iter().map(|column| self.table.keys.contains(&column.name))
    }

    /// Takes encoded rows, which say the numbers of their keys; answers memory that is not needed any more.
    pub fn take(&mut self, run: Run) -> Result<Vec<u8>> {
        self.rows += run.rows() as u64;
        if let Some(repeated) = &mut self.repeated {
            run.keys().iter().try_for_each(|key| repeated.add(*key))?;
        }
        if self.workflow == Workflow::Many {
            self.pile.push(&run)?;
            return Ok(run.into_memory());
        }
        self.held_bytes += run.bytes() + run.rows() * self.columns.bytes_of_names();
        self.held.push(run);
        if self.workflow == Workflow::BySize && base64_length(self.held_bytes as u64) > ONE_REQUEST {
            self.spill()?;
        }
        Ok(Vec::new())
    }

    /// There are too many for one request.
    fn spill(&mut self) -> Result<()> {
        self.workflow = Workflow::Many;
        std::mem::take(&mut self.held).iter().try_for_each(|run| self.pile.push(run))
    }

    /// There are no more; answers how many keys repeat, and the rows as one JSON array of records where one request is to
    /// take them.
    pub fn finish(&mut self) -> Result<(u64, Option<Vec<u8>>)> {
        let whole = (self.workflow != Workflow::Many).then(|| self.records());
        let repeated = self.repeated.take().map_or(Ok(0), Repeated::count)?;
        Ok((repeated, whole))
    }

    fn records(&mut self) -> Vec<u8> {
        let mut records = Vec::with_capacity(self.held_bytes);
        records.push(b'[');
        for run in std::mem::take(&mut self.held) {
            for row in 0..run.rows() {
                if records.len() > 1 {
                    records.push(b',');
                }
                self.columns.put_record(run.bare(row..row + 1), &mut records);
            }
        }
        records.push(b']');
        records
    }

    /// Its rows, where they wait in files.
    #[must_use]
    pub fn into_pile(self) -> Pile {
        self.pile
    }
}
