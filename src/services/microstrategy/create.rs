//! Datasets made and updated: the model alone, or with its rows in one request.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::json;

use super::Policy;
use super::address::below;
use super::client::Client;
use super::datasets::{Info, TableInfo};
use super::model::{Model, headers};
use super::operation::{Call, Setback};
use super::read::{json, required};
use super::unpublished::Unpublished;
use crate::error::Result;

/// The header that says what becomes of keys that are there already.
const POLICY: HeaderName = HeaderName::from_static("updatepolicy");

const CREATING: &str = "creating the dataset";
const NOT_KNOWN: &str = "whether the dataset was made is not known: look for its name with client.datasets()";

impl Client {
    /// `POST datasets/models`: the model alone. Asked twice it would make two, so that it is not repeated.
    pub async fn define(&self, model: &Model) -> Result<Info> {
        let call = Call::new(Method::POST, below(&self.root, &["datasets", "models"])?, CREATING);
        let call = self.within(call.with(&model.many())).await?;
        let answer = self.call_again(call).await.map_err(doubted)?;
        let id = json(&answer).and_then(|answer| required(&answer, &["id", "datasetId"]));
        Ok(Info { id: id.map_err(|error| error.with_hint(NOT_KNOWN))?, name: model.name().to_owned() })
    }

    /// `POST datasets`: the model and the rows of its only table, which are published with it. `rows` is their JSON.
    pub async fn create_whole(&self, model: &Model, rows: &[u8]) -> Result<Info, Unpublished> {
        let call = Call::new(Method::POST, below(&self.root, &["datasets"])?, CREATING);
        let call = self.within(call.with(&model.one(&STANDARD.encode(rows)))).await?;
        let answer = self.call_again(call).await?;
        let answer = json(&answer).map_err(Unpublished::doubt)?;
        let id = required(&answer, &["datasetId", "id"]).map_err(Unpublished::doubt)?;
        Ok(Info { id, name: model.name().to_owned() })
    }

    /// `PATCH datasets/{id}/tables/{table}`: updates a table of a dataset that was made in one request, and publishes it.
    pub async fn patch(&self, id: &str, table: &TableInfo, policy: Policy, rows: &[u8]) -> Result<(), Unpublished> {
        let url = below(&self.root, &["datasets", id, "tables", &table.name])?;
        let data = STANDARD.encode(rows);
        let body = json!({"name": table.name, "columnHeaders": headers(&table.columns), "data": data});
        let mut call = Call::new(Method::PATCH, url, "updating the table").with(&body);
        call.headers.push((POLICY, HeaderValue::from_static(policy.word())));
        call.headers.push((reqwest::header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
        // With these policies twice comes to the same as once.
        call.repeatable = policy != Policy::Add;
        let call = self.within(call).await?;
        self.call_again(call).await?;
        Ok(())
    }
}

fn doubted(setback: Setback) -> crate::error::Error {
    if setback.in_doubt { setback.error.with_hint(NOT_KNOWN) } else { setback.error }
}
