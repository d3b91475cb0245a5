//! What all requests and the Rust side share: the store, the tokens, the faults and the log behind one lock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Options;
use super::assumed::Assumed;
use super::entra::{Directory, Secrets};
use super::fault::Faults;
use super::log::Log;
use super::principal::Principal;
use super::store::Store;
use super::token::Tokens;
use super::window::Window;
use crate::clock::Clock;

/// One emulator.
pub(super) struct Shared {
    pub(super) clock: Clock,
    pub(super) limits: bool,
    pub(super) assumed: Assumed,
    pub(super) port: u16,
    /// `http` or `https`.
    scheme: &'static str,
    pub(super) directory: Directory,
    state: Mutex<State>,
}

/// What changes.
pub(super) struct State {
    pub(super) store: Store,
    pub(super) tokens: Tokens,
    pub(super) secrets: Secrets,
    pub(super) settings: Settings,
    pub(super) faults: Faults,
    pub(super) log: Log,
    pub(super) pending: Pending,
    /// The queries of each principal.
    pub(super) queries: [Window; 2],
}

/// What the tenant's administrator allows (facts/powerbi 6.4, 8, 11.4).
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) service_principals: bool,
    pub(super) push_url_keys: bool,
    pub(super) queries: bool,
}

impl Default for Settings {
    /// Everything.
    fn default() -> Self {
        Self { service_principals: true, push_url_keys: true, queries: true }
    }
}

/// Requests that bring rows and are not answered yet, by the dataset's id.
#[derive(Debug, Default)]
pub(super) struct Pending {
    now: HashMap<String, usize>,
    pub(super) most: usize,
}

impl Shared {
    pub(super) fn new(options: Options, port: u16) -> Self {
        let Options { clock, limits, assumed, tls, .. } = options;
        let scheme = if tls { "https" } else { "http" };
        let state = State {
            store: Store::new(),
            tokens: Tokens::default(),
            secrets: Secrets::new(),
            settings: Settings::default(),
            faults: Faults::default(),
            log: Log::default(),
            pending: Pending::default(),
            queries: Default::default(),
        };
        Self { clock, limits, assumed, port, scheme, directory: Directory::new(), state: Mutex::new(state) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port)
    }

    /// A new token, and the second at which it expires.
    pub(super) fn mint(&self, principal: Principal) -> (String, u64) {
        self.lock().tokens.mint(principal, &self.directory, self.clock.wall())
    }

    /// Counts a request that brings rows for as long as the guard lives.
    pub(super) fn pend(self: &Arc<Self>, dataset: &str) -> PendingGuard {
        let dataset = dataset.to_ascii_lowercase();
        let pending = &mut self.lock().pending;
        let count = pending.now.entry(dataset.clone()).or_default();
        *count += 1;
        pending.most = pending.most.max(*count);
        PendingGuard { count: *count, shared: Arc::clone(self), dataset }
    }
}

impl State {
    /// Empty again; tokens and secrets stay as they are, and requests that are being answered stay counted.
    pub(super) fn reset(&mut self) {
        self.store = Store::new();
        self.settings = Settings::default();
        self.faults = Faults::default();
        self.log = Log::default();
        self.pending.most = 0;
        self.queries = Default::default();
    }
}

/// See [`Shared::pend`].
pub(super) struct PendingGuard {
    /// How many there are, itself included.
    pub(super) count: usize,
    shared: Arc<Shared>,
    dataset: String,
}

impl Drop for PendingGuard {
    fn drop(&mut self) {
        let now = &mut self.shared.lock().pending.now;
        if let Some(count) = now.get_mut(&self.dataset) {
            *count -= 1;
            if *count == 0 {
                now.remove(&self.dataset);
            }
        }
    }
}
