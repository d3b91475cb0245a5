//! What a sender's delivery has to tell: to the user's function, or kept for the next verb to raise, once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::wakeups::Wakeups;
use crate::error::Error;
use crate::python::callback_thread::{self, Call};

/// What the delivery has to tell: to the user's function, or kept for the next verb to raise, once.
pub(super) struct Refusals {
    pub(super) listener: Option<Arc<Call>>,
    pub(super) first: Mutex<Option<Error>>,
    pub(super) told: AtomicBool,
}

impl Refusals {
    pub(super) fn hear(&self, error: &Error, wakeups: &Wakeups) {
        if let Some(listener) = &self.listener {
            callback_thread::tell(Arc::clone(listener), error.clone());
        } else if !self.told.swap(true, Ordering::AcqRel) {
            *self.first() = Some(error.clone());
            wakeups.ring();
        }
    }

    pub(super) fn first(&self) -> MutexGuard<'_, Option<Error>> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
