//! What a service hands over to be kept in a file: its state as JSON, and the rows of its tables.

use std::sync::Arc;

use chrono::{NaiveDate, NaiveTime};
use serde_json::{Map, Value as Json, json};

use super::row::Row;
use super::value::{DateTime, Value};

/// The state of a service, and the rows of its tables in the order in which the state lists these.
pub(super) struct Kept {
    pub(super) about: Json,
    pub(super) tables: Vec<Vec<Row>>,
}

/// A row as JSON: what JSON has a word for as it is, all else by the name of its type and its text.
pub(super) fn told(row: &Row) -> Json {
    Json::Object(row.cells().map(|(name, value)| (name.to_owned(), cell(value))).collect::<Map<_, _>>())
}

fn cell(value: &Value) -> Json {
    let typed = |name: &str| json!({name: value.to_string()});
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::Text(value) => json!(value),
        Value::Double(_) => typed("double"),
        Value::Decimal(_) => typed("decimal"),
        Value::DateTime(_) => typed("datetime"),
        Value::Date(_) => typed("date"),
        Value::Time(_) => typed("time"),
    }
}

/// The rows of a table, as they are read; rows that follow each other share the names of their columns.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    names: Arc<[Arc<str>]>,
}

impl Rows {
    /// Adds a row; or gives the cell that is none.
    pub(super) fn add(&mut self, told: &Map<String, Json>) -> Result<(), String> {
        if !self.names.iter().map(|name| &**name).eq(told.keys().map(String::as_str)) {
            self.names = told.keys().map(|name| Arc::from(name.as_str())).collect();
        }
        let cells: Option<Arc<[Value]>> = told.values().map(value).collect();
        let cells = cells.ok_or_else(|| "a cell of a row is none that was kept".to_owned())?;
        self.rows.push(Row::new(Arc::clone(&self.names), cells));
        Ok(())
    }
}

fn value(cell: &Json) -> Option<Value> {
    Some(match cell {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => Value::Int(number.as_i64()?),
        Json::String(text) => Value::Text(text.as_str().into()),
        Json::Object(typed) => {
            let (name, text) = typed.iter().next()?;
            let text = text.as_str()?;
            match name.as_str() {
                "double" => Value::Double(text.parse().ok()?),
                "decimal" => Value::Decimal(text.into()),
                "datetime" => {
                    let (at, utc) = text.strip_suffix('Z').map_or((text, false), |at| (at, true));
                    Value::DateTime(DateTime { at: at.parse().ok()?, utc })
                }
                "date" => Value::Date(text.parse::<NaiveDate>().ok()?),
                "time" => Value::Time(text.parse::<NaiveTime>().ok()?),
                _ => return None,
            }
        }
        Json::Array(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_cell_comes_back_as_it_was() {
        let at = "2026-01-31T12:00:00.1234567".parse().unwrap();
        let values = [
            Value::Null,
            Value::Bool(true),
            Value::Int(i64::MIN),
            Value::Double(-0.0),
            Value::Double(0.1 + 0.2),
            Value::Double(1e300),
            Value::Decimal("-12345678901234567890.5".into()),
            Value::DateTime(DateTime { at, utc: true }),
            Value::DateTime(DateTime { at, utc: false }),
            Value::Date("2026-01-31".parse().unwrap()),
            Value::Time("23:59:59.5".parse().unwrap()),
            Value::Text("{\"double\": 1}".into()),
        ];
        let names: Arc<[Arc<str>]> = (0..values.len()).map(|at| Arc::from(format!("column {at}"))).collect();
        let row = Row::new(names, values.into());
        let json: Json = serde_json::from_str(&told(&row).to_string()).unwrap();
        let mut rows = Rows::default();
        rows.add(json.as_object().unwrap()).unwrap();
        assert_eq!(format!("{:?}", rows.rows[0]), format!("{row:?}"));
        assert_eq!(
            rows.add(json!({"a": {"money": "1"}}).as_object().unwrap()),
            Err("a cell of a row is none that was kept".into())
        );
    }
}
