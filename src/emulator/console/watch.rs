//! Tells one watcher what changes: a snapshot first, then the news, gathered for a moment.
//!
//! ```text
//!  changes ──▶ gathered ──▶ at most every 100 ms: snapshot | news ──▶ events ──▶ the watcher
//!                                                                       └─ full: the watcher is dropped
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::Sender;

use super::view::View;
use crate::clock::{Clock, Moment};
use crate::emulator::http::{Change, Changes, Connection, Dispatcher, Site};

/// The least time between two events.
const PAUSE: Duration = Duration::from_millis(100);
/// The bytes of a second: after a large event the pause is longer.
const BYTES: u32 = 4_000_000;
/// How often the quotas are told when nothing else happens: what was used fades with time.
const FADING: Duration = Duration::from_secs(1);

/// How soon a watcher that lost its stream comes back, in milliseconds.
const RETRY: &str = "retry: 500\n";

/// What changed since the last event.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Datasets came or went: everything is told anew.
    pub(super) everything: bool,
    /// Tables, by the ids of their datasets.
    pub(super) tables: BTreeSet<(String, String)>,
    requests: bool,
    /// The quotas may have faded.
    pub(super) quotas: bool,
}

impl Gathered {
    fn add(&mut self, change: Change) {
        match change {
            Change::Request(_) | Change::Faults => self.requests = true,
            Change::Rows { dataset, table } => {
                self.tables.insert((dataset, table));
            }
            Change::Datasets | Change::Everything => self.everything = true,
        }
    }

    fn is_empty(&self) -> bool {
        !self.everything && !self.requests && self.tables.is_empty()
    }
}

/// Tells a watcher of changes until it is gone; one that does not read is cut off.
pub(super) async fn watch(site: Arc<Site>, dispatcher: Arc<Dispatcher>, events: Sender<Bytes>, connection: Connection) {
    let clock = Clock::real();
    let mut changes = site.changes();
    let mut view = View::new(&site, &dispatcher);
    let mut event = Some([RETRY.as_bytes(), &view.snapshot()].concat().into());
    let mut fading = clock.now() + FADING;
    loop {
        let length = event.as_ref().map_or(0, Bytes::len);
        if event.is_some_and(|event| events.try_send(event).is_err()) {
            return connection.cut();
        }
        let pause = PAUSE + Duration::from_secs(1) * u32::try_from(length).unwrap_or(u32::MAX) / BYTES;
        let (soonest, latest) = (clock.now() + pause, fading.max(clock.now() + pause));
        let gathered = tokio::select! {
            gathered = gather(&mut changes, &clock, soonest, latest) => gathered,
            () = events.closed() => return,
        };
        let Some(mut gathered) = gathered else { return };
        if clock.now() >= fading {
            (gathered.quotas, fading) = (true, clock.now() + FADING);
        }
        event = if gathered.everything { Some(view.snapshot()) } else { view.news(&gathered) };
    }
}

/// What changes until `soonest`, or the first change after it; nothing at `latest`. `None` once the emulator is gone.
async fn gather(changes: &mut Changes, clock: &Clock, soonest: Moment, latest: Moment) -> Option<Gathered> {
    let mut gathered = Gathered::default();
    loop {
        let until = if gathered.is_empty() { latest } else { soonest };
        if !gathered.is_empty() && clock.now() >= soonest {
            return Some(gathered);
        }
        tokio::select! {
            change = changes.next() => gathered.add(change?),
            () = clock.sleep_until(until) => return Some(gathered),
        }
    }
}
