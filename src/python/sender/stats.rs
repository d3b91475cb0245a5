//! What a sender has done so far.

use std::sync::atomic::Ordering;

use serde::Serialize;

use super::Shared;
use crate::delivery::queue;

/// What a sender has done so far, as Python's `SenderStats` has it.
#[derive(Serialize)]
pub(super) struct Stats {
    accepted: u64,
    confirmed: u64,
    rejected: u64,
    pub(super) in_doubt: u64,
    maybe_twice: u64,
    dropped: u64,
    pub(super) pending: u64,
    oldest_age: f64,
    state: &'static str,
    next_attempt_in: Option<f64>,
}

impl Shared {
    fn pending(&self, figures: &queue::Stats) -> u64 {
        if self.is_durable() {
            return figures.pending.rows;
        }
        // What was withdrawn at the end has no end of its own.
        figures.accepted - figures.confirmed - figures.rejected - figures.in_doubt - figures.dropped
    }

    pub(super) fn stats(&self) -> Stats {
        let figures = self.queue.stats();
        let now = self.sink.route.clock.now();
        let trouble = self.delivery.trouble();
        let state = match &trouble {
            _ if self.closed.load(Ordering::Acquire) => "closed",
            None => "running",
            Some(trouble) if trouble.paused => "paused",
            Some(_) => "waiting",
        };
        Stats {
            accepted: figures.accepted,
            confirmed: figures.confirmed,
            rejected: figures.rejected,
            in_doubt: figures.in_doubt,
            maybe_twice: figures.maybe_twice,
            dropped: figures.dropped,
            pending: self.pending(&figures),
            oldest_age: figures.pending.oldest.unwrap_or_default().as_secs_f64(),
            state,
            next_attempt_in: self.delivery.next_attempt().map(|next| (next - now).as_secs_f64()),
        }
    }
}
