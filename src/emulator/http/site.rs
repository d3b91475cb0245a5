//! The address of an emulator, its clock, and its channel of changes.

use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::http::{HeaderValue, Response, header};

use super::changes::{Change, Changes, Signal};
use crate::clock::{Clock, Moment};

/// What the server, the page and the services share.
#[derive(Debug)]
pub(in crate::emulator) struct Site {
    pub(in crate::emulator) clock: Clock,
    pub(in crate::emulator) port: u16,
    /// `http` or `https`.
    scheme: &'static str,
    signal: Signal,
}

impl Site {
    pub(in crate::emulator) fn new(clock: Clock, port: u16, tls: bool) -> Self {
        Self { clock, port, scheme: if tls { "https" } else { "http" }, signal: Signal::default() }
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
        self.signal.send(change);
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
