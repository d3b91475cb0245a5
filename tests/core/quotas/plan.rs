//! What is planned is what happens.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use powerbi_push::clock::{Clock, Moment};
use powerbi_push::rate_limit::{Ask, Ending, RateLimit};
use powerbi_push::retry::Retry;
use powerbi_push::services::powerbi::Allowance;

use super::Sending;
use super::service::{Counting, Service};

fn limit(quotas: Allowance) -> RateLimit {
    RateLimit::alone(Clock::real(), quotas.of_dataset()).of_table("Orders")
}

#[tokio::test(start_paused = true)]
async fn a_plan_comes_true() {
    for (requests, rows, bound_by) in [
        (300, 10_000, "1,000,000 rows an hour"),
        (2_000, 500, "120 requests an hour for a table of 250,000 rows"),
        (600, 10, "120 requests a minute"),
    ] {
        let limit = limit(Allowance::PRO);
        limit.made(["Orders"], false);
        let plan = limit.plan(requests, |_| rows, None);
        assert_eq!((plan.requests, plan.bound_by.as_deref()), (requests, Some(bound_by)));
        let end = Moment::default() + Duration::from_secs_f64(plan.eta * 1.1);
        let sending = Sending { limit, clock: Clock::real(), rows, end, seed: 1 };
        let left = sending.run(Arc::new(Mutex::new(Service::new(Counting::Sliding)))).await;
        let last = left[usize::try_from(requests).unwrap() - 1].as_secs_f64();
        assert!((0.95..1.05).contains(&(plan.eta / last)), "{} is planned, {last} were needed", plan.eta);
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_counts_what_was_sent_already_and_what_is_in_the_table() {
    let fresh = limit(Allowance::PRO).plan(100, |_| 10_000, None);
    assert_eq!((fresh.eta, fresh.bound_by), (12.5, None));
    let slow = limit(Allowance::PRO).plan(240, |_| 1, Some(250_000));
    assert!((3_620.0..3_700.0).contains(&slow.eta), "{}", slow.eta);
    let used = limit(Allowance::PRO);
    for _ in 0..100 {
        let ask = Ask { rows: 10_000, retry: Retry::default(), failed: None };
        used.permit(ask, None, &()).await.unwrap().end(Ending::Taken);
    }
    let later = used.plan(1, |_| 10_000, None);
    assert_eq!(later.bound_by.as_deref(), Some("1,000,000 rows an hour"));
    assert!((3_620.0..3_621.0).contains(&later.eta), "{}", later.eta);
    assert!(later.assumes.iter().any(|one| one.contains("100 requests with 1000000 rows")), "{:?}", later.assumes);
    // It was a thought only.
    assert_eq!(used.plan(1, |_| 10_000, None), later);
}

#[tokio::test(start_paused = true)]
async fn a_plan_of_any_size_is_made_and_without_quotas_only_answers_take_time() {
    let none = limit(Allowance::NONE).plan(8, |_| 10_000, None);
    assert_eq!((none.eta, none.bound_by, none.assumes[0].as_str()), (1.0, None, "no quota is held"));
    assert_eq!(limit(Allowance::PRO).plan(0, |_| 0, None).eta, 0.0);
    // 1,000,000 rows an hour, all the time.
    let hours = limit(Allowance::PRO).plan(10_000_000_000, |_| 10_000, None).eta / 3_620.0;
    assert!((hours / 1e8 - 1.0).abs() < 0.01, "{hours}");
}
