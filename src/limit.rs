//! Leave to send: how many requests are out at once, and the moment before which none may go.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::clock::{Clock, Moment};
use crate::error::{Error, Kind, Result, ServiceAnswer};

/// Requests of one dataset that may be out at once. The service allows 5 that wait for their answer
/// ("Push semantic model limitations"); one place is kept for an answer that got lost.
pub const IN_FLIGHT: usize = 4;

/// The limits of one dataset, shared by everything that sends to it.
#[derive(Debug)]
pub struct Limit {
    clock: Clock,
    places: Arc<Semaphore>,
    not_before: Mutex<Moment>,
}

/// Leave for one request, given back when dropped.
#[derive(Debug)]
pub struct Permit {
    _place: OwnedSemaphorePermit,
    /// How long the request was held back.
    pub waited: Duration,
}

impl Limit {
    /// Limits on which nothing has been counted yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, places: Arc::new(Semaphore::new(IN_FLIGHT)), not_before: Mutex::default() }
    }

    /// Waits for leave to send. A wait that is known to reach past `deadline` is refused at once.
    pub async fn permit(&self, deadline: Option<Moment>) -> Result<Permit> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|error| Error::new(Kind::Closed, "the client is closed").caused_by(error))?;
        // The place first: while one waited for it, the service may have asked everybody to wait.
        let begun = self.clock.now();
        loop {
            let (now, not_before) = (self.clock.now(), self.not_before());
            if not_before <= now {
                return Ok(Permit { _place: place, waited: now - begun });
            }
            if deadline.is_some_and(|deadline| deadline < not_before) {
                return Err(past_deadline(not_before - now));
            }
            self.clock.sleep_until(not_before).await;
        }
    }

    /// Lets nothing go before `moment`.
    pub fn hold_until(&self, moment: Moment) {
        let mut not_before = self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        *not_before = moment.max(*not_before);
    }

    fn not_before(&self) -> Moment {
        *self.not_before.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn past_deadline(wait: Duration) -> Error {
    let message =
        format!("the service asks to wait {:.0} s, which is past the timeout of this call", wait.as_secs_f64());
    Error::new(Kind::RateLimited, message)
        .with_hint("give a longer timeout=, or push the rest later: result.resume_from says where")
        .with_answer(ServiceAnswer { retry_after: Some(wait), ..ServiceAnswer::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nothing_goes_before_the_moment_that_was_set() {
        let limit = Limit::new(Clock::real());
        limit.hold_until(limit.clock.now() + Duration::from_secs(60));
        limit.hold_until(limit.clock.now() + Duration::from_secs(30));
        let permit = limit.permit(None).await.unwrap();
        assert_eq!(permit.waited.as_secs(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_past_the_deadline_is_refused_at_once() {
        let limit = Limit::new(Clock::real());
        let start = limit.clock.now();
        limit.hold_until(start + Duration::from_secs(60));
        let error = limit.permit(Some(start + Duration::from_secs(59))).await.unwrap_err();
        assert_eq!(error.kind, Kind::RateLimited);
        assert_eq!(limit.clock.now(), start);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_also_stops_who_was_waiting_for_a_place() {
        let limit = Limit::new(Clock::real());
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
    async fn the_fifth_request_waits_for_a_place() {
        let limit = Limit::new(Clock::real());
        let mut permits = Vec::new();
        for _ in 0..IN_FLIGHT {
            permits.push(limit.permit(None).await.unwrap());
        }
        let fifth = limit.permit(None);
        tokio::pin!(fifth);
        assert!(tokio::time::timeout(Duration::from_secs(1), &mut fifth).await.is_err());
        permits.pop();
        fifth.await.unwrap();
    }
}
