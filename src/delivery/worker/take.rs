//! Taking rows: a request is sent once it is full, or its oldest row has waited long enough for others.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Delivery;
use crate::delivery::queue::Batch;
use crate::error::Result;

impl Delivery {
    /// The next batch, once it is full or has waited long enough for others.
    pub(super) async fn take(&self) -> Result<Option<Batch>> {
        if let Some(batch) = self.staged_again() {
            return Ok(Some(batch));
        }
        let _turn = match self.policy.linger {
            Some(delay) => {
                let turn = self.turn_to_fill.lock().await;
                self.linger(delay).await;
                Some(turn)
            }
            None => None,
        };
        let max_rows = self.limit.rows_to_take(self.max_rows.load(Ordering::Relaxed));
        self.queue.take(max_rows, self.max_bytes).await
    }

    pub(super) async fn linger(&self, delay: Duration) {
        let mut stirred = self.queue.stirred();
        loop {
            let waiting = self.queue.waiting();
            let full = waiting.rows >= self.max_rows.load(Ordering::Relaxed) as u64
                || waiting.bytes >= self.max_bytes as u64
                || self.queue.has_inherited()
                || self.queue.next() < self.hurried.load(Ordering::Acquire)
                || self.queue.is_closed();
            let Some(age) = waiting.oldest.filter(|_| !full) else {
                if full || stirred.changed().await.is_err() {
                    return;
                }
                continue;
            };
            if age >= delay {
                return;
            }
            tokio::select! {
                _ = stirred.changed() => {}
                () = self.clock.sleep_until(self.clock.now() + delay.saturating_sub(age)) => {}
            }
        }
    }
}
