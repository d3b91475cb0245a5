//! Numbers as JSON: what each numeric column takes, written without rounding.

use super::buffer::Buffer;
use super::digits::{write_finite, write_integer};
use super::options::Options;
use super::plain::Plain;
use super::problems::Code;
use super::refusal::Refusal;
use crate::rows::cell::Cell;
use crate::rows::schema::{DataType, ValueRules};

/// Digits of a whole number that a Double holds, in base 2.
const DOUBLE_BITS: u32 = 53;
/// Digits after the point of the smallest Double.
const DOUBLE_PLACES: usize = 1_074;

/// Whether an Int64 column takes it: `Int64.MinValue` and `Int64.MaxValue` are excluded (source: "Dataset properties").
#[inline]
pub(super) fn is_int64(value: i64) -> bool {
    value != i64::MIN && value != i64::MAX
}

/// Whether a Double column takes it: `Double.MaxValue` and `Double.MinValue` are excluded (source: "Dataset properties"),
/// and JSON has no infinite numbers, nor NaN.
#[inline]
pub(super) fn is_double(value: f64) -> bool {
    value.abs() < f64::MAX
}

/// Whole numbers.
pub(super) fn put_int64(out: &mut Buffer, cell: Cell<'_>) -> Result<(), Refusal> {
    match cell {
        Cell::Int(value) if !is_int64(value) => Err(beyond(DataType::Int64)),
        Cell::Int(value) => {
            put_integer(out, value);
            Ok(())
        }
        Cell::WideInt(_) => Err(beyond(DataType::Int64)),
        Cell::Float(value) if value.fract() != 0.0 => {
            Err(Refusal::new(Code::WrongType, "takes Int64, not a float with a fraction"))
        }
        Cell::Float(value) if value <= -(2f64.powi(63)) || value >= 2f64.powi(63) => Err(beyond(DataType::Int64)),
        #[allow(clippy::cast_possible_truncation, reason = "whole and in range, as the lines above saw to")]
        Cell::Float(value) => {
            put_integer(out, value as i64);
            Ok(())
        }
        _ => Err(Refusal::wrong_type(DataType::Int64, &cell)),
    }
}

/// Numbers in binary floating point. A whole number is sent as its own digits, so that it must be one that a Double
/// holds; a Decimal stands for the number that is nearest.
pub(super) fn put_double(out: &mut Buffer, cell: Cell<'_>) -> Result<(), Refusal> {
    match cell {
        Cell::Int(value) if !is_whole_double(value) => return Err(inexact()),
        Cell::Int(value) => put_integer(out, value),
        Cell::Float(value) if !is_double(value) => return Err(beyond(DataType::Double)),
        Cell::Float(value) => put_finite(out, value),
        Cell::WideInt(text) | Cell::Decimal(text) => {
            let value = nearest(text)?;
            if matches!(cell, Cell::WideInt(_)) && !is_exactly(text, value) {
                return Err(inexact());
            }
            put_plain(out, text, DataType::Double)?;
        }
        _ => return Err(Refusal::wrong_type(DataType::Double, &cell)),
    }
    Ok(())
}

/// The Double that is nearest to a number in Python's notation.
pub(super) fn nearest(text: &str) -> Result<f64, Refusal> {
    text.parse().ok().filter(|value| is_double(*value)).ok_or_else(|| beyond(DataType::Double))
}

/// Whether a Double holds a whole number.
pub(super) fn is_whole_double(value: i64) -> bool {
    let magnitude = value.unsigned_abs();
    let bits = u64::BITS - magnitude.leading_zeros();
    bits <= DOUBLE_BITS || bits - magnitude.trailing_zeros() <= DOUBLE_BITS
}

/// Whether a Double holds a whole number and both of its neighbours.
#[inline]
pub(super) fn is_small_double(value: i64) -> bool {
    value.unsigned_abs() < 1 << DOUBLE_BITS
}

/// Whether a number in Python's notation is `value` and no other.
pub(super) fn is_exactly(text: &str, value: f64) -> bool {
    let places = if value.fract() == 0.0 { 0 } else { DOUBLE_PLACES };
    is_same(text, &format!("{value:.places$}"))
}

/// Whether it is the number that `value` is written as.
pub(super) fn is_written(text: &str, value: f64) -> bool {
    is_same(text, zmij::Buffer::new().format_finite(value))
}

fn is_same(one: &str, other: &str) -> bool {
    let plain = |text: &str| Plain::read(text).map(Plain::without_zeros);
    plain(one).is_some_and(|one| Some(one) == plain(other))
}

/// A Decimal as it is written, in plain notation.
pub(super) fn put_plain(out: &mut Buffer, text: &str, data_type: DataType) -> Result<(), Refusal> {
    Plain::read(text).ok_or_else(|| beyond(data_type))?.put(out);
    Ok(())
}

/// Decimal numbers that fit the digits that there are; rounded to those after the point where that is asked for.
pub(super) fn put_decimal(out: &mut Buffer, cell: Cell<'_>, options: Options) -> Result<(), Refusal> {
    let ValueRules { decimal_digits: digits, decimal_scale: scale, .. } = options.values;
    let mut buffer = zmij::Buffer::new();
    let plain = match cell {
        Cell::Int(value) => {
            put_integer(out, value);
            return Ok(());
        }
        Cell::WideInt(text) | Cell::Decimal(text) => Plain::read(text),
        Cell::Float(value) => Plain::read(buffer.format_finite(value)),
        _ => return Err(Refusal::wrong_type(DataType::Decimal, &cell)),
    };
    let fitting = plain
        .and_then(|plain| if options.round_decimals { Some(plain.rounded(scale)) } else { plain.with_scale(scale) })
        .filter(|plain| plain.digits() <= digits);
    let beyond = || {
        let words = options.values.said("takes at most {digits} digits, {scale} of them after the point");
        Refusal::new(Code::OutOfRange, words)
    };
    fitting.ok_or_else(beyond)?.put(out);
    Ok(())
}

/// Reads a number from text into a column of `data_type`: exactly, or the nearest Double; all of it, or nothing.
pub(super) fn put_read(out: &mut Buffer, text: &str, data_type: DataType, options: Options) -> Result<(), Refusal> {
    if data_type == DataType::Int64
        && let Ok(whole) = text.parse()
    {
        return put_int64(out, Cell::Int(whole));
    }
    let unreadable = || Refusal::new(Code::WrongType, format!("holds text that does not read as {data_type}"));
    let value = read(text).ok_or_else(unreadable)?;
    match data_type {
        DataType::Int64 => put_whole(out, text)?.ok_or_else(unreadable),
        DataType::Decimal => put_decimal(out, Cell::Decimal(text), options),
        _ => put_double(out, Cell::Float(value)),
    }
}

/// A number in JSON's notation, a plus sign and digits without a zero before their point included.
pub(super) fn read(text: &str) -> Option<f64> {
    let number = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    text.parse().ok().filter(|_| number)
}

/// A whole number in Python's notation; `None` where it has a fraction.
pub(super) fn put_whole(out: &mut Buffer, text: &str) -> Result<Option<()>, Refusal> {
    let Some(whole) = Plain::read(text).ok_or_else(|| beyond(DataType::Int64))?.with_scale(0) else {
        return Ok(None);
    };
    let digits = whole.to_string();
    put_int64(out, digits.parse().map_or(Cell::WideInt(&digits), Cell::Int)).map(Some)
}

/// A number that is neither infinite nor NaN, in the fewest digits that read as it.
pub(super) fn put_finite(out: &mut Buffer, value: f64) {
    let written = write_finite(out.value(), value);
    out.wrote(written);
}

pub(super) fn put_integer(out: &mut Buffer, value: i64) {
    let written = write_integer(out.value(), value);
    out.wrote(written);
}

fn inexact() -> Refusal {
    let range = "takes Double, which holds whole numbers beyond 2^53 only in part, and not this one";
    Refusal::new(Code::OutOfRange, range)
}

pub(super) fn beyond(data_type: DataType) -> Refusal {
    let range = match data_type {
        DataType::Int64 => "takes whole numbers between Int64's own limits, both excluded",
        _ => "takes numbers between Double's own limits, both excluded",
    };
    Refusal::new(Code::OutOfRange, range)
}
