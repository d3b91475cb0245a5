//! What has arrived, asked in DAX: any query, and the two that count a table's rows and show some of them.
//!
//! Source: "Datasets - Execute Queries" and "Datasets - Execute Queries In Group", Power BI REST reference. One query a
//! call, one table a query, at most 100,000 rows, 1,000,000 values or 15 MB.

use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::answers::refusal;
use super::read::unreadable;
use super::{Allowance, Api, TableAt};
use crate::error::{Error, Kind, Result, shown};
use crate::http::{Answer, Refusal};
use crate::rate_limit::{Quotas, RateLimit};

const QUERYING: &str = "querying the dataset";
/// Rows of one answer at most.
pub const MOST_ROWS: u32 = 100_000;
/// What the only column of a count is called.
const COUNT: &str = "[count]";
const SETTING: &str = "the tenant setting \"Dataset Execute Queries REST API\" (Admin portal > Tenant settings > \
                       Integration settings) lets people query datasets by REST; they need the permissions Read and \
                       Build on the dataset";

#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow)]
    results: Vec<Outcome<'a>>,
}

/// What one query came to.
#[derive(Deserialize)]
struct Outcome<'a> {
    #[serde(borrow, default)]
    tables: Vec<Table<'a>>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Table<'a> {
    #[serde(borrow)]
    rows: &'a RawValue,
    error: Option<Value>,
}

impl Api {
    /// `Datasets_ExecuteQueries[InGroup]`: the rows that `dax` gives, as the JSON array that the service wrote: numbers
    /// keep their digits. `quotas` are the client's.
    pub async fn query(&self, workspace: Option<&str>, dataset: &str, dax: &str, quotas: Allowance) -> Result<String> {
        self.refuse_stream(dataset)?;
        let url = self.address(workspace).queries(dataset)?;
        let body = json!({"queries": [{"query": dax}], "serializerSettings": {"includeNulls": true}});
        // Source: the limitations of the operation: 120 requests a minute and user, whatever the dataset.
        let key = format!("{}/executeQueries", self.root.authority());
        let limit = RateLimit::shared(&key, &self.clock, quotas.of_queries());
        let answer = self.attempt(Method::POST, url, Some(&body), QUERYING, Some(&limit)).await;
        let answer = answer.map_err(|setback| of_setting(setback.error))?;
        rows(&answer).map(|rows| rows.get().to_owned())
    }

    /// How many rows a table holds.
    pub async fn count(&self, at: &TableAt, quotas: Allowance) -> Result<u64> {
        let (workspace, dataset, table) = at.parts();
        let dax = format!("EVALUATE ROW(\"count\", COUNTROWS({}))", quoted(table));
        let rows = self.query(workspace, dataset, &dax, quotas).await;
        let rows = match rows {
            Ok(rows) => rows,
            Err(error) => return Err(self.of_table(at, error).await),
        };
        let rows: Vec<Value> = serde_json::from_str(&rows).map_err(|error| unreadable("no rows").caused_by(error))?;
        match rows.first().and_then(|row| row.get(COUNT)) {
            // DAX counts the rows of an empty table as blank.
            Some(Value::Null) => Ok(0),
            Some(count) => count.as_u64().ok_or_else(|| unreadable("the count is no number")),
            None if rows.len() == 1 => Ok(0),
            None => Err(unreadable("the count is missing")),
        }
    }

    /// Some rows of a table, `most` of them and [`MOST_ROWS`] at most, as [`Api::query`] gives them.
    pub async fn head(&self, at: &TableAt, most: u32, quotas: Allowance) -> Result<String> {
        let (workspace, dataset, table) = at.parts();
        let dax = format!("EVALUATE TOPN({most}, {})", quoted(table));
        match self.query(workspace, dataset, &dax, quotas).await {
            Ok(rows) => Ok(rows),
            Err(error) => Err(self.of_table(at, error).await),
        }
    }

    /// What streams only keeps nothing that could be asked for.
    fn refuse_stream(&self, dataset: &str) -> Result<()> {
        if !self.quota(dataset, Quotas::NONE).is_known_to_store_nothing() {
            return Ok(());
        }
        Err(Error::configuration("a dataset of mode Streaming keeps no rows that could be queried")
            .with_hint("create it with mode=\"Push\" or mode=\"PushStreaming\" to read back what has arrived"))
    }

    /// A query of our own that is refused is about its table: it may not be there.
    async fn of_table(&self, at: &TableAt, error: Error) -> Error {
        if error.kind != Kind::Service || error.answer.status != Some(400) {
            return error;
        }
        let mut missing = error.clone();
        missing.kind = Kind::NotFound;
        let told = self.without_table(at, missing).await;
        if told.message == error.message { error } else { told }
    }
}

/// The rows of the one table that was asked for, unless they are not all of them.
fn rows(answer: &Answer) -> Result<&RawValue> {
    let reply: Reply<'_> =
        serde_json::from_slice(&answer.body).map_err(|error| unreadable("it holds no `results`").caused_by(error))?;
    let result = reply.results.into_iter().next().ok_or_else(|| unreadable("it holds no result"))?;
    let mut tables = result.tables.into_iter();
    let table = tables.next();
    let said = result.error.or_else(|| table.as_ref()?.error.clone());
    if let Some(said) = said.filter(|said| !said.is_null()) {
        return Err(cut_off(&said));
    }
    table.map(|table| table.rows).ok_or_else(|| unreadable("it holds no table"))
}

/// The service gives a part of what is too much, and says so beside it.
fn cut_off(said: &Value) -> Error {
    let Refusal { code, message } = refusal::read(json!({"error": said}).to_string().as_bytes(), &[]);
    let words = [code, message].into_iter().flatten().collect::<Vec<_>>().join(": ");
    Error::new(Kind::Service, format!("{QUERYING}: the answer is not whole: {}", shown(&words)))
        .with_hint("one query gives one table of at most 100,000 rows, 1,000,000 values or 15 MB: ask for less")
}

/// A refusal, with the setting that may be behind it.
fn of_setting(error: Error) -> Error {
    if error.kind != Kind::PermissionDenied {
        return error;
    }
    let known = error.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    error.with_hint(format!("{SETTING}{known}"))
}

/// The name of a table as DAX writes it.
fn quoted(table: &str) -> String {
    format!("'{}'", table.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn read(body: &str) -> Result<String> {
        let answer = Answer { body: Bytes::copy_from_slice(body.as_bytes()), ..Answer::of(200) };
        rows(&answer).map(|rows| rows.get().to_owned())
    }

    #[test]
    fn rows_are_handed_on_as_they_were_written() {
        let body = r#"{"results":[{"tables":[{"rows":[{"T[a]":0.10000000000000000001}]}]}]}"#;
        assert_eq!(read(body).unwrap(), r#"[{"T[a]":0.10000000000000000001}]"#);
    }

    #[test]
    fn a_part_of_the_rows_is_no_answer() {
        let error = r#"{"code":"ResultSetTooLarge","message":"more than 100000 rows"}"#;
        for body in [
            format!(r#"{{"results":[{{"tables":[{{"rows":[],"error":{error}}}]}}]}}"#),
            format!(r#"{{"results":[{{"tables":[{{"rows":[]}}],"error":{error}}}]}}"#),
        ] {
            let error = read(&body).unwrap_err();
            assert_eq!(error.kind, Kind::Service);
            assert!(error.message.contains("not whole: ResultSetTooLarge: more than 100000 rows"), "{}", error.message);
        }
    }

    #[test]
    fn what_is_no_answer_to_a_query_is_not_guessed() {
        for body in ["", "[]", "{}", r#"{"results":[]}"#, r#"{"results":[{"tables":[]}]}"#] {
            assert!(read(body).unwrap_err().message.contains("cannot be read"), "{body}");
        }
    }

    #[test]
    fn a_quote_in_a_name_is_written_twice() {
        assert_eq!(quoted("It's"), "'It''s'");
    }
}
