//! Values that are not of a column's type and mean it, for those who ask for that: `convert=True`.
//!
//! Nothing is lost on the way but what a Double cannot hold. What is of the column's type stays what it is.

use super::buffer::Buffer;
use super::numbers::{is_exactly, is_whole_double, is_written, nearest, put_finite, put_integer, put_read, put_whole};
use super::options::Options;
use super::plain::Plain;
use super::problems::Code;
use super::refusal::Refusal;
use super::strings::put_string;
use super::value::{put_bool, put_nan, put_null};
use super::{dates, datetimes};
use crate::rows::cell::Cell;
use crate::rows::schema::DataType;

/// Appends what `cell` means in a column of `data_type`; `None` where it is to be judged as it is.
pub(super) fn put(
    out: &mut Buffer,
    data_type: DataType,
    cell: Cell<'_>,
    options: Options,
) -> Option<Result<(), Refusal>> {
    use DataType::{Any, Boolean, Date, DateTime, Decimal, Double, Int64, String, Time};
    match (data_type, cell) {
        (String, _) => return put_as_text(out, cell, options),
        (Any, _) => return None,
        (_, Cell::Text(text)) => return Some(put_meant(out, data_type, text.trim(), options)),
        (Int64 | Double | Decimal, Cell::Bool(value)) => put_integer(out, value.into()),
        (Int64, Cell::Decimal(text)) => return Some(put_whole_decimal(out, text)),
        (Double, Cell::Int(value)) if !is_whole_double(value) => put_finite(out, rounded(value)),
        (Double, Cell::WideInt(text) | Cell::Decimal(text)) => {
            return put_nearest(out, text, matches!(cell, Cell::Decimal(_)));
        }
        (Boolean, _) => put_bool(out, truth(cell)?),
        (Int64 | Double | Decimal | DateTime | Date | Time, _) => return None,
    }
    Some(Ok(()))
}

#[allow(clippy::cast_precision_loss, reason = "the nearest Double is what is asked for")]
fn rounded(value: i64) -> f64 {
    value as f64
}

/// What text means in a column that is not for text.
fn put_meant(out: &mut Buffer, data_type: DataType, text: &str, options: Options) -> Result<(), Refusal> {
    match data_type {
        _ if text.is_empty() => put_null(out),
        DataType::DateTime => return datetimes::put_text(out, text, options),
        DataType::Date => return dates::put_date(out, Cell::Text(text), options),
        DataType::Time => return dates::put_time(out, Cell::Text(text), options),
        DataType::Boolean => {
            let truth = match text {
                "1" => true,
                "0" => false,
                _ if text.eq_ignore_ascii_case("true") => true,
                _ if text.eq_ignore_ascii_case("false") => false,
                _ => return Err(Refusal::new(Code::WrongType, "holds text that is none of `true`, `false`, `1`, `0`")),
            };
            put_bool(out, truth);
        }
        _ if text.eq_ignore_ascii_case("nan") => return put_nan(out, options),
        _ => return put_read(out, text, data_type, options),
    }
    Ok(())
}

/// The truth value that 0 and 1 are.
fn truth(cell: Cell<'_>) -> Option<bool> {
    let number = match cell {
        Cell::Int(value) => value,
        Cell::Float(0.0) => 0,
        Cell::Float(1.0) => 1,
        Cell::Decimal(text) => Plain::read(text)?.with_scale(0)?.to_string().parse().ok()?,
        _ => return None,
    };
    match number {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

fn put_whole_decimal(out: &mut Buffer, text: &str) -> Result<(), Refusal> {
    put_whole(out, text)?.ok_or_else(|| Refusal::new(Code::WrongType, "takes Int64, not a Decimal with a fraction"))
}

/// The nearest Double, where the number is none. A Decimal is one too where it is what the Double is written as.
fn put_nearest(out: &mut Buffer, text: &str, is_decimal: bool) -> Option<Result<(), Refusal>> {
    match nearest(text) {
        Ok(value) if is_exactly(text, value) || is_decimal && is_written(text, value) => None,
        Ok(value) => {
            put_finite(out, value);
            Some(Ok(()))
        }
        Err(refusal) => Some(Err(refusal)),
    }
}

/// What a value that is no text is in a column for text, as JSON or ISO 8601 gives it.
fn put_as_text(out: &mut Buffer, cell: Cell<'_>, options: Options) -> Option<Result<(), Refusal>> {
    match cell {
        Cell::Int(value) => quoted(out, |out| put_integer(out, value)),
        Cell::Float(value) => quoted(out, |out| put_finite(out, value)),
        Cell::Bool(value) => quoted(out, |out| put_bool(out, value)),
        // Python has not written out a number that long.
        Cell::WideInt("") => return Some(Err(too_many_digits(options))),
        Cell::WideInt(text) => return Some(put_digits(out, text, options)),
        Cell::Decimal(text) => {
            let plain = Plain::read(text).ok_or_else(|| too_many_digits(options));
            return Some(plain.and_then(|plain| put_digits(out, &plain.to_string(), options)));
        }
        Cell::Date(date) => return Some(datetimes::put_date_as_text(out, date)),
        Cell::DateTime(value) => return Some(datetimes::put(out, value, options)),
        Cell::Time(time) => datetimes::put_time_as_text(out, &time),
        Cell::Null | Cell::Text(_) | Cell::Uuid(_) | Cell::BrokenText | Cell::Unsupported(_) => return None,
    }
    Some(Ok(()))
}

fn quoted(out: &mut Buffer, put: impl FnOnce(&mut Buffer)) {
    out.put_block(b"\"");
    put(out);
    out.put_block(b"\"");
}

fn too_many_digits(options: Options) -> Refusal {
    let words = match options.values.max_text {
        usize::MAX => "takes no number of so many digits",
        _ => "takes at most {text} digits",
    };
    Refusal::new(Code::OutOfRange, options.values.said(words))
}

/// Digits are never cut.
fn put_digits(out: &mut Buffer, digits: &str, options: Options) -> Result<(), Refusal> {
    if digits.len() > options.values.max_text {
        return Err(too_many_digits(options));
    }
    put_string(out, digits);
    Ok(())
}
