//! A local Power BI to test against, on the clock it is given: a server that knows no service, and the services.
//!
//! ```text
//!  HTTP ──▶ http ──▶ app ──┬─▶ console            the page at `/`, told of changes
//!           (server,       ├─▶ a token for other processes of this machine
//!            faults, log)  └─▶ services/entra, powerbi, microstrategy     each a `Service`, each with its own state
//! ```
//!
//! | room | what it is | which rooms it uses |
//! |---|---|---|
//! | `http` | connections, the trait `Service`, faults, the log, the changes | `row`, `shown`, `kept` |
//! | `console` | the page | `http`, `shown` |
//! | `identity` | the tenant, the user, the app, and their tokens | |
//! | `keep` | the file that keeps the state for the next start | `http`, `kept` |
//! | `services` | one folder each; none knows another | `http`, `identity`, `row`, `value`, `shown`, `kept`, `switch` |
//! | `switch` | open questions and their answers, for every service | |
//! | `row`, `value`, `shown`, `kept` | stored rows, their cells, what the page shows and what is kept, as plain data | |
//!
//! It shares nothing with the client but [`crate::clock`] and [`crate::error`], or a misread rule would pass its own
//! test. A further service is a folder in `services` with its row in `tests/core/layering.rs`; [`Options`] and [`Emulator`]
//! hold what users set and see of it, and `Emulator::start` starts it.

mod app;
mod console;
mod http;
mod identity;
mod keep;
mod kept;
mod row;
mod services;
mod shown;
mod switch;
mod value;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;

use self::app::App;
use self::console::Console;
pub use self::http::{Change, Changes, FailNext, Request};
use self::http::{Dispatcher, Place, Server, Service, Site, TlsIdentity};
use self::identity::{Identity, Principal};
use self::keep::{KeepFile, Keeper};
pub use self::row::Row;
use self::services::entra::Entra;
pub use self::services::microstrategy::{MicroStrategy, MicroStrategyAssumed};
use self::services::powerbi::PowerBi;
pub use self::services::powerbi::{
    AnswerNames, AppRefusal, Assumed, Case, Creation, Licence, NewWorkspace, NoMember, RetryAfter, Role,
    SequenceNumbers, TablesAnswer, Windows,
};
pub use self::switch::{Reception, RowState};
pub use self::value::{DateTime, Value};
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
    /// The same for MicroStrategy.
    pub microstrategy: MicroStrategyAssumed,
    /// A file that keeps the state for the next start; one emulator at a time may have it.
    pub keep: Option<PathBuf>,
    /// Whether it listens at every address, not only at 127.0.0.1: for a container, whose port is published to the
    /// loopback address of its machine alone.
    pub in_container: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            limits: true,
            tls: false,
            clock: Clock::real(),
            assumed: Assumed::default(),
            microstrategy: MicroStrategyAssumed::default(),
            keep: None,
            in_container: false,
        }
    }
}

/// A running emulator; stopped when it is dropped.
pub struct Emulator {
    site: Arc<Site>,
    identity: Arc<Identity>,
    entra: Arc<Entra>,
    powerbi: Arc<PowerBi>,
    microstrategy: Arc<MicroStrategy>,
    dispatcher: Arc<Dispatcher>,
    server: Server,
    keeper: Option<Keeper>,
    ca_pem: Option<String>,
}

impl Emulator {
    /// Starts one on its own thread; it listens when this returns.
    pub fn start(options: Options) -> Result<Self> {
        let Options { port, limits, tls, clock, assumed, microstrategy, keep, in_container } = options;
        let (listener, port) = http::bind(port, in_container)?;
        let file = keep.map(|path| KeepFile::take(&path)).transpose()?;
        let found = file.as_ref().map(KeepFile::read).transpose()?.unwrap_or_default();
        let certificate = if tls { Some(TlsIdentity::new()?) } else { None };
        let (acceptor, ca_pem) = certificate.map(|it| (it.acceptor, it.ca_pem)).unzip();
        let site = Arc::new(Site::new(clock, port, tls));
        let identity = Arc::new(Identity::new(found.directory()?));
        let entra = Arc::new(Entra::new(Arc::clone(&site), Arc::clone(&identity), assumed.used_assertions));
        let powerbi = Arc::new(PowerBi::new(Arc::clone(&site), Arc::clone(&identity), limits, assumed));
        let microstrategy = Arc::new(MicroStrategy::new(Arc::clone(&site), microstrategy));
        // Power BI comes last: it answers whatever no other service claims.
        let services: Vec<Arc<dyn Service>> = vec![entra.clone(), microstrategy.clone(), powerbi.clone()];
        let dispatcher = Arc::new(Dispatcher::new(Arc::clone(&site), services));
        let keeper = match file {
            None => None,
            Some(file) => {
                dispatcher.restore(found.services).map_err(|reason| file.wrong(0, &reason))?;
                let (site, dispatcher) = (Arc::clone(&site), Arc::clone(&dispatcher));
                Some(Keeper::start(file, identity.directory.kept(), site, dispatcher)?)
            }
        };
        let app = App {
            site: Arc::clone(&site),
            identity: Arc::clone(&identity),
            dispatcher: Arc::clone(&dispatcher),
            console: Console::new(),
        };
        let router = Router::new().fallback(app::handle).with_state(Arc::new(app));
        let server = Server::start(listener, acceptor, router)?;
        Ok(Self { site, identity, entra, powerbi, microstrategy, dispatcher, server, keeper, ca_pem })
    }

    /// Scheme, host and port, such as `http://127.0.0.1:8765`; also the root of Entra's endpoints.
    #[must_use]
    pub fn url(&self) -> String {
        self.site.url()
    }

    /// The certificate, as PEM, that a client must trust to believe this emulator; `None` where it speaks http.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.site.port
    }

    /// A new bearer token of the user, and the second since 1970 at which it expires.
    #[must_use]
    pub fn token(&self) -> (String, u64) {
        self.identity.mint(Principal::User, self.site.wall())
    }

    /// The id of the tenant; Entra's endpoints are below `url()/tenant_id()`.
    #[must_use]
    pub fn tenant_id(&self) -> &str {
        &self.identity.directory.tenant
    }

    /// The id of the app that can sign in.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.identity.directory.client_id
    }

    /// The app's secret.
    #[must_use]
    pub fn client_secret(&self) -> String {
        self.entra.client_secret()
    }

    /// Makes the app's secret expired; `client_secret` gives the new one.
    pub fn expire_client_secret(&self) {
        self.entra.expire_client_secret();
    }

    /// Lets the app sign in with the certificate in `pem` as well.
    pub fn add_certificate(&self, pem: &str) -> Result<()> {
        self.entra.add_certificate(pem)
    }

    /// Takes tokens of the provider `issuer` about `subject` in place of the app's secret, where the key of the
    /// certificate in `pem` has signed them.
    pub fn trust(&self, issuer: &str, subject: &str, pem: &str) -> Result<()> {
        self.entra.trust(issuer, subject, pem)
    }

    /// Ends every sign-in of the user: refresh tokens so far are good for nothing.
    pub fn revoke_sign_ins(&self) {
        self.entra.revoke_sign_ins();
    }

    /// The variables with which a program finds the identity of a machine here: `imds`, `app_service` or `arc`.
    pub fn machine(&self, kind: &str) -> Result<Vec<(&'static str, String)>> {
        self.entra.machine(kind)
    }

    /// Makes a workspace besides My workspace, and gives its id. A bare name makes one whose admin is the user.
    #[must_use]
    pub fn add_workspace(&self, workspace: impl Into<NewWorkspace>) -> String {
        self.powerbi.add_workspace(workspace.into())
    }

    /// Makes a streaming dataset in My workspace, as the service's page does, and gives its push URL, which holds a
    /// secret. Its one table is `RealTimeData`; with `history` it is stored like a push dataset and has its limits.
    ///
    /// A column is a name and a type: Number, `DateTime` or Text, as on the page, or a data type of the API. A Number is
    /// a Double.
    pub fn streaming_dataset(&self, name: &str, columns: &[(String, String)], history: bool) -> Result<String> {
        self.powerbi.streaming_dataset(name, columns, history)
    }

    /// Makes a streaming dataset in My workspace that takes rows with any columns, and gives its push URL. A column has
    /// the type of the first value that came for it. The service has no such thing.
    #[must_use]
    pub fn open_streaming_dataset(&self, name: &str) -> String {
        self.powerbi.open_streaming_dataset(name)
    }

    /// The columns of a table, given as for `rows`: their names, and the names of their types.
    pub fn columns(
        &self,
        workspace: Option<&str>,
        dataset: &str,
        table: Option<&str>,
    ) -> Result<Vec<(String, String)>> {
        self.powerbi.columns(&Place { workspace, dataset, table })
    }

    /// Whether a table, given as for `rows`, takes rows with any columns.
    pub fn takes_any(&self, workspace: Option<&str>, dataset: &str, table: Option<&str>) -> Result<bool> {
        self.powerbi.takes_any(&Place { workspace, dataset, table })
    }

    /// The rows that a body of Post Rows would store in a table, given as for `rows`; nothing is stored.
    pub fn understood(
        &self,
        workspace: Option<&str>,
        dataset: &str,
        table: Option<&str>,
        body: &[u8],
    ) -> Result<Vec<Row>> {
        self.powerbi.understood(&Place { workspace, dataset, table }, body)
    }

    /// Sets the tenant's switch that lets service principals use the API; it is on.
    pub fn allow_service_principals(&self, allowed: bool) {
        self.powerbi.allow(|settings| settings.service_principals = allowed);
    }

    /// Sets the tenant's switch that lets push URLs in by their key; it is on.
    pub fn allow_push_url_keys(&self, allowed: bool) {
        self.powerbi.allow(|settings| settings.push_url_keys = allowed);
    }

    /// Sets the tenant's switch that lets datasets be queried by REST; it is on.
    pub fn allow_queries(&self, allowed: bool) {
        self.powerbi.allow(|settings| settings.queries = allowed);
    }

    /// The rows of a table, oldest first. Workspace, dataset and table are given by id or name; `None` stands for My
    /// workspace and for the only table.
    pub fn rows(&self, workspace: Option<&str>, dataset: &str, table: Option<&str>) -> Result<Vec<Row>> {
        self.powerbi.rows(&Place { workspace, dataset, table })
    }

    /// The requests to the API that arrived whole, oldest first; see [`Request`] for how many are kept. Those that
    /// were turned away at the door (a foreign `Host`, a web page) are not among them.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.dispatcher.requests()
    }

    /// What changes from now on: a test or a page can wait for it instead of asking again and again.
    #[must_use]
    pub fn changes(&self) -> Changes {
        self.site.changes()
    }

    /// How many watch its changes: streams of browsers, and holders of [`Changes`].
    #[must_use]
    pub fn watchers(&self) -> usize {
        self.site.listeners()
    }

    /// The most requests to Post Rows and to a push URL that were ever pending at once for one dataset.
    #[must_use]
    pub fn most_in_flight(&self) -> usize {
        self.dispatcher.most_in_flight()
    }

    /// Answers the next requests so, before anything is done. Faults are used up in the order of their arrival.
    pub fn fail_next(&self, fault: FailNext) -> Result<()> {
        self.dispatcher.fail_next(fault)
    }

    /// Handles the next requests, but closes the connection without a byte of an answer: those to this operation or
    /// with this text in their path; `None` stands for all that bring rows.
    pub fn drop_response(&self, times: usize, route: Option<&str>) -> Result<()> {
        self.dispatcher.drop_response(times, route.map(str::to_owned))
    }

    /// The MicroStrategy of this emulator: its login, its switches, its rows.
    #[must_use]
    pub fn microstrategy(&self) -> &Arc<MicroStrategy> {
        &self.microstrategy
    }

    /// Makes all tokens so far expired.
    pub fn expire_tokens(&self) {
        self.identity.expire_tokens();
    }

    /// Its time, counted from the start of its clock.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.site.elapsed()
    }

    /// Moves the virtual clock.
    pub fn advance(&self, by: Duration) -> Result<()> {
        if self.site.clock.advance(by) {
            return Ok(());
        }
        let hint = "start the emulator with a virtual clock";
        Err(Error::configuration("the emulator goes by the real time, which cannot be moved").with_hint(hint))
    }

    /// Goes back to an empty My workspace: no other workspaces, datasets, push URLs, requests and faults, and the
    /// tenant's switches on. Tokens stay valid.
    pub fn reset(&self) {
        self.dispatcher.reset();
    }

    /// Closes every connection and waits for the thread to end; a second call does nothing. What was stored can still
    /// be read.
    pub fn stop(&self) {
        self.server.stop();
        if let Some(keeper) = &self.keeper {
            keeper.stop();
        }
    }

    /// Why the state could not be kept the last time that it was to be written.
    #[must_use]
    pub fn keep_failure(&self) -> Option<Error> {
        self.keeper.as_ref().and_then(Keeper::failure)
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
