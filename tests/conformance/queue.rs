//! Rows that wait on the disk: what one process leaves behind the next one delivers, by the framing of its sink.

use std::sync::Arc;

use powerbi_push::clock::Clock;
use powerbi_push::delivery::queue::{Destination, DiskQueue, Queue, Settings};
use powerbi_push::delivery::worker::{OnFailure, Policy};

use crate::endings::{LIMITS, fill, policy};
use crate::far_end::{FarEnd, Said, Turn};
use crate::subject::subjects;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_on_the_disk_is_delivered_by_the_next_one() {
    for (place, subject) in subjects().into_iter().enumerate().filter(|(_, subject)| subject.can().wait_on_disk) {
        let folder = std::env::temp_dir().join(format!("conformance-{}-{place}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        // It is down until the next process comes, however often this one tries meanwhile.
        let down = std::iter::once(Turn::Take).chain(std::iter::repeat_n(Turn::Say(Said::empty(503)), 10_000));
        let far_end = FarEnd::start(subject, down).await;
        for is_last in [false, true] {
            let clock = Clock::simulated();
            let reached = subject.reach(&far_end.root, &clock);
            let destination = Some(Destination::new(reached.sink.key(), reached.sink.framing()));
            let path = folder.join("o.db");
            let settings = Settings { path, destination, capacity: 1_000_000, forced: true, clock: clock.clone() };
            let outbox = Arc::new(Queue::on_the_disk(DiskQueue::open(settings).unwrap(), || ()));
            if is_last {
                assert_eq!(outbox.stats().pending.rows, 30);
                far_end.held().turns.clear();
            } else {
                fill(&outbox, reached.sink.framing());
            }
            let by = Policy { on_failure: OnFailure::Continue, ..policy() };
            let delivery = reached.route(&clock).delivery(Arc::clone(&outbox), by);
            let delivery = Arc::new(delivery.limited(LIMITS));
            outbox.close();
            let running = tokio::spawn(Arc::clone(&delivery).run());
            if !is_last {
                while far_end.held().asked.len() < 2 {
                    tokio::task::yield_now().await;
                }
                delivery.abort(None);
            }
            running.await.unwrap();
            outbox.release();
        }
        assert_eq!(far_end.ids(), (0..40).collect::<Vec<_>>());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
