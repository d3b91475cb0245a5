//! The newest token of one sign-in: fetched once for all who wait, and replaced ahead of its end.
//!
//! ```text
//!           good ────▶ taken as it is
//!  look ──▶ ageing ──▶ one caller tries to fetch the next one; the others take this one
//!           none ────▶ all wait for one flight, and share what came of it
//! ```
//!
//! A flight belongs to all who wait for it: whoever began it may leave, and with the last one it ends.

mod flight;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use self::flight::Flight;
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
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    token: Option<Token>,
    /// How many tokens were fetched.
    fetched: u64,
    /// The fetch that is under way, if there is one.
    flight: Weak<Flight>,
    /// No token is replaced ahead of its end before this.
    ahead_from: Moment,
    not_before: Moment,
    claims: Option<Arc<str>>,
}

enum Look {
    Good(Token),
    /// It is good for now, and this caller is to see to the next one.
    Ageing(Arc<Flight>),
    /// Nothing that can be sent before this has ended.
    None(Arc<Flight>),
}

impl TokenCache {
    /// No token is there yet.
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, state: Arc::default() }
    }

    /// The token to send with.
    pub(super) async fn current(&self, fetch: Fetch<'_>) -> Result<Token> {
        loop {
            match self.look(fetch) {
                Look::Good(token) => return Ok(token),
                Look::Ageing(flight) => {
                    // A failure counts for nothing as long as the token at hand is good.
                    let _ = flight.outcome().await;
                }
                Look::None(flight) => {
                    if let Some(outcome) = settled(&flight).await {
                        return outcome;
                    }
                }
            }
        }
    }

    /// Fetches another token than the one that the service refused, unless somebody has done so already.
    pub(super) async fn replace(&self, refused: u64, fetch: Fetch<'_>) -> Result<()> {
        loop {
            let flight = {
                let mut state = self.lock();
                if state.token.as_ref().is_some_and(|token| token.generation != refused) {
                    // What was wanted of the one before was said of that one.
                    state.claims = None;
                    return Ok(());
                }
                // What was refused is not sent again, even if no other is to be had for now.
                state.token = None;
                self.flight(&mut state, fetch)
            };
            if let Some(outcome) = settled(&flight).await {
                return outcome.map(drop);
            }
        }
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

    /// What there is; of all who look at an ageing token, one is told so.
    fn look(&self, fetch: Fetch<'_>) -> Look {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let mut state = self.lock();
        let left = |token: &AccessToken| match token.expires {
            Some(expires) => expires.duration_since(wall).unwrap_or_default(),
            None => Duration::MAX,
        };
        let Some(token) = state.token.clone().filter(|token| left(&token.access) > Duration::ZERO) else {
            return Look::None(self.flight(&mut state, fetch));
        };
        let wanted = left(&token.access) <= REFRESH_AHEAD || token.access.refresh_at.is_some_and(|at| at <= wall);
        if !wanted || now < state.ahead_from || state.under_way().is_some() {
            return Look::Good(token);
        }
        state.ahead_from = now + REFRESH_GAP;
        Look::Ageing(self.begin(&mut state, true, fetch))
    }

    /// The flight that is under way, or a new one.
    fn flight(&self, state: &mut State, fetch: Fetch<'_>) -> Arc<Flight> {
        state.under_way().unwrap_or_else(|| self.begin(state, false, fetch))
    }

    fn begin(&self, state: &mut State, ahead: bool, fetch: Fetch<'_>) -> Arc<Flight> {
        let fetching = fetch(FetchHint { ahead, not_before: state.not_before, claims: state.claims.clone() });
        let (clock, kept) = (self.clock.clone(), Arc::clone(&self.state));
        let flight = Flight::begin(&self.clock, ahead, async move {
            let fetched = fetching.await;
            kept.lock().unwrap_or_else(PoisonError::into_inner).store(fetched, clock.now())
        });
        state.flight = Arc::downgrade(&flight);
        flight
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn under_way(&self) -> Option<Arc<Flight>> {
        self.flight.upgrade().filter(|flight| !flight.is_over())
    }

    fn store(&mut self, fetched: Result<AccessToken>, now: Moment) -> Result<Token> {
        let outcome = fetched.map(|access| Token { access, generation: self.fetched });
        match &outcome {
            Ok(token) => {
                self.fetched += 1;
                self.claims = None;
                self.token = Some(token.clone());
                self.ahead_from = now + REFRESH_GAP;
            }
            Err(error) => {
                if let Some(claims) = &error.answer.claims {
                    self.claims = Some(claims.as_str().into());
                }
                self.not_before = now + error.answer.retry_after.unwrap_or_default();
                self.ahead_from = self.ahead_from.max(self.not_before);
            }
        }
        outcome
    }
}

/// What came of a flight, for one who has no token; `None` where that was no more than a try, which has failed.
async fn settled(flight: &Flight) -> Option<Result<Token>> {
    let outcome = flight.outcome().await;
    (outcome.is_ok() || !flight.ahead).then_some(outcome)
}

#[cfg(test)]
mod tests;
