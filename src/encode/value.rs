//! One value in one column: the table of what goes where, and how it is refused.

use super::buffer::{Buffer, Value};
use super::options::Options;
use super::problems::Code;
use super::refusal::Refusal;
use super::{datetimes, numbers, strings};
use crate::cell::Cell;
use crate::schema::DataType;

/// The longest text of a String column in UTF-16 units.
///
/// Source: "Push semantic model limitations": 4,000 characters per value.
pub(super) const MAX_TEXT: usize = 4_000;

/// The most bytes that one value takes in a body: text of which each unit is spelled out, as `\u001f`.
pub(super) const MAX_SPELLED: usize = 6 * MAX_TEXT;

/// The column type that a value asks for by itself; `None` where it fits every column or none.
pub(super) fn own_type(cell: &Cell<'_>) -> Option<DataType> {
    Some(match cell {
        Cell::Bool(_) => DataType::Boolean,
        Cell::Int(_) | Cell::WideInt(_) => DataType::Int64,
        Cell::Float(_) => DataType::Double,
        Cell::Decimal(_) => DataType::Decimal,
        Cell::Text(_) | Cell::Uuid(_) | Cell::BrokenText => DataType::String,
        Cell::Date(_) | Cell::DateTime(_) => DataType::DateTime,
        Cell::Null | Cell::Unsupported(_) => return None,
    })
}

/// The column type that takes a value as it is: `None` where any does, an error where none does.
pub fn fitting_type(cell: &Cell<'_>) -> Result<Option<DataType>, NoType> {
    let data_type = own_type(cell);
    let missing = matches!(cell, Cell::Decimal(text) if text.to_ascii_lowercase().contains("nan"));
    put_value(&mut Buffer::default(), data_type, *cell, Options::default()).map_err(|_| NoType)?;
    Ok(data_type.filter(|_| !missing))
}

/// No column takes the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoType;

/// Appends `cell` as a value of `data_type`, or says why that cannot be.
pub(super) fn put_value(
    out: &mut Buffer,
    data_type: Option<DataType>,
    cell: Cell<'_>,
    options: Options,
) -> Result<(), Refusal> {
    match cell {
        Cell::Null => {
            put_null(out);
            return Ok(());
        }
        Cell::Float(value) if value.is_nan() => return put_nan(out, options),
        Cell::Float(value) if value.is_infinite() => return Err(infinite()),
        Cell::Decimal(text) if text.to_ascii_lowercase().contains("nan") => return put_nan(out, options),
        Cell::Decimal(text) if text.contains("Inf") => return Err(infinite()),
        Cell::BrokenText => {
            return Err(Refusal::new(Code::NotUtf8, "holds a lone surrogate, which is no valid Unicode"));
        }
        Cell::Unsupported(name) => {
            let expected = data_type.map_or_else(|| "a value of a column type".into(), |known| known.to_string());
            return Err(Refusal::unsupported(&expected, name));
        }
        _ => {}
    }
    match (data_type, cell) {
        (Some(wanted), Cell::Text(text)) if options.parse_strings && wanted != DataType::String => {
            put_parsed(out, wanted, text, options)
        }
        (Some(DataType::Int64), _) => numbers::put_int64(out, cell),
        (Some(DataType::Double), _) => numbers::put_double(out, cell),
        (Some(DataType::Decimal), _) => numbers::put_decimal(out, cell),
        (Some(DataType::Boolean), Cell::Bool(value)) => {
            let written = write_bool(out.value(), value);
            out.wrote(written);
            Ok(())
        }
        (Some(DataType::String), Cell::Text(text) | Cell::Uuid(text)) => put_text(out, text, options),
        (Some(DataType::DateTime), Cell::Text(text)) => datetimes::put_text(out, text, options.naive_datetimes),
        (Some(DataType::DateTime), Cell::Date(date)) => datetimes::put_date(out, date),
        (Some(DataType::DateTime), Cell::DateTime(value)) => datetimes::put(out, value, options.naive_datetimes),
        (Some(wanted), _) => Err(Refusal::wrong_type(wanted, &cell)),
        (None, _) => unreachable!("every other cell has a type of its own"),
    }
}

/// A missing value.
fn put_null(out: &mut Buffer) {
    let written = write_null(out.value());
    out.wrote(written);
}

/// Writes a missing value.
#[inline(always)]
pub(super) fn write_null(room: &mut Value) -> usize {
    room[..4].copy_from_slice(b"null");
    4
}

/// Writes a truth value.
#[inline(always)]
pub(super) fn write_bool(room: &mut Value, value: bool) -> usize {
    const WORDS: [u64; 2] = [u64::from_le_bytes(*b"false   "), u64::from_le_bytes(*b"true    ")];
    room[..8].copy_from_slice(&WORDS[usize::from(value)].to_le_bytes());
    5 - usize::from(value)
}

fn put_nan(out: &mut Buffer, options: Options) -> Result<(), Refusal> {
    if options.refuse_nan {
        return Err(Refusal::new(Code::NotFinite, "holds NaN; nan=\"null\" sends it as a missing value"));
    }
    put_null(out);
    Ok(())
}

fn infinite() -> Refusal {
    Refusal::new(Code::NotFinite, "holds an infinite number, which the service does not take")
}

fn put_text(out: &mut Buffer, text: &str, options: Options) -> Result<(), Refusal> {
    let Some(cut) = strings::cut_at(text, MAX_TEXT) else {
        strings::put_string(out, text);
        return Ok(());
    };
    if options.truncate {
        strings::put_string(out, cut);
        return Ok(());
    }
    let length = strings::utf16_length(text);
    let message =
        format!("holds text of {length} UTF-16 units; the service takes {MAX_TEXT}; too_long=\"truncate\" cuts it");
    Err(Refusal::new(Code::TooLong, message))
}

/// Text in a column that is not for text: read exactly, nothing for "".
fn put_parsed(out: &mut Buffer, data_type: DataType, text: &str, options: Options) -> Result<(), Refusal> {
    if text.is_empty() {
        put_null(out);
        return Ok(());
    }
    match data_type {
        DataType::DateTime => datetimes::put_text(out, text, options.naive_datetimes),
        DataType::Boolean => match text.to_ascii_lowercase().as_str() {
            value @ ("true" | "false") => {
                out.put(value.as_bytes());
                Ok(())
            }
            _ => Err(Refusal::new(Code::WrongType, "holds text that reads neither `true` nor `false`")),
        },
        _ if text.eq_ignore_ascii_case("nan") => put_nan(out, options),
        _ => numbers::put_read(out, text, data_type),
    }
}
