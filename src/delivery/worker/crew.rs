//! The couriers of one lane: they begin together, and the lane waits for all of them.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::Lane;
use crate::error::Error;

impl Lane {
    pub(super) fn hire(self: &Arc<Self>) -> JoinSet<()> {
        let mut couriers = JoinSet::new();
        for _ in 0..self.policy.couriers {
            couriers.spawn(Arc::clone(self).courier());
        }
        couriers
    }

    /// Waits for all of them; where one has panicked, nothing more is begun.
    pub(super) async fn wait_for(&self, mut couriers: JoinSet<()>) {
        while let Some(ended) = couriers.join_next().await {
            if ended.is_err() {
                self.fail(Error::bug("a courier ended unexpectedly"));
            }
        }
    }
}
