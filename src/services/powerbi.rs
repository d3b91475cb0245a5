//! The Power BI operations: workspaces, datasets and tables, each one plain request and its answer.

mod address;
mod answers;
pub mod client;
mod cloud;
mod create;
mod definition;
mod allowance;
mod lookup;
mod operation;
mod queries;
mod read;
mod rules;
mod sign_in;
pub mod sinks;
mod tables;
mod creation_turns;
mod workspaces;

use std::sync::Arc;

use reqwest::{Method, Url};
use serde::Serialize;

pub use self::address::{Address, base_url, check_name, check_table_name, is_id};
pub use self::allowance::{Allowance, IN_FLIGHT};
pub use self::answers::PowerBi;
pub use self::cloud::{CLOUDS, Cloud, SERVICE};
pub use self::definition::{dataset_json, table_json};
pub use self::lookup::IfExists;
pub use self::queries::MOST_ROWS;
use self::read::{json, values};
pub use self::rules::{TARGET, table_name_problem};
pub use self::sinks::{PushDataset, Streaming, TableAt};
use crate::clock::Clock;
use crate::error::Result;
use crate::http::Exchanges;
use crate::rate_limit::{Quotas, RateLimit, Watch};
use crate::retry::Retry;

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

/// A dataset that was to be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Created {
    /// What there is.
    #[serde(flatten)]
    pub info: DatasetInfo,
    /// Whether it was made for this; else it was there before.
    pub made: bool,
}

/// A workspace as the service lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkspaceInfo {
    /// The service's id.
    pub id: String,
    /// Unique in a tenant, but for personal workspaces.
    pub name: String,
}

/// The operations of one service, for one sign-in.
#[derive(Debug, Clone)]
pub struct Api {
    http: Arc<Exchanges>,
    root: Url,
    clock: Clock,
    retry: Retry,
    limit: RateLimit,
    /// Who is told of waits.
    watch: Arc<dyn Watch>,
}

impl Api {
    /// The operations under `root`, which is scheme and host.
    #[must_use]
    pub fn new(http: Arc<Exchanges>, root: Url, clock: Clock, retry: Retry) -> Self {
        let limit = RateLimit::alone(clock.clone(), Quotas::NONE);
        Self { http, root, clock, retry, limit, watch: Arc::new(()) }
    }

    /// The same, which tell `watch` of their waits.
    #[must_use]
    pub fn watched(&self, watch: Arc<dyn Watch>) -> Self {
        Self { watch, ..self.clone() }
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

    /// What may be sent to a dataset: counted for all of its tables together, whichever client of this process sends.
    #[must_use]
    pub fn quota(&self, dataset: &str, quotas: Quotas) -> RateLimit {
        let host = self.root.authority();
        RateLimit::shared(&format!("{host}/{}", dataset.to_ascii_lowercase()), &self.clock, quotas)
    }

    /// `Datasets_GetDatasets[InGroup]`: every dataset that the caller may see.
    pub async fn datasets(&self, workspace: Option<&str>) -> Result<Vec<DatasetInfo>> {
        let url = self.address(workspace).datasets()?;
        let answer = self.call(Method::GET, url, None, "listing the datasets").await?;
        values(&json(&answer)?)?.iter().map(DatasetInfo::read).collect()
    }

    /// `Datasets_GetDataset[InGroup]`: one dataset by its id.
    pub async fn dataset(&self, workspace: Option<&str>, id: &str) -> Result<DatasetInfo> {
        let url = self.address(workspace).dataset(id)?;
        let answer = self.call(Method::GET, url, None, "looking up the dataset").await?;
        DatasetInfo::read(&json(&answer)?)
    }

    /// `Datasets_DeleteDataset[InGroup]`.
    pub async fn delete_dataset(&self, workspace: Option<&str>, id: &str) -> Result<()> {
        let url = self.address(workspace).dataset(id)?;
        self.call(Method::DELETE, url, None, "deleting the dataset").await?;
        self.quota(id, Quotas::NONE).deleted();
        Ok(())
    }
}
