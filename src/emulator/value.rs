//! The cells of stored rows, whatever service they came by.

use std::fmt;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, Timelike};

/// A stored cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// A Boolean.
    Bool(bool),
    /// A whole number, exact.
    Int(i64),
    /// A Double.
    Double(f64),
    /// A Decimal in plain notation, exact, without superfluous zeros: `-0.5`.
    Decimal(Box<str>),
    /// A date and time.
    DateTime(DateTime),
    /// A date without a time.
    Date(NaiveDate),
    /// A time of day.
    Time(NaiveTime),
    /// A text.
    Text(Box<str>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Double(value) => f.write_str(zmij::Buffer::new().format(*value)),
            Self::Decimal(value) | Self::Text(value) => f.write_str(value),
            Self::DateTime(value) => value.fmt(f),
            Self::Date(value) => value.format("%Y-%m-%d").fmt(f),
            Self::Time(value) => write!(f, "{}{}", value.format("%H:%M:%S"), Fraction(value.nanosecond())),
        }
    }
}

/// A stored date and time, as exact as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateTime {
    /// Year to fraction of a second; in UTC if a zone was sent.
    pub at: NaiveDateTime,
    /// Whether `Z` or an offset was sent.
    pub utc: bool,
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zone = if self.utc { "Z" } else { "" };
        write!(f, "{}{}{zone}", self.at.format("%Y-%m-%dT%H:%M:%S"), Fraction(self.at.nanosecond()))
    }
}

/// Nanoseconds as a fraction of a second, to the tick of 100 ns; nothing where there are none.
struct Fraction(u32);

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ticks = self.0 / 100;
        if ticks == 0 { Ok(()) } else { write!(f, ".{}", format!("{ticks:07}").trim_end_matches('0')) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_takes_24_bytes() {
        assert_eq!(size_of::<Value>(), 24);
    }
}
