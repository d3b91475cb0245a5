//! What all ways of signing in an app have in common: whose app it is, and whom they ask.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use reqwest::Url;

use super::super::account::{FetchContext, TokenSource};
use super::super::{AccessToken, Fetching};
use super::app::App;
use crate::error::Result;

/// A way of signing in an app.
pub(super) trait Way: fmt::Debug + Send + Sync + 'static {
    /// Which one.
    fn app(&self) -> &App;

    /// Whom it asks besides the authority.
    fn asks_besides(&self) -> Option<Url> {
        None
    }

    /// Whether a person may have to do something.
    fn needs_person(&self) -> bool {
        false
    }

    /// Fetches a token.
    fn token(&self, context: &FetchContext) -> impl Future<Output = Result<AccessToken>> + Send;
}

impl<W: Way> TokenSource for W {
    fn tenant(&self) -> Option<&str> {
        Some(self.app().tenant())
    }

    fn client(&self) -> Option<&str> {
        Some(self.app().client())
    }

    fn asks(&self, authority: &Url) -> Vec<Url> {
        [self.app().authority(authority).clone()].into_iter().chain(self.asks_besides()).collect()
    }

    fn needs_person(&self) -> bool {
        Way::needs_person(self)
    }

    fn fetch(self: Arc<Self>, context: FetchContext) -> Fetching {
        Box::pin(async move { self.token(&context).await })
    }
}
