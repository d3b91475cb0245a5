//! A fetch that is under way for all who wait for it, and that ends with the last of them.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::super::Token;
use crate::clock::Clock;
use crate::error::{Error, Result};

/// Whoever holds it waits for it.
#[derive(Debug)]
pub(super) struct Flight {
    /// The token at hand was good when it began: it is one try, and a failure of it says little.
    pub(super) ahead: bool,
    outcome: watch::Receiver<Option<Result<Token>>>,
    task: AbortHandle,
}

impl Flight {
    /// Begins it; time stands still until it has, where it is virtual.
    pub(super) fn begin(
        clock: &Clock,
        ahead: bool,
        fetching: impl Future<Output = Result<Token>> + Send + 'static,
    ) -> Arc<Self> {
        let (sender, outcome) = watch::channel(None);
        let beginning = clock.exchange();
        let task = tokio::spawn(async move {
            drop(beginning);
            sender.send_replace(Some(fetching.await));
        });
        Arc::new(Self { ahead, outcome, task: task.abort_handle() })
    }

    /// Whether it has come to its end, whatever that was.
    pub(super) fn is_over(&self) -> bool {
        self.task.is_finished() || self.outcome.borrow().is_some()
    }

    /// Waits for what comes of it.
    pub(super) async fn outcome(&self) -> Result<Token> {
        let mut outcome = self.outcome.clone();
        let came = outcome.wait_for(Option::is_some).await.ok().and_then(|came| (*came).clone());
        came.unwrap_or_else(|| Err(Error::bug("a sign-in ended without a word")))
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.task.abort();
    }
}
