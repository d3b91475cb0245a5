//! A local Power BI to test against: a second reading of the vendor's documents, strict, and on the clock it is given.
//!
//! ```text
//!  HTTP ──▶ line ──▶ server ──▶ guard ──▶ fault? ──▶ route ──▶ powerbi ──▶ store
//!           (cut)    (thread)   (403)     (answer)             token, form, schema, row, value
//!                       └──▶ log, and the page at `/`
//! ```
//!
//! It shares nothing with the client but [`crate::clock`] and [`crate::error`], or a misread rule would pass its own
//! test. What is observed of the real service and what is assumed stands in `emulator/rules.rs`; a refusal says in its
//! header `x-emulator-rule` which of the two it is.

mod dashboard;
mod data_type;
mod datetime;
mod decimal;
mod fault;
mod form;
mod guard;
mod line;
mod log;
mod powerbi;
mod refusal;
mod route;
mod row;
mod rules;
mod schema;
mod server;
mod state;
mod store;
mod token;
mod value;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::datetime::DateTime;
pub use self::fault::FailNext;
pub use self::log::Request;
pub use self::row::Row;
pub use self::value::Value;

use self::server::Server;
use self::state::Shared;
use crate::clock::Clock;
use crate::error::{Error, Result};

/// How an emulator is made.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// Whether the sizes and counts of a request are held to the service's limits.
    pub limits: bool,
    /// The time that tokens, dates and the log go by.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self { port: 0, limits: true, clock: Clock::real() }
    }
}

/// A running emulator; stopped when it is dropped.
pub struct Emulator {
    shared: Arc<Shared>,
    server: Server,
}

impl Emulator {
    /// Starts one on its own thread; it listens when this returns.
    pub fn start(options: Options) -> Result<Self> {
        let (listener, port) = server::bind(options.port)?;
        let shared = Arc::new(Shared::new(options.clock, options.limits, port));
        let server = Server::start(listener, Arc::clone(&shared))?;
        Ok(Self { shared, server })
    }

    /// Scheme, host and port, such as `http://127.0.0.1:8765`.
    #[must_use]
    pub fn url(&self) -> String {
        self.shared.url()
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.shared.port
    }

    /// A new bearer token, and the second since 1970 at which it expires.
    #[must_use]
    pub fn token(&self) -> (String, u64) {
        self.shared.lock().tokens.mint(self.shared.clock.wall())
    }

    /// Makes a workspace besides My workspace, and gives its id.
    #[must_use]
    pub fn add_workspace(&self, name: &str) -> String {
        self.shared.lock().store.add_workspace(name)
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

    /// The most requests to Post Rows that were ever pending at once for one dataset.
    #[must_use]
    pub fn most_in_flight(&self) -> usize {
        self.shared.lock().pending.most
    }

    /// Answers the next requests so, before anything is done. Faults are used up in the order of their arrival.
    pub fn fail_next(&self, fault: FailNext) -> Result<()> {
        self.shared.lock().faults.fail(fault)
    }

    /// Handles the next requests to Post Rows, but closes the connection without a byte of an answer.
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

    /// Goes back to an empty My workspace: no other workspaces, datasets, requests and faults. Tokens stay valid.
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
