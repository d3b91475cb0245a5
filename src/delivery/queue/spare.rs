//! The memory of bodies that were sent, for those to come: the system takes its time to give new memory.

use std::sync::{Mutex, PoisonError};

/// How many are kept: one is being written while another comes back.
const MOST: usize = 2;

/// Memory that nobody needs any more.
#[derive(Debug, Default)]
pub(super) struct Spare(Mutex<Vec<Vec<u8>>>);

impl Spare {
    pub(super) fn put(&self, memory: Vec<u8>) {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < MOST && memory.capacity() > 0 {
            spare.push(memory);
        }
    }

    pub(super) fn take(&self) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}
