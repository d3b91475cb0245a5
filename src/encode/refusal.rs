//! Why one value cannot go where it should, in words for people.

use super::problems::Code;
use crate::cell::Cell;
use crate::schema::{DataType, TableSchema};

/// Why a value was refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: Code,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(super) fn in_column(self, column: &str) -> Self {
        Self { message: format!("column `{column}` {}", self.message), ..self }
    }

    pub(super) fn unknown_column(name: &str, schema: &TableSchema) -> Self {
        let mut message = format!("column `{name}` is not in table `{}`", schema.name());
        if let Some(nearest) = schema.nearest(name) {
            message = format!("{message}; did you mean `{nearest}`?");
        }
        Self::new(Code::UnknownColumn, message)
    }

    /// A value that no column takes, where `expected` was.
    pub(super) fn unsupported(expected: &str, name: &str) -> Self {
        let cure = match name {
            "dict" | "list" => "; nested values become columns with pandas.json_normalize(rows)",
            _ => "",
        };
        Self::new(Code::WrongType, format!("takes {expected}, not {name}{cure}"))
    }

    pub(super) fn wrong_type(data_type: DataType, cell: &Cell<'_>) -> Self {
        let mut message = format!("takes {data_type}, not {}", cell.type_name());
        let readable = matches!(data_type, DataType::Int64 | DataType::Double | DataType::Boolean | DataType::Decimal);
        if readable && matches!(cell, Cell::Text(_)) {
            message.push_str("; strings=\"parse\" reads numbers and booleans from text");
        }
        Self::new(Code::WrongType, message)
    }
}
