//! What is asked of a sink before the first row, and where its batches are numbered from.

use std::sync::Arc;
use std::time::Duration;

use super::{Delivery, Stop};
use crate::delivery::Session;
use crate::error::{Error, Kind, Result};

/// How long a session that is being opened is waited for by whoever does not need it any more.
const GRACE: Duration = Duration::from_secs(10);

/// What is asked of a sink before the first row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Opening {
    /// The rows that are there are deleted.
    pub replace: bool,
    /// Batches are numbered, from behind the last sequence number that the sink has had.
    pub numbered: bool,
}

impl Delivery {
    /// Opens the sink: whoever hands over rows only then has done nothing where it fails.
    pub async fn open(&self) -> Result<()> {
        if self.opening.replace && !self.is_emptied() {
            self.sink.clear(self.watch()).await?;
            self.lock().emptied = true;
        }
        let session = self.sink.open(self.opening.numbered, self.watch()).await?;
        if let Some(last) = session.last_sequence_number {
            self.queue.number_batches_after(last)?;
        }
        self.lock().session = Some(Arc::new(session));
        Ok(())
    }

    /// The same; whoever is told to stop meanwhile waits a little all the same, so that no session is left that nobody knows.
    pub(super) async fn open_or_stop(&self) {
        if let Err(error) = self.open_in_time().await {
            self.fail(error);
        }
    }

    pub(super) async fn open_in_time(&self) -> Result<()> {
        let too_long = async {
            self.stopped(Stop::Finish).await;
            self.clock.deadline(self.clock.now() + GRACE).await;
        };
        tokio::select! {
            biased;
            opened = self.open() => opened,
            () = too_long => Err(Error::new(Kind::Closed, "the call ended while the service was asked for a session")),
        }
    }

    /// Whether the rows that were there have been deleted.
    #[must_use]
    pub fn is_emptied(&self) -> bool {
        self.lock().emptied
    }

    /// Opens the sink for a sender, which tries until it is told to stop.
    pub(super) async fn open_some_day(&self) {
        loop {
            let opened = tokio::select! {
                biased;
                () = self.stopped(Stop::Finish) => return,
                opened = self.open() => opened,
            };
            match opened {
                Ok(()) => return self.lock().trouble = None,
                Err(error) => self.hold(error).await,
            }
        }
    }

    /// The last sequence number that the sink has had; `None` where this delivery does not ask, or is told to stop meanwhile.
    pub(super) async fn last_sequence_number(&self) -> Option<Result<u64>> {
        if !self.opening.numbered || !self.asks_again() {
            return None;
        }
        tokio::select! {
            biased;
            () = self.stopped(Stop::Finish) => None,
            opened = self.sink.open(true, self.watch()) => {
                Some(opened.map(|session| session.last_sequence_number.unwrap_or_default()))
            }
        }
    }

    /// A push believes a refusal of a sequence number; a sender, which goes on, asks.
    fn asks_again(&self) -> bool {
        self.policy.on_failure == super::OnFailure::Continue
    }

    /// The session that is open; for a sink that is always open, one that says nothing.
    pub(super) fn session(&self) -> Arc<Session> {
        self.lock().session.clone().unwrap_or_default()
    }
}
