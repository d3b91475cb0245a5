//! The Power BI operations: workspaces, datasets and tables, each one plain request and its answer.

mod address;
mod cloud;
mod lookup;
mod operation;

use std::sync::Arc;

use reqwest::{Method, Url};
use serde::Serialize;
use serde_json::Value;

pub use self::address::{Address, base_url, check_table_name, is_id};
pub use self::cloud::Cloud;
pub use self::lookup::IfExists;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::limit::{Limit, Quotas};
use crate::retry::Retry;
use crate::schema::{Dataset, dataset_json};
use crate::wire::{Answer, Wire};

/// A dataset as the service lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DatasetInfo {
    /// The service's id.
    pub id: String,
    /// Names are not unique.
    pub name: String,
    /// Whether rows can be pushed (`addRowsAPIEnabled`).
    pub accepts_rows: bool,
    /// Where a person can look at it.
    pub web_url: Option<String>,
}

/// A workspace as the service lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkspaceInfo {
    /// The service's id.
    pub id: String,
    /// Unique in a tenant, but for personal workspaces.
    pub name: String,
}

/// Workspaces asked for at once. The service does not say how many it gives unasked.
const PAGE: usize = 1_000;

/// The operations of one service, for one sign-in.
#[derive(Debug)]
pub struct Api {
    wire: Arc<Wire>,
    root: Url,
    clock: Clock,
    retry: Retry,
    limit: Limit,
}

impl Api {
    /// The operations under `root`, which is scheme and host.
    #[must_use]
    pub fn new(wire: Arc<Wire>, root: Url, clock: Clock, retry: Retry) -> Self {
        let limit = Limit::alone(clock.clone(), Quotas::NONE);
        Self { wire, root, clock, retry, limit }
    }

    /// Scheme and host.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.root.as_str().trim_end_matches('/').to_owned()
    }

    /// Where things are, in a workspace or in My workspace.
    #[must_use]
    pub fn address(&self, workspace: Option<&str>) -> Address {
        Address::new(&self.root, workspace)
    }

    /// `Groups_GetGroups`: every workspace that the caller may see, My workspace apart; page after page.
    pub async fn workspaces(&self) -> Result<Vec<WorkspaceInfo>> {
        let mut found = Vec::new();
        loop {
            let url = self.address(None).groups(PAGE, found.len());
            let answer = self.call(Method::GET, url, None, "listing the workspaces").await?;
            let page = json(&answer)?;
            let page = values(&page)?;
            for one in page {
                found.push(WorkspaceInfo { id: required(one, "id")?, name: required(one, "name")? });
            }
            if page.len() < PAGE {
                return Ok(found);
            }
        }
    }

    /// `Datasets_PostDataset[InGroup]`: creates a dataset and answers what the service made of it.
    pub async fn create_dataset(&self, workspace: Option<&str>, dataset: &Dataset) -> Result<DatasetInfo> {
        let url = self.address(workspace).create(dataset.retention.as_deref());
        let answer = self.call(Method::POST, url, Some(&dataset_json(dataset)), "creating the dataset").await?;
        let info = DatasetInfo::read(&json(&answer)?)?;
        let fifo = dataset.retention.as_deref().is_some_and(|policy| policy.eq_ignore_ascii_case("basicFIFO"));
        self.quota(&info.id, Quotas::NONE).made(dataset.tables.iter().map(|table| table.name.as_str()), fifo);
        Ok(DatasetInfo { accepts_rows: true, ..info })
    }

    /// What may be sent to a dataset: counted for all of its tables together, whichever client of this process sends.
    #[must_use]
    pub fn quota(&self, dataset: &str, quotas: Quotas) -> Limit {
        let host = self.root.authority();
        Limit::shared(&format!("{host}/{}", dataset.to_ascii_lowercase()), &self.clock, quotas)
    }

    /// `Datasets_GetDatasets[InGroup]`: every dataset that the caller may see.
    pub async fn datasets(&self, workspace: Option<&str>) -> Result<Vec<DatasetInfo>> {
        let url = self.address(workspace).datasets();
        let answer = self.call(Method::GET, url, None, "listing the datasets").await?;
        values(&json(&answer)?)?.iter().map(DatasetInfo::read).collect()
    }

    /// `Datasets_GetDataset[InGroup]`: one dataset by its id.
    pub async fn dataset(&self, workspace: Option<&str>, id: &str) -> Result<DatasetInfo> {
        let url = self.address(workspace).dataset(id);
        let answer = self.call(Method::GET, url, None, "looking up the dataset").await?;
        DatasetInfo::read(&json(&answer)?)
    }

    /// `Datasets_DeleteDataset[InGroup]`.
    pub async fn delete_dataset(&self, workspace: Option<&str>, id: &str) -> Result<()> {
        let url = self.address(workspace).dataset(id);
        self.call(Method::DELETE, url, None, "deleting the dataset").await?;
        self.quota(id, Quotas::NONE).deleted();
        Ok(())
    }

    /// `Datasets_GetTables[InGroup]`: the names of a push dataset's tables; the service promises no more than that.
    pub async fn tables(&self, workspace: Option<&str>, dataset: &str) -> Result<Vec<String>> {
        let url = self.address(workspace).tables(dataset);
        let answer = self.call(Method::GET, url, None, "listing the tables").await?;
        values(&json(&answer)?)?.iter().map(|table| required(table, "name")).collect()
    }

    /// `Datasets_DeleteRows[InGroup]`: all rows of a table.
    pub async fn delete_rows(&self, workspace: Option<&str>, dataset: &str, table: &str) -> Result<()> {
        let url = self.address(workspace).rows(dataset, table);
        self.call(Method::DELETE, url, None, "deleting the rows").await?;
        self.quota(dataset, Quotas::NONE).of_table(table).emptied();
        Ok(())
    }
}

impl DatasetInfo {
    fn read(value: &Value) -> Result<Self> {
        Ok(Self {
            id: required(value, "id")?,
            name: required(value, "name")?,
            accepts_rows: property(value, "addRowsAPIEnabled").and_then(Value::as_bool).unwrap_or(false),
            web_url: property(value, "webUrl").and_then(Value::as_str).map(str::to_owned),
        })
    }
}

/// A property in any case: the service's own documents do not agree on it.
fn property<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let exact = object.get(name);
    exact.or_else(|| object.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

fn required(object: &Value, name: &str) -> Result<String> {
    let text = property(object, name).and_then(Value::as_str).map(str::to_owned);
    text.ok_or_else(|| unreadable(&format!("it lacks `{name}`")))
}

fn values(list: &Value) -> Result<&Vec<Value>> {
    property(list, "value").and_then(Value::as_array).ok_or_else(|| unreadable("it lacks `value`"))
}

fn json(answer: &Answer) -> Result<Value> {
    serde_json::from_slice(&answer.body).map_err(|error| unreadable("it is not JSON").caused_by(error))
}

fn unreadable(why: &str) -> Error {
    Error::new(Kind::Service, format!("the service's answer cannot be read: {why}"))
        .with_hint("check base_url=: something else than Power BI may be answering there")
}
