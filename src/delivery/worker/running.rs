//! A delivery from its beginning to its end: the sink is opened, everything delivered and committed, in the time of the call.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::time_limit::out_of_time;
use super::{Delivery, OnFailure};
use crate::error::Error;

impl Delivery {
    /// Delivers until the queue is closed and empty, or something ends the delivery early. A sender opens the sink first; who
    /// pushes calls [`Delivery::open`] before there are rows.
    pub async fn run(self: Arc<Self>) {
        self.note_queue(Ok(()));
        if self.policy.on_failure == OnFailure::Continue {
            self.open_some_day().await;
        }
        self.in_time(self.work()).await;
    }

    /// The same for a push whose rows are all there: the sink is opened here, and what fails there is the delivery's failure.
    pub async fn open_and_run(self: Arc<Self>) {
        let opened = async {
            self.open_or_stop().await;
            self.work().await;
        };
        self.in_time(opened).await;
    }

    /// Has it end early once the time of the call is over.
    async fn in_time(&self, all_done: impl Future<Output = ()>) {
        tokio::pin!(all_done);
        if let Some(deadline) = self.policy.deadline {
            tokio::select! {
                () = &mut all_done => return,
                () = self.clock.deadline(deadline) => self.abort(Some(self.caused(out_of_time()))),
            }
        }
        all_done.await;
    }

    async fn work(self: &Arc<Self>) {
        tokio::select! {
            () = self.deliver_all() => {}
            never = self.keep_open() => match never {},
        }
    }

    async fn deliver_all(self: &Arc<Self>) {
        loop {
            self.wait_for(self.hire()).await;
            if self.conclude().await {
                return;
            }
        }
    }

    /// Has the workers begin, together.
    fn hire(self: &Arc<Self>) -> JoinSet<()> {
        let mut workers = JoinSet::new();
        for _ in 0..self.policy.workers {
            workers.spawn(Arc::clone(self).worker());
        }
        workers
    }

    /// Waits for all of them; where one has panicked, nothing more is begun.
    async fn wait_for(&self, mut workers: JoinSet<()>) {
        while let Some(ended) = workers.join_next().await {
            if ended.is_err() {
                self.fail(Error::bug("a worker ended unexpectedly"));
            }
        }
    }
}
