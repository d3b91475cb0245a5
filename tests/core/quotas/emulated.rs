//! The quotas of the local Power BI, at every phase of its windows, over HTTP.

use std::time::Duration;

use powerbi_push::delivery::queue::RowState;
use powerbi_push::emulator::{Assumed, Licence, Options, RetryAfter, Row, Value};
use powerbi_push::rate_limit::IN_FLIGHT;
use powerbi_push::services::powerbi::Allowance;

use crate::delivery::Setup;

/// Rows of one request of the two hours.
const ROWS: usize = 400;

/// Sliding windows, and fixed ones in ten phases of a minute, which are ten of an hour too.
fn windows() -> Vec<Assumed> {
    let assumed = |switches: &[(&str, String)]| {
        let mut assumed = Assumed::default();
        for (switch, answer) in switches {
            assumed.set(switch, answer).unwrap();
        }
        assumed
    };
    let phase = |number: u32| format!("{:.1}", 366.6 * f64::from(number));
    let fixed = (0..10).map(|number| assumed(&[("windows", "fixed".into()), ("phase", phase(number))]));
    fixed.chain([assumed(&[("windows", "sliding".into())])]).collect()
}

/// How many requests with rows were refused.
fn refused(setup: &Setup) -> usize {
    setup.emulator.requests().iter().filter(|request| request.status == Some(429)).count()
}

async fn setup(assumed: Assumed, quotas: Allowance, retention: Option<&str>) -> Setup {
    Setup::with(Options { assumed, ..Options::default() }, quotas, retention).await
}

/// `count` requests of `rows` rows, all of which arrive; answers how many seconds it took.
async fn push(setup: &Setup, count: usize, rows: usize) -> f64 {
    let before = (setup.since_start(), setup.stored());
    let (_, failure) = setup.deliver(i64::try_from(count * rows).unwrap(), rows, IN_FLIGHT).await;
    assert_eq!((failure, setup.stored()), (None, before.1 + count * rows));
    (setup.since_start() - before.0).as_secs_f64()
}

/// The `Id` of each row, in the order of arrival.
fn ids(setup: &Setup) -> Vec<i64> {
    let id = |row: &Row| match row.get("Id") {
        Some(Value::Int(id)) => *id,
        other => panic!("{other:?} is no Id"),
    };
    setup.emulator.rows(None, "Sales", None).unwrap().iter().map(id).collect()
}

/// Every row of `requests` is there once: in order where `workers` is one, else in order within its request.
fn check_order(ids: &[i64], requests: usize, workers: usize) {
    let mut sorted = ids.to_vec();
    if workers > 1 {
        assert!(ids.chunks(ROWS).all(|request| request.windows(2).all(|pair| pair[1] == pair[0] + 1)));
        sorted.sort_unstable();
    }
    assert!(sorted.into_iter().eq(0..i64::try_from(requests * ROWS).unwrap()));
}

/// What went when, in seconds: 120 a minute, and as soon as the table is large 120 an hour, of what is counted already too.
fn check_times(setup: &Setup, before_large: usize) {
    let requests = setup.emulator.requests();
    let times: Vec<f64> =
        requests.iter().filter(|request| request.rows > 0).map(|request| request.at.as_secs_f64()).collect();
    let gaps: Vec<f64> = times.windows(121).map(|some| some[120] - some[0]).collect();
    assert!(gaps.iter().all(|gap| *gap >= 60.0), "{gaps:?}");
    assert!(gaps[before_large - 120..].iter().all(|gap| *gap >= 3_600.0), "{gaps:?}");
    // Half of it within an hour, then nothing for an hour, then the 120 of the next one: nothing comes late.
    let (middle, large, last) = (times[before_large - 1], times[before_large], times[times.len() - 1]);
    assert!((3_581.0..3_700.0).contains(&middle), "{middle}");
    assert!((7_140.0..7_200.0).contains(&large) && (7_200.0..7_300.0).contains(&last), "{large}, {last}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hours_with_a_table_that_becomes_large_in_their_middle_are_not_refused_once() {
    // With the 625th request there are 250,000 rows: from that one on it is 120 an hour.
    let parts = [(0, 300), (3_460, 324 + 120)];
    for (number, assumed) in windows().into_iter().enumerate() {
        let (setup, workers) = (setup(assumed, Allowance::PRO, None).await, [IN_FLIGHT, 1][number % 2]);
        for (begin, requests) in parts {
            setup.rest_until(Duration::from_secs(begin)).await;
            let rows = (requests * ROWS) as u64;
            let (outbox, failure) = setup.deliver(i64::try_from(rows).unwrap(), ROWS, workers).await;
            assert_eq!(failure, None, "{assumed:?}");
            assert_eq!(outbox.ledger().pieces(0..rows), [(0..rows, Some(RowState::Confirmed))]);
        }
        assert_eq!(refused(&setup), 0, "{assumed:?}");
        let ids = ids(&setup);
        let (first, second) = ids.split_at(300 * ROWS);
        check_order(first, 300, workers);
        check_order(second, 444, workers);
        check_times(&setup, 624);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_minute_is_used_to_98_hundredths_and_never_more() {
    for assumed in windows() {
        let setup = setup(assumed, Allowance::PRO, Some("basicFIFO")).await;
        let seconds = push(&setup, 601, 10).await;
        assert_eq!(refused(&setup), 0, "{assumed:?}");
        // Sliding windows of the service would allow it in 300 seconds.
        assert!((300.0..=300.0 / 0.98).contains(&seconds), "{assumed:?}: {seconds}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rows_of_an_hour_are_used_to_98_hundredths_and_never_more() {
    for assumed in windows() {
        let free = Assumed { licence: Licence::Free, ..assumed };
        let setup = setup(free, Allowance::FREE, None).await;
        let seconds = push(&setup, 21, 1_000).await;
        assert_eq!(refused(&setup), 0, "{assumed:?}");
        assert!((7_200.0..=7_200.0 / 0.98).contains(&seconds), "{assumed:?}: {seconds}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_quotas_every_phase_refuses_and_all_rows_arrive_late() {
    for assumed in windows() {
        let setup = setup(assumed, Allowance::NONE, None).await;
        push(&setup, 260, 1).await;
        assert!(refused(&setup) > 0, "{assumed:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_table_that_nobody_told_of_is_learnt_from_one_round_of_refusals() {
    for assumed in windows() {
        let setup = setup(assumed, Allowance::PRO, None).await;
        push(&setup, 25, 10_000).await;
        setup.forget();
        push(&setup, 120, 1).await;
        let learnt = refused(&setup);
        assert!((1..=IN_FLIGHT).contains(&learnt), "{assumed:?}: {learnt} refusals");
        push(&setup, 120, 1).await;
        assert_eq!(refused(&setup), learnt, "{assumed:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_a_refusal_says_when_to_come_back_a_large_table_is_learnt_and_then_left_alone() {
    for (retry_after, most) in [(RetryAfter::Date, IN_FLIGHT), (RetryAfter::Absent, 2 * IN_FLIGHT)] {
        let setup = setup(Assumed { retry_after, ..Assumed::default() }, Allowance::PRO, None).await;
        push(&setup, 25, 10_000).await;
        setup.forget();
        push(&setup, 120, 1).await;
        let learnt = refused(&setup);
        assert!((1..=most).contains(&learnt), "{retry_after:?}: {learnt} refusals");
        push(&setup, 120, 1).await;
        assert_eq!(refused(&setup), learnt, "{retry_after:?}");
    }
}
