//! What is tried: a sink of some service, and how that service answers.

use std::sync::Arc;
use std::time::Duration;

use powerbi_push::clock::Clock;
use powerbi_push::delivery::queue::Queue;
use powerbi_push::delivery::{Route, Sink};
use powerbi_push::http::Exchanges;
use powerbi_push::http::transport::{Settings, Transport};
use powerbi_push::rate_limit::{Quotas, RateLimit};
use powerbi_push::retry::Retry;
use reqwest::Url;

use crate::far_end::{Asked, Said};

/// What a sink can do; whatever it declares is tried.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::struct_excessive_bools, reason = "a list of what there may be")]
pub(crate) struct Can {
    /// Its rows may wait on the disk, for another process.
    pub(crate) wait_on_disk: bool,
    /// A sign-in that has ended is replaced by another one.
    pub(crate) sign_in_again: bool,
    /// A refusal may be about some of the rows, which are rejected then.
    pub(crate) blame_rows: bool,
    /// Rows count only once a session is committed.
    pub(crate) stage: bool,
    /// Where the answer to a commit gets lost, it is asked what became of it.
    pub(crate) ask_after_commit: bool,
}

/// A sink at `far end`, with the exchanges that it is reached by.
pub(crate) struct Reached {
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) http: Arc<Exchanges>,
}

impl Reached {
    /// The route to it, with nothing but the exchanges in the way.
    pub(crate) fn route(&self, clock: &Clock) -> Route {
        Route {
            sink: Arc::clone(&self.sink),
            place: "the far end".into(),
            http: Arc::clone(&self.http),
            limit: RateLimit::alone(clock.clone(), Quotas::NONE),
            clock: clock.clone(),
            retry: Retry::default(),
        }
    }
}

/// A service: how it is reached, and what it answers to each request that is in order.
pub(crate) trait Subject: Sync {
    fn can(&self) -> Can;

    /// Its sink below `root`.
    fn reach(&self, root: &Url, clock: &Clock) -> Reached;

    /// Where its rows wait.
    fn queue(&self) -> Queue {
        Queue::new(1_000_000, || ())
    }

    /// The ids of the rows that a request carries; `None` for a request of another kind.
    fn rows(&self, asked: &Asked) -> Option<Vec<i64>>;

    /// What is answered to a request that is in order.
    fn answer(&self, asked: &Asked) -> Said;

    /// Whether a request makes what was staged count.
    fn commits(&self, _asked: &Asked) -> bool {
        false
    }

    /// Whether a request takes what was staged back: the session ends, or another one begins.
    fn discards(&self, _asked: &Asked) -> bool {
        false
    }

    /// What is answered where the sign-in has ended.
    fn expired(&self) -> Said {
        Said::empty(401)
    }
}

pub(crate) fn subjects() -> [&'static dyn Subject; 4] {
    [&crate::powerbi::Table, &crate::powerbi::PushUrl, &crate::microstrategy::Library, &crate::toy::Toy]
}

/// Connections on virtual time.
pub(crate) fn transport(clock: &Clock) -> Transport {
    let settings = Settings { timeout: Duration::from_secs(30), proxy: None, ca_bundle: None };
    Transport::new(&settings, clock.clone()).unwrap()
}
