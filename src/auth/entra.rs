//! Microsoft Entra: a service principal and its secret, signed in for each scope once for all clients.
//!
//! ```text
//!  ClientSecret ──(authority, scope)──▶ SignIn ──▶ grant: one POST, and again ──▶ a token | refusal: what to change
//! ```

mod grant;
mod refusal;

use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Url;
use secrecy::SecretString;

use super::Fetching;
use super::slot::{Ask, Slot};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::http::transport::{Transport, is_loopback, origin};
use crate::retry::Retry;

/// Endpoints that serve every tenant: a service principal signs in to its own one.
const NO_TENANTS: [&str; 3] = ["common", "organizations", "consumers"];
const TENANT_HINT: &str = "it is the Directory (tenant) ID on the overview page of the app registration, or a domain of the \
                           tenant such as contoso.onmicrosoft.com";
const CLIENT_HINT: &str = "it is the Application (client) ID on the overview page of the app registration";
const SECRET_HINT: &str = "it is the Value of a secret under Certificates & secrets of the app registration, not its Secret \
                           ID; the Value is shown only when the secret is made, so make a new one if it is gone";

/// A service principal that signs in with a secret, and its tokens.
#[derive(Debug)]
pub struct ClientSecret {
    tenant: String,
    client: String,
    secret: SecretString,
    authority: Option<Url>,
    slots: Mutex<Vec<(Key, Arc<Slot>)>>,
}

/// What tokens must not be shared across, beyond the service principal itself.
#[derive(Debug)]
struct Key {
    /// A forked child begins anew: its parent's tasks do not exist there.
    process: u32,
    authority: Url,
    scope: String,
    clock: Clock,
}

impl ClientSecret {
    /// A service principal of `tenant`; without `authority` the cloud decides who signs it in. Nothing is sent.
    pub fn new(tenant: &str, client: &str, secret: &str, authority: Option<&str>) -> Result<Self> {
        let (tenant, client, secret) = (tenant.trim(), client.trim(), secret.trim());
        // No message repeats a value: the arguments may have been mixed up.
        check_tenant(tenant)?;
        if !is_guid(client) {
            let what = if client.is_empty() { "is empty" } else { "is no GUID" };
            return Err(Error::configuration(format!("`client_id` {what}")).with_hint(CLIENT_HINT));
        }
        check_secret(secret)?;
        let authority = authority.map(read_authority).transpose()?;
        Ok(Self {
            tenant: tenant.to_owned(),
            client: client.to_owned(),
            secret: secret.into(),
            authority,
            slots: Mutex::default(),
        })
    }

    /// The tenant, as it was given.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The app's id.
    #[must_use]
    pub fn client(&self) -> &str {
        &self.client
    }

    /// A sign-in for `scope`; `authority` is the one to ask where the service principal was given none.
    pub fn sign_in(self: &Arc<Self>, authority: &str, scope: &str) -> Result<SignIn> {
        let authority = self.authority.clone().map_or_else(|| read_authority(authority), Ok)?;
        Ok(SignIn { who: Arc::clone(self), authority, scope: scope.to_owned() })
    }
}

/// A service principal, signing in for one scope.
#[derive(Debug, Clone)]
pub struct SignIn {
    who: Arc<ClientSecret>,
    authority: Url,
    scope: String,
}

impl SignIn {
    /// Whether its tokens may go to `root`: those of the real Entra never travel unencrypted.
    pub fn check_destination(&self, root: &Url) -> Result<()> {
        if root.scheme() == "https" || is_loopback(&self.authority) {
            return Ok(());
        }
        Err(Error::configuration("a token of Microsoft Entra is never sent over http")
            .with_hint("an emulator signs in by itself: pass its own credential, or authority= with its address"))
    }

    /// Scheme and host of whoever signs it in.
    #[must_use]
    pub fn authority(&self) -> &Url {
        &self.authority
    }

    /// Where all who sign in this way find their token.
    pub(super) fn slot(&self, clock: &Clock) -> Arc<Slot> {
        let process = std::process::id();
        let mut slots = self.who.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |key: &Key| {
            (key.process, &key.authority, &key.scope) == (process, &self.authority, &self.scope)
                && key.clock.shows_the_time_of(clock)
        };
        if let Some((_, slot)) = slots.iter().find(|(key, _)| same(key)) {
            return Arc::clone(slot);
        }
        let slot = Arc::new(Slot::new(clock.clone()));
        let (authority, scope, clock) = (self.authority.clone(), self.scope.clone(), clock.clone());
        slots.push((Key { process, authority, scope, clock }, Arc::clone(&slot)));
        slot
    }

    pub(super) fn fetch(&self, transport: Transport, retry: Retry, clock: Clock, ask: Ask) -> Fetching {
        Box::pin(grant::fetch(self.clone(), transport, retry, clock, ask))
    }

    /// Where tokens are asked for.
    fn url(&self) -> Url {
        let mut url = self.authority.clone();
        url.set_path(&format!("/{}/oauth2/v2.0/token", self.who.tenant));
        url
    }
}

fn check_tenant(tenant: &str) -> Result<()> {
    let wrong = |why: &str| Err(Error::configuration(format!("`tenant_id` {why}")).with_hint(TENANT_HINT));
    if tenant.is_empty() {
        return wrong("is empty");
    }
    if NO_TENANTS.iter().any(|none| tenant.eq_ignore_ascii_case(none)) {
        return wrong("names no tenant: a service principal signs in to its own");
    }
    let is_named = tenant.starts_with(|first: char| first.is_ascii_alphanumeric());
    if !is_named || !tenant.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.')) {
        return wrong("is neither a GUID nor a domain");
    }
    Ok(())
}

fn check_secret(secret: &str) -> Result<()> {
    let wrong = |why: &str| Err(Error::configuration(format!("`client_secret` {why}")).with_hint(SECRET_HINT));
    if secret.is_empty() {
        return wrong("is empty");
    }
    if is_guid(secret) {
        return wrong("is a GUID, which is the form of a Secret ID");
    }
    if secret.contains(char::is_control) {
        return wrong("has a line break or another control character in it");
    }
    Ok(())
}

fn is_guid(text: &str) -> bool {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// An authority as azure-identity takes it: a host alone is meant to be reached by https.
fn read_authority(text: &str) -> Result<Url> {
    let text = text.trim();
    let text = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    origin("authority", text.trim_end_matches('/'), "https://login.microsoftonline.com, and the tenant as tenant_id")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "contoso.onmicrosoft.com";
    const CLIENT: &str = "11111111-2222-3333-4444-555555555555";
    const CANARY: &str = "canary~8Q~secret";

    fn refusal(tenant: &str, client: &str, secret: &str, authority: Option<&str>) -> Option<(String, String)> {
        let error = ClientSecret::new(tenant, client, secret, authority).err()?;
        Some((error.message, error.hint.unwrap()))
    }

    #[test]
    fn wrong_arguments_are_told_before_anything_is_sent_and_never_repeated() {
        let wrong_tenants =
            ["", " ", "common", "Organizations", "a/b", "..", "a b", "https://login.microsoftonline.com/x", CANARY];
        for tenant in wrong_tenants {
            let (message, hint) = refusal(tenant, CLIENT, CANARY, None).unwrap();
            assert!(message.starts_with("`tenant_id` ") && !message.contains("canary"), "{message}");
            assert_eq!(hint, TENANT_HINT);
        }
        for client in ["", "my app", CANARY, "{11111111-2222-3333-4444-555555555555}"] {
            let (message, hint) = refusal(TENANT, client, CANARY, None).unwrap();
            assert!(message.starts_with("`client_id` ") && !message.contains("canary"), "{message}");
            assert_eq!(hint, CLIENT_HINT);
        }
        for secret in ["", "\n", CLIENT, "8D6C3E5A-0000-4000-8000-00000000000f", "canary\nsecret"] {
            let (message, hint) = refusal(TENANT, CLIENT, secret, None).unwrap();
            assert!(message.starts_with("`client_secret` ") && !message.contains("canary"), "{message}");
            assert_eq!(hint, SECRET_HINT);
        }
    }

    #[test]
    fn an_authority_is_https_or_loopback_and_holds_no_tenant() {
        let wrong =
            ["http://login.microsoftonline.com", "https://u:p@host", "https://host/tenant", "", "ftp://localhost"];
        for authority in wrong {
            let (message, _) = refusal(TENANT, CLIENT, CANARY, Some(authority)).unwrap();
            assert!(message.starts_with("authority "), "{authority}: {message}");
        }
        for (authority, read) in [
            ("login.microsoftonline.us", "https://login.microsoftonline.us/"),
            (" https://login.microsoftonline.us/ ", "https://login.microsoftonline.us/"),
            ("http://127.0.0.1:8765", "http://127.0.0.1:8765/"),
        ] {
            assert_eq!(read_authority(authority).unwrap().as_str(), read);
        }
    }

    #[test]
    fn what_was_pasted_with_white_space_is_taken_without() {
        let who = Arc::new(ClientSecret::new(" contoso.com\n", &format!("{CLIENT}\n"), CANARY, None).unwrap());
        let sign_in = who.sign_in("https://login.microsoftonline.us", "s").unwrap();
        assert_eq!(sign_in.url().as_str(), "https://login.microsoftonline.us/contoso.com/oauth2/v2.0/token");
        assert_eq!((who.tenant(), who.client()), ("contoso.com", CLIENT));
    }

    #[test]
    fn one_sign_in_is_shared_and_different_ones_never_are() {
        let who = Arc::new(ClientSecret::new(TENANT, CLIENT, CANARY, None).unwrap());
        let (clock, other_clock) = (Clock::simulated(), Clock::simulated());
        let slot = |authority: &str, scope: &str, clock| who.sign_in(authority, scope).unwrap().slot(clock);
        let (here, there) = ("https://login.microsoftonline.com", "https://login.microsoftonline.us");
        let one = slot(here, "a", &clock);
        assert!(Arc::ptr_eq(&one, &slot(here, "a", &clock)));
        for other in [slot(there, "a", &clock), slot(here, "b", &clock), slot(here, "a", &other_clock)] {
            assert!(!Arc::ptr_eq(&one, &other));
        }
        let again = Arc::new(ClientSecret::new(TENANT, CLIENT, CANARY, None).unwrap());
        assert!(!Arc::ptr_eq(&one, &again.sign_in(here, "a").unwrap().slot(&clock)));
    }

    #[test]
    fn a_real_token_never_goes_over_http() {
        let who = Arc::new(ClientSecret::new(TENANT, CLIENT, CANARY, None).unwrap());
        let local = Url::parse("http://127.0.0.1:1").unwrap();
        let real = who.sign_in("https://login.microsoftonline.com", "s").unwrap();
        assert!(real.check_destination(&local).is_err());
        assert!(real.check_destination(&Url::parse("https://api.powerbi.com").unwrap()).is_ok());
        for authority in ["http://127.0.0.1:2", "https://localhost:2"] {
            assert!(who.sign_in(authority, "s").unwrap().check_destination(&local).is_ok());
        }
    }

    #[test]
    fn the_secret_is_not_shown() {
        let who = Arc::new(ClientSecret::new(TENANT, CLIENT, CANARY, None).unwrap());
        assert!(!format!("{who:?}").contains("canary"));
    }
}
