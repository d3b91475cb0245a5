//! The types that a column may have, and the words for them.

/// The names of data types, in any case (facts 2: official samples and first-party code).
const DATA_TYPES: [(&str, DataType); 8] = {
    use DataType::{Boolean, DateTime, Decimal, Double, Int64, String};
    [
        ("int64", Int64),
        ("int", Int64),
        ("double", Double),
        ("boolean", Boolean),
        ("bool", Boolean),
        ("datetime", DateTime),
        ("string", String),
        ("decimal", Decimal),
    ]
};

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DataType {
    Int64,
    Double,
    Boolean,
    DateTime,
    String,
    Decimal,
}

impl DataType {
    /// What a schema's word means, in any case.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        DATA_TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, data_type)| *data_type)
    }
}
