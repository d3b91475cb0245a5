//! Neighbouring rows as columns: what all values of a column have in common need not be asked of each.

use std::borrow::Cow;
use std::fmt;

use super::utf8::is_utf8;
use super::{Cell, DateTime};

/// Neighbouring rows, column by column.
#[derive(Debug)]
pub struct Window<'a> {
    /// How many rows there are.
    pub rows: usize,
    /// Each column's name and values, as many as there are rows.
    pub columns: Vec<(&'a str, Values<'a>)>,
}

/// The values of one column.
#[derive(Debug)]
pub struct Values<'a> {
    /// What they are.
    pub kind: CellKind<'a>,
    /// Which of them are there; `None` where all are. What stands in the place of one that is missing means nothing.
    pub there: Option<Bits<'a>>,
}

/// What the values of one column are.
pub enum CellKind<'a> {
    /// Truth values.
    Bool(Bits<'a>),
    /// Whole numbers.
    Int(Cow<'a, [i64]>),
    /// Binary numbers, NaN and the infinities included.
    Float(Cow<'a, [f64]>),
    /// Text.
    Text(Texts<'a>),
    /// Dates with a time of day.
    DateTime(Vec<DateTime>),
    /// Any others: shown row by row, the missing ones too.
    Other(Show<'a>),
}

/// Shows the value in a row.
pub type Show<'a> = Box<dyn FnMut(usize, &mut dyn FnMut(Cell<'_>)) + 'a>;

impl fmt::Debug for CellKind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool(_) => "Bool",
            Self::Int(_) => "Int",
            Self::Float(_) => "Float",
            Self::Text(_) => "Text",
            Self::DateTime(_) => "DateTime",
            Self::Other(_) => "Other",
        })
    }
}

/// Bits of neighbouring rows, eight in a byte, the lowest one first.
#[derive(Debug, Clone, Copy)]
pub struct Bits<'a> {
    bytes: &'a [u8],
    /// The bit of the first row.
    start: usize,
}

impl<'a> Bits<'a> {
    /// The bits from number `start` on.
    #[must_use]
    pub fn new(bytes: &'a [u8], start: usize) -> Self {
        Self { bytes, start }
    }

    /// The bit of a row.
    #[inline(always)]
    #[must_use]
    pub fn at(&self, row: usize) -> bool {
        let bit = self.start + row;
        self.bytes[bit / 8] >> (bit % 8) & 1 == 1
    }
}

/// Texts of neighbouring rows, one behind the other. Somebody says that they are UTF-8.
#[derive(Debug)]
pub struct Texts<'a> {
    /// All of them, and perhaps others.
    pub bytes: Cow<'a, [u8]>,
    /// Where each text begins, and where the last one ends.
    pub bounds: Vec<usize>,
}

impl Texts<'_> {
    /// All of them and nothing else.
    #[must_use]
    pub fn all(&self) -> &[u8] {
        match *self.bounds {
            [first, .., last] => &self.bytes[first..last],
            _ => &[],
        }
    }

    /// Whether each of them is UTF-8.
    #[must_use]
    pub fn are_utf8(&self) -> bool {
        let (all, first) = (self.all(), self.bounds.first().copied().unwrap_or(0));
        let begins = |bound: &usize| all.get(bound - first).is_none_or(|byte| byte & 0xC0 != 0x80);
        all.is_ascii() || (is_utf8(all) && self.bounds.iter().all(begins))
    }
}
