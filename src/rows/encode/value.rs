//! One value in one column: the table of what goes where, and how it is refused.

use super::buffer::{Buffer, Value};
use super::options::Options;
use super::problems::Code;
use super::refusal::Refusal;
use super::{convert, dates, datetimes, numbers, strings};
use crate::rows::cell::Cell;
use crate::rows::schema::DataType;

/// The column type that a value asks for by itself; `None` where it fits every column or none.
pub(super) fn own_type(cell: &Cell<'_>) -> Option<DataType> {
    Some(match cell {
        Cell::Bool(_) => DataType::Boolean,
        Cell::Int(_) | Cell::WideInt(_) => DataType::Int64,
        Cell::Float(_) => DataType::Double,
        Cell::Decimal(_) => DataType::Decimal,
        Cell::Text(_) | Cell::Uuid(_) | Cell::BrokenText => DataType::String,
        Cell::Date(_) | Cell::DateTime(_) => DataType::DateTime,
        Cell::Null | Cell::Time(_) | Cell::Unsupported(_) => return None,
    })
}

/// Whether it is a NaN of some kind.
pub(super) fn is_nan(cell: &Cell<'_>) -> bool {
    match cell {
        Cell::Float(value) => value.is_nan(),
        Cell::Decimal(text) => text.contains("NaN"),
        _ => false,
    }
}

/// Appends `cell` as a value of a column of `data_type`, or as it is where that is not known; or says why that cannot be.
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
        _ if is_nan(&cell) => return put_nan(out, options),
        Cell::Float(value) if value.is_infinite() => return Err(infinite()),
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
    let Some(wanted) = data_type else { return put_by_itself(out, cell, options) };
    let converted = if options.convert { convert::put(out, wanted, cell, options) } else { None };
    converted.unwrap_or_else(|| put_plainly(out, wanted, cell, options))
}

/// A value in a column that nothing is known of: a Decimal goes as it is written.
fn put_by_itself(out: &mut Buffer, cell: Cell<'_>, options: Options) -> Result<(), Refusal> {
    match (cell, own_type(&cell)) {
        (Cell::Decimal(text), _) => numbers::put_plain(out, text, DataType::Double),
        (Cell::Time(_), _) if !options.values.marks_utc => dates::put_time(out, cell, options),
        (_, Some(own)) => put_plainly(out, own, cell, options),
        (_, None) => {
            let message = format!("takes a value of a column type, not {}", cell.type_name());
            Err(Refusal::new(Code::WrongType, message))
        }
    }
}

/// A value in a column of its own type, or of one that takes it as it is.
fn put_plainly(out: &mut Buffer, data_type: DataType, cell: Cell<'_>, options: Options) -> Result<(), Refusal> {
    match (data_type, cell) {
        (DataType::Int64, _) => numbers::put_int64(out, cell),
        (DataType::Double, _) => numbers::put_double(out, cell),
        (DataType::Decimal, _) => numbers::put_decimal(out, cell, options),
        (DataType::Boolean, Cell::Bool(value)) => {
            put_bool(out, value);
            Ok(())
        }
        (DataType::String, Cell::Text(text) | Cell::Uuid(text)) => put_text(out, text, options),
        (DataType::DateTime, Cell::Text(text)) => datetimes::put_text(out, text, options),
        (DataType::DateTime, Cell::Date(date)) => datetimes::put_date(out, date),
        (DataType::DateTime, Cell::DateTime(value)) => datetimes::put(out, value, options),
        (DataType::Date, _) => dates::put_date(out, cell, options),
        (DataType::Time, _) => dates::put_time(out, cell, options),
        (DataType::Any, _) => put_by_itself(out, cell, options),
        (wanted, _) => Err(Refusal::wrong_type(wanted, &cell)),
    }
}

/// A missing value.
pub(super) fn put_null(out: &mut Buffer) {
    let written = write_null(out.value());
    out.wrote(written);
}

/// A truth value.
pub(super) fn put_bool(out: &mut Buffer, value: bool) {
    let written = write_bool(out.value(), value);
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

pub(super) fn put_nan(out: &mut Buffer, options: Options) -> Result<(), Refusal> {
    if options.refuse_nan {
        return Err(Refusal::new(Code::NotFinite, "holds NaN"));
    }
    put_null(out);
    Ok(())
}

fn infinite() -> Refusal {
    Refusal::new(Code::NotFinite, "holds an infinite number, which the service does not take")
}

fn put_text(out: &mut Buffer, text: &str, options: Options) -> Result<(), Refusal> {
    let most = options.values.max_text;
    let Some(cut) = strings::cut_at(text, most) else {
        strings::put_string(out, text);
        return Ok(());
    };
    if options.truncate {
        strings::put_string(out, cut);
        return Ok(());
    }
    let length = strings::utf16_length(text);
    let message = format!("holds text of {length} UTF-16 units; the service takes {most}");
    Err(Refusal::new(Code::TooLong, message))
}
