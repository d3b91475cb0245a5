//! The definition of a dataset or a table as Power BI wants it: a schema as JSON, nothing in it that was not set.

use serde_json::{Map, Value, json};

use crate::rows::schema::{Column, DataType, Dataset, Measure, Relationship, Table};

/// The body that creates `dataset`. Retention is not in it: the service takes that in the query.
#[must_use]
pub fn dataset_json(dataset: &Dataset) -> Value {
    let mut body = json!({
        "name": dataset.name,
        "defaultMode": dataset.mode,
        "tables": dataset.tables.iter().map(table_json).collect::<Vec<_>>(),
    });
    if !dataset.relationships.is_empty() {
        body["relationships"] = dataset.relationships.iter().map(relationship_json).collect();
    }
    body
}

/// The body that gives a table its columns and measures.
#[must_use]
pub fn table_json(table: &Table) -> Value {
    let mut object = Map::new();
    object.insert("name".into(), table.name.clone().into());
    object.insert("columns".into(), table.columns.iter().map(column_json).collect());
    if !table.measures.is_empty() {
        object.insert("measures".into(), table.measures.iter().map(measure_json).collect());
    }
    set(&mut object, "description", table.description.as_ref());
    set(&mut object, "isHidden", table.is_hidden.as_ref());
    object.into()
}

fn column_json(column: &Column) -> Value {
    let mut object = Map::new();
    object.insert("name".into(), column.name.clone().into());
    object.insert("dataType".into(), spelling(column.data_type).into());
    set(&mut object, "formatString", column.format_string.as_ref());
    set(&mut object, "sortByColumn", column.sort_by_column.as_ref());
    set(&mut object, "dataCategory", column.data_category.as_ref());
    set(&mut object, "isHidden", column.is_hidden.as_ref());
    set(&mut object, "summarizeBy", column.summarize_by.as_ref());
    object.into()
}

/// The spelling of a type that the service's own examples use.
fn spelling(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "bool",
        DataType::String => "string",
        other => other.name(),
    }
}

fn measure_json(measure: &Measure) -> Value {
    let mut object = Map::new();
    object.insert("name".into(), measure.name.clone().into());
    object.insert("expression".into(), measure.expression.clone().into());
    set(&mut object, "formatString", measure.format_string.as_ref());
    set(&mut object, "description", measure.description.as_ref());
    set(&mut object, "isHidden", measure.is_hidden.as_ref());
    object.into()
}

fn relationship_json(relationship: &Relationship) -> Value {
    json!({
        "name": relationship.name,
        "fromTable": relationship.from_table,
        "fromColumn": relationship.from_column,
        "toTable": relationship.to_table,
        "toColumn": relationship.to_column,
        "crossFilteringBehavior": relationship.cross_filtering,
    })
}

fn set<T: Clone + Into<Value>>(object: &mut Map<String, Value>, property: &str, value: Option<&T>) {
    if let Some(value) = value {
        object.insert(property.into(), value.clone().into());
    }
}
