//! The pause of a sender's delivery that cannot deliver: everybody waits, and now and then one worker probes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::clock::{Clock, Moment};

/// A request that finds out whether a pause is over. Where it did not, the next one may.
#[derive(Debug)]
pub(super) struct Probe<'p>(&'p Pause);

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        if let Some(state) = &mut *self.0.lock() {
            state.probing = false;
        }
        self.0.changed.notify_waiters();
    }
}

/// While there is a pause, at most one request is out.
#[derive(Debug, Default)]
pub(super) struct Pause {
    state: Mutex<Option<State>>,
    changed: Notify,
}

#[derive(Debug, Clone, Copy)]
struct State {
    until: Moment,
    /// A worker is finding out whether it is over.
    probing: bool,
}

impl Pause {
    /// Begins, or goes on, until `moment`.
    pub(super) fn until(&self, moment: Moment) {
        *self.lock() = Some(State { until: moment, probing: false });
        self.changed.notify_waiters();
    }

    /// Ends: somebody got through.
    pub(super) fn end(&self) {
        if self.lock().take().is_some() {
            self.changed.notify_waiters();
        }
    }

    /// Waits until a request may go out; during a pause it is a probe.
    pub(super) async fn wait(&self, clock: &Clock) -> Option<Probe<'_>> {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let until = match &mut *self.lock() {
                None => return None,
                Some(state) if state.probing => None,
                Some(state) if state.until <= clock.now() => {
                    state.probing = true;
                    return Some(Probe(self));
                }
                Some(state) => Some(state.until),
            };
            match until {
                None => changed.await,
                Some(until) => tokio::select! {
                    () = changed => {}
                    () = clock.sleep_until(until) => {}
                },
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
