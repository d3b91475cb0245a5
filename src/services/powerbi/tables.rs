//! The tables of a push dataset: listed, emptied, given another schema, asked for their sequence numbers.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::Value;

use super::definition::table_json;
use super::lookup::listed;
use super::read::{json, property, required, unreadable, values};
use super::{Api, TableAt};
use crate::error::{Error, Kind, Result, shown};
use crate::rate_limit::Quotas;
use crate::rows::schema::Table;

impl Api {
    /// `Datasets_GetTables[InGroup]`: the names of a push dataset's tables; the service promises no more than that.
    pub async fn tables(&self, workspace: Option<&str>, dataset: &str) -> Result<Vec<String>> {
        let url = self.address(workspace).tables(dataset)?;
        let answer = self.call(Method::GET, url, None, "listing the tables").await?;
        values(&json(&answer)?)?.iter().map(|table| required(table, "name")).collect()
    }

    /// `Datasets_DeleteRows[InGroup]`: all rows of a table.
    pub async fn delete_rows(&self, at: &TableAt) -> Result<()> {
        let (workspace, dataset, table) = at.parts();
        let url = self.address(workspace).rows(dataset, table)?;
        let deleted = self.call(Method::DELETE, url, None, "deleting the rows").await;
        match deleted {
            Ok(_) => {
                self.quota(dataset, Quotas::NONE).of_table(table).emptied();
                Ok(())
            }
            Err(error) => Err(self.without_table(at, error).await),
        }
    }

    /// `Datasets_PutTable[InGroup]`: gives the table `name` other columns and measures.
    ///
    /// Microsoft does not say whether the rows are kept, and users report that all of them are deleted. No operation
    /// counts rows, so that the caller has to say that they may go.
    pub async fn update_schema(&self, at: &TableAt, schema: &Table, may_lose_rows: bool) -> Result<()> {
        let (workspace, dataset, name) = at.parts();
        check_update(name, schema, may_lose_rows)?;
        let url = self.address(workspace).table(dataset, name)?;
        match self.call(Method::PUT, url, Some(&table_json(schema)), "updating the table's schema").await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.without_table(at, error).await),
        }
    }

    /// The highest sequence number that the service has taken from each client id.
    ///
    /// The operation is not in Microsoft's reference; the shape of its answer is that of two clients which use it.
    pub async fn sequence_numbers(&self, at: &TableAt) -> Result<BTreeMap<u64, u64>> {
        let (workspace, dataset, table) = at.parts();
        let url = self.address(workspace).sequence_numbers(dataset, table)?;
        match self.call(Method::GET, url, None, "asking for the sequence numbers").await {
            Ok(answer) => read_sequence_numbers(&json(&answer)?),
            Err(error) => {
                let gone = error.kind == Kind::NotFound && error.answer.code.is_none();
                let hint = "Microsoft's reference does not have this operation: the service may offer it no longer";
                let error = if gone { error.with_hint(hint) } else { error };
                Err(self.without_table(at, error).await)
            }
        }
    }

    /// A 404 about a table that the dataset lacks, with those that it has.
    pub(super) async fn without_table(&self, at: &TableAt, mut error: Error) -> Error {
        let (workspace, dataset, table) = at.parts();
        if error.kind != Kind::NotFound {
            return error;
        }
        let Ok(names) = self.tables(workspace, dataset).await else { return error };
        if names.iter().any(|name| name == table) {
            return error;
        }
        let there = listed(names.iter().map(String::as_str), table);
        error.message = format!("{}; the dataset has no table `{}`: {there}", error.message, shown(table));
        error.with_hint("upper and lower case count; the service cannot add a table: create another dataset with it")
    }
}

fn check_update(name: &str, schema: &Table, may_lose_rows: bool) -> Result<()> {
    if schema.name != name {
        let message = format!("table `{}` cannot take the schema of a table `{}`", shown(name), shown(&schema.name));
        return Err(Error::configuration(message)
            .with_hint("the service cannot rename a table: give the schema the table's own name"));
    }
    if !may_lose_rows {
        let message = format!("updating the schema may delete all rows of table `{}`", shown(name));
        return Err(Error::configuration(message).with_hint(
            "pass may_lose_rows=True where that does no harm: the table is empty, or its rows can be pushed again",
        ));
    }
    Ok(())
}

fn read_sequence_numbers(answer: &Value) -> Result<BTreeMap<u64, u64>> {
    let mut numbers = BTreeMap::new();
    if property(answer, "value").is_some_and(Value::is_null) {
        return Ok(numbers);
    }
    for entry in values(answer)? {
        let client = match property(entry, "clientId") {
            None | Some(Value::Null) => Some(0),
            Some(value) => whole(value),
        };
        let client = client.ok_or_else(|| unreadable("a `clientId` is no number"))?;
        let number = property(entry, "sequenceNumber").and_then(whole);
        let number = number.ok_or_else(|| unreadable("a `sequenceNumber` is missing or no number"))?;
        let highest = numbers.entry(client).or_insert(number);
        *highest = number.max(*highest);
    }
    Ok(numbers)
}

/// A whole number that is not negative, as JSON has it or as text: clients disagree about which of them it is.
fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        number => number.as_u64(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Option<Vec<(u64, u64)>> {
        read_sequence_numbers(value).ok().map(|numbers| numbers.into_iter().collect())
    }

    #[test]
    fn sequence_numbers_are_read_as_numbers_and_as_text() {
        let most = u64::MAX;
        let known = json!({"@odata.context": "x", "value": [
            {"clientId": 0, "sequenceNumber": 7}, {"ClientId": " 12 ", "SequenceNumber": "18446744073709551615"},
            {"sequenceNumber": 9}, {"clientId": null, "sequenceNumber": 8},
        ]});
        assert_eq!(read(&known), Some(vec![(0, 9), (12, most)]));
        for none in [json!({"value": []}), json!({"value": null})] {
            assert_eq!(read(&none), Some(vec![]));
        }
    }

    #[test]
    fn what_is_no_number_is_not_guessed() {
        for bad in [
            json!([]),
            json!({}),
            json!({"value": 7}),
            json!({"value": [7]}),
            json!({"value": [{"clientId": 1}]}),
            json!({"value": [{"clientId": 1, "sequenceNumber": -1}]}),
            json!({"value": [{"clientId": 1, "sequenceNumber": 1.5}]}),
            json!({"value": [{"clientId": "a", "sequenceNumber": 1}]}),
            json!({"value": [{"clientId": 1, "sequenceNumber": "99999999999999999999"}]}),
        ] {
            assert_eq!(read(&bad), None, "{bad}");
        }
    }
}
