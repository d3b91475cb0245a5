//! Power BI: a second reading of the vendor's documents, strict.
//!
//! ```text
//!  request ──▶ route ──▶ token | key ──▶ access ──▶ operations ──▶ form, schema, reading ──▶ store
//!                                                       └──▶ refusal: a rule of `rules`, and its body
//! ```
//!
//! Rows come in by two ways: the REST operations, which ask for a token, and the push URL of a streaming dataset, whose
//! query holds a key. The push URL is no operation of the vendor's; here it is called `PushUrl_PostRows`. Its key is in no
//! log and in no error, and on the page only where somebody asks for it. The limits of a streaming dataset are its own, whichever the way.
//!
//! What is observed of the real service and what is assumed stands in `rules.rs`; a refusal says in its header
//! `x-emulator-rule` which of the two it is. What is quite open is a switch in [`Assumed`].

mod api_info;
mod assumed;
mod badges;
mod by_hand;
mod columns;
mod data_type;
mod dax;
mod faults;
mod filter;
mod form;
mod key;
mod learning;
mod operations;
mod reading;
mod refusal;
mod route;
mod rules;
mod schema;
mod sequence;
mod shown;
mod store;
mod usage;
mod window;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, HeaderValue, Method, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use uuid::Uuid;

pub use self::assumed::{
    AnswerNames, AppRefusal, Assumed, Case, Creation, Licence, NoMember, RetryAfter, SequenceNumbers, TablesAnswer,
    Windows,
};
use self::key::Key;
use self::schema::{Mode, Schema};
use self::store::Store;
pub use self::store::{NewWorkspace, Role};
use self::window::Window;
use crate::emulator::http::{self, Answer, Arrived, Change, FailNext, Place, Service, Site, Visible};
use crate::emulator::identity::Identity;
use crate::emulator::kept::Kept;
use crate::emulator::row::Row;
use crate::emulator::shown::{ApiInfo, Dataset, Quota, Sample, Section};
use crate::error::{Error, Result};

/// The service.
pub(in crate::emulator) struct PowerBi {
    site: Arc<Site>,
    identity: Arc<Identity>,
    /// Whether requests are held to sizes, counts and quotas.
    limits: bool,
    assumed: Assumed,
    state: Mutex<State>,
}

/// What changes.
#[derive(Default)]
struct State {
    store: Store,
    settings: Settings,
    /// The queries of each principal.
    queries: [Window; 2],
}

/// What the tenant's administrator allows (facts/powerbi 6.4, 8, 11.4).
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(in crate::emulator) struct Settings {
    pub(in crate::emulator) service_principals: bool,
    pub(in crate::emulator) push_url_keys: bool,
    pub(in crate::emulator) queries: bool,
}

impl Default for Settings {
    /// Everything.
    fn default() -> Self {
        Self { service_principals: true, push_url_keys: true, queries: true }
    }
}

impl PowerBi {
    pub(in crate::emulator) fn new(site: Arc<Site>, identity: Arc<Identity>, limits: bool, assumed: Assumed) -> Self {
        Self { site, identity, limits, assumed, state: Mutex::default() }
    }

    /// Makes a workspace besides My workspace, and gives its id.
    pub(in crate::emulator) fn add_workspace(&self, workspace: NewWorkspace) -> String {
        let id = self.lock().store.add_workspace(workspace);
        self.site.changed(Change::Datasets);
        id
    }

    /// Makes a streaming dataset in My workspace, as the service's page does, and gives its push URL.
    pub(in crate::emulator) fn streaming_dataset(
        &self,
        name: &str,
        columns: &[(String, String)],
        history: bool,
    ) -> Result<String> {
        let schema = schema::streaming(name, columns, history, self.limits).map_err(|refusal| {
            let hint = "the types are Number, DateTime and Text, or those of push datasets";
            let message = format!("the streaming dataset `{name}` cannot be made: {}", refusal.message);
            Error::configuration(message).with_hint(hint)
        })?;
        let (id, query) = self.with_push_url(schema);
        Ok(self.push_url(&id, &query))
    }

    /// Makes a dataset with a push URL, and gives its id and the query of its URL.
    fn with_push_url(&self, schema: Schema) -> (String, String) {
        let key = Key::random();
        let query = key.query();
        let id = self.lock().store.create_streaming(schema, key, self.site.wall());
        self.site.changed(Change::Datasets);
        (id, query)
    }

    /// Makes a streaming dataset that takes rows with any columns, and gives its push URL. The service has no such thing.
    pub(in crate::emulator) fn open_streaming_dataset(&self, name: &str) -> String {
        let key = Key::random();
        let query = key.query();
        let id = self.lock().store.create_open(name, key, self.site.wall());
        self.site.changed(Change::Datasets);
        self.push_url(&id, &query)
    }

    fn push_url(&self, id: &str, query: &str) -> String {
        format!("{}/beta/{}/datasets/{id}/rows?{query}", self.site.url(), self.identity.directory.tenant)
    }

    /// The columns of a table: their names, and the names of their types.
    pub(in crate::emulator) fn columns(&self, place: &Place<'_>) -> Result<Vec<(String, String)>> {
        let state = self.lock();
        let columns = &state.store.table(place)?.columns.list;
        Ok(columns.iter().map(|column| (column.name.to_string(), format!("{:?}", column.data_type))).collect())
    }

    /// Whether a table takes rows with any columns.
    pub(in crate::emulator) fn takes_any(&self, place: &Place<'_>) -> Result<bool> {
        self.lock().store.dataset_of(place).map(|dataset| dataset.is_open)
    }

    /// What a body of Post Rows would store in a table; nothing is stored.
    pub(in crate::emulator) fn understood(&self, place: &Place<'_>, body: &[u8]) -> Result<Vec<Row>> {
        let columns = Arc::clone(&self.lock().store.table(place)?.columns);
        let rows = reading::read(body, reading::Frame::Object, &columns, usize::MAX);
        rows.map_err(|refusal| Error::configuration(format!("the rows do not fit the table: {}", refusal.message)))
    }

    /// Changes what the administrator allows.
    pub(in crate::emulator) fn allow(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.lock().settings);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service for PowerBi {
    /// All that no other service claims: at its host, too, every path is its own.
    fn route(&self, method: &Method, path: &str) -> Option<http::Route> {
        let route = route::Route::of(method, path);
        let (operation, alias) = route.names();
        Some(http::Route { operation, alias, fills: route.fills().map(str::to_owned), signs_in: false })
    }

    fn answer(&self, request: &Arrived) -> Answer {
        operations::answer(self, request)
    }

    fn fault(&self, fault: &FailNext) -> Answer {
        faults::answer(fault)
    }

    /// What facts/powerbi 1.9, 1.11 list.
    fn add_headers(&self, headers: &mut HeaderMap) {
        if let Ok(id) = HeaderValue::try_from(Uuid::new_v4().to_string()) {
            headers.insert("requestid", id);
        }
        headers.insert("request-redirected", HeaderValue::from_static("true"));
        if let Ok(url) = HeaderValue::try_from(format!("{}/", self.site.url())) {
            headers.insert("home-cluster-uri", url);
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }

    fn knows(&self, text: &str) -> bool {
        route::is_known(text)
    }

    fn operations(&self) -> &'static [&'static str] {
        &route::NAMES
    }

    fn visible(&self, request: &Arrived) -> Visible {
        Visible { query: key::redacted(request.query()), body: request.body.clone() }
    }

    fn most_bytes(&self) -> usize {
        if self.limits { rules::MAX_BODY } else { usize::MAX }
    }

    fn make(&self, wanted: &Json) -> Option<Result<String>> {
        let kind = by_hand::kind(wanted)?;
        let schema = match by_hand::schema(kind, wanted, self.limits) {
            Err(refusal) => return Some(Err(Error::configuration(refusal.message))),
            Ok(schema) => schema,
        };
        if kind == by_hand::Kind::Streaming {
            return Some(Ok(self.with_push_url(schema).0));
        }
        let id = self.lock().store.create_push(schema, self.site.wall());
        self.site.changed(Change::Datasets);
        Some(Ok(id))
    }

    fn delete(&self, dataset: &str) -> bool {
        let is_deleted = self.lock().store.delete(dataset);
        if is_deleted {
            self.site.changed(Change::Datasets);
        }
        is_deleted
    }

    fn api_info(&self, dataset: &str) -> Option<ApiInfo> {
        let state = self.lock();
        let (at, workspace) = state.store.workspaces.iter().enumerate().find(|(_, it)| it.has(dataset))?;
        let group = (at > 0).then_some(workspace.id.as_str());
        let dataset = workspace.datasets.iter().find(|it| it.id == dataset && it.mode != Mode::Hosted)?;
        let push_url = dataset.key.as_ref().map(|key| self.push_url(&dataset.id, &key.query()));
        api_info::of(&self.site.url(), group, dataset, push_url)
    }

    fn shown(&self) -> Vec<Section> {
        let (now, state) = (self.site.now(), self.lock());
        let workspaces = state.store.workspaces.iter().enumerate();
        workspaces.map(|(at, workspace)| self.section(workspace, at == 0, now)).collect()
    }

    fn shown_dataset(&self, id: &str) -> Option<Dataset> {
        let (now, state) = (self.site.now(), self.lock());
        state.store.dataset(id).map(|dataset| self.shown_of(dataset, now))
    }

    fn quotas(&self) -> Vec<(String, Vec<Quota>)> {
        let (now, state) = (self.site.now(), self.lock());
        let datasets = state.store.workspaces.iter().flat_map(|workspace| &workspace.datasets);
        datasets.map(|dataset| (dataset.id.clone(), self.quotas_of(dataset, now))).collect()
    }

    fn sample(&self, dataset: &str, table: &str, seen: u64, most: usize) -> Option<Sample> {
        let state = self.lock();
        let table = state.store.dataset(dataset)?.tables.iter().find(|it| it.name == table)?;
        Some(shown::sample(table, seen, most))
    }

    fn rows(&self, place: &Place<'_>) -> Result<Vec<Row>> {
        self.lock().store.rows(place)
    }

    fn kept(&self) -> Kept {
        let state = self.lock();
        Kept { about: json!({"store": state.store, "settings": state.settings}), tables: state.store.rows_of_all() }
    }

    fn restore(&self, kept: Kept) -> std::result::Result<(), String> {
        let read = |error: serde_json::Error| format!("what Power BI held: {error}");
        let Kept { mut about, tables } = kept;
        let settings = serde_json::from_value(about["settings"].take()).map_err(read)?;
        let mut store: Store = serde_json::from_value(about["store"].take()).map_err(read)?;
        if store.workspaces.is_empty() {
            return Err("what Power BI held: no workspace".into());
        }
        store.fill(tables, self.site.now());
        *self.lock() = State { store, settings, ..State::default() };
        Ok(())
    }

    fn reset(&self) {
        *self.lock() = State::default();
    }
}
