//! What is wrong with which row: collected, counted, and told one line for each mistake. What is only odd is noted once.

use std::ops::Range;

use serde::{Serialize, Serializer};

use super::mistakes::Mistakes;
use super::shown::Value;
use crate::error::Grouped;

/// Why a value, or a row, was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Code {
    UnknownColumn,
    WrongType,
    OutOfRange,
    NotFinite,
    TooLong,
    BadDatetime,
    NotAMapping,
    RowTooLarge,
    NotUtf8,
    Refused,
}

impl Code {
    /// The word in the public interface.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownColumn => "unknown_column",
            Self::WrongType => "wrong_type",
            Self::OutOfRange => "out_of_range",
            Self::NotFinite => "not_finite",
            Self::TooLong => "too_long",
            Self::BadDatetime => "bad_datetime",
            Self::NotAMapping => "not_a_mapping",
            Self::RowTooLarge => "row_too_large",
            Self::NotUtf8 => "not_utf8",
            Self::Refused => "refused",
        }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One problem of one row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowError {
    /// The row's number in the caller's input, from 0.
    pub row: u64,
    /// The column, where the problem has one.
    pub column: Option<String>,
    /// Why.
    pub code: Code,
    /// One sentence for people.
    pub message: String,
    /// What Python calls the type of the value.
    pub value_type: String,
    /// The value, unless values are hidden.
    pub value: Value,
}

/// A date before 1900, which is sent and which not everything that reads tables shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldDate {
    /// The row's number in the caller's input, from 0.
    pub row: u64,
    /// Its column.
    pub column: String,
}

impl RowError {
    pub(super) fn too_large(row: u64, bytes: usize, max_bytes: usize) -> Self {
        let message = format!("a request with nothing but this row takes {bytes} bytes; one may hold {max_bytes}");
        Self { row, column: None, code: Code::RowTooLarge, message, value_type: "dict".into(), value: Value::None }
    }
}

/// The problems of one call: the first few in full, all of them counted.
#[derive(Debug, Clone, Default)]
pub struct Problems {
    max_errors: usize,
    errors: Vec<RowError>,
    count: u64,
    mistakes: Mistakes,
    invalid: Vec<Range<u64>>,
    old_date: Option<OldDate>,
    /// Whether an old date was met, told or not.
    has_old_date: bool,
}

/// How far the rows were read in which there are problems, and what may be done about them.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// Rows read.
    pub rows: u64,
    /// Whether these are all there are.
    pub ended: bool,
    /// Whether the verb can send the valid rows and leave the others out.
    pub can_skip: bool,
}

impl Problems {
    /// None so far; at most `max_errors` will be kept in full.
    #[must_use]
    pub fn new(max_errors: usize) -> Self {
        Self { max_errors, ..Self::default() }
    }

    pub(super) fn report(&mut self, error: RowError) {
        self.count += 1;
        self.mistakes.note(&error);
        if self.errors.len() < self.max_errors {
            self.errors.push(error);
        }
    }

    /// Takes note that the row is not sent. Rows come in rising order.
    pub(super) fn invalid(&mut self, row: u64) {
        match self.invalid.last_mut() {
            Some(last) if last.end == row => last.end = row + 1,
            _ => self.invalid.push(row..row + 1),
        }
    }

    /// Whether a date before 1900 is news.
    #[inline]
    pub(super) fn wants_old_date(&self) -> bool {
        !self.has_old_date
    }

    /// Takes note of a date before 1900: of the first one.
    pub(super) fn old_date(&mut self, row: u64, column: &str) {
        if self.wants_old_date() {
            (self.old_date, self.has_old_date) = (Some(OldDate { row, column: column.to_owned() }), true);
        }
    }

    pub(super) fn take_old_date(&mut self) -> Option<OldDate> {
        self.old_date.take()
    }

    /// Takes those of rows that follow.
    pub(super) fn append(&mut self, later: Self) {
        if let Some(OldDate { row, column }) = &later.old_date {
            self.old_date(*row, column);
        }
        self.count += later.count;
        self.mistakes.append(later.mistakes);
        let room = self.max_errors.saturating_sub(self.errors.len());
        self.errors.extend(later.errors.into_iter().take(room));
        for rows in later.invalid {
            match self.invalid.last_mut() {
                Some(last) if last.end == rows.start => last.end = rows.end,
                _ => self.invalid.push(rows),
            }
        }
    }

    /// None so far, and as many to be kept.
    pub(super) fn anew(&self) -> Self {
        Self { has_old_date: self.has_old_date, ..Self::new(self.max_errors) }
    }

    /// The first problems, in the order of the rows.
    #[must_use]
    pub fn errors(&self) -> &[RowError] {
        &self.errors
    }

    /// Whether there is nothing to be told.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0 && self.old_date.is_none()
    }

    /// How many problems there are in all.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// One line for each mistake, however many rows it is in.
    #[must_use]
    pub fn lines(&self, seen: Seen) -> Vec<String> {
        self.mistakes.lines(self.count, seen.rows, seen.ended)
    }

    /// All mistakes in one message.
    #[must_use]
    pub fn message(&self, seen: Seen) -> String {
        let problems = if self.count == 1 { "problem" } else { "problems" };
        let heading = format!("the rows have {} {problems}:", Grouped(self.count));
        std::iter::once(heading).chain(self.lines(seen)).collect::<Vec<_>>().join("\n- ")
    }

    /// Which options would let the rows pass.
    #[must_use]
    pub fn advice(&self, seen: Seen) -> Option<String> {
        let is_unknown = |error: &RowError| error.code == Code::UnknownColumn && error.column.is_some();
        let invalid: u64 = self.invalid.iter().map(|rows| rows.end - rows.start).sum();
        let others = self.mistakes.any(|error| !is_unknown(error));
        let skip = seen.can_skip && others && invalid < seen.rows;
        let advice: Vec<_> = [
            self.mistakes.any(is_unknown).then_some("unknown_columns=\"ignore\" leaves out what the schema lacks"),
            skip.then_some("on_invalid=\"skip\" sends the rows that are valid"),
        ]
        .into_iter()
        .flatten()
        .collect();
        (!advice.is_empty()).then(|| advice.join("; "))
    }

    /// The rows that have problems, as rising ranges.
    #[must_use]
    pub fn invalid_rows(&self) -> &[Range<u64>] {
        &self.invalid
    }
}
