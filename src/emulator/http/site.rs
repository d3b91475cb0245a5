//! The address of an emulator, its clock, and its channel of changes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::http::{HeaderValue, Response, header};
use uuid::Uuid;

use super::changes::{Change, Changes, Signal};
use crate::clock::{Clock, Moment};

/// What the server, the page and the services share.
#[derive(Debug)]
pub(in crate::emulator) struct Site {
    pub(in crate::emulator) clock: Clock,
    pub(in crate::emulator) port: u16,
    /// `http` or `https`.
    pub(super) scheme: &'static str,
    signal: Signal,
    state_changes: AtomicU64,
    /// Names this start of the emulator: a page that was loaded before another start has to be loaded anew.
    pub(in crate::emulator) start: String,
}

impl Site {
    pub(in crate::emulator) fn new(clock: Clock, port: u16, tls: bool) -> Self {
        let start = Uuid::new_v4().simple().to_string();
        let scheme = if tls { "https" } else { "http" };
        Self { clock, port, scheme, signal: Signal::default(), state_changes: AtomicU64::default(), start }
    }

    /// Scheme, host and port.
    pub(in crate::emulator) fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port)
    }

    pub(in crate::emulator) fn now(&self) -> Moment {
        self.clock.now()
    }

    pub(in crate::emulator) fn wall(&self) -> SystemTime {
        self.clock.wall()
    }

    /// The time since the clock started.
    pub(in crate::emulator) fn elapsed(&self) -> Duration {
        self.clock.now() - Moment::default()
    }

    /// Signals a change to all listeners.
    pub(in crate::emulator) fn changed(&self, change: Change) {
        if !matches!(change, Change::Request(_) | Change::Faults) {
            self.state_changes.fetch_add(1, Ordering::Relaxed);
        }
        self.signal.send(change);
    }

    /// How often something changed that a service holds.
    pub(in crate::emulator) fn state_changes(&self) -> u64 {
        self.state_changes.load(Ordering::Relaxed)
    }

    /// What changes from now on.
    pub(in crate::emulator) fn changes(&self) -> Changes {
        self.signal.changes()
    }

    /// How many listen to the changes.
    pub(in crate::emulator) fn listeners(&self) -> usize {
        self.signal.listeners()
    }

    /// Adds the clock's date, which need not be the machine's.
    pub(in crate::emulator) fn dated(&self, mut response: Response<Body>) -> Response<Body> {
        if let Ok(date) = HeaderValue::try_from(httpdate::fmt_http_date(self.wall())) {
            response.headers_mut().insert(header::DATE, date);
        }
        response
    }
}
