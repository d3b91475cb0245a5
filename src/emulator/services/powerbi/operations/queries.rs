//! Execute Queries: how many rows a table holds, and some of them (facts/powerbi 11). Other queries are unknown here.

use axum::http::StatusCode;
use serde_json::{Value as Json, json};

use super::{Call, table};
use crate::emulator::http::{Answer, JSON};
use crate::emulator::row::Row;
use crate::emulator::services::powerbi::dax::Query;
use crate::emulator::services::powerbi::refusal::Refusal;
use crate::emulator::services::powerbi::rules;
use crate::emulator::services::powerbi::schema::Mode;
use crate::emulator::services::powerbi::store::Table;
use crate::emulator::services::powerbi::usage::Wait;
use crate::emulator::value::Value;

/// What is asked for.
struct Asked {
    query: Query,
    /// Whether a cell without a value is told as null, or left out.
    nulls: bool,
}

impl Call<'_> {
    pub(super) fn execute_queries(&self, id: &str) -> Result<Answer, Refusal> {
        self.check_body(rules::MAX_BODY)?;
        let service = self.service;
        let mut state = service.lock();
        if !state.settings.queries {
            let message = "the tenant setting \"Dataset Execute Queries REST API\" is off";
            return Err(Refusal::new(&rules::QUERIES_ARE_OFF, message));
        }
        if service.limits {
            let window = &mut state.queries[self.principal as usize];
            let time = window.wait(1, rules::QUERIES_A_MINUTE, service.site.now(), &service.assumed);
            if !time.is_zero() {
                return Err(self.over_quota(&Wait::of_requests(time)));
            }
            window.charge(1, service.site.now());
        }
        let asked = Asked::read(&self.request.body)?;
        let dataset = self.push_dataset(&mut state, id)?;
        if dataset.mode == Mode::Streaming {
            return Err(Refusal::new(&rules::NO_STORE, "a dataset that only streams has no store to query"));
        }
        let (Query::Count { table: name, .. } | Query::Top { table: name, .. }) = &asked.query;
        let unknown = |_| Refusal::new(&rules::BAD_QUERY_OF_DAX, format!("Cannot find table '{name}'."));
        let rows = asked.rows(table(dataset, name).map_err(unknown)?);
        let body = format!("\u{FEFF}{{\"results\":[{{\"tables\":[{{\"rows\":[{}]}}]}}]}}", rows.join(","));
        Ok(Answer::empty(StatusCode::OK).with_body(JSON, body))
    }
}

impl Asked {
    fn read(body: &[u8]) -> Result<Self, Refusal> {
        let wrong = |message: &str| Refusal::new(&rules::BAD_QUERIES, message).of("queries");
        let body: Json = serde_json::from_slice(body).map_err(|_| wrong("the body is not JSON"))?;
        let queries = body.get("queries").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        let [query] = queries else { return Err(wrong("there must be exactly one query")) };
        let dax = query.get("query").and_then(Json::as_str).ok_or_else(|| wrong("`query` must be a text"))?;
        let nulls = body.pointer("/serializerSettings/includeNulls").and_then(Json::as_bool).unwrap_or(false);
        let message = "unsupported by the emulator: it answers EVALUATE ROW(\"count\", COUNTROWS('T')) and EVALUATE \
                       TOPN(10, 'T')";
        let query = Query::read(dax).ok_or_else(|| Refusal::new(&rules::BAD_QUERY_OF_DAX, message))?;
        Ok(Self { query, nulls })
    }

    fn rows(&self, table: &Table) -> Vec<String> {
        match &self.query {
            // DAX counts the rows of an empty table as blank.
            Query::Count { name, .. } if table.rows.is_empty() => vec![self.object([(format!("[{name}]"), None)])],
            Query::Count { name, .. } => {
                vec![self.object([(format!("[{name}]"), Some(table.rows.len().to_string()))])]
            }
            Query::Top { most, .. } => table.rows.iter().take(*most).map(|row| self.row(table, row)).collect(),
        }
    }

    fn row(&self, table: &Table, row: &Row) -> String {
        let cells = table.columns.list.iter().map(|column| {
            let value = row.get(&column.name).filter(|value| **value != Value::Null);
            (format!("{}[{}]", table.name, column.name), value.map(written))
        });
        self.object(cells)
    }

    fn object(&self, cells: impl IntoIterator<Item = (String, Option<String>)>) -> String {
        let cells = cells.into_iter().filter(|(_, value)| self.nulls || value.is_some());
        let cells = cells.map(|(name, value)| format!("{}:{}", json!(name), value.as_deref().unwrap_or("null")));
        format!("{{{}}}", cells.collect::<Vec<_>>().join(","))
    }
}

/// A value as JSON has it; a moment without a zone, since a model keeps none (assumed).
fn written(value: &Value) -> String {
    match value {
        Value::Text(text) => json!(text).to_string(),
        Value::DateTime(at) => json!(at.to_string().trim_end_matches('Z')).to_string(),
        other => other.to_string(),
    }
}
