//! The types of columns, as requests name them and as answers do (facts/microstrategy 5).

use serde::{Deserialize, Serialize};

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum DataType {
    Integer,
    BigInteger,
    Double,
    BigDecimal,
    Bool,
    String,
    Date,
    Time,
    DateTime,
}

impl DataType {
    /// The type of a name in any case.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "INTEGER" => Self::Integer,
            "BIGINTEGER" => Self::BigInteger,
            "DOUBLE" => Self::Double,
            "BIGDECIMAL" => Self::BigDecimal,
            "BOOL" | "BOOLEAN" => Self::Bool,
            "STRING" => Self::String,
            "DATE" => Self::Date,
            "TIME" => Self::Time,
            "DATETIME" => Self::DateTime,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Integer => "INTEGER",
            Self::BigInteger => "BIGINTEGER",
            Self::Double => "DOUBLE",
            Self::BigDecimal => "BIGDECIMAL",
            Self::Bool => "BOOL",
            Self::String => "STRING",
            Self::Date => "DATE",
            Self::Time => "TIME",
            Self::DateTime => "DATETIME",
        }
    }

    /// The number by which a stored column's type is told, with its precision.
    pub(super) fn code(self) -> (u8, u8) {
        match self {
            Self::Integer => (1, 4),
            Self::BigInteger => (34, 8),
            Self::Double => (7, 0),
            Self::BigDecimal => (30, 0),
            Self::Bool | Self::String => (33, 0),
            Self::Date => (14, 0),
            Self::Time => (15, 0),
            Self::DateTime => (16, 0),
        }
    }

    /// The words by which the form of an attribute tells its type: the stored one, and the kind.
    pub(super) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Integer => ("Integer", "Number"),
            Self::BigInteger => ("Int64", "Number"),
            Self::Double => ("Double", "Number"),
            Self::BigDecimal => ("BigDecimal", "BigDecimal"),
            Self::Bool | Self::String => ("UTF8Char", "Text"),
            Self::Date => ("Date", "Date"),
            Self::Time => ("Time", "Time"),
            Self::DateTime => ("TimeStamp", "Datetime"),
        }
    }

    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::BigInteger | Self::Double | Self::BigDecimal)
    }
}
