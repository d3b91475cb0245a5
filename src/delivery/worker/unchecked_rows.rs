//! What rows that nobody could check by a schema looked like, told where the service refuses them and does not say why.

use serde_json::{Map, Value};

use super::Delivery;
use crate::delivery::queue::Batch;
use crate::error::{Error, Kind, shown};
use crate::http::Outcome;

/// A column, and what its values were, each once, in the order in which they came.
type Seen = Vec<(String, Vec<&'static str>)>;

impl Delivery {
    /// The failure of `batch`, with the columns that were sent where nobody knows the table's.
    pub(super) fn explained(&self, error: Error, outcome: &Outcome, batch: &Batch) -> Error {
        let Outcome::Answered(answer) = outcome else { return error };
        let about_columns = match answer.status {
            400 | 422 => error.kind == Kind::Service,
            404 => error.kind == Kind::NotFound,
            _ => false,
        };
        if self.has_schema || !about_columns {
            return error;
        }
        let new_column = self.sink.adds_columns_by();
        let advice = format!(
            "the rows had the columns {}; pass schema= to have names and types checked before sending; a new column is \
             added {new_column}",
            listed(&batch.body)
        );
        let known = error.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        error.with_hint(format!("{advice}{known}"))
    }
}

/// The columns of all rows of `body`: `` `Id` (int or str) ``.
fn listed(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let rows = body.get("rows").unwrap_or(&body).as_array().map(Vec::as_slice).unwrap_or_default();
    let mut seen = Seen::new();
    rows.iter().filter_map(Value::as_object).for_each(|row| see(&mut seen, row));
    if seen.is_empty() {
        return "of no name".into();
    }
    let columns = seen.iter().map(|(name, kinds)| format!("`{}` ({})", shown(name), kinds.join(" or ")));
    columns.collect::<Vec<_>>().join(", ")
}

fn see(seen: &mut Seen, row: &Map<String, Value>) {
    for (name, value) in row {
        let kind = kind(value);
        match seen.iter_mut().find(|(known, _)| known == name) {
            Some((_, kinds)) if kinds.contains(&kind) => {}
            Some((_, kinds)) => kinds.push(kind),
            None => seen.push((name.clone(), vec![kind])),
        }
    }
}

/// What Python calls it.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "None",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(text) if is_moment(text) => "datetime",
        _ => "str",
    }
}

/// Whether it is written as a date and time goes out: `2026-01-02T03:04:05`.
fn is_moment(text: &str) -> bool {
    let shape = "0000-00-00T00:00:00";
    let fits = |(byte, shape): (u8, u8)| if shape == b'0' { byte.is_ascii_digit() } else { byte == shape };
    text.len() >= shape.len() && text.bytes().zip(shape.bytes()).all(fits)
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn each_column_is_told_with_all_that_its_values_were() {
        let rows =
            br#"{"rows":[{"Id":1,"At":"2026-01-02T03:04:05.123Z"},{"Id":"x","Ok":true,"Share":0.5,"Id2":null}]}"#;
        let columns = "`Id` (int or str), `At` (datetime), `Ok` (bool), `Share` (float), `Id2` (None)";
        assert_eq!(listed(rows), columns);
        assert_eq!(listed(br#"[{"celsius":21}]"#), "`celsius` (int)");
        for empty in ["", "[]", "[{}]"] {
            assert_eq!(listed(empty.as_bytes()), "of no name");
        }
    }
}
