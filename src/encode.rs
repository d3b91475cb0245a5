//! Rows to request bodies: every cell judged by its column, written once, in the destination's dialect.
//!
//! ```text
//! Rows ──visit──▶ Encoder ──▶ Run (bytes and where each row ends)
//!                    └──────▶ Problems (rows that do not fit, none of their bytes kept)
//! ```

mod datetimes;
mod dialect;
mod numbers;
mod options;
mod problems;
mod refusal;
mod run;
mod strings;
mod value;

use std::sync::Arc;

pub use self::dialect::{Dialect, PUSH_ARRAY, PUSH_ROWS};
pub use self::options::{Naive, Options};
pub use self::problems::{Code, Problems, RowError};
pub use self::run::Run;
pub use self::value::{NoType, fitting_type};

use self::refusal::Refusal;
use self::value::{own_type, put_value};
use crate::cell::{Cell, Row, Rows};
use crate::schema::TableSchema;

/// Names kept for advice where rows have no schema; no table has more columns.
const MAX_NAMES_SEEN: usize = 75;

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
    dialect: &'static Dialect,
    schema: Option<Arc<TableSchema>>,
    /// `"name":` of each column of the schema, ready to be copied.
    keys: Vec<Vec<u8>>,
    options: Options,
    limits: Limits,
    body: Vec<u8>,
    ends: Vec<u32>,
    /// Rows visited since the run began, the invalid ones included.
    visited: usize,
    /// The number, in the caller's input, of the row being visited.
    row: u64,
    problems: Problems,
    names_seen: Vec<String>,
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
        dialect: &'static Dialect,
        schema: Option<Arc<TableSchema>>,
        options: Options,
        limits: Limits,
        max_errors: usize,
    ) -> Self {
        let key = |name: &str| {
            let mut key = Vec::new();
            strings::put_string(&mut key, name);
            key.push(b':');
            key
        };
        let keys = schema.iter().flat_map(|schema| schema.columns()).map(|column| key(&column.name)).collect();
        Self {
            dialect,
            schema,
            keys,
            options,
            limits,
            body: dialect.prefix.to_vec(),
            ends: Vec::new(),
            visited: 0,
            row: 0,
            problems: Problems::new(max_errors),
            names_seen: Vec::new(),
        }
    }

    /// The rows that did not fit so far.
    #[must_use]
    pub fn problems(&self) -> &Problems {
        &self.problems
    }

    /// The names of columns that were met without a schema, in the order of their first appearance.
    #[must_use]
    pub fn names_seen(&self) -> &[String] {
        &self.names_seen
    }

    /// Rows visited so far, in the caller's counting.
    #[must_use]
    pub fn rows_read(&self) -> u64 {
        self.row
    }

    /// Visits rows until one request is full or the source ends. Where the source fails, the rows of the
    /// unfinished run stay out, and `rows_read` says how many were visited.
    pub fn fill<R: Rows>(&mut self, rows: &mut R) -> Result<Filled, R::Failure> {
        while self.visited < self.limits.max_rows {
            let start = self.body.len();
            let mut row = OpenRow { encoder: self, guess: 0, cells: 0, refused: false };
            row.begin();
            let visited = rows.visit(&mut row);
            let refused = row.refused;
            if !matches!(visited, Ok(true)) {
                self.body.truncate(start);
                visited?;
                return Ok(Filled { run: self.seal(), ended: true });
            }
            if let Some(run) = self.end_row(start, refused) {
                return Ok(Filled { run: Some(run), ended: false });
            }
        }
        Ok(Filled { run: self.seal(), ended: false })
    }

    /// Closes the row that began at `start`; answers the run that is full without it, if it does not fit.
    fn end_row(&mut self, start: usize, refused: bool) -> Option<Run> {
        let number = self.row;
        self.row += 1;
        self.visited += 1;
        if refused {
            self.problems.invalid(number);
            self.body.truncate(start);
            return None;
        }
        self.body.push(b'}');
        let envelope = self.dialect.prefix.len() + self.dialect.suffix.len();
        let separator = if self.ends.is_empty() { 0 } else { self.dialect.separator.len() };
        let row_bytes = self.body.len() - start - separator;
        if row_bytes + envelope > self.limits.max_bytes {
            self.body.truncate(start);
            self.problems.invalid(number);
            self.problems.report(RowError::too_large(number, row_bytes + envelope, self.limits.max_bytes));
            return None;
        }
        if self.body.len() + self.dialect.suffix.len() <= self.limits.max_bytes {
            self.ends.push(position(self.body.len()));
            return None;
        }
        let carried = self.body.split_off(start + separator);
        self.body.truncate(start);
        let full = self.seal();
        self.body.extend_from_slice(&carried);
        self.ends.push(position(self.body.len()));
        self.visited = 1;
        full
    }

    fn seal(&mut self) -> Option<Run> {
        self.visited = 0;
        if self.ends.is_empty() {
            return None;
        }
        let capacity = self.body.len();
        self.body.extend_from_slice(self.dialect.suffix);
        let mut fresh = Vec::with_capacity(capacity);
        fresh.extend_from_slice(self.dialect.prefix);
        let body = std::mem::replace(&mut self.body, fresh);
        Some(Run::new(self.dialect, body, std::mem::take(&mut self.ends)))
    }
}

fn position(length: usize) -> u32 {
    u32::try_from(length).expect("a body is cut at max_bytes, far below 4 GB")
}

/// The row being visited.
struct OpenRow<'e> {
    encoder: &'e mut Encoder,
    /// Where the next key probably stands in the schema: behind the one before it.
    guess: usize,
    cells: usize,
    refused: bool,
}

impl OpenRow<'_> {
    /// What stands before the first cell.
    fn begin(&mut self) {
        if !self.encoder.ends.is_empty() {
            self.encoder.body.extend_from_slice(self.encoder.dialect.separator);
        }
        self.encoder.body.push(b'{');
    }

    /// Names come in much the same order in each row, so that the guess is nearly always right.
    fn see_name(&mut self, name: &str) {
        let seen = &mut self.encoder.names_seen;
        if seen.get(self.guess).is_none_or(|guessed| guessed != name) {
            match seen.iter().position(|known| known == name) {
                Some(position) => self.guess = position,
                None if seen.len() < MAX_NAMES_SEEN => seen.push(name.to_owned()),
                None => {}
            }
        }
        self.guess += 1;
    }

    fn unknown_column(&mut self, name: &str, cell: &Cell<'_>) {
        if let Some(schema) = self.encoder.schema.as_deref().filter(|_| !self.encoder.options.ignore_unknown_columns) {
            let refusal = Refusal::unknown_column(name, schema);
            self.refuse(Some(name), cell.type_name(), refusal);
        }
    }

    fn refuse(&mut self, column: Option<&str>, type_name: &str, refusal: Refusal) {
        self.refused = true;
        self.encoder.problems.report(RowError {
            row: self.encoder.row,
            column: column.map(str::to_owned),
            code: refusal.code,
            message: refusal.message,
            value_type: type_name.to_owned(),
        });
    }

    fn key(&mut self, key: Result<usize, &str>) {
        let body = &mut self.encoder.body;
        if self.cells > 0 {
            body.push(b',');
        }
        self.cells += 1;
        match key {
            Ok(position) => body.extend_from_slice(&self.encoder.keys[position]),
            Err(name) => {
                strings::put_string(body, name);
                body.push(b':');
            }
        }
    }
}

impl Row for OpenRow<'_> {
    fn cell(&mut self, column: &str, cell: Cell<'_>) {
        let data_type = match &self.encoder.schema {
            None => {
                self.key(Err(column));
                self.see_name(column);
                own_type(&cell)
            }
            Some(schema) => {
                let Some(position) = schema.position(column, self.guess) else {
                    return self.unknown_column(column, &cell);
                };
                let data_type = schema.columns()[position].data_type;
                self.guess = position + 1;
                self.key(Ok(position));
                Some(data_type)
            }
        };
        if let Err(refusal) = put_value(&mut self.encoder.body, data_type, cell, self.encoder.options) {
            self.refuse(Some(column), cell.type_name(), refusal.in_column(column));
        }
    }

    fn bad_key(&mut self, why: &str) {
        self.refuse(None, "dict", Refusal { code: Code::UnknownColumn, message: why.to_owned() });
    }

    fn not_a_mapping(&mut self, type_name: &str) {
        let message = format!("a row must be a mapping such as a dict, not {type_name}");
        self.refuse(None, type_name, Refusal { code: Code::NotAMapping, message });
    }
}
