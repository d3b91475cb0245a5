//! Clients: a sign-in or a push URL with its pool of connections, and the routes on which rows leave through them.

use std::sync::Arc;

use reqwest::Url;

use super::sign_in::Bearer;
use super::{Allowance, Api, PowerBi, PushDataset, Streaming, TableAt};
use crate::auth::{Audience, Credential, Tokens};
use crate::clock::Clock;
use crate::delivery::Route;
use crate::error::Result;
use crate::http::Exchanges;
use crate::http::transport::{Settings, Transport};
use crate::rate_limit::{RateLimit, Watch};
use crate::retry::Retry;

/// The route to the only table of a streaming dataset. Its push URL needs no sign-in.
pub fn to_push_url(
    streaming: Streaming,
    settings: &Settings,
    retry: Retry,
    quotas: Allowance,
    clock: Clock,
) -> Result<Route> {
    let transport = Transport::new(settings, clock.clone())?;
    let http = Arc::new(Exchanges::new(transport, Arc::new(PowerBi { by_key: true })));
    let limit = RateLimit::shared(&streaming.limit_key(), &clock, streaming.quotas(quotas));
    Ok(Route { sink: Arc::new(streaming), place: "the push URL".into(), http, limit, clock, retry })
}

/// A client of one Power BI service.
#[derive(Debug, Clone)]
pub struct Client {
    api: Api,
    http: Arc<Exchanges>,
    tokens: Arc<Tokens>,
    clock: Clock,
    retry: Retry,
    quotas: Allowance,
}

impl Client {
    /// Nothing is sent and no token fetched yet; none will be sent that says it is for another `audience`.
    pub fn new(
        root: Url,
        credential: Credential,
        settings: &Settings,
        retry: Retry,
        quotas: Allowance,
        clock: Clock,
        audience: Option<Audience>,
    ) -> Result<Self> {
        settings.check_way(&root)?;
        if let Credential::SignIn(sign_in) = &credential {
            sign_in.check_destination(&root)?;
            sign_in.asks().iter().try_for_each(|url| settings.check_way(url))?;
        }
        let transport = Transport::new(settings, clock.clone())?;
        let tokens = Tokens::new(credential, transport.clone(), retry, clock.clone());
        let tokens = Arc::new(match audience {
            Some(audience) => tokens.meant_for(audience),
            None => tokens,
        });
        let http = Exchanges::new(transport, Arc::new(PowerBi { by_key: false }));
        let http = Arc::new(http.signed_by(Arc::new(Bearer(Arc::clone(&tokens)))));
        let api = Api::new(Arc::clone(&http), root, clock.clone(), retry);
        Ok(Self { api, http, tokens, clock, retry, quotas })
    }

    /// The same, whose operations tell `watch` of their waits.
    #[must_use]
    pub fn watched(&self, watch: Arc<dyn Watch>) -> Self {
        Self { api: self.api.watched(watch), ..self.clone() }
    }

    /// The operations beside rows.
    #[must_use]
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// What may be sent.
    #[must_use]
    pub fn quotas(&self) -> Allowance {
        self.quotas
    }

    /// The sign-in.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The route to one table.
    pub fn route(&self, at: &TableAt) -> Result<Route> {
        let sink = Arc::new(PushDataset::new(self.api.clone(), at.clone())?);
        let place = format!("table `{}`", at.table);
        let limit = self.api.quota(&at.dataset, self.quotas.of_dataset()).of_table(&at.table);
        Ok(Route { sink, place, http: Arc::clone(&self.http), limit, clock: self.clock.clone(), retry: self.retry })
    }
}
