//! One way to sign in after the other, until one is to be had: the first one that is serves from then on.

use std::sync::{Arc, OnceLock};

use reqwest::Url;

use super::account::{Account, FetchContext, TokenSource};
use super::{AccessToken, Fetching};
use crate::error::{Error, Kind, Result};

const HINT: &str = "set what one of them needs, or pass a credential: a token string, a callable that returns one, a \
                    dict of msal, an object with get_token(scope) such as azure-identity's, or one of this package's";

/// One way of a chain.
#[derive(Debug)]
pub struct Link {
    /// What people call it.
    pub name: String,
    /// How it signs in, or why it cannot.
    pub way: Result<Arc<Account>, String>,
    /// Somebody has set it up: where it fails the chain ends.
    pub decides: bool,
}

/// Several ways, in order.
#[derive(Debug)]
pub struct Chain {
    links: Vec<Link>,
    chosen: OnceLock<usize>,
}

impl Chain {
    /// Nothing is tried yet.
    #[must_use]
    pub fn new(links: Vec<Link>) -> Self {
        Self { links, chosen: OnceLock::new() }
    }

    async fn token(&self, context: &FetchContext) -> Result<AccessToken> {
        if let Some(source) = self.chosen.get().and_then(|place| self.source(*place)) {
            return source.fetch(context.clone()).await;
        }
        let mut said = Vec::new();
        for (place, link) in self.links.iter().enumerate() {
            let source = match self.there(context, link).await {
                Ok(source) => source,
                Err(error) => {
                    said.push(format!("{}: {}", link.name, error.message));
                    continue;
                }
            };
            match source.fetch(context.clone()).await {
                Ok(token) => {
                    // Another one may have been as fast; both are good.
                    let _ = self.chosen.set(place);
                    return Ok(token);
                }
                Err(error) if link.decides => return Err(error),
                Err(error) => said.push(format!("{}: {}", link.name, error.message)),
            }
        }
        let message = format!("no way to sign in was found. {}", said.join(". "));
        Err(Error::new(Kind::Authentication, message).with_hint(HINT))
    }

    /// The source of a link, unless there is none here.
    async fn there(&self, context: &FetchContext, link: &Link) -> Result<Arc<dyn TokenSource>> {
        let account = link.way.as_ref().map_err(|why| Error::new(Kind::Authentication, why.clone()))?;
        Arc::clone(account.source()).probe(context.clone()).await?;
        Ok(Arc::clone(account.source()))
    }

    fn source(&self, place: usize) -> Option<Arc<dyn TokenSource>> {
        self.links.get(place)?.way.as_ref().ok().map(|account| Arc::clone(account.source()))
    }

    fn sources(&self) -> impl Iterator<Item = &Arc<dyn TokenSource>> {
        self.links.iter().filter_map(|link| link.way.as_ref().ok()).map(|account| account.source())
    }
}

impl TokenSource for Chain {
    fn asks(&self, authority: &Url) -> Vec<Url> {
        self.sources().flat_map(|source| source.asks(authority)).collect()
    }

    fn needs_person(&self) -> bool {
        self.sources().any(|source| source.needs_person())
    }

    fn fetch(self: Arc<Self>, context: FetchContext) -> Fetching {
        Box::pin(async move { self.token(&context).await })
    }
}
