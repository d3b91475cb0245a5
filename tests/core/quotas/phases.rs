//! No phase of the service's windows makes it refuse, and hardly anything that it allows is left.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use powerbi_push::clock::{Clock, Moment};
use powerbi_push::rate_limit::{Ask, Ending, Holding, RateLimit};
use powerbi_push::retry::Retry;
use powerbi_push::services::powerbi::Allowance;

use super::Sending;
use super::service::{Counting, Service};

const TWO_HOURS: Duration = Duration::from_secs(7_200);

/// Sliding windows, and fixed ones in ten phases of a minute, which are ten of an hour too.
fn countings() -> impl Iterator<Item = Counting> {
    let phases = (0..10).map(|phase| Counting::Fixed(Duration::from_millis(phase * 366_600)));
    phases.chain([Counting::Sliding])
}

/// What somebody knows of the table when the first request goes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Table {
    /// We made it, and it is empty.
    Made,
    /// We made it, and it forgets its oldest rows.
    Fifo,
    /// It was there, with 300,000 rows.
    Old,
}

/// What came of sending for a while.
struct Ran {
    service: Service,
    /// When the requests that were taken left.
    left: Vec<Duration>,
    limit: RateLimit,
}

async fn run(counting: Counting, table: Table, quotas: Allowance, rows: u64, end: Duration) -> Ran {
    run_with(Service::new(counting), table, quotas, rows, end).await
}

async fn run_with(mut service: Service, table: Table, quotas: Allowance, rows: u64, end: Duration) -> Ran {
    let clock = Clock::real();
    let limit = RateLimit::alone(clock.clone(), quotas.of_dataset()).of_table("Orders");
    match table {
        Table::Made => limit.made(["Orders"], false),
        Table::Fifo => {
            limit.made(["Orders"], true);
            service = service.fifo();
        }
        Table::Old => service.rows_in_table = 300_000,
    }
    let service = Arc::new(Mutex::new(service));
    let sending = Sending { limit: limit.clone(), clock, rows, end: Moment::default() + end, seed: rows };
    let left = sending.run(Arc::clone(&service)).await;
    Ran { service: Arc::into_inner(service).unwrap().into_inner().unwrap(), left, limit }
}

#[tokio::test(start_paused = true)]
async fn no_phase_of_the_windows_refuses_a_table_that_becomes_large_on_the_way() {
    for counting in countings() {
        // 35 rows: large after an hour. 500 rows: after four minutes, with far more than 120 requests in the hour.
        for rows in [35, 500] {
            let Ran { service, limit, .. } = run(counting, Table::Made, Allowance::PRO, rows, TWO_HOURS).await;
            assert_eq!(service.refused, 0, "{counting:?}, {rows} rows");
            assert!(service.rows_in_table >= 250_000, "{counting:?}, {rows} rows");
            assert_eq!(limit.holding(), Holding::Counted(service.rows_in_table));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_phase_of_the_windows_refuses_and_98_hundredths_of_the_rate_are_used() {
    for counting in countings() {
        let Ran { service, .. } = run(counting, Table::Fifo, Allowance::PRO, 69, TWO_HOURS).await;
        // 120 a minute, 69 rows each: 993,600 rows in two hours, of two million.
        assert_eq!(service.refused, 0, "{counting:?}");
        assert!(service.taken * 100 >= 120 * 120 * 98, "{counting:?}: {} requests", service.taken);
    }
}

#[tokio::test(start_paused = true)]
async fn no_phase_of_the_windows_refuses_full_requests_and_the_rows_of_the_hour_are_used() {
    for counting in countings() {
        let Ran { service, left, .. } = run(counting, Table::Made, Allowance::PRO, 10_000, TWO_HOURS).await;
        assert_eq!((service.refused, service.rows_taken), (0, 2_000_000), "{counting:?}");
        // The hundred and first is the first of the second hour.
        let late = left[100].as_secs_f64() / 3_600.0;
        assert!((1.0..1.01).contains(&late), "{counting:?}: {late}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_without_quotas_is_refused_by_every_phase() {
    for counting in countings() {
        let Ran { service, .. } = run(counting, Table::Made, Allowance::NONE, 500, TWO_HOURS).await;
        assert!(service.refused > 0, "{counting:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_table_that_was_large_before_us_is_learnt_from_one_refusal() {
    for counting in countings() {
        let Ran { service, left, limit } = run(counting, Table::Old, Allowance::PRO, 500, TWO_HOURS * 2).await;
        assert!((1..=4).contains(&service.refused), "{counting:?}: {} refusals", service.refused);
        assert_eq!(limit.holding(), Holding::Shown(250_000), "{counting:?}");
        // 120 at once, the refusal, and from then on 120 in each hour of ours.
        let after: Vec<_> = left.iter().filter(|at| **at > Duration::from_secs(120)).collect();
        assert!(after.len() >= 120, "{counting:?}: {}", after.len());
        assert!(after.windows(121).all(|some| *some[120] - *some[0] > Duration::from_secs(3_600)), "{counting:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_whose_clock_is_half_a_hundredth_slow_refuses_nothing() {
    // The requests of a minute, the rows of an hour, the requests of an hour to a large table.
    for (table, rows) in [(Table::Fifo, 69), (Table::Fifo, 10_000), (Table::Made, 500)] {
        let slow = Service::new(Counting::Sliding).paced(0.995);
        let Ran { service, .. } = run_with(slow, table, Allowance::PRO, rows, TWO_HOURS).await;
        assert_eq!(service.refused, 0, "{table:?}, {rows} rows");
    }
}

/// What a service with sliding windows takes in the least time, from somebody who knows everything and needs none.
fn least_time(rows: impl Iterator<Item = u64>) -> f64 {
    let (mut service, mut now) = (Service::new(Counting::Sliding), Duration::ZERO);
    for rows in rows {
        while let Err(wait) = service.request(now, rows) {
            now += wait;
        }
    }
    now.as_secs_f64()
}

#[tokio::test(start_paused = true)]
async fn a_million_rows_take_hardly_longer_than_the_quotas_make_them() {
    // Full requests: the first million goes at once, so that three are looked at. Small ones: the table becomes large.
    for (rows, count) in [(10_000, 300), (500, 2_000)] {
        let least = least_time(std::iter::repeat_n(rows, count));
        let end = Duration::from_secs_f64(least * 1.05);
        let Ran { service, left, .. } = run(Counting::Sliding, Table::Made, Allowance::PRO, rows, end).await;
        assert_eq!(service.refused, 0);
        let ours = left.get(count - 1).map_or(f64::INFINITY, Duration::as_secs_f64);
        println!("{count} requests of {rows} rows: {ours:.0} s, and {least:.0} s at least: {:.4} x", ours / least);
        assert!(ours <= least * 1.05, "{rows} rows: {ours}, {least} at least");
    }
}

#[tokio::test(start_paused = true)]
async fn five_requests_a_second_go_to_a_push_url_and_never_a_sixth() {
    let clock = Clock::real();
    let limit = RateLimit::alone(clock.clone(), Allowance::PRO.of_push_url(false));
    let mut latency = fastrand::Rng::with_seed(1);
    let (mut left, mut answered) = (Vec::new(), Vec::new());
    for _ in 0..200 {
        let ask = Ask { rows: 10_000_000, retry: Retry::default(), failed: None };
        let mut permit = limit.permit(ask, None, &()).await.unwrap();
        left.push(clock.now());
        clock.sleep_until(clock.now() + Duration::from_millis(latency.u64(0..20))).await;
        answered.push(clock.now());
        permit.end(Ending::Taken);
    }
    // Wherever between leaving and its answer a request was counted, six were never in one second.
    for (first, sixth) in answered.iter().zip(&left[5..]) {
        assert!(*sixth - *first > Duration::from_secs(1));
    }
    let whole = (left[199] - left[0]).as_secs_f64();
    assert!(whole < 39.0 * 1.05, "{whole}: the quota is not used");
}
