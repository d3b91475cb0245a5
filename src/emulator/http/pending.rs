//! Requests that bring rows and are not answered yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many are pending, by what they bring rows to.
#[derive(Debug, Default)]
pub(super) struct Pending(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    now: HashMap<String, usize>,
    most: usize,
}

impl Pending {
    /// Counts a request for as long as the guard lives.
    pub(super) fn count(self: &Arc<Self>, fills: &str) -> PendingGuard {
        let fills = fills.to_ascii_lowercase();
        let mut counts = self.lock();
        let count = counts.now.entry(fills.clone()).or_default();
        *count += 1;
        let count = *count;
        counts.most = counts.most.max(count);
        PendingGuard { count, pending: Arc::clone(self), fills }
    }

    /// The most that were ever pending at once for one place.
    pub(super) fn most(&self) -> usize {
        self.lock().most
    }

    /// Forgets the most; requests that are being answered stay counted.
    pub(super) fn reset(&self) {
        self.lock().most = 0;
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Pending::count`].
pub(super) struct PendingGuard {
    /// How many there are, itself included.
    pub(super) count: usize,
    pending: Arc<Pending>,
    fills: String,
}

impl Drop for PendingGuard {
    fn drop(&mut self) {
        let now = &mut self.pending.lock().now;
        if let Some(count) = now.get_mut(&self.fills) {
            *count -= 1;
            if *count == 0 {
                now.remove(&self.fills);
            }
        }
    }
}
