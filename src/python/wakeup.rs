//! A wakeup: rung when something that is waited for may have happened, heard by a thread or by an event loop.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::callback_thread::{self, Call};

/// Stays rung until it is heard, so that whoever comes late does not wait.
#[derive(Default)]
pub(super) struct Wakeup {
    state: Mutex<State>,
    rung: Condvar,
}

#[derive(Default)]
struct State {
    rung: bool,
    /// What wakes the event loop that listens.
    listener: Option<Arc<Call>>,
}

impl Wakeup {
    /// Something may have happened.
    pub(super) fn ring(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut state.rung, true) {
            return;
        }
        let listener = state.listener.clone();
        drop(state);
        self.rung.notify_all();
        if let Some(call) = listener {
            callback_thread::wake(call);
        }
    }

    /// Hears it: whoever looks at what has happened begins with this.
    pub(super) fn hear(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).rung = false;
    }

    /// Waits for it, at most for `patience`; answers whether it rang.
    pub(super) fn wait(&self, patience: Duration) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.rung.wait_timeout_while(state, patience, |state| !state.rung);
        waited.unwrap_or_else(PoisonError::into_inner).0.rung
    }

    /// From now on `call` is made whenever it rings.
    pub(super) fn listen(&self, call: Call) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).listener = Some(Arc::new(call));
    }
}
