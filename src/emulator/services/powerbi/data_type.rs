//! The types that a column may have, and the words for them.

use serde::{Deserialize, Serialize};

/// The names of data types, in any case (facts/powerbi 2.4: official samples and first-party code).
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

/// The words of the page that makes streaming datasets, and what they are to the API, which does not know them
/// (facts/powerbi 2.4; that a Number is a Double is assumed).
const PAGE_TYPES: [(&str, &str); 2] = [("number", "double"), ("text", "string")];

/// What the page's word is to the API; any other word stays as it is.
pub(super) fn api_name(word: &str) -> &str {
    PAGE_TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map_or(word, |(_, name)| name)
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
