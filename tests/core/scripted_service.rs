//! A service that answers as a test tells it, and remembers what it was asked, to the letter.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use powerbi_push::auth::{AccessToken, Credential};
use powerbi_push::clock::{Clock, Moment};
use powerbi_push::http::transport::Settings;
use powerbi_push::retry::Retry;
use powerbi_push::services::powerbi::Allowance;
use powerbi_push::services::powerbi::base_url;
use powerbi_push::services::powerbi::client::Client;
use serde_json::Value;

use crate::scripted_server::serve;
pub(crate) use crate::scripted_server::{Asked, Said};

impl Asked {
    /// Method and target in one.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }
}

impl Said {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::empty(status).saying(&body.to_string())
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self::empty(status).saying(body)
    }
}

/// The service, a client of it on virtual time, and everything that was asked.
pub(crate) struct StandIn {
    pub(crate) client: Client,
    pub(crate) clock: Clock,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl StandIn {
    pub(crate) async fn start(answer: impl FnMut(&Asked) -> Said + Send + 'static) -> Self {
        Self::start_with("opaque", Retry::default(), answer).await
    }

    pub(crate) async fn start_with(
        token: &str,
        retry: Retry,
        mut answer: impl FnMut(&Asked) -> Said + Send + 'static,
    ) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let keeping = Arc::clone(&asked);
        let url = serve(move |asked| {
            keeping.lock().unwrap().push(asked.clone());
            answer(asked)
        });
        let root = base_url(&url.await).unwrap();
        let clock = Clock::simulated();
        let settings = Settings { timeout: Duration::from_secs(30), proxy: None, ca_bundle: None };
        let credential = Credential::Token(AccessToken::reading_expiry(token.into()));
        let client = Client::new(root, credential, &settings, retry, Allowance::NONE, clock.clone(), None).unwrap();
        Self { client, clock, asked }
    }

    /// Everything that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The request lines so far, without the version of HTTP.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked().iter().map(Asked::line).collect()
    }

    /// Seconds of virtual time since the start.
    pub(crate) fn seconds(&self) -> f64 {
        (self.clock.now() - Moment::default()).as_secs_f64()
    }
}
