//! The columns of a dataset that takes any: learned from the rows that name them first.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::columns::{Column, Columns};
use super::data_type::DataType;
use super::reading;

/// The columns with those that the rows of a body add; `None` if they add none. A new column has the type of its first
/// value that is not null.
pub(super) fn learned(body: &[u8], columns: &Columns) -> Option<Columns> {
    let rows: Vec<Map<String, Json>> = serde_json::from_slice(body).ok()?;
    let mut new: Vec<(&String, Option<DataType>)> = Vec::new();
    for (name, value) in rows.iter().flatten().filter(|(name, _)| !columns.has(name)) {
        match new.iter_mut().find(|(known, _)| *known == name) {
            Some((_, data_type)) => *data_type = data_type.or_else(|| type_of(value)),
            None => new.push((name, type_of(value))),
        }
    }
    let column = |(name, data_type): (&String, Option<DataType>)| Column {
        name: Arc::from(name.as_str()),
        data_type: data_type.unwrap_or(DataType::String),
    };
    if new.is_empty() { None } else { Some(columns.and(new.into_iter().map(column).collect())) }
}

/// The type of a value; a text with a date and a time is one.
fn type_of(value: &Json) -> Option<DataType> {
    match value {
        Json::Bool(_) => Some(DataType::Boolean),
        Json::Number(_) => Some(DataType::Double),
        Json::String(text) if text.contains('T') && reading::is_date_time(value) => Some(DataType::DateTime),
        Json::String(_) => Some(DataType::String),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}
