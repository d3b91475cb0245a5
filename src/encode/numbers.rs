//! Numbers as JSON: what each numeric column takes, written without rounding.

use std::fmt;

use super::buffer::{Buffer, Value};
use super::problems::Code;
use super::refusal::Refusal;
use super::strings::{BLOCK, write_ends};
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

/// Writes a whole number. Few have more than four digits, fewer more than eight, and those are made in one register.
#[inline(always)]
pub(super) fn write_integer(room: &mut Value, value: i64) -> usize {
    match value {
        0..10_000 => write_stripped::<4>(room, four_digits(value.cast_unsigned())),
        10_000..100_000_000 => write_stripped::<8>(room, eight_digits(value.cast_unsigned())),
        _ => write_text(room, itoa::Buffer::new().format(value)),
    }
}

/// So many digits without the zeros before them; the first one is in the lowest byte.
#[inline(always)]
fn write_stripped<const WIDTH: usize>(room: &mut Value, digits: u64) -> usize {
    let last = 1 << (8 * (WIDTH - 1));
    let zeros = (digits & !ZEROS | last).trailing_zeros() as usize / 8;
    room[..8].copy_from_slice(&(digits >> (8 * zeros)).to_le_bytes());
    WIDTH - zeros
}

/// `00000000` as a number.
const ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);

/// The two digits of each number below 100.
pub(super) static PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number as usize] = [b'0' + number / 10, b'0' + number % 10];
        number += 1;
    }
    pairs
};

/// The digits of a number below 10,000.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "a pair of digits is below 100")]
fn four_digits(number: u64) -> u64 {
    let pair = |number: u64| u64::from(u16::from_le_bytes(PAIRS[number as usize % PAIRS.len()]));
    pair(number / 100) | pair(number % 100) << 16
}

/// The digits of a number below 100,000,000: halves, pairs, digits, all at once. The factors are those of Granlund and
/// Montgomery, exact for what a lane can hold.
#[inline(always)]
fn eight_digits(number: u64) -> u64 {
    let halves = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((halves * 10_486) >> 20) & 0x0000_007F_0000_007F;
    let pairs = hundreds | ((halves - 100 * hundreds) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000F_000F_000F_000F;
    (tens | ((pairs - 10 * tens) << 8)) + ZEROS
}

/// A number that is neither infinite nor NaN.
#[inline(always)]
pub(super) fn write_finite(room: &mut Value, value: f64) -> usize {
    write_text(room, zmij::Buffer::new().format_finite(value))
}

/// A number that somebody else has written out.
#[inline(always)]
fn write_text(room: &mut Value, text: &str) -> usize {
    let bytes = text.as_bytes();
    let written = write_ends::<BLOCK>(room, bytes).is_some()
        || write_ends::<8>(room, bytes).is_some()
        || write_ends::<4>(room, bytes).is_some();
    if !written {
        room.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
    }
    bytes.len()
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
    fn whole_numbers_are_written_as_they_are() {
        let near = (0..19).map(|power| 10_i64.pow(power)).flat_map(|size| [size - 1, size, size + 1, 7 * size / 3]);
        for value in near.flat_map(|size| [size, -size]).chain([i64::MAX, i64::MIN]).chain(-10_000..=10_000) {
            let mut out = Buffer::default();
            put_integer(&mut out, value);
            assert_eq!(out.written(), value.to_string().as_bytes(), "{value}");
        }
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
