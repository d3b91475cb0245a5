//! The channel that signals changes to the page and to tests, so that they need not poll.

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{self, Receiver, Sender};

/// Changes that are kept for a listener that is slow; one that misses some is told so.
const KEPT: usize = 256;

/// Something that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A request was answered and logged, under this number.
    Request(u64),
    /// A fault was ordered for requests to come.
    Faults,
    /// A workspace or dataset was made, altered or deleted.
    Datasets,
    /// Rows of a table were added or deleted.
    Rows {
        /// The id of the dataset.
        dataset: String,
        /// The name of the table.
        table: String,
    },
    /// Anything: the emulator was reset, or more changed than is kept for a slow listener.
    Everything,
}

/// Sends changes.
#[derive(Debug)]
pub(super) struct Signal(Sender<Change>);

impl Default for Signal {
    fn default() -> Self {
        Self(broadcast::channel(KEPT).0)
    }
}

impl Signal {
    pub(super) fn send(&self, change: Change) {
        // Sending fails where there is no listener, and then there is nothing to do.
        let _ = self.0.send(change);
    }

    pub(super) fn listeners(&self) -> usize {
        self.0.receiver_count()
    }

    pub(super) fn changes(&self) -> Changes {
        Changes(self.0.subscribe())
    }
}

/// The changes since it was made, in their order.
#[derive(Debug)]
pub struct Changes(Receiver<Change>);

impl Changes {
    /// Waits for the next change; `None` once the emulator is gone.
    pub async fn next(&mut self) -> Option<Change> {
        match self.0.recv().await {
            Ok(change) => Some(change),
            Err(RecvError::Lagged(_)) => {
                self.0 = self.0.resubscribe();
                Some(Change::Everything)
            }
            Err(RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_listener_that_is_too_slow_is_told_that_anything_may_have_changed() {
        let signal = Signal::default();
        let mut changes = signal.changes();
        for number in 0..=KEPT as u64 {
            signal.send(Change::Request(number));
        }
        assert_eq!(changes.next().await, Some(Change::Everything));
        signal.send(Change::Datasets);
        assert_eq!(changes.next().await, Some(Change::Datasets));
        drop(signal);
        assert_eq!(changes.next().await, None);
    }
}
