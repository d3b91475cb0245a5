//! What is wrong with which row: collected, counted, never a value shown.

use std::ops::Range;

use serde::{Serialize, Serializer};

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
}

impl RowError {
    pub(super) fn too_large(row: u64, bytes: usize, max_bytes: usize) -> Self {
        let message = format!("a request with nothing but this row takes {bytes} bytes; one may hold {max_bytes}");
        Self { row, column: None, code: Code::RowTooLarge, message, value_type: "dict".into() }
    }
}

/// The problems of one call: the first few in full, all of them counted.
#[derive(Debug, Clone, Default)]
pub struct Problems {
    max_errors: usize,
    errors: Vec<RowError>,
    count: u64,
    invalid: Vec<Range<u64>>,
}

impl Problems {
    /// None so far; at most `max_errors` will be kept in full.
    #[must_use]
    pub fn new(max_errors: usize) -> Self {
        Self { max_errors, ..Self::default() }
    }

    pub(super) fn report(&mut self, error: RowError) {
        self.count += 1;
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

    /// Takes those of rows that follow.
    pub(super) fn append(&mut self, later: Self) {
        self.count += later.count;
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
        Self::new(self.max_errors)
    }

    /// The first problems, in the order of the rows.
    #[must_use]
    pub fn errors(&self) -> &[RowError] {
        &self.errors
    }

    /// How many problems there are in all.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The rows that have problems, as rising ranges.
    #[must_use]
    pub fn invalid_rows(&self) -> &[Range<u64>] {
        &self.invalid
    }
}
