//! Columns, tables and datasets, checked when they are made by the rules of whom they are for.
//!
//! ```text
//! JSON or Python's own classes ──read──▶ Dataset ──rules──▶ every problem at once, or a schema
//! rows ──infer──▶ columns
//! ```

mod infer;
mod read;
mod rules;
mod target;

use std::collections::HashMap;
use std::fmt;

use serde::{Serialize, Serializer};

pub use self::infer::{Inference, Inferred, Kind, Known, Looks, NoType};
pub use self::read::{read_dataset_for, read_table_for};
pub use self::rules::{Counts, FAR_TOO_MANY, Most, NameRules, check_unique};
pub use self::target::{Choices, Target, ValueRules};

/// The types of columns; which of them there are, each target says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataType {
    /// Whole numbers between `Int64.MinValue` and `Int64.MaxValue`, both excluded.
    Int64,
    /// Binary floating point.
    Double,
    /// True or false.
    Boolean,
    /// A date with a time of day.
    DateTime,
    /// Text.
    String,
    /// A number of some digits, so many of them after the point.
    Decimal,
    /// A date without a time of day; not of every target.
    Date,
    /// A time of day; not of every target.
    Time,
    /// Nothing is known of it: each value is judged by its own type.
    Any,
}

impl DataType {
    /// Reads a type's name in any case, the aliases of Microsoft's own samples and Python's words included.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "int64" | "int" | "integer" => Self::Int64,
            "double" | "float" | "number" => Self::Double,
            "boolean" | "bool" => Self::Boolean,
            "datetime" | "date" => Self::DateTime,
            "string" | "str" | "text" => Self::String,
            "decimal" => Self::Decimal,
            _ => return None,
        })
    }

    /// The name that the documentation of the service uses, and ours.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Int64 => "Int64",
            Self::Double => "Double",
            Self::Boolean => "Boolean",
            Self::DateTime => "DateTime",
            Self::String => "String",
            Self::Decimal => "Decimal",
            Self::Date => "Date",
            Self::Time => "Time",
            Self::Any => "Any",
        }
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for DataType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the fields are the service's own, described in the Python class")]
pub struct Column {
    pub name: String,
    pub data_type: DataType,
    pub format_string: Option<String>,
    pub sort_by_column: Option<String>,
    pub data_category: Option<String>,
    pub is_hidden: Option<bool>,
    pub summarize_by: Option<String>,
}

impl Column {
    /// A column with nothing but a name and a type.
    #[must_use]
    pub fn new(name: impl Into<String>, data_type: DataType) -> Self {
        Self {
            name: name.into(),
            data_type,
            format_string: None,
            sort_by_column: None,
            data_category: None,
            is_hidden: None,
            summarize_by: None,
        }
    }

    /// Whether it has more than a name and a type.
    #[must_use]
    pub fn has_properties(&self) -> bool {
        *self != Self::new(self.name.clone(), self.data_type)
    }
}

/// A measure: a DAX expression with a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the fields are the service's own, described in the Python class")]
pub struct Measure {
    pub name: String,
    pub expression: String,
    pub format_string: Option<String>,
    pub description: Option<String>,
    pub is_hidden: Option<bool>,
}

/// A many-to-one relationship between two tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the fields are the service's own, described in the Python class")]
pub struct Relationship {
    pub name: String,
    pub from_table: String,
    pub from_column: String,
    pub to_table: String,
    pub to_column: String,
    pub cross_filtering: String,
}

/// A table: what its rows must look like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the fields are the service's own, described in the Python class")]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    pub measures: Vec<Measure>,
    pub description: Option<String>,
    pub is_hidden: Option<bool>,
}

/// A dataset: what is sent to create one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the fields are the service's own, described in the Python class")]
pub struct Dataset {
    pub name: String,
    pub tables: Vec<Table>,
    pub relationships: Vec<Relationship>,
    pub mode: String,
    pub retention: Option<String>,
}

/// A table's columns, ready for looking them up by name.
#[derive(Debug, Clone)]
pub struct TableSchema {
    name: String,
    columns: Vec<Column>,
    positions: HashMap<String, usize>,
    values: ValueRules,
}

impl TableSchema {
    /// The columns of a checked table.
    #[must_use]
    pub fn new(table: &Table) -> Self {
        let columns = table.columns.clone();
        let positions = columns.iter().enumerate().map(|(position, column)| (column.name.clone(), position)).collect();
        Self { name: table.name.clone(), columns, positions, values: ValueRules::default() }
    }

    /// The same, whose values are held against other rules.
    #[must_use]
    pub fn under(self, values: ValueRules) -> Self {
        Self { values, ..self }
    }

    /// What its values may be.
    #[must_use]
    pub fn values(&self) -> ValueRules {
        self.values
    }

    /// The table's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The columns in the table's order.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Where the column of that exact name stands; `guess` is looked at first.
    #[must_use]
    pub fn position(&self, name: &str, guess: usize) -> Option<usize> {
        match self.columns.get(guess) {
            Some(column) if column.name == name => Some(guess),
            _ => self.positions.get(name).copied(),
        }
    }

    /// The column whose name looks most like `name`, if any does.
    #[must_use]
    pub fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.columns.iter().map(|column| column.name.as_str()))
    }
}

/// Which of `names` looks most like `name`, if any does.
fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let wanted = name.to_lowercase();
    let likeness = |other: &str| strsim::normalized_damerau_levenshtein(&wanted, &other.to_lowercase());
    let (score, nearest) = names.map(|other| (likeness(other), other)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (score > 0.5).then_some(nearest)
}
