//! What the service refuses in a schema, and what its columns take.
//!
//! Sources: the rules of the vendor's own client for names (250 characters, none of `\ " [ ]`), and the data types of
//! "Create a dataset with one request".

use crate::error::shown;
use crate::rows::schema::{
    Choices, Counts, DataType, Dataset, Most, NameRules, Table, Target, ValueRules, check_unique,
};

/// Characters of a name.
const LONGEST_NAME: usize = 250;
const FORBIDDEN: &str = "\\\"[]";
/// Nothing is written down about how many of something there may be; these are ours.
const MOST: Most = Most::Ours(10_000);

const NAMES: NameRules = NameRules {
    longest: Some(LONGEST_NAME),
    length: |name| name.chars().count(),
    refuses: |sign| FORBIDDEN.contains(sign) || sign.is_control(),
};

/// What a schema for this service may be.
pub static TARGET: Target = Target {
    name: "microstrategy",
    types: &[
        DataType::Int64,
        DataType::Double,
        DataType::Boolean,
        DataType::DateTime,
        DataType::String,
        DataType::Decimal,
        DataType::Date,
        DataType::Time,
    ],
    choices: Choices { modes: &["Push"], retentions: &[], cross_filtering: &[], summarize_by: &[] },
    values: ValueRules {
        max_text: usize::MAX,
        decimal_digits: 38,
        decimal_scale: 38,
        marks_utc: false,
        old_dates: None,
    },
    counts: Counts { columns: MOST, tables: MOST, relationships: MOST, measures: MOST },
    check_table,
    check_dataset,
};

/// The service's word for a type.
pub(super) fn wire_type(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Int64 => "BIGINTEGER",
        DataType::Double => "DOUBLE",
        DataType::Decimal => "BIGDECIMAL",
        DataType::Boolean => "BOOL",
        DataType::DateTime => "DATETIME",
        DataType::Date => "DATE",
        DataType::Time => "TIME",
        DataType::String | DataType::Any => "STRING",
    }
}

/// Whether it is a metric unless somebody says otherwise.
pub(super) fn is_number(data_type: DataType) -> bool {
    matches!(data_type, DataType::Int64 | DataType::Double | DataType::Decimal)
}

pub(super) fn check_table(table: &Table, problems: &mut Vec<String>) {
    let place = format!("table `{}`", shown(&table.name));
    check_name(&table.name, "table", problems);
    for column in &table.columns {
        check_name(&column.name, &format!("{place}: column"), problems);
    }
    check_unique(table.columns.iter().map(|column| &column.name), "columns", &place, problems);
    if !table.measures.is_empty() {
        problems.push(format!("{place} has measures, which this service does not take: numbers become metrics"));
    }
}

pub(super) fn check_dataset(dataset: &Dataset, problems: &mut Vec<String>) {
    check_name(&dataset.name, "dataset", problems);
    check_unique(dataset.tables.iter().map(|table| &table.name), "tables", "the dataset", problems);
    for table in &dataset.tables {
        check_table(table, problems);
    }
    if !dataset.relationships.is_empty() {
        problems.push("the dataset has relationships, which this service does not take: tables share columns".into());
    }
}

fn check_name(name: &str, what: &str, problems: &mut Vec<String>) {
    NAMES.check_length(name, what, problems);
    NAMES.check_characters(name, what, problems);
    if name == "." || name == ".." {
        problems.push(format!("{what} `{name}`: no address holds a name like this"));
    }
    if !name.is_empty() && name.trim().is_empty() {
        problems.push(format!("{what} `{}` has a blank name", shown(name)));
    }
}
