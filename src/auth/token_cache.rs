//! The newest token of one sign-in: fetched once for all who wait, and replaced ahead of its end.
//!
//! ```text
//!           good ────▶ taken as it is
//!  look ──▶ ageing ──▶ one caller tries to fetch the next one; the others take this one
//!           none ────▶ one caller fetches; the others wait, and share what came of it
//! ```

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{AccessToken, Fetching, Token};
use crate::clock::{Clock, Moment};
use crate::error::Result;

/// A token is replaced this long before it ends, as Microsoft's own libraries do.
const REFRESH_AHEAD: Duration = Duration::from_secs(300);
/// Two attempts to replace a token that is still good are at least this far apart, as in Microsoft's own libraries.
const REFRESH_GAP: Duration = Duration::from_secs(30);

/// What whoever fetches a token has to know.
#[derive(Debug, Clone)]
pub(super) struct FetchHint {
    /// The token at hand is still good: one attempt is enough, and none is worth waiting for.
    pub(super) ahead: bool,
    /// Before this the authority wants to be left alone.
    pub(super) not_before: Moment,
    /// What the service wants of the next token that the last one did not have.
    pub(super) claims: Option<Arc<str>>,
}

/// How a token is fetched.
pub(super) type Fetch<'a> = &'a (dyn Fn(FetchHint) -> Fetching + Send + Sync);

/// The newest token, for everyone who signs in the same way.
#[derive(Debug)]
pub(super) struct TokenCache {
    clock: Clock,
    state: Mutex<State>,
    /// Held while a token is fetched.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    token: Option<Token>,
    /// How many tokens were fetched.
    fetched: u64,
    /// What came of the last fetch that somebody had to wait for, and how many there were.
    settled: (u64, Option<Result<Token>>),
    /// No token is replaced ahead of its end before this.
    ahead_from: Moment,
    not_before: Moment,
    claims: Option<Arc<str>>,
}

enum Look {
    Good(Token),
    Ageing(Token),
    /// Nothing that can be sent; so many fetches were waited for until now.
    None(u64),
}

impl TokenCache {
    /// No token is there yet.
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default(), turn: tokio::sync::Mutex::new(()) }
    }

    /// The token to send with.
    pub(super) async fn current(&self, fetch: Fetch<'_>) -> Result<Token> {
        loop {
            match self.look() {
                Look::Good(token) => return Ok(token),
                Look::Ageing(token) => {
                    // Whoever is fetching already does it for this caller too.
                    let Ok(_turn) = self.turn.try_lock() else { return Ok(token) };
                    let fetched = fetch(self.hint(true)).await;
                    // A failure counts for nothing as long as the token at hand is good.
                    let _ = self.store(fetched, true);
                }
                Look::None(seen) => return self.settle(seen, fetch).await,
            }
        }
    }

    /// Fetches another token than the one that the service refused, unless somebody has done so already.
    pub(super) async fn replace(&self, refused: u64, fetch: Fetch<'_>) -> Result<()> {
        let seen = {
            let mut state = self.lock();
            if state.token.as_ref().is_some_and(|token| token.generation != refused) {
                // What was wanted of the one before was said of that one.
                state.claims = None;
                return Ok(());
            }
            // What was refused is not sent again, even if no other is to be had for now.
            state.token = None;
            state.settled.0
        };
        self.settle(seen, fetch).await.map(drop)
    }

    /// Hears what the next token has to have.
    pub(super) fn challenge(&self, claims: &str) {
        self.lock().claims = Some(claims.into());
    }

    /// The same, where the token at hand is known not to do.
    pub(super) fn demand(&self, claims: &str) {
        let mut state = self.lock();
        (state.token, state.claims) = (None, Some(claims.into()));
    }

    /// Fetches a token, or shares what came of a fetch that ended while this caller waited for its turn.
    async fn settle(&self, seen: u64, fetch: Fetch<'_>) -> Result<Token> {
        let _turn = self.turn.lock().await;
        let settled = self.lock().settled.clone();
        match settled {
            (count, Some(outcome)) if count != seen => outcome,
            _ => {
                let fetched = fetch(self.hint(false)).await;
                self.store(fetched, false)
            }
        }
    }

    fn hint(&self, ahead: bool) -> FetchHint {
        let state = self.lock();
        FetchHint { ahead, not_before: state.not_before, claims: state.claims.clone() }
    }

    /// What there is; of all who look at an ageing token, one is told so.
    fn look(&self) -> Look {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let mut state = self.lock();
        let left = |token: &AccessToken| match token.expires {
            Some(expires) => expires.duration_since(wall).unwrap_or_default(),
            None => Duration::MAX,
        };
        let Some(token) = state.token.clone().filter(|token| left(&token.access) > Duration::ZERO) else {
            return Look::None(state.settled.0);
        };
        let wanted = left(&token.access) <= REFRESH_AHEAD || token.access.refresh_at.is_some_and(|at| at <= wall);
        if !wanted || now < state.ahead_from {
            return Look::Good(token);
        }
        state.ahead_from = now + REFRESH_GAP;
        Look::Ageing(token)
    }

    fn store(&self, fetched: Result<AccessToken>, ahead: bool) -> Result<Token> {
        let now = self.clock.now();
        let mut state = self.lock();
        let outcome = fetched.map(|access| Token { access, generation: state.fetched });
        match &outcome {
            Ok(token) => {
                state.fetched += 1;
                state.claims = None;
                state.token = Some(token.clone());
                state.ahead_from = now + REFRESH_GAP;
            }
            Err(error) => {
                if let Some(claims) = &error.answer.claims {
                    state.claims = Some(claims.as_str().into());
                }
                state.not_before = now + error.answer.retry_after.unwrap_or_default();
                state.ahead_from = state.ahead_from.max(state.not_before);
            }
        }
        if outcome.is_ok() || !ahead {
            state.settled = (state.settled.0 + 1, Some(outcome.clone()));
        }
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
