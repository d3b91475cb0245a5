//! Who signs in, by whichever way: a source of tokens, and the newest token of each scope that it was asked for.
//!
//! ```text
//!  Account ──(authority, scope)──▶ SignIn ──▶ cache ──▶ source: a file of this folder per way ──▶ a token
//! ```

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Url;

use super::Fetching;
use super::audience::Service;
use super::token_cache::{FetchHint, TokenCache};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::http::transport::{Transport, is_loopback};
use crate::retry::Retry;

/// One way to come by tokens.
pub trait TokenSource: fmt::Debug + Send + Sync {
    /// The tenant that it signs in to, where it is named.
    fn tenant(&self) -> Option<&str> {
        None
    }

    /// The app's id, where there is one.
    fn client(&self) -> Option<&str> {
        None
    }

    /// Whom it asks over the network; `authority` is the one of the cloud, for those that were given none.
    fn asks(&self, authority: &Url) -> Vec<Url>;

    /// Whether a person may have to do something, and is told so by a function of Python's.
    fn needs_person(&self) -> bool {
        false
    }

    /// Whether it is to be had here at all, where that is found out sooner than a token is fetched.
    fn probe(self: Arc<Self>, _context: FetchContext) -> Probing {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Fetches a token.
    fn fetch(self: Arc<Self>, context: FetchContext) -> Fetching;
}

/// A probe on its way.
pub(super) type Probing = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// What a source needs to know and to have, to fetch one token.
#[derive(Debug, Clone)]
pub struct FetchContext {
    /// Scheme and host of the authority of the cloud.
    pub(super) authority: Url,
    pub(super) scope: String,
    /// Whom people sign in for, which is what hints are about.
    pub(super) service: &'static Service,
    pub(super) transport: Transport,
    pub(super) retry: Retry,
    pub(super) clock: Clock,
    pub(super) hint: FetchHint,
}

impl FetchContext {
    /// The resource behind the scope, as those say it who know no scopes.
    pub(super) fn resource(&self) -> &str {
        self.scope.strip_suffix("/.default").unwrap_or(&self.scope)
    }
}

/// Who signs in, and the tokens that it has.
#[derive(Debug)]
pub struct Account {
    source: Arc<dyn TokenSource>,
    caches: Mutex<Vec<(Key, Arc<TokenCache>)>>,
}

/// What tokens must not be shared across, beyond the account itself.
#[derive(Debug)]
struct Key {
    /// A forked child begins anew: its parent's tasks do not exist there.
    process: u32,
    authority: Url,
    scope: String,
    clock: Clock,
}

impl Account {
    /// Whoever signs in by `source`. Nothing is sent.
    #[must_use]
    pub fn new(source: impl TokenSource + 'static) -> Self {
        Self { source: Arc::new(source), caches: Mutex::default() }
    }

    /// How it signs in.
    #[must_use]
    pub fn source(&self) -> &Arc<dyn TokenSource> {
        &self.source
    }

    /// A sign-in for `scope`, to use `service`; `authority` is the cloud's own one.
    pub fn sign_in(self: &Arc<Self>, authority: &str, scope: &str, service: &'static Service) -> Result<SignIn> {
        let authority = super::entra::read_authority(authority)?;
        Ok(SignIn { account: Arc::clone(self), authority, scope: scope.to_owned(), service })
    }
}

/// An account, signing in for one scope.
#[derive(Debug, Clone)]
pub struct SignIn {
    account: Arc<Account>,
    authority: Url,
    scope: String,
    service: &'static Service,
}

impl SignIn {
    /// Whether its tokens may go to `root`: those of the real Entra never travel unencrypted.
    pub fn check_destination(&self, root: &Url) -> Result<()> {
        if root.scheme() == "https" || self.asks().iter().all(is_loopback) {
            return Ok(());
        }
        Err(Error::configuration("a token of Microsoft Entra is never sent over http")
            .with_hint("an emulator signs in by itself: pass its own credential, or authority= with its address"))
    }

    /// Whom it asks over the network.
    #[must_use]
    pub fn asks(&self) -> Vec<Url> {
        self.account.source.asks(&self.authority)
    }

    /// Whether a function of Python's may be called for it.
    #[must_use]
    pub fn needs_person(&self) -> bool {
        self.account.source.needs_person()
    }

    /// Where all who sign in this way find their token.
    pub(super) fn cache(&self, clock: &Clock) -> Arc<TokenCache> {
        let process = std::process::id();
        let mut caches = self.account.caches.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |key: &Key| {
            (key.process, &key.authority, &key.scope) == (process, &self.authority, &self.scope)
                && key.clock.shows_the_time_of(clock)
        };
        if let Some((_, cache)) = caches.iter().find(|(key, _)| same(key)) {
            return Arc::clone(cache);
        }
        let cache = Arc::new(TokenCache::new(clock.clone()));
        let (authority, scope, clock) = (self.authority.clone(), self.scope.clone(), clock.clone());
        caches.push((Key { process, authority, scope, clock }, Arc::clone(&cache)));
        cache
    }

    pub(super) fn fetch(&self, transport: Transport, retry: Retry, clock: Clock, hint: FetchHint) -> Fetching {
        let (authority, scope) = (self.authority.clone(), self.scope.clone());
        let service = self.service;
        Arc::clone(&self.account.source).fetch(FetchContext {
            authority,
            scope,
            service,
            transport,
            retry,
            clock,
            hint,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::ClientSecret;
    use super::*;

    const TENANT: &str = "contoso.onmicrosoft.com";
    const CLIENT: &str = "11111111-2222-3333-4444-555555555555";
    static TOYS: Service = Service { name: "Toys", portal: "Toys", id: "7", public: "https://toys", path: "/toys" };
    const HERE: &str = "https://login.microsoftonline.com";

    fn account(authority: Option<&str>) -> Arc<Account> {
        Arc::new(Account::new(ClientSecret::new(TENANT, CLIENT, "a secret", authority).unwrap()))
    }

    #[test]
    fn one_sign_in_is_shared_and_different_ones_never_are() {
        let who = account(None);
        let (clock, other_clock) = (Clock::simulated(), Clock::simulated());
        let cache = |authority: &str, scope: &str, clock| who.sign_in(authority, scope, &TOYS).unwrap().cache(clock);
        let there = "https://login.microsoftonline.us";
        let one = cache(HERE, "a", &clock);
        assert!(Arc::ptr_eq(&one, &cache(HERE, "a", &clock)));
        for other in [cache(there, "a", &clock), cache(HERE, "b", &clock), cache(HERE, "a", &other_clock)] {
            assert!(!Arc::ptr_eq(&one, &other));
        }
        assert!(!Arc::ptr_eq(&one, &account(None).sign_in(HERE, "a", &TOYS).unwrap().cache(&clock)));
    }

    #[test]
    fn a_real_token_never_goes_over_http() {
        let local = Url::parse("http://127.0.0.1:1").unwrap();
        let real = account(None).sign_in(HERE, "s", &TOYS).unwrap();
        assert!(real.check_destination(&local).is_err());
        assert!(real.check_destination(&Url::parse("https://api.powerbi.com").unwrap()).is_ok());
        for authority in ["http://127.0.0.1:2", "https://localhost:2"] {
            assert!(account(Some(authority)).sign_in(HERE, "s", &TOYS).unwrap().check_destination(&local).is_ok());
            assert!(account(None).sign_in(authority, "s", &TOYS).unwrap().check_destination(&local).is_ok());
        }
    }
}
