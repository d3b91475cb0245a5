//! Routes: a sink with all that it is reached by. The client of a service makes them; whoever pushes, plans or sends
//! needs nothing else of the service.

use std::sync::Arc;

use super::Sink;
use super::queue::Queue;
use super::worker::{Delivery, Policy};
use crate::clock::Clock;
use crate::http::Exchanges;
use crate::rate_limit::{Plan, RateLimit};
use crate::retry::Retry;

/// Where rows go, and through what.
#[derive(Debug, Clone)]
pub struct Route {
    /// Where to.
    pub sink: Arc<dyn Sink>,
    /// Where to, as people say it.
    pub place: String,
    /// The exchanges by which it is reached.
    pub http: Arc<Exchanges>,
    /// What may be sent there.
    pub limit: RateLimit,
    /// The time that everything on it goes by.
    pub clock: Clock,
    /// When it tries again.
    pub retry: Retry,
}

impl Route {
    /// A delivery for the rows of `queue`; nothing moves before [`Delivery::run`].
    #[must_use]
    pub fn delivery(&self, queue: Arc<Queue>, policy: Policy) -> Delivery {
        Delivery::new(queue, self.clone(), policy)
    }

    /// What sending `requests` of them would take, the n-th of which carries `rows_of(n)`; see [`RateLimit::plan`].
    #[must_use]
    pub fn plan(&self, requests: u64, rows_of: impl Fn(u64) -> u64, rows_in_table: Option<u64>) -> Plan {
        self.limit.plan(requests, rows_of, rows_in_table)
    }
}
