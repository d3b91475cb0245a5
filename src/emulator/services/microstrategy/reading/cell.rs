//! One cell, by the type of its column.

use std::fmt;

use serde::de::{Deserialize as _, DeserializeSeed, Deserializer, Error, Visitor};
use serde_json::value::RawValue;

use super::{DataType, time};
use crate::emulator::services::microstrategy::assumed::MicroStrategyAssumed;
use crate::emulator::switch::Reception;
use crate::emulator::value::Value;

/// What pandas makes of a missing date, which the vendor's client sends (facts/microstrategy 5.2).
const NO_TIME: &str = "NaT";

/// A column of which a cell is read.
#[derive(Clone, Copy)]
pub(super) struct Cell<'a> {
    pub(super) name: &'a str,
    pub(super) data_type: DataType,
    pub(super) assumed: &'a MicroStrategyAssumed,
}

impl<'de> DeserializeSeed<'de> for Cell<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        if self.data_type != DataType::BigDecimal {
            return source.deserialize_any(self);
        }
        // As it was written: a number as a double would lose digits.
        let raw = <&RawValue>::deserialize(source)?.get();
        if raw == "null" {
            return Ok(Value::Null);
        }
        decimal(raw.trim_matches('"')).map(Value::Decimal).ok_or_else(|| self.wrong())
    }
}

impl Cell<'_> {
    fn wrong<E: Error>(self) -> E {
        E::custom(format!("a cell of the column '{}' is no {}", self.name, self.data_type.name()))
    }

    fn whole(self, number: i64) -> Option<Value> {
        match self.data_type {
            DataType::Integer if i32::try_from(number).is_ok() => Some(Value::Int(number)),
            DataType::Integer => (self.assumed.wide_integers == Reception::Accepted).then_some(Value::Int(number)),
            DataType::BigInteger => Some(Value::Int(number)),
            // A text would say it with the same digits.
            DataType::Double => number.to_string().parse().ok().map(Value::Double),
            _ => None,
        }
    }
}

impl Visitor<'_> for Cell<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a cell of the column '{}', {}", self.name, self.data_type.name())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        if self.data_type == DataType::Bool { Ok(Value::Bool(value)) } else { Err(self.wrong()) }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.whole(value).ok_or_else(|| self.wrong())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        match i64::try_from(value) {
            Ok(value) => self.whole(value).ok_or_else(|| self.wrong()),
            Err(_) if self.data_type == DataType::Double => {
                value.to_string().parse().map(Value::Double).map_err(|_| self.wrong())
            }
            Err(_) => Err(self.wrong()),
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        if self.data_type == DataType::Double { Ok(Value::Double(value)) } else { Err(self.wrong()) }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        let value = match self.data_type {
            DataType::String => Some(Value::Text(text.into())),
            DataType::Date | DataType::Time | DataType::DateTime if text == NO_TIME => Some(Value::Null),
            DataType::Date => time::date(text).map(Value::Date),
            DataType::Time => time::time_of_day(text).map(Value::Time),
            DataType::DateTime => time::moment(text, self.assumed.zones).map(Value::DateTime),
            _ => None,
        };
        value.ok_or_else(|| self.wrong())
    }
}

/// A number in plain notation without superfluous zeros, exact.
fn decimal(text: &str) -> Option<Box<str>> {
    let (sign, unsigned) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let is_number = !whole.is_empty() && all.bytes().all(|byte| byte.is_ascii_digit());
    let exponent = exponent.parse::<i64>().ok().filter(|exponent| is_number && exponent.abs() <= 400)?;
    // Where the point stands, counted from the beginning of the digits.
    let point = i64::try_from(whole.len()).ok()? + exponent;
    let padded = match usize::try_from(point) {
        Ok(point) => format!("{all:0<point$}"),
        Err(_) => format!("{}{all}", "0".repeat(usize::try_from(-point).ok()?)),
    };
    let (whole, fraction) = padded.split_at(usize::try_from(point.max(0)).ok()?);
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(match fraction {
        "" if whole == "0" => "0".into(),
        "" => format!("{sign}{whole}").into(),
        _ => format!("{sign}{whole}.{fraction}").into(),
    })
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn a_decimal_is_exact_and_plain() {
        for (sent, read) in [
            ("0", "0"),
            ("-0.00", "0"),
            ("1.50", "1.5"),
            ("007", "7"),
            ("-12e3", "-12000"),
            ("12.5e-3", "0.0125"),
            ("1.2e+1", "12"),
            ("123456789012345678901234567890.123456789", "123456789012345678901234567890.123456789"),
        ] {
            assert_eq!(decimal(sent).as_deref(), Some(read), "{sent}");
        }
        for sent in ["", "-", ".5", "1,5", "NaN", "1e", "1e999999", "0x1", "true"] {
            assert_eq!(decimal(sent), None, "{sent}");
        }
    }
}
