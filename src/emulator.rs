//! A local Power BI to test against: a second reading of the vendor's documents, strict, and on the clock it is given.
//!
//! ```text
//!  HTTP ──▶ line ──▶ server ──▶ guard ──▶ route ──▶ fault? ──▶ powerbi ──▶ store
//!           (cut)    (thread)   (403)              (answer)    token | key, access, form, schema, row, value
//!                       │                             └───────▶ entra ──▶ tokens
//!                       └──▶ log, and the page at `/`
//! ```
//!
//! Rows come in by two doors: the REST operations, which ask for a token, and the push URL of a streaming dataset,
//! whose query holds a key. The push URL is no operation of the vendor's; here it is called `PushUrl_PostRows`. Its key
//! is in no log, on no page and in no error. The limits of a streaming dataset are its own, whichever the door.
//!
//! Behind a token is a principal: the one user, to whom My workspace belongs, or the one app, which signed in with its
//! secret as at Entra and has no My workspace.
//!
//! It shares nothing with the client but [`crate::clock`] and [`crate::error`], or a misread rule would pass its own
//! test. What is observed of the real service and what is assumed stands in `emulator/rules.rs`; a refusal says in its
//! header `x-emulator-rule` which of the two it is. What is quite open is a switch in [`Assumed`].

mod assumed;
mod dashboard;
mod data_type;
mod datetime;
mod dax;
mod decimal;
mod entra;
mod fault;
mod filter;
mod form;
mod guard;
mod key;
mod line;
mod log;
mod powerbi;
mod principal;
mod query;
mod refusal;
mod route;
mod row;
mod rules;
mod schema;
mod sequence;
mod server;
mod state;
mod store;
mod tls;
mod token;
mod usage;
mod value;
mod window;
mod workspace;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::assumed::{
    AnswerNames, AppRefusal, Assumed, Case, Creation, Fate, Licence, NoMember, Reception, RetryAfter, SequenceNumbers,
    TablesAnswer, Windows,
};
pub use self::datetime::DateTime;
pub use self::fault::FailNext;
pub use self::log::Request;
pub use self::row::Row;
pub use self::value::Value;
pub use self::workspace::{NewWorkspace, Role};

use self::key::Key;
use self::principal::Principal;
use self::server::Server;
use self::state::Shared;
use self::tls::Identity;
use crate::clock::Clock;
use crate::error::{Error, Result};

/// How an emulator is made.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// Whether requests are held to the service's limits: sizes and counts in one request, and in a span of time.
    pub limits: bool,
    /// Whether it speaks https, with a certificate of its own, instead of http.
    pub tls: bool,
    /// The time that tokens, dates, the log and the rate of a streaming dataset go by.
    pub clock: Clock,
    /// What is assumed where the documents leave it open.
    pub assumed: Assumed,
}

impl Default for Options {
    fn default() -> Self {
        Self { port: 0, limits: true, tls: false, clock: Clock::real(), assumed: Assumed::default() }
    }
}

/// A running emulator; stopped when it is dropped.
pub struct Emulator {
    shared: Arc<Shared>,
    server: Server,
    ca_pem: Option<String>,
}

impl Emulator {
    /// Starts one on its own thread; it listens when this returns.
    pub fn start(options: Options) -> Result<Self> {
        let (listener, port) = server::bind(options.port)?;
        let identity = if options.tls { Some(Identity::new()?) } else { None };
        let (doorman, ca_pem) = identity.map(|it| (it.acceptor, it.ca_pem)).unzip();
        let shared = Arc::new(Shared::new(options, port));
        let server = Server::start(listener, doorman, Arc::clone(&shared))?;
        Ok(Self { shared, server, ca_pem })
    }

    /// Scheme, host and port, such as `http://127.0.0.1:8765`; also the root of Entra's endpoints.
    #[must_use]
    pub fn url(&self) -> String {
        self.shared.url()
    }

    /// The certificate, as PEM, that a client must trust to believe this emulator; `None` where it speaks http.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.shared.port
    }

    /// A new bearer token of the user, and the second since 1970 at which it expires.
    #[must_use]
    pub fn token(&self) -> (String, u64) {
        self.shared.mint(Principal::User)
    }

    /// The id of the tenant; Entra's endpoints are below `url()/tenant_id()`.
    #[must_use]
    pub fn tenant_id(&self) -> &str {
        &self.shared.directory.tenant
    }

    /// The id of the app that can sign in.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.shared.directory.client_id
    }

    /// The app's secret.
    #[must_use]
    pub fn client_secret(&self) -> String {
        self.shared.lock().secrets.good().to_owned()
    }

    /// Makes the app's secret expired; `client_secret` gives the new one.
    pub fn expire_client_secret(&self) {
        self.shared.lock().secrets.expire();
    }

    /// Makes a workspace besides My workspace, and gives its id. A bare name makes one whose admin is the user.
    #[must_use]
    pub fn add_workspace(&self, workspace: impl Into<NewWorkspace>) -> String {
        self.shared.lock().store.add_workspace(workspace.into())
    }

    /// Makes a streaming dataset in My workspace, as the service's page does, and gives its push URL, which holds a
    /// secret. Its one table is `RealTimeData`; with `history` it is stored like a push dataset and has its limits.
    ///
    /// A column is a name and a type: Number, `DateTime` or Text, as on the page, or a data type of the API. A Number is
    /// a Double.
    pub fn streaming_dataset(&self, name: &str, columns: &[(String, String)], history: bool) -> Result<String> {
        let schema = schema::streaming(name, columns, history, self.shared.limits).map_err(|refusal| {
            let hint = "the types are Number, DateTime and Text, or those of push datasets";
            let message = format!("the streaming dataset `{name}` cannot be made: {}", refusal.message);
            Error::configuration(message).with_hint(hint)
        })?;
        let key = Key::random();
        let query = format!("key={}", key.coded());
        let id = self.shared.lock().store.create_streaming(schema, key, self.shared.clock.wall());
        Ok(format!("{}/beta/{}/datasets/{id}/rows?{query}", self.url(), self.shared.directory.tenant))
    }

    /// Sets the tenant's switch that lets service principals use the API; it is on.
    pub fn allow_service_principals(&self, allowed: bool) {
        self.shared.lock().settings.service_principals = allowed;
    }

    /// Sets the tenant's switch that lets push URLs in by their key; it is on.
    pub fn allow_push_url_keys(&self, allowed: bool) {
        self.shared.lock().settings.push_url_keys = allowed;
    }

    /// Sets the tenant's switch that lets datasets be queried by REST; it is on.
    pub fn allow_queries(&self, allowed: bool) {
        self.shared.lock().settings.queries = allowed;
    }

    /// The rows of a table, oldest first. Workspace, dataset and table are given by id or name; `None` stands for My
    /// workspace and for the only table.
    pub fn rows(&self, workspace: Option<&str>, dataset: &str, table: Option<&str>) -> Result<Vec<Row>> {
        self.shared.lock().store.rows(workspace, dataset, table)
    }

    /// The requests to the API that arrived whole, oldest first; see [`Request`] for how many are kept. Those that
    /// were turned away at the door (a foreign `Host`, a web page) are not among them.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().log.requests().cloned().collect()
    }

    /// The most requests to Post Rows and to a push URL that were ever pending at once for one dataset.
    #[must_use]
    pub fn most_in_flight(&self) -> usize {
        self.shared.lock().pending.most
    }

    /// Answers the next requests so, before anything is done. Faults are used up in the order of their arrival.
    pub fn fail_next(&self, fault: FailNext) -> Result<()> {
        self.shared.lock().faults.fail(fault)
    }

    /// Handles the next requests to Post Rows or to a push URL, but closes the connection without a byte of an answer.
    pub fn drop_response(&self, times: usize) {
        self.shared.lock().faults.drop_response(times);
    }

    /// Makes all tokens so far expired.
    pub fn expire_tokens(&self) {
        self.shared.lock().tokens.expire();
    }

    /// Its time, counted from the start of its clock.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.shared.clock.now() - crate::clock::Moment::default()
    }

    /// Moves the virtual clock.
    pub fn advance(&self, by: Duration) -> Result<()> {
        if self.shared.clock.advance(by) {
            return Ok(());
        }
        let hint = "start the emulator with a virtual clock";
        Err(Error::configuration("the emulator goes by the real time, which cannot be moved").with_hint(hint))
    }

    /// Goes back to an empty My workspace: no other workspaces, datasets, push URLs, requests and faults, and the
    /// tenant's switches on. Tokens stay valid.
    pub fn reset(&self) {
        self.shared.lock().reset();
    }

    /// Closes every connection and waits for the thread to end; a second call does nothing. What was stored can still
    /// be read.
    pub fn stop(&self) {
        self.server.stop();
    }
}

impl fmt::Debug for Emulator {
    /// Shows no token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator").field("url", &self.url()).finish_non_exhaustive()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.stop();
    }
}
