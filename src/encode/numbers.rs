//! Numbers as JSON: what each numeric column takes, written without rounding.

use std::fmt;

use super::buffer::Buffer;
use super::digits::{write_finite, write_integer};
use super::problems::Code;
use super::refusal::Refusal;
use crate::cell::Cell;
use crate::schema::DataType;

/// Digits of a Decimal. Source: "Dataset properties": precision 28, scale 4.
const DECIMAL_DIGITS: usize = 28;
/// Digits of a Decimal after the point.
const DECIMAL_SCALE: usize = 4;
/// The longest plain notation worth writing: the smallest Double has 1,074 digits after the point.
const MAX_PLAIN: usize = 1_100;

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

/// Numbers in binary floating point.
pub(super) fn put_double(out: &mut Buffer, cell: Cell<'_>) -> Result<(), Refusal> {
    match cell {
        Cell::Int(value) => put_integer(out, value),
        Cell::Float(value) if !is_double(value) => return Err(beyond(DataType::Double)),
        Cell::Float(value) => {
            let written = write_finite(out.value(), value);
            out.wrote(written);
        }
        Cell::WideInt(text) | Cell::Decimal(text) => {
            let inside = text.parse::<f64>().is_ok_and(|value| value.abs() < f64::MAX);
            let plain = Plain::read(text).filter(|_| inside).ok_or_else(|| beyond(DataType::Double))?;
            plain.put(out);
        }
        _ => return Err(Refusal::wrong_type(DataType::Double, &cell)),
    }
    Ok(())
}

/// Decimal numbers that fit 28 digits, 4 of them after the point; never rounded.
pub(super) fn put_decimal(out: &mut Buffer, cell: Cell<'_>) -> Result<(), Refusal> {
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
    let fitting = plain.and_then(|plain| plain.with_scale(DECIMAL_SCALE));
    let fitting = fitting.filter(|plain| plain.whole.len() + plain.fraction.len() <= DECIMAL_DIGITS);
    fitting.ok_or_else(|| beyond(DataType::Decimal))?.put(out);
    Ok(())
}

/// Reads a number from text into a column of `data_type`: exactly, all of it, or nothing.
pub(super) fn put_read(out: &mut Buffer, text: &str, data_type: DataType) -> Result<(), Refusal> {
    let unreadable = || Refusal::new(Code::WrongType, format!("holds text that does not read as {data_type}"));
    let number = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    let value: f64 = text.parse().ok().filter(|_| number).ok_or_else(unreadable)?;
    match data_type {
        DataType::Int64 => {
            let whole = Plain::read(text).ok_or_else(|| beyond(data_type))?.with_scale(0).ok_or_else(unreadable)?;
            let digits = whole.to_string();
            put_int64(out, digits.parse().map_or(Cell::WideInt(&digits), Cell::Int))
        }
        DataType::Decimal => put_decimal(out, Cell::Decimal(text)),
        _ => put_double(out, Cell::Float(value)),
    }
}

fn put_integer(out: &mut Buffer, value: i64) {
    let written = write_integer(out.value(), value);
    out.wrote(written);
}

fn beyond(data_type: DataType) -> Refusal {
    let range = match data_type {
        DataType::Int64 => "takes whole numbers between Int64's own limits, both excluded",
        DataType::Double => "takes numbers between Double's own limits, both excluded",
        _ => "takes at most 28 digits, 4 of them after the point, and is never rounded",
    };
    Refusal::new(Code::OutOfRange, range)
}

/// A decimal number in plain notation: digits and where the point stands.
struct Plain {
    negative: bool,
    /// Digits before the point, without leading zeros.
    whole: String,
    /// Digits after the point.
    fraction: String,
}

impl Plain {
    /// Reads `-12.30`, `1E+3`, `1e-7`; `None` for anything else, or where plain notation would get absurdly long.
    fn read(text: &str) -> Option<Self> {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent: i64 = exponent.parse().ok()?;
        let negative = mantissa.starts_with('-');
        let (whole, fraction) = mantissa
            .trim_start_matches(['-', '+'])
            .split_once('.')
            .unwrap_or((mantissa.trim_start_matches(['-', '+']), ""));
        let mut digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let is_zero = digits.bytes().all(|digit| digit == b'0');
        let mut point = i64::try_from(whole.len()).ok()?.saturating_add(exponent);
        if is_zero {
            // Zero with an exponent: its digits say nothing but its scale.
            point = point.min(1);
        }
        let limit = i64::try_from(MAX_PLAIN).ok()?;
        if point > limit || point < -limit || digits.len() > MAX_PLAIN {
            return None;
        }
        if point < 0 {
            digits.insert_str(0, &"0".repeat(usize::try_from(-point).ok()?));
            point = 0;
        }
        let point = usize::try_from(point).ok()?;
        if digits.len() < point {
            digits.push_str(&"0".repeat(point - digits.len()));
        }
        let fraction = digits.split_off(point);
        Some(Self { negative, whole: digits.trim_start_matches('0').to_owned(), fraction })
    }

    /// The same number with at most `scale` digits after the point, if that drops nothing but zeros.
    fn with_scale(mut self, scale: usize) -> Option<Self> {
        if self.fraction.len() > scale {
            let dropped = self.fraction.split_off(scale);
            if dropped.bytes().any(|digit| digit != b'0') {
                return None;
            }
        }
        Some(self)
    }

    fn put(&self, out: &mut Buffer) {
        out.put(self.to_string().as_bytes());
    }
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.negative { "-" } else { "" };
        let whole = if self.whole.is_empty() { "0" } else { &self.whole };
        let point = if self.fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{}", self.fraction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Option<String> {
        let mut out = Buffer::default();
        Plain::read(text)?.put(&mut out);
        String::from_utf8(out.into_written()).ok()
    }

    #[test]
    fn decimals_are_written_in_plain_notation() {
        for (text, expected) in [
            ("1.50", "1.50"),
            ("-0.001", "-0.001"),
            ("1E+3", "1000"),
            ("1e22", "10000000000000000000000"),
            ("1.5e-7", "0.00000015"),
            ("0E+5", "0"),
            ("0E-3", "0.000"),
            ("-0", "-0"),
            ("007", "7"),
            ("1E-3", "0.001"),
            ("12.5E1", "125"),
        ] {
            assert_eq!(plain(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "-", ".", "1e", "abc", "1E+999999999", "1E-999999999"] {
            assert_eq!(plain(text), None, "{text}");
        }
    }
}
