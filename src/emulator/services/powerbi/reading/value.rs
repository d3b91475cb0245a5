//! Reading a cell from JSON, by the data type of its column.

use std::borrow::Cow;

use super::{datetime, decimal};
use crate::emulator::services::powerbi::data_type::DataType;
use crate::emulator::services::powerbi::rules;
use crate::emulator::value::Value;

/// Reads `json`, which is well-formed, as a cell of a column; fails with what is wrong with it.
pub(super) fn read(data_type: DataType, json: &str) -> Result<Value, &'static str> {
    if json == "null" {
        return Ok(Value::Null);
    }
    match data_type {
        DataType::Int64 => whole(json).map(Value::Int),
        DataType::Double => double(json).map(Value::Double),
        DataType::Boolean => boolean(json).map(Value::Bool),
        DataType::Decimal => decimal::read(&text(json).unwrap_or(Cow::Borrowed(json))).map(Value::Decimal),
        DataType::DateTime => datetime::read(&text(json).ok_or("is not a string with a date")?).map(Value::DateTime),
        DataType::String => short(text(json).ok_or("is not a string")?).map(Value::Text),
    }
}

fn whole(json: &str) -> Result<i64, &'static str> {
    if !is_number(json) || json.contains(['.', 'e', 'E']) {
        return Err("is not a whole number");
    }
    match json.parse() {
        Ok(i64::MIN | i64::MAX) | Err(_) => Err("is outside of what Int64 allows"),
        Ok(value) => Ok(value),
    }
}

fn double(json: &str) -> Result<f64, &'static str> {
    if !is_number(json) {
        return Err("is not a number");
    }
    let value: f64 = json.parse().map_err(|_| "is not a number")?;
    if value.abs() < f64::MAX { Ok(value) } else { Err("is outside of what Double allows") }
}

fn boolean(json: &str) -> Result<bool, &'static str> {
    json.parse().map_err(|_| "is neither true nor false")
}

fn short(text: Cow<'_, str>) -> Result<Box<str>, &'static str> {
    if text.len() > rules::MAX_TEXT && text.encode_utf16().count() > rules::MAX_TEXT {
        return Err("is longer than 4,000 characters");
    }
    Ok(text.into())
}

fn is_number(json: &str) -> bool {
    json.starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

/// The string that `json` spells; `None` if it is none, or has half a surrogate pair.
fn text(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') { serde_json::from_str(json).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(json: &str) -> Result<Value, &'static str> {
        read(DataType::Int64, json)
    }

    #[test]
    fn an_int64_is_exact_and_its_two_extremes_are_refused() {
        assert_eq!(int("9223372036854775806"), Ok(Value::Int(i64::MAX - 1)));
        assert_eq!(int("-9223372036854775807"), Ok(Value::Int(i64::MIN + 1)));
        assert_eq!(int("-0"), Ok(Value::Int(0)));
        for json in ["9223372036854775807", "-9223372036854775808", "9223372036854775808"] {
            assert_eq!(int(json), Err("is outside of what Int64 allows"), "{json}");
        }
    }

    #[test]
    fn a_double_is_the_nearest_one_and_its_two_extremes_are_refused() {
        let double = |json: &str| read(DataType::Double, json);
        assert_eq!(double("0.30000000000000004"), Ok(Value::Double(0.1 + 0.2)));
        assert_eq!(double("7"), Ok(Value::Double(7.0)));
        for json in ["1.7976931348623157e308", "-1.7976931348623157e308", "1e400"] {
            assert_eq!(double(json), Err("is outside of what Double allows"), "{json}");
        }
    }

    #[test]
    fn a_value_of_another_type_is_refused() {
        for (data_type, json) in [
            (DataType::Int64, "1.0"),
            (DataType::Int64, "\"1\""),
            (DataType::Double, "\"1\""),
            (DataType::Boolean, "1"),
            (DataType::Boolean, "\"true\""),
            (DataType::String, "1"),
            (DataType::String, "{}"),
            (DataType::String, "\"\\ud800\""),
            (DataType::DateTime, "20140730"),
            (DataType::Decimal, "[1]"),
        ] {
            assert!(read(data_type, json).is_err(), "{data_type:?} {json}");
        }
    }

    #[test]
    fn the_length_of_a_string_is_counted_in_utf_16_units() {
        let quoted = |text: &str, times| format!("\"{}\"", text.repeat(times));
        assert!(read(DataType::String, &quoted("é", 4_000)).is_ok());
        assert!(read(DataType::String, &quoted("é", 4_001)).is_err());
        assert!(read(DataType::String, &quoted("😀", 2_000)).is_ok());
        assert!(read(DataType::String, &quoted("😀", 2_001)).is_err());
    }
}
