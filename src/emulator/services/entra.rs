//! Entra ID: the endpoints at which the tenant's one app signs in (facts/entra 2).
//!
//! ```text
//!  POST /{tenant}/oauth2/v2.0/token ──▶ form ──▶ grant? tenant? app? secret? scope? ──▶ token of a service principal
//!                                                  └────── no ──────▶ failure (AADSTS...)
//! ```

mod discovery;
mod failure;
mod secrets;
mod sign_in;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use uuid::Uuid;

use self::failure::Failure;
use self::secrets::Secrets;
use crate::emulator::http::{Answer, Arrived, FailNext, Route, Service, Site, Visible};
use crate::emulator::identity::Identity;

/// Its operations, under names of ours: the vendor has none.
const OPERATIONS: [&str; 2] = ["Entra_Token", "Entra_OpenIdConfiguration"];
/// The words that its paths are made of.
const WORDS: [&str; 5] = ["oauth2", "v2.0", "token", ".well-known", "openid-configuration"];
/// The largest body that it reads.
const MAX_BODY: usize = 16_000_000;

/// The service, whose state is the app's secrets.
pub(in crate::emulator) struct Entra {
    site: Arc<Site>,
    identity: Arc<Identity>,
    secrets: Mutex<Secrets>,
}

impl Entra {
    pub(in crate::emulator) fn new(site: Arc<Site>, identity: Arc<Identity>) -> Self {
        Self { site, identity, secrets: Mutex::new(Secrets::new()) }
    }

    /// The app's secret that is good.
    pub(in crate::emulator) fn client_secret(&self) -> String {
        self.secrets().good().to_owned()
    }

    /// Makes the good secret expired, and a new one good.
    pub(in crate::emulator) fn expire_client_secret(&self) {
        self.secrets().expire();
    }

    fn secrets(&self) -> MutexGuard<'_, Secrets> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What there is at a path, and the tenant that it names.
enum Endpoint<'a> {
    Token(&'a str),
    Discovery(&'a str),
}

fn endpoint<'a>(method: &Method, path: &'a str) -> Option<Endpoint<'a>> {
    match path.split('/').collect::<Vec<_>>().as_slice() {
        ["", tenant, "oauth2", "v2.0", "token"] => Some(Endpoint::Token(tenant)),
        ["", tenant, "v2.0", ".well-known", "openid-configuration"] if method == Method::GET => {
            Some(Endpoint::Discovery(tenant))
        }
        _ => None,
    }
}

impl Service for Entra {
    fn route(&self, method: &Method, path: &str) -> Option<Route> {
        let operation = match endpoint(method, path)? {
            Endpoint::Token(_) => OPERATIONS[0],
            Endpoint::Discovery(_) => OPERATIONS[1],
        };
        Some(Route { operation: Some(operation), signs_in: true, ..Route::default() })
    }

    fn answer(&self, request: &Arrived) -> Answer {
        match endpoint(&request.parts.method, request.parts.uri.path()) {
            Some(Endpoint::Discovery(tenant)) => self.document(tenant),
            Some(Endpoint::Token(tenant)) => self.sign_in(request, tenant),
            None => Answer::empty(StatusCode::NOT_FOUND),
        }
    }

    /// A refusal whose number stands in the code, or goes with the status.
    fn fault(&self, fault: &FailNext) -> Answer {
        let number = fault.code.as_deref().and_then(|code| code.trim_start_matches("AADSTS").parse().ok());
        let number = number.unwrap_or(match fault.status {
            401 => 7_000_215,
            429 | 500.. => 90_033,
            _ => 900_144,
        });
        let message = fault.message.as_deref().unwrap_or("ordered by `fail_next`");
        Failure::new(number, message).answer(self.site.wall(), None)
    }

    fn add_headers(&self, headers: &mut HeaderMap) {
        if let Ok(id) = HeaderValue::try_from(Uuid::new_v4().to_string()) {
            headers.insert("x-ms-request-id", id);
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-cache"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    }

    fn knows(&self, text: &str) -> bool {
        OPERATIONS.contains(&text) || text.split('/').any(|segment| WORDS.contains(&segment))
    }

    fn operations(&self) -> &'static [&'static str] {
        &OPERATIONS
    }

    fn visible(&self, request: &Arrived) -> Visible {
        let body = sign_in::redacted(&String::from_utf8_lossy(&request.body));
        Visible { query: sign_in::redacted(request.query()), body: body.into() }
    }

    fn most_bytes(&self) -> usize {
        MAX_BODY
    }
}
