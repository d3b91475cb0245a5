//! Whom a schema is for: the types that there are, the rules of names, and what a value may be. Each service has its own.

use super::{DataType, Dataset, Table};

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueRules {
    /// UTF-16 units of text.
    pub max_text: usize,
    /// Digits of a Decimal.
    pub decimal_digits: usize,
    /// Those of them that may stand after the point.
    pub decimal_scale: usize,
    /// Whether a date and time in UTC says so.
    pub marks_utc: bool,
}

impl Default for ValueRules {
    /// Sources: "Push semantic model limitations" (text) and "Dataset properties" (Decimals).
    fn default() -> Self {
        Self { max_text: 4_000, decimal_digits: 28, decimal_scale: 4, marks_utc: true }
    }
}

/// Whom a schema is for.
#[derive(Debug)]
pub struct Target {
    /// What users call it.
    pub name: &'static str,
    /// The types that it has.
    pub types: &'static [DataType],
    /// What its values may be.
    pub values: ValueRules,
    /// Lists every way in which a table breaks its rules.
    pub check_table: fn(&Table, &mut Vec<String>),
    /// The same of a dataset, its tables included.
    pub check_dataset: fn(&Dataset, &mut Vec<String>),
}

impl Target {
    /// Reads a type's name; what it does not tell from others is one of those.
    #[must_use]
    pub fn type_named(&self, name: &str) -> Option<DataType> {
        let own = match name.to_ascii_lowercase().as_str() {
            "date" => Some(DataType::Date),
            "time" => Some(DataType::Time),
            _ => None,
        };
        own.filter(|known| self.types.contains(known)).or_else(|| DataType::parse(name))
    }

    /// The names of its types.
    #[must_use]
    pub fn type_names(&self) -> String {
        self.types.iter().map(|known| known.name()).collect::<Vec<_>>().join(", ")
    }
}
