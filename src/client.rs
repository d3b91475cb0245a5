//! A client: one sign-in and one pool of connections to one service, and the lanes that deliver through them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Url;

use crate::auth::{Credential, Tokens};
use crate::clock::Clock;
use crate::courier::{Lane, Policy};
use crate::destination::PushDataset;
use crate::error::Result;
use crate::limit::Limit;
use crate::outbox::Outbox;
use crate::powerbi::Api;
use crate::retry::Retry;
use crate::transport::{Settings, Transport};
use crate::wire::Wire;

/// A client of one Power BI service.
#[derive(Debug)]
pub struct Client {
    api: Api,
    wire: Arc<Wire>,
    clock: Clock,
    retry: Retry,
    /// One for each dataset: its quotas are shared by all of its tables.
    limits: Mutex<HashMap<String, Arc<Limit>>>,
}

impl Client {
    /// Nothing is sent and no token fetched yet.
    pub fn new(root: Url, credential: Credential, settings: &Settings, retry: Retry, clock: Clock) -> Result<Self> {
        let transport = Transport::new(settings, clock.clone())?;
        let wire = Arc::new(Wire::new(transport, Tokens::new(credential, clock.clone())));
        let api = Api::new(Arc::clone(&wire), root, clock.clone(), retry);
        Ok(Self { api, wire, clock, retry, limits: Mutex::default() })
    }

    /// The operations beside rows.
    #[must_use]
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// The clock that everything here goes by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// When this client tries again.
    #[must_use]
    pub fn retry(&self) -> Retry {
        self.retry
    }

    /// A lane to one table.
    #[must_use]
    pub fn lane(
        &self,
        workspace: Option<&str>,
        dataset: &str,
        table: &str,
        outbox: Arc<Outbox>,
        policy: Policy,
    ) -> Lane {
        let destination = PushDataset::new(self.api.address(workspace).rows(dataset, table));
        let limit = self.limit(dataset);
        Lane::new(outbox, destination, Arc::clone(&self.wire), limit, self.clock.clone(), policy)
    }

    fn limit(&self, dataset: &str) -> Arc<Limit> {
        let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Arc::new(Limit::new(self.clock.clone()));
        Arc::clone(limits.entry(dataset.to_ascii_lowercase()).or_insert_with(fresh))
    }
}
