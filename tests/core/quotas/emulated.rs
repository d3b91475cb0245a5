//! The quotas of the local Power BI, at every phase of its windows, over HTTP.

use powerbi_push::emulator::{Assumed, Licence, Options, RetryAfter};
use powerbi_push::limit::{IN_FLIGHT, Quotas};

use crate::delivery::House;

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
fn refused(house: &House) -> usize {
    house.emulator.requests().iter().filter(|request| request.status == Some(429)).count()
}

async fn house(assumed: Assumed, quotas: Quotas, retention: Option<&str>) -> House {
    House::with(Options { assumed, ..Options::default() }, quotas, retention).await
}

/// `count` requests of `rows` rows, all of which arrive; answers how many seconds it took.
async fn push(house: &House, count: usize, rows: usize) -> f64 {
    let before = (house.since_start(), house.stored());
    let (_, failure) = house.deliver(i64::try_from(count * rows).unwrap(), rows, IN_FLIGHT).await;
    assert_eq!((failure, house.stored()), (None, before.1 + count * rows));
    (house.since_start() - before.0).as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hours_with_a_table_that_becomes_large_are_not_refused_once() {
    for assumed in windows() {
        let house = house(assumed, Quotas::PRO, None).await;
        // 625 requests make the table large, 120 more are those of the second hour, the last 15 are of the third.
        let seconds = push(&house, 760, 400).await;
        assert_eq!(refused(&house), 0, "{assumed:?}");
        assert!((7_200.0..7_600.0).contains(&seconds), "{assumed:?}: {seconds}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_minute_is_used_to_98_hundredths_and_never_more() {
    for assumed in windows() {
        let house = house(assumed, Quotas::PRO, Some("basicFIFO")).await;
        let seconds = push(&house, 601, 10).await;
        assert_eq!(refused(&house), 0, "{assumed:?}");
        // Sliding windows of the service would allow it in 300 seconds.
        assert!((300.0..=300.0 / 0.98).contains(&seconds), "{assumed:?}: {seconds}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rows_of_an_hour_are_used_to_98_hundredths_and_never_more() {
    for assumed in windows() {
        let free = Assumed { licence: Licence::Free, ..assumed };
        let house = house(free, Quotas::FREE, None).await;
        let seconds = push(&house, 21, 1_000).await;
        assert_eq!(refused(&house), 0, "{assumed:?}");
        assert!((7_200.0..=7_200.0 / 0.98).contains(&seconds), "{assumed:?}: {seconds}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_quotas_every_phase_refuses_and_all_rows_arrive_late() {
    for assumed in windows() {
        let house = house(assumed, Quotas::NONE, None).await;
        push(&house, 260, 1).await;
        assert!(refused(&house) > 0, "{assumed:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_table_that_nobody_told_of_is_learnt_from_one_round_of_refusals() {
    for assumed in windows() {
        let house = house(assumed, Quotas::PRO, None).await;
        push(&house, 25, 10_000).await;
        house.forget();
        push(&house, 120, 1).await;
        let learnt = refused(&house);
        assert!((1..=IN_FLIGHT).contains(&learnt), "{assumed:?}: {learnt} refusals");
        push(&house, 120, 1).await;
        assert_eq!(refused(&house), learnt, "{assumed:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_a_refusal_says_when_to_come_back_a_large_table_is_learnt_and_then_left_alone() {
    for (retry_after, most) in [(RetryAfter::Date, IN_FLIGHT), (RetryAfter::Absent, 2 * IN_FLIGHT)] {
        let house = house(Assumed { retry_after, ..Assumed::default() }, Quotas::PRO, None).await;
        push(&house, 25, 10_000).await;
        house.forget();
        push(&house, 120, 1).await;
        let learnt = refused(&house);
        assert!((1..=most).contains(&learnt), "{retry_after:?}: {learnt} refusals");
        push(&house, 120, 1).await;
        assert_eq!(refused(&house), learnt, "{retry_after:?}");
    }
}
