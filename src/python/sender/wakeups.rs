//! Whoever waits for a sender is woken by its queue, its delivery, and its end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::delivery::queue::Queue;
use crate::python::wakeup::Wakeup;

/// The wakeups of those who wait.
#[derive(Default)]
pub(super) struct Wakeups(Mutex<Vec<Weak<Wakeup>>>);

impl Wakeups {
    pub(super) fn ring(&self) {
        let mut wakeups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        wakeups.retain(|wakeup| {
            wakeup.upgrade().is_some_and(|wakeup| {
                wakeup.ring();
                true
            })
        });
    }

    pub(super) fn add(&self) -> Arc<Wakeup> {
        let wakeup = Arc::new(Wakeup::default());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&wakeup));
        wakeup
    }
}

/// Tells everybody that the delivery has ended, however it did.
pub(super) struct End {
    pub(super) ended: Arc<AtomicBool>,
    pub(super) wakeups: Arc<Wakeups>,
    pub(super) queue: Arc<Queue>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.queue.release();
        self.ended.store(true, Ordering::Release);
        self.wakeups.ring();
    }
}
