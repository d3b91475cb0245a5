//! The values of a column that all fit as they are, ready to be written.

use super::buffer::{Buffer, START, Value};
use super::datetimes;
use super::digits::{
    is_small_and_whole, write_below_hundred_million, write_below_million, write_finite, write_integer,
    write_small_and_whole,
};
use super::numbers::{is_double, is_int64};
use super::options::Options;
use super::strings::{has_special_byte, put_quoted};
use super::value::{own_type, put_value, write_bool, write_null};
use crate::rows::cell::{Bits, Cell, CellKind, DateTime, Show, Texts};
use crate::rows::schema::DataType;

/// Whole numbers up to here are what a Double holds, each of them.
pub(super) const WHOLE_DOUBLES: u64 = 1 << 53;

/// The values of a column that all fit as they are.
pub(super) enum Cells<'w> {
    /// Nothing but missing values.
    Missing,
    /// Whole numbers from 0 on, below 1,000,000.
    Tiny(&'w [i64]),
    /// Whole numbers from 0 on, below 100,000,000.
    Small(&'w [i64]),
    /// Whole numbers.
    Int(&'w [i64]),
    /// Numbers without a fraction between -1,000,000 and 1,000,000, and NaN, which is a missing value.
    Whole(&'w [f64]),
    /// Finite numbers, and NaN, which is a missing value.
    Float(&'w [f64]),
    Bool(Bits<'w>),
    DateTime(&'w [DateTime], bool),
    /// What stands between quotes, and the longest of them.
    Quoted(&'w Texts<'w>, usize),
    /// Values as they are written, and the longest of them.
    Written(Texts<'static>, usize),
}

/// What is to be known besides the values.
pub(super) struct Fitting {
    pub(super) options: Options,
    /// How many values there are.
    pub(super) rows: usize,
    /// Whether the first date before 1900 is still to be told.
    pub(super) old_dates: bool,
}

impl Fitting {
    /// The values as cells of a column of `wanted` type; `None` where one of them may not fit as it is.
    pub(super) fn cells<'w>(
        &self,
        kind: &'w mut CellKind<'_>,
        there: Option<Bits<'w>>,
        wanted: Option<DataType>,
    ) -> Option<Cells<'w>> {
        let is = |own| wanted.is_none_or(|wanted| wanted == own);
        let there = |row: usize| there.is_none_or(|there| there.at(row));
        match kind {
            CellKind::Bool(bits) => is(DataType::Boolean).then_some(Cells::Bool(*bits)),
            CellKind::Int(values) => ints(values, there, wanted),
            CellKind::Float(values) => is(DataType::Double).then(|| self.floats(values, there)).flatten(),
            CellKind::Text(texts) => self.texts(texts, wanted),
            CellKind::DateTime(values) => is(DataType::DateTime).then(|| self.datetimes(values, there)).flatten(),
            CellKind::Other(show) => self.others(show, wanted),
        }
    }

    fn floats<'w>(&self, values: &'w [f64], there: impl Fn(usize) -> bool) -> Option<Cells<'w>> {
        let fits = |value: f64| is_double(value) || value.is_nan() && !self.options.refuse_nan;
        let all = |is: fn(f64) -> bool| values.iter().fold(true, |all, value| all & is(*value));
        // Whether all are like the first one is worth a look at all.
        let first = values.iter().find(|value| !value.is_nan());
        let perhaps = !self.options.refuse_nan && first.is_none_or(|first| is_small_and_whole(*first));
        if perhaps && all(|value| is_small_and_whole(value) | value.is_nan()) {
            return Some(Cells::Whole(values));
        }
        let all = all(is_double);
        let mut rows = values.iter().enumerate();
        (all || rows.all(|(row, value)| fits(*value) || !there(row))).then_some(Cells::Float(values))
    }

    fn datetimes<'w>(&self, values: &'w [DateTime], there: impl Fn(usize) -> bool) -> Option<Cells<'w>> {
        let utc = values.iter().enumerate().find(|(row, _)| there(*row));
        let Some((_, first)) = utc else { return Some(Cells::DateTime(values, false)) };
        let utc = datetimes::as_it_is(first, self.options)?;
        let mut rows = values.iter().enumerate();
        let all = rows.all(|(row, value)| datetimes::as_it_is(value, self.options) == Some(utc) || !there(row));
        all.then_some(Cells::DateTime(values, utc))
    }

    fn texts<'w>(&self, texts: &'w Texts<'w>, wanted: Option<DataType>) -> Option<Cells<'w>> {
        let longest = longest(texts);
        if !texts.are_utf8() {
            return None;
        }
        let fits = match wanted {
            Some(DataType::String) | None => longest <= self.options.values.max_text,
            Some(DataType::DateTime) => {
                each(texts, |text| str::from_utf8(text).is_ok_and(|text| datetimes::is_as_sent(text, self.options)))
            }
            _ => false,
        };
        if !fits {
            return None;
        }
        if !has_special_byte(texts.all()) {
            return Some(Cells::Quoted(texts, longest));
        }
        let mut out = Buffer::default();
        let mut written = vec![0];
        for bounds in texts.bounds.windows(2) {
            out.put_block(b"\"");
            put_quoted(&mut out, str::from_utf8(&texts.bytes[bounds[0]..bounds[1]]).ok()?);
            written.push(out.len());
        }
        Some(Cells::written(out, written))
    }

    /// Values that are written before it is known where.
    fn others(&self, show: &mut Show<'_>, wanted: Option<DataType>) -> Option<Cells<'static>> {
        let mut out = Buffer::default();
        let mut bounds = vec![0];
        for row in 0..self.rows {
            let (start, mut fits) = (out.len(), false);
            show(row, &mut |cell: Cell<'_>| {
                let is_date = wanted.or_else(|| own_type(&cell)) == Some(DataType::DateTime);
                fits = put_value(&mut out, wanted, cell, self.options).is_ok()
                    && !(self.old_dates && is_date && datetimes::is_old(&out.written()[start..]));
            });
            if !fits {
                return None;
            }
            bounds.push(out.len());
        }
        Some(Cells::written(out, bounds))
    }
}

/// Whole numbers in a column of whole numbers, or of others.
fn ints(values: &[i64], there: impl Fn(usize) -> bool, wanted: Option<DataType>) -> Option<Cells<'_>> {
    if !matches!(wanted, Some(DataType::Int64 | DataType::Double) | None) {
        return None;
    }
    match most(values) {
        0..1_000_000 => return Some(Cells::Tiny(values)),
        1_000_000..100_000_000 => return Some(Cells::Small(values)),
        _ => {}
    }
    let fits = match wanted {
        Some(DataType::Double) => |value: i64| value.unsigned_abs() <= WHOLE_DOUBLES,
        _ => is_int64,
    };
    let mut rows = values.iter().enumerate();
    rows.all(|(row, value)| fits(*value) || !there(row)).then_some(Cells::Int(values))
}

/// No less than the greatest of the numbers; that of 2^31 and above where one is, or is below 0. All are looked at, so that
/// they are looked at together, four at a time.
#[allow(clippy::cast_possible_truncation, reason = "what is lost is seen by the other sum")]
fn most(values: &[i64]) -> u64 {
    let (all, most) = values.iter().fold((0, 0), |(all, most), value| (all | value, i32::max(most, *value as i32)));
    let wide = all.cast_unsigned();
    if wide >> 31 == 0 { u64::from(most.unsigned_abs()) } else { wide }
}

/// Whether something is so of each of them.
fn each(texts: &Texts<'_>, is: impl Fn(&[u8]) -> bool) -> bool {
    texts.bounds.windows(2).all(|bounds| is(&texts.bytes[bounds[0]..bounds[1]]))
}

/// The bytes of the longest one.
pub(super) fn longest(texts: &Texts<'_>) -> usize {
    texts.bounds.windows(2).map(|bounds| bounds[1] - bounds[0]).max().unwrap_or(0)
}

impl Cells<'_> {
    fn written(out: Buffer, bounds: Vec<usize>) -> Self {
        let texts = Texts { bytes: out.into_written().into(), bounds };
        let longest = longest(&texts);
        Self::Written(texts, longest)
    }

    /// The most bytes that are set for one of them.
    pub(super) fn room(&self) -> usize {
        size_of::<Value>() + if let Self::Quoted(_, longest) | Self::Written(_, longest) = self { *longest } else { 0 }
    }

    /// Whether a quote stands before each of them.
    pub(super) fn are_quoted(&self) -> bool {
        matches!(self, Self::Quoted(..) | Self::DateTime(..))
    }

    /// Writes the one of a row at `start` of `line`; answers where it ends.
    #[inline(always)]
    pub(super) fn write(&self, row: usize, line: &mut [u8], start: usize) -> usize {
        let room: &mut Value = line[start..].first_chunk_mut().expect("room for a value");
        start
            + match self {
                Self::Missing => write_null(room),
                Self::Tiny(values) => write_below_million(room, values[row]),
                Self::Small(values) => write_below_hundred_million(room, values[row]),
                Self::Int(values) => write_integer(room, values[row]),
                Self::Whole(values) if values[row].is_nan() => write_null(room),
                Self::Whole(values) => write_small_and_whole(room, values[row]),
                Self::Float(values) => write_double(room, values[row]),
                Self::Bool(bits) => write_bool(room, bits.at(row)),
                Self::DateTime(values, utc) => datetimes::write_as_it_is(room, &values[row], *utc),
                Self::Written(texts, _) => write_text(texts, row, line, start),
                Self::Quoted(texts, _) => write_quoted(texts, row, line, start),
            }
    }
}

/// Writes a number that is finite, or NaN.
#[inline(always)]
pub(super) fn write_double(room: &mut Value, value: f64) -> usize {
    if value.is_nan() { write_null(room) } else { write_finite(room, value) }
}

/// Writes the text of a row, and the quote behind it.
#[inline(always)]
pub(super) fn write_quoted(texts: &Texts<'_>, row: usize, line: &mut [u8], start: usize) -> usize {
    let length = write_text(texts, row, line, start);
    line[start + length] = b'"';
    length + 1
}

/// Copies the text of a row; where it is short, with whatever stands behind it, since a call costs more than the bytes.
#[inline(always)]
fn write_text(texts: &Texts<'_>, row: usize, line: &mut [u8], start: usize) -> usize {
    let (from, to) = (texts.bounds[row], texts.bounds[row + 1]);
    let length = to - from;
    match texts.bytes.get(from..).and_then(|bytes| bytes.first_chunk::<START>()) {
        Some(block) if length <= START => {
            *line[start..].first_chunk_mut().expect("room for a block") = *block;
        }
        _ => line[start..start + length].copy_from_slice(&texts.bytes[from..to]),
    }
    length
}
