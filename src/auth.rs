//! Access tokens: fetched when needed, kept while they last, refreshed once for many waiters.

mod jwt;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::error::{Error, Kind, Result};

/// A token is replaced this long before it ends.
const REFRESH_AHEAD: Duration = Duration::from_secs(300);

/// A token as a credential hands it out.
#[derive(Debug, Clone)]
pub struct AccessToken {
    /// The token.
    pub secret: SecretString,
    /// When it ends, where that is known.
    pub expires: Option<SystemTime>,
}

impl AccessToken {
    /// A token whose end is read from the token itself, if it says so.
    #[must_use]
    pub fn reading_expiry(secret: SecretString) -> Self {
        Self { expires: jwt::expiry(&secret), secret }
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
    /// Something that can fetch another one at any time.
    Fetch(Arc<dyn Fn() -> Fetching + Send + Sync>),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token(_)",
            Self::Fetch(_) => "Fetch(_)",
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

/// The one place where a client's tokens are.
#[derive(Debug)]
pub struct Tokens {
    credential: Credential,
    clock: Clock,
    /// Held while a token is fetched: everyone else waits for that one.
    current: Mutex<Option<Token>>,
}

impl Tokens {
    /// No token is fetched before the first request.
    #[must_use]
    pub fn new(credential: Credential, clock: Clock) -> Self {
        Self { credential, clock, current: Mutex::new(None) }
    }

    /// The token to send with.
    pub async fn current(&self) -> Result<Token> {
        let mut current = self.current.lock().await;
        let left = |token: &Token| match token.access.expires {
            Some(expires) => expires.duration_since(self.clock.wall()).unwrap_or_default(),
            None => Duration::MAX,
        };
        match &*current {
            Some(token) if left(token) > REFRESH_AHEAD => return Ok(token.clone()),
            Some(token) if left(token) > Duration::ZERO => {
                // Still good: a refresh that fails now is tried again with the next request.
                let kept = token.clone();
                return Ok(self.fetch(&mut current).await.unwrap_or(kept));
            }
            _ => {}
        }
        self.fetch(&mut current).await
    }

    /// Replaces the token that the service refused, unless somebody has done so already; `false` where there is no other.
    pub async fn replace(&self, refused: u64) -> Result<bool> {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|token| token.generation != refused) {
            return Ok(true);
        }
        if let Credential::Token(_) = self.credential {
            return Ok(false);
        }
        self.fetch(&mut current).await.map(|_| true)
    }

    async fn fetch(&self, current: &mut Option<Token>) -> Result<Token> {
        let access = match &self.credential {
            Credential::Token(token) if token.expires.is_some_and(|expires| expires <= self.clock.wall()) => {
                return Err(expired("the access token has ended"));
            }
            Credential::Token(token) => token.clone(),
            Credential::Fetch(fetch) => fetch().await?,
        };
        if HeaderValue::from_bytes(access.secret.expose_secret().as_bytes()).is_err() {
            return Err(Error::new(
                Kind::Authentication,
                "the access token has characters that no HTTP header can carry",
            )
            .with_hint("a token is one line of letters, digits, dots, dashes and underscores"));
        }
        let generation = current.as_ref().map_or(0, |token| token.generation + 1);
        Ok(current.insert(Token { access, generation }).clone())
    }
}

fn expired(message: &str) -> Error {
    Error::new(Kind::Authentication, message).with_hint(
        "a token string lasts about an hour: pass a credential that can fetch another, such as azure-identity's",
    )
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Counts what it hands out; each token lasts `lifetime`.
    fn counting(clock: &Clock, lifetime: Duration) -> (Credential, Arc<AtomicU32>) {
        let (clock, calls) = (clock.clone(), Arc::new(AtomicU32::new(0)));
        let counter = Arc::clone(&calls);
        let fetch = move || -> Fetching {
            let number = counter.fetch_add(1, Ordering::SeqCst);
            let expires = Some(clock.wall() + lifetime);
            Box::pin(async move {
                tokio::task::yield_now().await;
                Ok(AccessToken { secret: number.to_string().into(), expires })
            })
        };
        (Credential::Fetch(Arc::new(fetch)), calls)
    }

    #[tokio::test]
    async fn sixty_four_waiters_share_one_refresh() {
        let clock = Clock::simulated();
        let (credential, calls) = counting(&clock, Duration::from_secs(3600));
        let tokens = Arc::new(Tokens::new(credential, clock));
        let refused = tokens.current().await.unwrap().generation;
        let replacing: Vec<_> = (0..64)
            .map(|_| {
                let tokens = Arc::clone(&tokens);
                tokio::spawn(async move { tokens.replace(refused).await })
            })
            .collect();
        for one in replacing {
            one.await.unwrap().unwrap();
        }
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        assert_eq!(tokens.current().await.unwrap().access.secret.expose_secret(), "1");
    }

    #[tokio::test]
    async fn a_token_is_replaced_five_minutes_before_it_ends() {
        let clock = Clock::simulated();
        let (credential, calls) = counting(&clock, Duration::from_secs(3600));
        let tokens = Tokens::new(credential, clock.clone());
        tokens.current().await.unwrap();
        clock.advance(Duration::from_secs(3299));
        tokens.current().await.unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        clock.advance(Duration::from_secs(1));
        tokens.current().await.unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_token_that_has_ended_is_never_sent() {
        let clock = Clock::simulated();
        let expires = Some(clock.wall() + Duration::from_secs(10));
        let token = AccessToken { secret: "secret".into(), expires };
        let tokens = Tokens::new(Credential::Token(token), clock.clone());
        tokens.current().await.unwrap();
        clock.advance(Duration::from_secs(10));
        assert_eq!(tokens.current().await.unwrap_err().kind, Kind::Authentication);
    }
}
