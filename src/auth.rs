//! Access tokens: fetched when needed, kept while they last, refreshed once for many waiters.
//!
//! ```text
//!  http exchange ──▶ tokens ──▶ cache ──▶ a token string | the user's own function | a source ──▶ transport
//!                    (client)   (sign-in: several clients may share one)
//! ```

mod account;
mod audience;
mod azure_cli;
mod chain;
mod challenge;
mod entra;
mod exchange;
mod jwt;
mod managed_identity;
mod pasted;
mod token_cache;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;

pub use self::account::{Account, FetchContext, SignIn, TokenSource};
pub use self::audience::{Audience, Service};
pub use self::azure_cli::AzureCli;
pub use self::chain::{Chain, Link};
pub use self::challenge::claims;
pub use self::entra::{
    Browser, Cache, Certificate, ClientSecret, Code, DeviceCode, Login, Open, Prompt, Voucher, WorkloadIdentity,
};
pub use self::managed_identity::ManagedIdentity;
pub use self::pasted::bare;
use self::token_cache::{FetchHint, TokenCache};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::http::transport::Transport;
use crate::retry::Retry;

/// A token as a credential hands it out.
#[derive(Debug, Clone)]
pub struct AccessToken {
    /// The token.
    pub secret: SecretString,
    /// When it ends, where that is known.
    pub expires: Option<SystemTime>,
    /// When the next one should be fetched though this one is still good, where the authority says so.
    pub refresh_at: Option<SystemTime>,
}

impl AccessToken {
    /// A token that ends at `expires`, where that is known.
    #[must_use]
    pub fn new(secret: SecretString, expires: Option<SystemTime>) -> Self {
        Self { secret, expires, refresh_at: None }
    }

    /// A token whose end is read from the token itself, if it says so.
    #[must_use]
    pub fn reading_expiry(secret: SecretString) -> Self {
        let expires = jwt::expiry(&secret);
        Self::new(secret, expires)
    }

    /// Refuses a text that cannot be a token, for the reason that it tells of `what`; `kind` says whose mistake it is.
    pub fn check(&self, kind: Kind, what: &str) -> Result<()> {
        pasted::flaw(self.secret.expose_secret()).map_or(Ok(()), |flaw| {
            Err(Error::new(kind, format!("{what} {flaw}"))
                .with_hint("a token is one line of letters, digits, dots, dashes and underscores; copy it whole"))
        })
    }

    /// Whether it can be read: access tokens of Microsoft Entra are JSON Web Tokens, and nothing else is.
    #[must_use]
    pub fn is_json_web_token(&self) -> bool {
        jwt::claims(&self.secret).is_some()
    }

    /// Whether the token says of itself that it is an application's own, with no user behind it. Nothing is verified.
    #[must_use]
    pub fn is_application(&self) -> bool {
        jwt::is_application(&self.secret)
    }
}

/// A token on its way, wherever it comes from.
pub type Fetching = Pin<Box<dyn Future<Output = Result<AccessToken>> + Send>>;

/// Where tokens come from.
#[derive(Clone)]
pub enum Credential {
    /// A fixed token, used until it ends.
    Token(AccessToken),
    /// Something that can fetch another one at any time; it is told what the service wants of it.
    Fetch(Arc<dyn Fn(Option<Arc<str>>) -> Fetching + Send + Sync>),
    /// One of our own ways to sign in.
    SignIn(SignIn),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token(_)",
            Self::Fetch(_) => "Fetch(_)",
            Self::SignIn(_) => "SignIn(_)",
        })
    }
}

/// A token in use, and which one it is.
#[derive(Debug, Clone)]
pub struct Token {
    /// What goes into the header.
    pub access: AccessToken,
    /// Rises with each token fetched.
    pub generation: u64,
}

/// What a token tells about itself, unverified.
#[derive(Debug, Clone, Serialize)]
pub struct TokenClaims {
    /// The claims of a JSON Web Token; `None` for other tokens.
    pub claims: Option<Value>,
    /// Whom it is for, where that is somebody else, and what to do about that.
    pub astray: Option<(String, String)>,
    /// Whether it says that it is an application's own, with no user behind it.
    pub application: bool,
    /// When it ends, as far as the credential knows, in seconds since 1970.
    pub expires: Option<u64>,
    /// The calendar's now, as this client knows it, in seconds since 1970.
    pub now: u64,
}

/// A client's way to its tokens: the credential, and the client's own means of asking for one.
#[derive(Debug)]
pub struct Tokens {
    credential: Credential,
    cache: Arc<TokenCache>,
    transport: Transport,
    retry: Retry,
    clock: Clock,
    /// Whom they must be for, where that is known.
    audience: Option<Audience>,
    /// The last one that was for somebody else: `tell` tells of it.
    astray: Arc<Mutex<Option<AccessToken>>>,
}

impl Tokens {
    /// No token is fetched before the first request.
    #[must_use]
    pub fn new(credential: Credential, transport: Transport, retry: Retry, clock: Clock) -> Self {
        let cache = match &credential {
            Credential::SignIn(sign_in) => sign_in.cache(&clock),
            _ => Arc::new(TokenCache::new(clock.clone())),
        };
        Self { credential, cache, transport, retry, clock, audience: None, astray: Arc::default() }
    }

    /// The same, which refuses tokens for somebody else.
    #[must_use]
    pub fn meant_for(self, audience: Audience) -> Self {
        Self { audience: Some(audience), ..self }
    }

    /// The token to send with.
    pub async fn current(&self) -> Result<Token> {
        match &self.credential {
            Credential::Token(token) if token.expires.is_some_and(|expires| expires <= self.clock.wall()) => {
                Err(expired())
            }
            Credential::Token(token) => {
                self.check(token)?;
                Ok(Token { access: token.clone(), generation: 0 })
            }
            _ => {
                let token = self.cache.current(&|hint| self.fetch(hint)).await?;
                self.check(&token.access)?;
                Ok(token)
            }
        }
    }

    /// Refuses what need not be sent: the service would not say what is wrong with it.
    fn check(&self, token: &AccessToken) -> Result<()> {
        sendable(token)?;
        self.audience.as_ref().map_or(Ok(()), |audience| audience.check(token))
    }

    /// Replaces the token that the service refused, unless somebody has done so already; `false` where there is no other.
    pub async fn replace(&self, refused: u64) -> Result<bool> {
        if let Credential::Token(_) = self.credential {
            return Ok(false);
        }
        self.cache.replace(refused, &|hint| self.fetch(hint)).await.map(|()| true)
    }

    /// Hears what the service wants of the next token.
    pub fn challenge(&self, claims: &str) {
        self.cache.challenge(claims);
    }

    /// A new token that has what `claims` says.
    pub async fn demand(&self, claims: &str) -> Result<Token> {
        self.cache.demand(claims);
        self.current().await
    }

    /// What the token tells about itself; a token string may have ended already.
    pub async fn tell(&self) -> Result<TokenClaims> {
        let access = match &self.credential {
            Credential::Token(token) => token.clone(),
            _ => self.at_hand().await?,
        };
        let astray = self.audience.as_ref().and_then(|audience| {
            let meant = audience.missed_by(&access)?;
            let advice = audience.advice(&meant);
            Some((meant, advice))
        });
        let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Ok(TokenClaims {
            claims: jwt::claims(&access.secret),
            astray,
            application: access.is_application(),
            expires: access.expires.map(seconds),
            now: seconds(self.clock.wall()),
        })
    }

    /// The token that the credential gives, be it for somebody else.
    async fn at_hand(&self) -> Result<AccessToken> {
        let current = self.cache.current(&|hint| self.fetch(hint)).await;
        let astray = self.astray.lock().unwrap_or_else(PoisonError::into_inner).take();
        current.map(|token| token.access).or_else(|error| astray.ok_or(error))
    }

    /// Fetches a token, which is judged before anybody keeps it.
    fn fetch(&self, hint: FetchHint) -> Fetching {
        let fetching = match &self.credential {
            Credential::Token(token) => Box::pin(std::future::ready(Ok(token.clone()))),
            Credential::Fetch(fetch) => fetch(hint.claims),
            Credential::SignIn(sign_in) => sign_in.fetch(self.transport.clone(), self.retry, self.clock.clone(), hint),
        };
        let (audience, astray) = (self.audience.clone(), Arc::clone(&self.astray));
        let set_astray = move |token| *astray.lock().unwrap_or_else(PoisonError::into_inner) = token;
        Box::pin(async move {
            let token = fetching.await?;
            token.check(Kind::Authentication, "the access token that the credential gave")?;
            sendable(&token)?;
            set_astray(None);
            if let Some(audience) = audience {
                audience.check(&token).inspect_err(|_| set_astray(Some(token.clone())))?;
            }
            Ok(token)
        })
    }
}

/// A text with a line end in it could say more than a token to the service.
fn sendable(token: &AccessToken) -> Result<()> {
    if HeaderValue::from_bytes(token.secret.expose_secret().as_bytes()).is_ok() {
        return Ok(());
    }
    Err(Error::new(Kind::Authentication, "the access token has characters that no HTTP header can carry")
        .with_hint("a token is one line of letters, digits, dots, dashes and underscores"))
}

fn expired() -> Error {
    Error::new(Kind::Authentication, "the access token has ended").with_hint(
        "a token string lasts about an hour: pass a credential that can fetch another, such as ClientSecretCredential \
         or azure-identity's",
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;
    use crate::http::transport::Settings;

    const SERVICE: Service =
        Service { name: "Rows", id: "7", public: "https://rows.example", path: "/rows", portal: "Rows Service" };

    fn transport(clock: &Clock) -> Transport {
        let settings = Settings { timeout: Duration::from_secs(1), proxy: None, ca_bundle: None };
        Transport::new(&settings, clock.clone()).unwrap()
    }

    /// A token for `audience` that lasts an hour.
    fn token_for(audience: &str, clock: &Clock) -> AccessToken {
        let claims = URL_SAFE_NO_PAD.encode(format!("{{\"aud\":\"{audience}\"}}"));
        let ends = clock.wall() + Duration::from_secs(3600);
        AccessToken::new(format!("e30.{claims}.c2ln").into(), Some(ends))
    }

    #[tokio::test]
    async fn a_token_for_somebody_else_is_never_kept() {
        let clock = Clock::simulated();
        let whom = Arc::new(Mutex::new("https://rows.example"));
        let asked = Arc::new(Mutex::new(0));
        let credential = {
            let (whom, asked, clock) = (Arc::clone(&whom), Arc::clone(&asked), clock.clone());
            Credential::Fetch(Arc::new(move |_| {
                *asked.lock().unwrap() += 1;
                let token = token_for(*whom.lock().unwrap(), &clock);
                Box::pin(std::future::ready(Ok(token)))
            }))
        };
        let scope = "https://rows.example/.default".to_owned();
        let audience = Audience { service: &SERVICE, cloud: "public".into(), scope, is_local: false };
        let tokens = Tokens::new(credential, transport(&clock), Retry::default(), clock.clone()).meant_for(audience);
        let good = tokens.current().await.unwrap();
        // The next one is for somebody else: the one at hand goes on.
        *whom.lock().unwrap() = "https://graph.microsoft.com";
        clock.advance(Duration::from_secs(3400));
        let still = tokens.current().await.unwrap();
        assert_eq!((still.generation, *asked.lock().unwrap()), (good.generation, 2));
        clock.advance(Duration::from_secs(200));
        for times in [3, 4] {
            let error = tokens.current().await.unwrap_err();
            assert_eq!(error.message, "the token is for Microsoft Graph, not for Rows of the cloud public");
            assert_eq!(*asked.lock().unwrap(), times);
        }
        assert_eq!(tokens.tell().await.unwrap().astray.unwrap().0, "Microsoft Graph");
        *whom.lock().unwrap() = "https://rows.example";
        assert_eq!(tokens.current().await.unwrap().generation, good.generation + 1);
        assert!(tokens.tell().await.unwrap().astray.is_none());
    }

    #[tokio::test]
    async fn a_token_that_has_ended_is_never_sent() {
        let clock = Clock::simulated();
        let token = AccessToken::new("secret".into(), Some(clock.wall() + Duration::from_secs(10)));
        let tokens = Tokens::new(Credential::Token(token), transport(&clock), Retry::default(), clock.clone());
        assert_eq!(tokens.current().await.unwrap().generation, 0);
        assert!(!tokens.replace(0).await.unwrap());
        clock.advance(Duration::from_secs(10));
        assert_eq!(tokens.current().await.unwrap_err().kind, Kind::Authentication);
    }
}
