//! Processes that know nothing of each other, and one dataset.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use powerbi_push::clock::{Clock, Moment};
use powerbi_push::rate_limit::RateLimit;
use powerbi_push::services::powerbi::Allowance;
use tokio::task::JoinSet;

use super::Sending;
use super::service::{Counting, Service};

const MINUTE: Duration = Duration::from_secs(60);

/// What came of some time: how many requests were taken and refused in it, and rows.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    taken: u64,
    refused: u64,
    rows: u64,
}

/// Lets `processes` push requests of `rows` rows until `end`; counts from `begin` on, and the requests of each.
async fn share(counting: Counting, processes: u64, rows: u64, begin: Duration, end: Duration) -> (Counts, Vec<usize>) {
    // The jitter of waits comes from here.
    fastrand::seed(processes);
    let clock = Clock::real();
    let service = Arc::new(Mutex::new(Service::new(counting).fifo()));
    let mut tasks = JoinSet::new();
    for seed in 0..processes {
        let limit = RateLimit::alone(clock.clone(), Allowance::PRO.of_dataset()).of_table("Orders");
        limit.made(["Orders"], true);
        let sending = Sending { limit, clock: clock.clone(), rows, end: Moment::default() + end, seed };
        tasks.spawn(sending.run(Arc::clone(&service)));
    }
    clock.sleep_until(Moment::default() + begin).await;
    let before = counts(&service);
    clock.sleep_until(Moment::default() + end).await;
    let after = counts(&service);
    let each = tasks.join_all().await.iter().map(Vec::len).collect();
    let Counts { taken, refused, rows } = after;
    (Counts { taken: taken - before.taken, refused: refused - before.refused, rows: rows - before.rows }, each)
}

fn counts(service: &Mutex<Service>) -> Counts {
    let service = service.lock().unwrap();
    Counts { taken: service.taken, refused: service.refused, rows: service.rows_taken }
}

fn countings() -> [Counting; 3] {
    [Counting::Sliding, Counting::Fixed(Duration::ZERO), Counting::Fixed(Duration::from_secs(1_037))]
}

#[tokio::test(start_paused = true)]
async fn processes_that_share_a_quota_of_requests_find_their_shares_in_three_minutes() {
    for (processes, counting) in [2, 4].into_iter().flat_map(|processes| countings().map(|one| (processes, one))) {
        let what = format!("{processes} processes, {counting:?}");
        let (counts, _) = share(counting, processes, 100, Duration::ZERO, 3 * MINUTE).await;
        assert!(counts.refused > 0, "{what}: nobody was in the way");
        let (counts, each) = share(counting, processes, 100, 3 * MINUTE, 60 * MINUTE).await;
        let (refused, used) =
            (counts.refused as f64 / (counts.taken + counts.refused) as f64, counts.rows as f64 / 684_000.0);
        println!("{what}: {:.2} % refused, {:.1} % of the limit used", refused * 100.0, used * 100.0);
        assert!(refused <= 0.02 && used >= 0.9, "{what}: {counts:?}");
        let (least, most) = (each.iter().min().unwrap(), each.iter().max().unwrap());
        assert!(least * 2 >= *most, "{what}: {each:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn processes_that_share_the_rows_of_an_hour_use_them_and_are_seldom_refused() {
    for (processes, counting) in [2, 4].into_iter().flat_map(|processes| countings().map(|one| (processes, one))) {
        let what = format!("{processes} processes, {counting:?}");
        let (counts, _) = share(counting, processes, 10_000, 60 * MINUTE, 12 * 60 * MINUTE).await;
        let refused = counts.refused as f64 / (counts.taken + counts.refused) as f64;
        println!("{what}: {:.2} % refused, {} rows", refused * 100.0, counts.rows);
        assert!(refused <= 0.06 && counts.rows >= 9_900_000, "{what}: {counts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_left_alone_has_all_of_the_quota_again_after_some_minutes() {
    let clock = Clock::real();
    let service = Arc::new(Mutex::new(Service::new(Counting::Sliding).fifo()));
    let mut tasks = JoinSet::new();
    for (seed, minutes) in [(0, 30), (1, 5)] {
        let limit = RateLimit::alone(clock.clone(), Allowance::PRO.of_dataset()).of_table("Orders");
        limit.made(["Orders"], true);
        let sending =
            Sending { limit, clock: clock.clone(), rows: 10, end: Moment::default() + MINUTE * minutes, seed };
        tasks.spawn(sending.run(Arc::clone(&service)));
    }
    clock.sleep_until(Moment::default() + 20 * MINUTE).await;
    let before = counts(&service);
    clock.sleep_until(Moment::default() + 30 * MINUTE).await;
    let after = counts(&service);
    assert!(before.refused > 0 && after.refused == before.refused);
    assert!(after.taken - before.taken >= 1_200 * 98 / 100, "{}", after.taken - before.taken);
}
