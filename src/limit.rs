//! Leave to send: how many requests are out at once, how many in a window of time, and the moment before which none may go.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::clock::{Clock, Moment};
use crate::error::{Error, Kind, Result, ServiceAnswer};

/// Requests of one dataset that may be out at once. The service allows 5 that wait for their answer
/// ("Push semantic model limitations"); one place is kept for an answer that got lost.
pub const IN_FLIGHT: usize = 4;

/// A window is held a little longer than it is: the service's clock is not ours.
const MARGIN: f64 = 1.01;

/// So many requests in so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many requests.
    pub requests: usize,
    /// The length of the window.
    pub seconds: u64,
    /// What users are told it is.
    pub name: &'static str,
}

impl Quota {
    fn window(&self) -> Duration {
        Duration::from_secs(self.seconds).mul_f64(MARGIN)
    }
}

/// The limits of one dataset, shared by everything that sends to it.
#[derive(Debug)]
pub struct Limit {
    clock: Clock,
    quotas: &'static [Quota],
    places: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    not_before: Moment,
    out: usize,
    /// When requests were answered, the oldest first: until then the service may not yet have counted them.
    answered: VecDeque<Moment>,
}

/// Leave for one request; it counts as out until this is dropped.
#[derive(Debug)]
pub struct Permit {
    _place: OwnedSemaphorePermit,
    limit: Arc<Limit>,
    /// How long the request was held back.
    pub waited: Duration,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let now = self.limit.clock.now();
        let mut state = self.limit.lock();
        state.out -= 1;
        let longest = self.limit.quotas.iter().map(|quota| quota.requests).max().unwrap_or_default();
        state.answered.push_back(now);
        while state.answered.len() > longest {
            state.answered.pop_front();
        }
    }
}

/// The limits of this process by what they are for. They outlive whoever sends: a quota does not end with a push.
static SHARED: Mutex<BTreeMap<(u32, String), Arc<Limit>>> = Mutex::new(BTreeMap::new());

impl Limit {
    /// The limits of what `key` names, the same ones for everybody in this process. A forked child counts anew.
    #[must_use]
    pub fn shared(key: &str, clock: &Clock, quotas: &'static [Quota]) -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (std::process::id(), key.to_owned());
        Arc::clone(shared.entry(key).or_insert_with(|| Arc::new(Self::new(clock.clone(), quotas))))
    }

    /// Limits on which nothing has been counted yet.
    #[must_use]
    pub fn new(clock: Clock, quotas: &'static [Quota]) -> Self {
        Self { clock, quotas, places: Arc::new(Semaphore::new(IN_FLIGHT)), state: Mutex::default() }
    }

    /// Waits for leave to send. A wait that is known to reach past `deadline` is refused at once.
    pub async fn permit(self: &Arc<Self>, deadline: Option<Moment>) -> Result<Permit> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|error| Error::new(Kind::Closed, "the client is closed").caused_by(error))?;
        // The place first: while one waited for it, the service may have asked everybody to wait.
        let begun = self.clock.now();
        loop {
            let now = self.clock.now();
            let Some((until, why)) = self.try_go_out(now) else {
                return Ok(Permit { _place: place, limit: Arc::clone(self), waited: now - begun });
            };
            if deadline.is_some_and(|deadline| deadline < until) {
                return Err(past_deadline(until - now, why));
            }
            self.clock.sleep_until(until).await;
        }
    }

    /// Lets nothing go before `moment`.
    pub fn hold_until(&self, moment: Moment) {
        let mut state = self.lock();
        state.not_before = state.not_before.max(moment);
    }

    /// Counts one request as out, or says until when it has to wait, and for what.
    fn try_go_out(&self, now: Moment) -> Option<(Moment, &'static str)> {
        let mut state = self.lock();
        if state.not_before > now {
            return Some((state.not_before, "Retry-After"));
        }
        for quota in self.quotas {
            let free = quota.requests.saturating_sub(state.out).max(1);
            // With `free` places left, the request must wait for the one answered `free` requests ago to leave the window.
            let oldest = state.answered.len().checked_sub(free).and_then(|at| state.answered.get(at));
            if let Some(until) = oldest.map(|answered| *answered + quota.window()).filter(|until| *until > now) {
                return Some((until, quota.name));
            }
        }
        state.out += 1;
        None
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn past_deadline(wait: Duration, why: &'static str) -> Error {
    let message = format!(
        "{why}: the next request may go in {:.0} s, which is past the timeout of this call",
        wait.as_secs_f64()
    );
    Error::new(Kind::RateLimited, message)
        .with_hint("give a longer timeout=, or push the rest later: result.resume_from says where")
        .with_answer(ServiceAnswer { retry_after: Some(wait), bound_by: Some(why.into()), ..ServiceAnswer::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(quotas: &'static [Quota]) -> Arc<Limit> {
        Arc::new(Limit::new(Clock::real(), quotas))
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_goes_before_the_moment_that_was_set() {
        let limit = limit(&[]);
        limit.hold_until(limit.clock.now() + Duration::from_secs(60));
        limit.hold_until(limit.clock.now() + Duration::from_secs(30));
        let permit = limit.permit(None).await.unwrap();
        assert_eq!(permit.waited.as_secs(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_past_the_deadline_is_refused_at_once() {
        let limit = limit(&[]);
        let start = limit.clock.now();
        limit.hold_until(start + Duration::from_secs(60));
        let error = limit.permit(Some(start + Duration::from_secs(59))).await.unwrap_err();
        assert_eq!((error.kind, error.answer.bound_by.as_deref()), (Kind::RateLimited, Some("Retry-After")));
        assert_eq!(limit.clock.now(), start);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_also_stops_who_was_waiting_for_a_place() {
        let limit = limit(&[]);
        let mut permits = Vec::new();
        for _ in 0..IN_FLIGHT {
            permits.push(limit.permit(None).await.unwrap());
        }
        let fifth = limit.permit(None);
        tokio::pin!(fifth);
        assert!(tokio::time::timeout(Duration::from_millis(1), &mut fifth).await.is_err());
        limit.hold_until(limit.clock.now() + Duration::from_secs(60));
        permits.pop();
        assert_eq!(fifth.await.unwrap().waited.as_secs(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn no_window_of_any_phase_ever_holds_more_than_the_quota() {
        let limit = limit(&[Quota { requests: 5, seconds: 1, name: "5 requests a second" }]);
        let mut sent = Vec::new();
        for turn in 0u64..40 {
            let permit = limit.permit(None).await.unwrap();
            sent.push(limit.clock.now());
            limit.clock.sleep_until(limit.clock.now() + Duration::from_millis(turn % 7 * 40)).await;
            drop(permit);
        }
        for (first, sixth) in sent.iter().zip(&sent[5..]) {
            assert!(*sixth - *first > Duration::from_secs(1));
        }
        let whole = (sent[39] - sent[0]).as_secs_f64();
        assert!(whole < 10.0, "{whole}: the quota is not used");
    }
}
