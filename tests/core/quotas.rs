//! Quotas against a service that keeps them by its own reading, on virtual time.

#![allow(clippy::unchecked_time_subtraction, reason = "a panic is what a test wants there")]
#![allow(clippy::cast_precision_loss, reason = "small counts")]
#![allow(clippy::float_cmp, reason = "exact by construction")]

#[cfg(feature = "emulator")]
mod emulated;
mod permits;
mod outage;
mod phases;
mod plan;
mod script;
mod service;
mod sharing;
mod retry_after;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use powerbi_push::clock::{Clock, Moment};
use powerbi_push::rate_limit::{Ask, Ending, RateLimit};
use powerbi_push::retry::Retry;

use self::service::Service;

/// A client that sends requests of `rows` rows over `limit`, four at once, until `end`.
pub(crate) struct Sending {
    pub(crate) limit: RateLimit,
    pub(crate) clock: Clock,
    pub(crate) rows: u64,
    pub(crate) end: Moment,
    /// Of the time that exchanges take.
    pub(crate) seed: u64,
}

impl Sending {
    /// Sends to `service`; answers when each request left that was taken.
    pub(crate) async fn run(self, service: Arc<Mutex<Service>>) -> Vec<Duration> {
        let sending = Arc::new(self);
        let left = Arc::new(Mutex::new(Vec::new()));
        let mut workers = tokio::task::JoinSet::new();
        for worker in 0..4 {
            let (sending, service, left) = (Arc::clone(&sending), Arc::clone(&service), Arc::clone(&left));
            workers.spawn(async move {
                let mut latency = fastrand::Rng::with_seed(sending.seed * 4 + worker);
                while sending.one(&service, &left, &mut latency).await {}
            });
        }
        workers.join_all().await;
        let mut left = std::mem::take(&mut *left.lock().unwrap());
        left.sort_unstable();
        left
    }

    async fn one(&self, service: &Mutex<Service>, left: &Mutex<Vec<Duration>>, latency: &mut fastrand::Rng) -> bool {
        let ask = Ask { rows: self.rows, retry: Retry::default(), failed: None };
        let Ok(mut permit) = self.limit.permit(ask, Some(self.end), &()).await else { return false };
        let went = self.since_start();
        // On the way, at the service, and back: 20 to 200 ms each way.
        self.pass(latency).await;
        let said = service.lock().unwrap().request(self.since_start(), self.rows);
        self.pass(latency).await;
        match said {
            Ok(()) => {
                left.lock().unwrap().push(went);
                permit.end(Ending::Taken);
            }
            Err(wait) => permit.end(Ending::Throttled(Some(wait))),
        }
        self.clock.now() < self.end
    }

    async fn pass(&self, latency: &mut fastrand::Rng) {
        self.clock.sleep_until(self.clock.now() + Duration::from_millis(latency.u64(20..200))).await;
    }

    fn since_start(&self) -> Duration {
        self.clock.now() - Moment::default()
    }
}
