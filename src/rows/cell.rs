//! The currency between callers and the core: one value of one row, borrowed for the length of a visit.

mod utf8;
mod window;

use std::ops::Range;

pub use self::window::{Bits, CellKind, Show, Texts, Values, Window};

/// A value as its source gave it, before any column has judged it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// A missing value.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number beyond 64 bits, in decimal digits with an optional minus.
    WideInt(&'a str),
    /// A binary number, NaN and the infinities included.
    Float(f64),
    /// A decimal number in Python's notation: `-1.50`, `1E+3`, `NaN`, `-Infinity`.
    Decimal(&'a str),
    /// Text.
    Text(&'a str),
    /// A UUID, written out.
    Uuid(&'a str),
    /// Text that is not valid Unicode, such as a lone surrogate.
    BrokenText,
    /// A calendar date.
    Date(Date),
    /// A date with a time of day.
    DateTime(DateTime),
    /// A time of day.
    Time(Time),
    /// A value that no column takes; the name of its type.
    Unsupported(&'a str),
}

/// A calendar date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Date {
    pub year: i32,
    pub month: u8,
    pub day: u8,
}

/// A date with a time of day, as written on the wall of its own zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct DateTime {
    pub date: Date,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub microsecond: u32,
    /// How far the wall is ahead of UTC, in microseconds; `None` where no zone is known.
    pub utc_offset: Option<i64>,
    /// The second time that the wall showed this hour, when summer time ended.
    pub fold: bool,
}

/// A time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Time {
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub microsecond: u32,
    /// How far the wall is ahead of UTC, in microseconds; `None` where no zone is known.
    pub utc_offset: Option<i64>,
}

impl From<DateTime> for Time {
    fn from(value: DateTime) -> Self {
        let DateTime { hour, minute, second, microsecond, utc_offset, .. } = value;
        Self { hour, minute, second, microsecond, utc_offset }
    }
}

impl Cell<'_> {
    /// What Python calls the type.
    #[must_use]
    pub fn type_name(&self) -> &str {
        match self {
            Self::Null => "None",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::WideInt(_) => "int",
            Self::Float(_) => "float",
            Self::Decimal(_) => "Decimal",
            Self::Text(_) | Self::BrokenText => "str",
            Self::Uuid(_) => "UUID",
            Self::Date(_) => "date",
            Self::DateTime(_) => "datetime",
            Self::Time(_) => "time",
            Self::Unsupported(name) => name,
        }
    }
}

/// A source of rows that hands out its cells one by one.
pub trait Rows {
    /// Why the source could not go on.
    type Failure;

    /// The rows to come are for another [`Row`] than the rows before: places that were asked for count no more.
    fn begin(&mut self);

    /// Visits the next row; `false` once there is none.
    fn visit(&mut self, row: &mut impl Row) -> Result<bool, Self::Failure>;

    /// The next rows by their columns, at most so many, where they can be had like that.
    /// They have been visited once [`Rows::pass`] says so.
    #[inline(always)]
    fn window(&mut self, _most: usize) -> Result<Option<Window<'_>>, Self::Failure> {
        Ok(None)
    }

    /// So many rows of the last window have been visited.
    #[inline(always)]
    fn pass(&mut self, _rows: usize) {}
}

impl<R: Rows> Rows for &mut R {
    type Failure = R::Failure;

    fn begin(&mut self) {
        (**self).begin();
    }

    #[inline]
    fn visit(&mut self, row: &mut impl Row) -> Result<bool, Self::Failure> {
        (**self).visit(row)
    }

    fn window(&mut self, most: usize) -> Result<Option<Window<'_>>, Self::Failure> {
        (**self).window(most)
    }

    fn pass(&mut self, rows: usize) {
        (**self).pass(rows);
    }
}

/// Rows of which many are at hand at once, so that several threads can visit them, each a slice.
pub trait Slices: Rows {
    /// Some of the rows at hand.
    type Slice: Slices<Failure = Self::Failure, Slice = Self::Slice> + Send + 'static;

    /// How many rows are at hand; reads more where there are none, and `0` says that all have been read.
    fn at_hand(&mut self) -> Result<usize, Self::Failure>;

    /// Some of the rows at hand, counted from the next one.
    fn slice(&self, rows: Range<usize>) -> Self::Slice;

    /// How many of the rows at hand there are up to the end of a slice of them that was taken before; `None` where it is
    /// of others.
    fn until(&self, slice: &Self::Slice) -> Option<usize>;

    /// So many of the rows at hand have been visited, as slices.
    fn skip(&mut self, rows: usize);
}

impl<R: Slices> Slices for &mut R {
    type Slice = R::Slice;

    fn at_hand(&mut self) -> Result<usize, Self::Failure> {
        (**self).at_hand()
    }

    fn slice(&self, rows: Range<usize>) -> Self::Slice {
        (**self).slice(rows)
    }

    fn until(&self, slice: &Self::Slice) -> Option<usize> {
        (**self).until(slice)
    }

    fn skip(&mut self, rows: usize) {
        (**self).skip(rows);
    }
}

/// What a source of rows does with one row.
pub trait Row {
    /// Where the column of that name stands, for this row and those that follow it; `None` where it has no place.
    fn place(&mut self, column: &str) -> Option<usize>;
    /// Whether it has had enough: what is left of it need not be shown.
    fn is_full(&self) -> bool {
        false
    }
    /// One value, of the column at `place`.
    fn cell(&mut self, place: usize, cell: Cell<'_>);
    /// Text, as `cell` takes it; as with those that follow, who knows what a cell is need not have it asked again.
    fn text(&mut self, place: usize, text: &str) {
        self.cell(place, Cell::Text(text));
    }
    /// Text of which somebody says that it is UTF-8.
    fn utf8(&mut self, place: usize, bytes: &[u8]) {
        match str::from_utf8(bytes) {
            Ok(text) => self.text(place, text),
            Err(_) => self.cell(place, Cell::BrokenText),
        }
    }
    /// A whole number.
    fn int(&mut self, place: usize, value: i64) {
        self.cell(place, Cell::Int(value));
    }
    /// A binary number.
    fn float(&mut self, place: usize, value: f64) {
        self.cell(place, Cell::Float(value));
    }
    /// A truth value.
    fn bool(&mut self, place: usize, value: bool) {
        self.cell(place, Cell::Bool(value));
    }
    /// A missing value.
    fn null(&mut self, place: usize) {
        self.cell(place, Cell::Null);
    }
    /// A date with a time of day.
    fn datetime(&mut self, place: usize, value: &DateTime) {
        self.cell(place, Cell::DateTime(*value));
    }
    /// One value, of a column that has no place.
    fn cell_without_place(&mut self, column: &str, cell: Cell<'_>);
    /// A key that names no column, and why.
    fn bad_key(&mut self, why: &str);
    /// The row itself is nothing that has columns; the name of its type, and what makes a row of it, where that is known.
    fn not_a_mapping(&mut self, type_name: &str, advice: Option<&str>);
}
