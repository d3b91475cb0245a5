//! Rows to request bodies: every cell judged by its column, written once, in the destination's framing.
//!
//! ```text
//! Rows ──visit──▶ Encoder ──▶ Run (bytes and where each row ends)
//!                    └──────▶ Problems (rows that do not fit, none of their bytes kept)
//! ```
//!
//! Rows of which many are at hand are encoded on all cores (`slices`). Where all are to be checked before the first is sent,
//! a check alone writes nothing (`check`), and the first bodies made on the way are kept (`checked`).

mod arrange;
mod buffer;
mod check;
mod columns;
mod convert;
mod cores;
mod date_text;
mod dates;
mod datetimes;
mod framing;
mod digits;
mod fitting;
mod builder;
mod checked;
mod keys;
mod kinds;
mod mistakes;
mod numbers;
mod options;
mod plain;
mod problems;
mod refusal;
mod row;
mod run;
mod shown;
mod slices;
mod strings;
mod team;
mod value;
mod watching;
mod window;

use std::sync::Arc;

pub use self::arrange::cells_of;
pub use self::builder::RunBuilder;
pub use self::checked::{BOUNDLESS, Checked, CheckedRows, FREE_MEMORY, LEAST, Room, Share};
pub use self::framing::Framing;
pub use self::options::{Naive, Options};
pub use self::problems::{Code, OldDate, Problems, RowError, Seen};
pub use self::run::Run;
pub use self::shown::Value;
pub use self::slices::Shares;
pub use self::watching::Watching;

use self::arrange::Arranger;
use self::buffer::Buffer;
use self::check::always_fits;
use self::columns::Columns;
use self::row::OpenRow;
use self::slices::Slicing;
use crate::rows::cell::Rows;
use crate::rows::schema::TableSchema;

/// One part in so many more room than the last body took: bodies of the same rows are nearly of one size.
const SLACK: usize = 16;

/// How large one request may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Rows of one request.
    pub max_rows: usize,
    /// Bytes of one body, envelope included.
    pub max_bytes: usize,
}

/// Turns rows into runs of encoded rows, none larger than one request.
#[derive(Debug)]
pub struct Encoder {
    framing: &'static Framing,
    columns: Columns,
    options: Options,
    limits: Limits,
    /// Bytes of a body with nothing but one row; see [`Encoder::with_long_rows`].
    longest_row: usize,
    /// Whether no row can be too large for a body.
    always_fits: bool,
    /// Whether rows are checked and not kept; see [`Encoder::only_check`].
    checks: bool,
    body: Buffer,
    ends: Vec<u32>,
    /// Whether each column is of the key of a row, and the numbers of the rows' keys.
    key: Arc<[bool]>,
    keys: Vec<u64>,
    /// The memory of a body that is not needed any more.
    spare: Vec<u8>,
    /// How large the last body was.
    last_bytes: usize,
    slicing: Slicing,
    /// What puts rows into order, where they are arrays and do not come by their columns.
    arranger: Option<Arranger>,
    /// Rows visited since the run began, the invalid ones included.
    visited: usize,
    /// The number, in the caller's input, of the row being visited.
    row: u64,
    problems: Problems,
}

/// A place between two runs, to which an encoder can go back.
#[derive(Debug)]
struct Mark {
    /// The row that follows.
    row: u64,
    problems: Problems,
}

/// What one call of [`Encoder::fill`] came to.
#[derive(Debug)]
pub struct Filled {
    /// The rows that fit their columns; `None` where no row did.
    pub run: Option<Run>,
    /// Whether the source has no more rows.
    pub ended: bool,
}

impl Encoder {
    /// An encoder for one call's rows. Without a schema each value is judged by its own type only.
    #[must_use]
    pub fn new(
        framing: &'static Framing,
        schema: Option<Arc<TableSchema>>,
        options: Options,
        limits: Limits,
        max_errors: usize,
    ) -> Self {
        Self {
            framing,
            always_fits: always_fits(schema.as_deref(), limits),
            checks: false,
            options: Options { values: schema.as_ref().map_or(options.values, |schema| schema.values()), ..options },
            columns: Columns::new(schema),
            limits,
            longest_row: limits.max_bytes,
            body: Buffer::default(),
            ends: Vec::new(),
            key: Arc::default(),
            keys: Vec::new(),
            spare: Vec::new(),
            last_bytes: 0,
            slicing: Slicing::default(),
            arranger: None,
            visited: 0,
            row: 0,
            problems: Problems::new(max_errors),
        }
    }

    /// Has a row that no body of the limits holds in a body of its own, which may take so many bytes.
    #[must_use]
    pub fn with_long_rows(self, max_bytes: usize) -> Self {
        Self { longest_row: max_bytes, ..self }
    }

    /// The rows that did not fit so far.
    #[must_use]
    pub fn problems(&self) -> &Problems {
        &self.problems
    }

    /// The first date before 1900 that was met, once, and what is to be said of it.
    pub fn take_old_date(&mut self) -> Option<(OldDate, &'static str)> {
        self.problems.take_old_date().zip(self.options.values.old_dates)
    }

    /// The names of columns that were met without a schema, in the order of their first appearance.
    #[must_use]
    pub fn names_seen(&self) -> &[String] {
        self.columns.met()
    }

    /// Rows visited so far, in the caller's counting.
    #[must_use]
    pub fn rows_read(&self) -> u64 {
        self.row
    }

    /// Visits rows until one request is full or the source ends. Where the source fails, the rows of the
    /// unfinished run stay out, and `rows_read` says how many were visited.
    pub fn fill<R: Rows>(&mut self, rows: &mut R) -> Result<Filled, R::Failure> {
        self.begin(rows);
        let filled = self.visit(rows, self.limits.max_rows)?;
        Ok(filled.unwrap_or_else(|| self.full()))
    }

    fn begin<R: Rows>(&mut self, rows: &mut R) {
        rows.begin();
        if self.checks {
            self.restart();
        } else if self.body.len() == 0 {
            self.open();
        }
    }

    /// Visits rows until so many of this body have been, or until it is full before that or the source ends.
    fn visit<R: Rows>(&mut self, rows: &mut R, until: usize) -> Result<Option<Filled>, R::Failure> {
        if self.checks {
            return self.check(rows, until);
        }
        let mut one_by_one = self.visited;
        while self.visited < until {
            if self.visited >= one_by_one {
                one_by_one = self.visit_columns(rows, until)?;
                continue;
            }
            let start = self.body.len();
            let mut row = OpenRow::begin(self);
            let visited = rows.visit(&mut row);
            let refused = row.end();
            if !matches!(visited, Ok(true)) {
                self.body.truncate(start);
                visited?;
                return Ok(Some(Filled { run: self.seal(), ended: true }));
            }
            if let Some(run) = self.end_row(start, refused) {
                return Ok(Some(Filled { run: Some(run), ended: false }));
            }
        }
        Ok(None)
    }

    fn full(&mut self) -> Filled {
        Filled { run: self.seal(), ended: false }
    }

    /// Visits one row; answers its bytes, or `None` where there was none that fits.
    pub fn one<R: Rows>(&mut self, rows: &mut R) -> Result<Option<&[u8]>, R::Failure> {
        let start = self.restart();
        self.row = 0;
        rows.begin();
        let mut row = OpenRow::begin(self);
        let visited = rows.visit(&mut row);
        let refused = row.end();
        if visited? {
            self.end_row(start, refused);
        }
        Ok((!self.ends.is_empty()).then(|| &self.body.written()[start..]))
    }

    /// From now on [`Encoder::fill`] judges rows without making bodies of them, unless it takes a body to see that a row
    /// fits into one.
    pub fn only_check(&mut self) {
        self.slicing.forget();
        self.checks = self.always_fits;
    }

    fn mark(&self) -> Mark {
        // A row that did not fit into the last run waits for the next one.
        Mark { row: self.row - self.visited as u64, problems: self.problems.clone() }
    }

    fn back_to(&mut self, mark: Mark) {
        self.slicing.forget();
        (self.row, self.problems, self.checks) = (mark.row, mark.problems, false);
        self.restart();
    }

    /// Begins the body anew, without rows; answers where the first one is to begin.
    fn restart(&mut self) -> usize {
        if self.body.len() == 0 {
            self.open();
        }
        let start = self.framing.prefix.len();
        self.body.truncate(start);
        self.ends.clear();
        self.keys.clear();
        self.visited = 0;
        start
    }

    /// Closes the row that began at `start`; answers the run that is full without it, if it does not fit.
    #[inline]
    fn end_row(&mut self, start: usize, refused: bool) -> Option<Run> {
        self.row += 1;
        self.visited += 1;
        if refused || self.framing.in_arrays || self.body.len() + self.framing.suffix.len() > self.limits.max_bytes {
            return self.end_other_row(start, refused);
        }
        self.ends.push(position(self.body.len()));
        None
    }

    /// The same for a row that is not to stay, or not in this body, or not as it is.
    #[inline(never)]
    fn end_other_row(&mut self, start: usize, refused: bool) -> Option<Run> {
        let number = self.row - 1;
        if refused {
            self.problems.invalid(number);
            self.body.truncate(start);
            return None;
        }
        if self.framing.in_arrays {
            self.arrange(start);
            if self.body.len() + self.framing.suffix.len() <= self.limits.max_bytes {
                self.ends.push(position(self.body.len()));
                return None;
            }
        }
        let key = self.keys.pop();
        let envelope = self.framing.prefix.len() + self.framing.suffix.len();
        let separator = if self.ends.is_empty() { 0 } else { self.framing.separator.len() };
        let row_bytes = self.body.len() - start - separator;
        if row_bytes + envelope > self.longest_row {
            self.body.truncate(start);
            self.problems.invalid(number);
            self.problems.report(RowError::too_large(number, row_bytes + envelope, self.longest_row));
            return None;
        }
        let carried = self.body.written()[start + separator..].to_vec();
        self.body.truncate(start);
        let full = self.seal();
        self.open();
        self.body.put(&carried);
        self.ends.push(position(self.body.len()));
        self.keys.extend(key);
        self.visited = 1;
        full
    }

    fn seal(&mut self) -> Option<Run> {
        if !self.checks {
            self.slicing.sealed(self.visited, self.body.len());
        }
        self.visited = 0;
        if self.ends.is_empty() {
            return None;
        }
        self.body.put(self.framing.suffix);
        self.last_bytes = self.body.len();
        let ends = Vec::with_capacity(self.ends.len());
        let (body, ends) = (std::mem::take(&mut self.body), std::mem::replace(&mut self.ends, ends));
        Some(Run::new(self.framing, body.into_written(), ends).with_keys(std::mem::take(&mut self.keys)))
    }

    /// Begins a body.
    fn open(&mut self) {
        let room = self.last_bytes + self.last_bytes / SLACK;
        self.body = Buffer::within(std::mem::take(&mut self.spare), room);
        self.body.put(self.framing.prefix);
    }

    /// Takes memory that nobody needs any more, for a body to come: new memory is slow.
    pub fn reuse(&mut self, memory: Vec<u8>) {
        self.spare = memory;
    }

    /// The memory of its bodies, once there are no more to come.
    #[must_use]
    pub fn into_memory(self) -> Vec<u8> {
        if self.spare.is_empty() { self.body.into_memory() } else { self.spare }
    }
}

/// A length or place within a run.
pub(crate) fn position(length: usize) -> u32 {
    u32::try_from(length).expect("a body is cut at max_bytes, far below 4 GB")
}
