//! What the service refuses in a schema, as data and one check that lists every problem.
//!
//! Sources: the service's swagger (names), "Push semantic model limitations" (counts, text) and
//! "Dataset properties" (Decimals) on learn.microsoft.com.

use crate::error::shown;
use crate::rows::schema::{
    Choices, Column, Counts, DataType, Dataset, Most, NameRules, Relationship, Table, Target, ValueRules, check_unique,
};

/// Columns of one table.
const MAX_COLUMNS: usize = 75;
/// Tables of one dataset.
const MAX_TABLES: usize = 75;
/// Relationships of one dataset.
const MAX_RELATIONSHIPS: usize = 75;
/// Measures have no limit that is written down; this one is ours.
const MAX_MEASURES: usize = 10_000;
/// Text of one value, in UTF-16 units.
const MAX_TEXT: usize = 4_000;
/// Digits of a Decimal, and those of them after the point.
const DECIMAL: (usize, usize) = (28, 4);
/// UTF-16 units in the name of a table or relationship.
const MAX_NAME: usize = 100;
/// Characters that the service's pattern leaves out of the names of tables and relationships.
const FORBIDDEN_IN_NAMES: &str = "!\"$%&'()*+,./:;<=>?[\\]`{|}";

/// The pattern of tables and relationships. The published one ends in a broken escape; this is what it means to say. It
/// is one of .NET, which counts UTF-16 units.
const SHORT_NAMES: NameRules = NameRules {
    longest: Some(MAX_NAME),
    length: |name| name.encode_utf16().count(),
    refuses: |sign| FORBIDDEN_IN_NAMES.contains(sign) || !is_xml_character(sign),
};
/// The pattern of columns and measures: any XML character.
const LONG_NAMES: NameRules =
    NameRules { longest: None, length: |name| name.len(), refuses: |sign| !is_xml_character(sign) };

/// What a schema for a push dataset may be.
pub static TARGET: Target = Target {
    name: "powerbi",
    types: &[
        DataType::Int64,
        DataType::Double,
        DataType::Boolean,
        DataType::DateTime,
        DataType::String,
        DataType::Decimal,
    ],
    choices: Choices {
        modes: &["Push", "PushStreaming", "Streaming"],
        retentions: &["None", "basicFIFO"],
        cross_filtering: &["OneDirection", "BothDirections", "Automatic"],
        summarize_by: &["default", "none", "sum", "min", "max", "count", "average", "distinctCount"],
    },
    values: ValueRules {
        max_text: MAX_TEXT,
        decimal_digits: DECIMAL.0,
        decimal_scale: DECIMAL.1,
        marks_utc: true,
        old_dates: Some("they are sent as they are, but DAX counts from 1900 on"),
    },
    counts: Counts {
        columns: Most::Service(MAX_COLUMNS),
        tables: Most::Service(MAX_TABLES),
        relationships: Most::Service(MAX_RELATIONSHIPS),
        measures: Most::Ours(MAX_MEASURES),
    },
    check_table,
    check_dataset,
};

/// Every way in which `table` breaks a rule of the service, in reading order.
fn check_table(table: &Table, problems: &mut Vec<String>) {
    let place = format!("table `{}`", shown(&table.name));
    check_short_name(&table.name, "table", problems);
    if table.columns.len() > MAX_COLUMNS {
        problems.push(format!("{place} has {} columns; the service takes {MAX_COLUMNS}", table.columns.len()));
    }
    for column in &table.columns {
        check_column(column, table, problems);
    }
    for measure in &table.measures {
        check_long_name(&measure.name, "measure", &place, problems);
        if !measure.expression.is_empty() && measure.expression.trim().is_empty() {
            problems.push(format!("{place}: measure `{}` has a blank expression", shown(&measure.name)));
        }
    }
    let names = table.columns.iter().map(|c| &c.name).chain(table.measures.iter().map(|m| &m.name));
    check_unique(names, "columns or measures", &place, problems);
}

/// Every way in which `dataset`, tables included, breaks a rule of the service.
fn check_dataset(dataset: &Dataset, problems: &mut Vec<String>) {
    let place = format!("dataset `{}`", shown(&dataset.name));
    if !dataset.name.is_empty() && dataset.name.trim().is_empty() {
        problems.push("the dataset's name is blank".into());
    }
    if dataset.tables.len() > MAX_TABLES {
        problems.push(format!("{place} has {} tables; the service takes {MAX_TABLES}", dataset.tables.len()));
    }
    if dataset.relationships.len() > MAX_RELATIONSHIPS {
        let count = dataset.relationships.len();
        problems.push(format!("{place} has {count} relationships; the service takes {MAX_RELATIONSHIPS}"));
    }
    check_unique(dataset.tables.iter().map(|table| &table.name), "tables", &place, problems);
    for table in &dataset.tables {
        check_table(table, problems);
        if dataset.mode != "Push" {
            check_streaming(table, &dataset.mode, problems);
        }
    }
    check_unique(dataset.relationships.iter().map(|r| &r.name), "relationships", &place, problems);
    for relationship in &dataset.relationships {
        check_relationship(relationship, dataset, problems);
    }
}

fn check_column(column: &Column, table: &Table, problems: &mut Vec<String>) {
    let place = format!("table `{}`", shown(&table.name));
    check_long_name(&column.name, "column", &place, problems);
    if let Some(other) = &column.sort_by_column
        && !table.columns.iter().any(|column| column.name == *other)
    {
        let (name, other) = (shown(&column.name), shown(other));
        problems.push(format!("{place}: column `{name}` sorts by `{other}`, which the table lacks"));
    }
}

/// A streaming dataset takes nothing but names and types (the service answers 400 `InvalidRequest`).
fn check_streaming(table: &Table, mode: &str, problems: &mut Vec<String>) {
    for column in table.columns.iter().filter(|column| column.has_properties()) {
        let (table, column) = (shown(&table.name), shown(&column.name));
        problems.push(format!(
            "table `{table}`: column `{column}` has properties, but mode `{mode}` takes only a name and a data_type"
        ));
    }
    if !table.measures.is_empty() {
        problems.push(format!("table `{}` has measures, which mode `{mode}` does not take", shown(&table.name)));
    }
}

fn check_relationship(relationship: &Relationship, dataset: &Dataset, problems: &mut Vec<String>) {
    check_short_name(&relationship.name, "relationship", problems);
    let ends =
        [(&relationship.from_table, &relationship.from_column), (&relationship.to_table, &relationship.to_column)];
    for (table_name, column_name) in ends {
        let place = format!("relationship `{}`", shown(&relationship.name));
        let (table_shown, column_shown) = (shown(table_name), shown(column_name));
        match dataset.tables.iter().find(|table| table.name == *table_name) {
            None => problems.push(format!("{place} names table `{table_shown}`, which the dataset lacks")),
            Some(table) if !table.columns.iter().any(|column| column.name == *column_name) => {
                problems.push(format!("{place} names column `{column_shown}`, which table `{table_shown}` lacks"));
            }
            Some(_) => {}
        }
    }
}

fn check_short_name(name: &str, what: &str, problems: &mut Vec<String>) {
    SHORT_NAMES.check_length(name, what, problems);
    SHORT_NAMES.check_all_characters(name, what, problems);
}

/// Why no table can have this name, if none can.
#[must_use]
pub fn table_name_problem(name: &str) -> Option<String> {
    let mut problems = Vec::new();
    if name.is_empty() {
        problems.push("a table's name is empty".into());
    }
    check_short_name(name, "table", &mut problems);
    (!problems.is_empty()).then(|| problems.join("; "))
}

fn check_long_name(name: &str, what: &str, place: &str, problems: &mut Vec<String>) {
    LONG_NAMES.check_characters(name, &format!("{place}: {what}"), problems);
}

fn is_xml_character(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{1_0000}'..)
}
