//! MicroStrategy: a Library server with the Push Data API, as far as clients that push rows use it
//! (`docs/facts/microstrategy.md`).
//!
//! ```text
//!  request ──▶ route ──▶ logins: token and cookies ──▶ project ──▶ operations ──▶ model, reading ──▶ store, uploads
//!                                                                      └──▶ refusal: code, message, ticket
//! ```
//!
//! Rows come in by two ways: with the request that makes or changes a dataset of one table, and by an upload session,
//! whose chunks wait until they are published. Nothing of an upload is in a table before its publication has ended.
//!
//! What is quite open is a switch in [`MicroStrategyAssumed`].

mod assumed;
mod data_type;
mod logins;
mod model;
mod operations;
mod policy;
mod reading;
mod refusal;
mod route;
mod shown;
mod store;
mod uploads;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, HeaderValue, Method, header};
use serde_json::json;
use uuid::Uuid;

pub use self::assumed::MicroStrategyAssumed;
use self::logins::Logins;
use self::store::Store;
use self::uploads::Uploads;
use crate::emulator::http::{self, Answer, Arrived, Change, FailNext, Place, Service, Site, Visible};
use crate::emulator::kept::Kept;
use crate::emulator::row::Row;
use crate::emulator::shown::Section;
use crate::error::Result;

/// Where the web application is: its name is the one that most installations keep (facts/microstrategy 1).
const APPLICATION: &str = "/MicroStrategyLibrary";
/// The largest body that is kept: the Base64 of the largest chunk that the documents advise (facts/microstrategy 4.3).
const MAX_BODY: usize = 280_000_000;

/// The service.
pub struct MicroStrategy {
    site: Arc<Site>,
    assumed: MicroStrategyAssumed,
    state: Mutex<State>,
}

/// What changes.
#[derive(Default)]
struct State {
    logins: Logins,
    store: Store,
    uploads: Uploads,
}

impl MicroStrategy {
    pub(in crate::emulator) fn new(site: Arc<Site>, assumed: MicroStrategyAssumed) -> Self {
        Self { site, assumed, state: Mutex::default() }
    }

    /// The address of the web application; the API is below its `/api`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}{APPLICATION}", self.site.url())
    }

    /// The login of its one user, standard and LDAP.
    #[must_use]
    pub fn username(&self) -> &'static str {
        logins::USER_NAME
    }

    /// The password of its user.
    #[must_use]
    pub fn password(&self) -> String {
        self.lock().logins.password.clone()
    }

    /// An API token of its user.
    #[must_use]
    pub fn api_token(&self) -> String {
        self.lock().logins.api_token.clone()
    }

    /// An access token of its user, as OAuth gives one: it goes by itself, without cookies.
    #[must_use]
    pub fn oauth_token(&self) -> String {
        self.lock().logins.oauth_token.clone()
    }

    /// The name of its first project.
    #[must_use]
    pub fn project(&self) -> &'static str {
        store::PROJECT_NAME
    }

    /// Makes a further project, and gives its id.
    #[must_use]
    pub fn add_project(&self, name: &str) -> String {
        self.lock().store.add_project(name)
    }

    /// The rows of a table, by names or ids; `None` is the only table.
    pub fn rows(&self, dataset: &str, table: Option<&str>) -> Result<Vec<Row>> {
        self.lock().store.rows(dataset, table)
    }

    /// Ends all sessions so far: their next request is answered with 401 and `ERR009`.
    pub fn expire_sessions(&self) {
        let mut state = self.lock();
        state.logins.expire();
        state.uploads.forget_all_if_lost(&self.assumed);
    }

    /// Lets the next publications fail with this message, after they were taken in.
    pub fn fail_publish(&self, message: &str, times: usize) {
        self.lock().uploads.failures.extend(std::iter::repeat_n(message.to_owned(), times));
    }

    /// How many upload sessions are open: made, and neither published, deleted nor lost.
    #[must_use]
    pub fn open_uploads(&self) -> usize {
        self.lock().uploads.open().count()
    }

    /// How many sessions are open: logged in, and neither logged out nor expired.
    #[must_use]
    pub fn open_sessions(&self) -> usize {
        self.lock().logins.open()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for MicroStrategy {
    /// Shows no secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MicroStrategy").field("base_url", &self.base_url()).finish_non_exhaustive()
    }
}

impl Service for MicroStrategy {
    /// All that is below the web application.
    fn route(&self, method: &Method, path: &str) -> Option<http::Route> {
        let below = path.strip_prefix(APPLICATION).filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
        let call = route::call(method, below).ok();
        let operation = call.as_ref().map(|call| call.operation);
        Some(http::Route {
            operation: operation.map(route::Operation::name),
            fills: call.filter(|call| call.operation.brings_rows()).map(|call| call.place()),
            signs_in: operation.is_some_and(route::Operation::signs_in),
            ..http::Route::default()
        })
    }

    fn answer(&self, request: &Arrived) -> Answer {
        operations::answer(self, request)
    }

    fn fault(&self, fault: &FailNext) -> Answer {
        refusal::fault(fault)
    }

    fn add_headers(&self, headers: &mut HeaderMap) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }

    fn knows(&self, text: &str) -> bool {
        route::is_known(text)
    }

    fn operations(&self) -> &'static [&'static str] {
        &route::NAMES
    }

    fn secret_headers(&self) -> &'static [&'static str] {
        &["x-mstr-authtoken", "x-mstr-identitytoken"]
    }

    fn visible(&self, request: &Arrived) -> Visible {
        let is_secret = request.parts.uri.path().contains("/api/auth/");
        let body = if is_secret { logins::redacted(&request.body).into() } else { request.body.clone() };
        Visible { query: request.query().to_owned(), body }
    }

    fn most_bytes(&self) -> usize {
        MAX_BODY
    }

    fn delete(&self, dataset: &str) -> bool {
        let mut state = self.lock();
        let before = state.store.datasets.len();
        state.store.datasets.retain(|it| it.id != dataset);
        let is_deleted = state.store.datasets.len() < before;
        if is_deleted {
            self.site.changed(Change::Datasets);
        }
        is_deleted
    }

    fn shown(&self) -> Vec<Section> {
        self.lock().store.sections()
    }

    fn rows(&self, place: &Place<'_>) -> Result<Vec<Row>> {
        self.lock().store.rows(place.dataset, place.table)
    }

    /// Uploads that are open are not kept, nor is who is logged in.
    fn kept(&self) -> Kept {
        let state = self.lock();
        let Logins { password, api_token, oauth_token, .. } = &state.logins;
        let about = json!({"store": state.store, "secrets": [password, api_token, oauth_token]});
        Kept { about, tables: state.store.rows_of_all() }
    }

    fn restore(&self, kept: Kept) -> std::result::Result<(), String> {
        let read = |error: serde_json::Error| format!("what MicroStrategy held: {error}");
        let Kept { mut about, tables } = kept;
        let mut store: Store = serde_json::from_value(about["store"].take()).map_err(read)?;
        store.fill(tables);
        let (password, api_token, oauth_token) = serde_json::from_value(about["secrets"].take()).map_err(read)?;
        let mut state = State { store, ..State::default() };
        (state.logins.password, state.logins.api_token, state.logins.oauth_token) = (password, api_token, oauth_token);
        *self.lock() = state;
        Ok(())
    }

    /// Passwords, tokens and logins stay.
    fn reset(&self) {
        let mut state = self.lock();
        state.store = Store::default();
        state.uploads = Uploads::default();
        state.logins.expire();
    }
}

/// An id as the service writes it: 32 hexadecimal digits in upper case.
fn new_id() -> String {
    Uuid::new_v4().simple().to_string().to_uppercase()
}
