//! Where sequence numbers begin: behind the last one that the service has had.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{Lane, Stop};
use crate::error::Result;
use crate::rate_limit::Watch;

/// Asks the service for the last sequence number; tells of its waits.
pub type AskNumber = Box<dyn Fn(Arc<dyn Watch>) -> Pin<Box<dyn Future<Output = Result<u64>> + Send>> + Send + Sync>;

/// Where sequence numbers begin.
pub(super) struct Numbers(AskNumber);

impl Numbers {
    pub(super) fn new(ask: AskNumber) -> Self {
        Self(ask)
    }
}

impl fmt::Debug for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Numbers")
    }
}

impl Lane {
    /// Has batches numbered from behind the last number that the service has had, where this lane numbers them.
    pub(super) async fn number(&self) {
        while let Some(last) = self.last_number().await {
            match last.and_then(|last| self.outbox.number_from(last)) {
                Ok(()) => return self.lock().trouble = None,
                Err(error) => self.hold(error).await,
            }
        }
    }

    /// The last number that the service has had; `None` where this lane does not ask, or is told to stop meanwhile.
    pub(super) async fn last_number(&self) -> Option<Result<u64>> {
        let Numbers(ask) = self.numbers.as_ref()?;
        tokio::select! {
            biased;
            () = self.stopped(Stop::Finish) => None,
            last = ask(self.watch()) => Some(last),
        }
    }
}
