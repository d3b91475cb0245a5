//! The workers of one delivery: they begin together, and the delivery waits for all of them.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::Delivery;
use crate::error::Error;

impl Delivery {
    pub(super) fn hire(self: &Arc<Self>) -> JoinSet<()> {
        let mut workers = JoinSet::new();
        for _ in 0..self.policy.workers {
            workers.spawn(Arc::clone(self).worker());
        }
        workers
    }

    /// Waits for all of them; where one has panicked, nothing more is begun.
    pub(super) async fn wait_for(&self, mut workers: JoinSet<()>) {
        while let Some(ended) = workers.join_next().await {
            if ended.is_err() {
                self.fail(Error::bug("a worker ended unexpectedly"));
            }
        }
    }
}
