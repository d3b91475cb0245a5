//! Whoever waits for a sender is woken by its queue, its delivery, and its end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::delivery::queue::Queue;
use crate::python::bell::Bell;

/// The bells of those who wait.
#[derive(Default)]
pub(super) struct Bells(Mutex<Vec<Weak<Bell>>>);

impl Bells {
    pub(super) fn ring(&self) {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bells.retain(|bell| {
            bell.upgrade().is_some_and(|bell| {
                bell.ring();
                true
            })
        });
    }

    pub(super) fn add(&self) -> Arc<Bell> {
        let bell = Arc::new(Bell::default());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&bell));
        bell
    }
}

/// Tells everybody that the delivery has ended, however it did.
pub(super) struct End {
    pub(super) ended: Arc<AtomicBool>,
    pub(super) bells: Arc<Bells>,
    pub(super) queue: Arc<Queue>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.queue.release();
        self.ended.store(true, Ordering::Release);
        self.bells.ring();
    }
}
