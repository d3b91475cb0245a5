//! Leave to send, request by request.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use powerbi_push::clock::{Clock, Moment};
use powerbi_push::error::Kind;
use powerbi_push::rate_limit::{Ask, Ending, Holding, IN_FLIGHT, Quotas, RateLimit, Reason, Wait, Watch};
use powerbi_push::retry::Retry;
use powerbi_push::services::powerbi::Allowance;

fn ask(rows: u64) -> Ask {
    Ask { rows, retry: Retry::default(), failed: None }
}

fn at(seconds: u64) -> Moment {
    Moment::default() + Duration::from_secs(seconds)
}

/// Counts the waits it is told of, and those that are over.
#[derive(Debug, Default)]
struct Counting {
    begun: AtomicUsize,
    over: AtomicUsize,
}

impl Watch for Counting {
    fn begun(&self, wait: &Wait) {
        assert_eq!(wait.reason, Reason::RetryAfter);
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    fn over(&self) {
        self.over.fetch_add(1, Ordering::Relaxed);
    }
}

async fn throttled(limit: &RateLimit, seconds: u64) {
    let told = Some(Duration::from_secs(seconds));
    limit.permit(ask(1), None, &()).await.unwrap().end(Ending::Throttled(told));
}

#[tokio::test(start_paused = true)]
async fn a_hold_also_stops_who_was_waiting_for_a_place() {
    let clock = Clock::real();
    let limit = RateLimit::alone(clock.clone(), Quotas::NONE);
    let mut permits = Vec::new();
    for _ in 0..IN_FLIGHT {
        permits.push(limit.permit(ask(1), None, &()).await.unwrap());
    }
    let fifth = limit.permit(ask(1), None, &());
    tokio::pin!(fifth);
    assert!(tokio::time::timeout(Duration::from_millis(1), &mut fifth).await.is_err());
    permits.pop().unwrap().end(Ending::Throttled(Some(Duration::from_secs(60))));
    let _permit = fifth.await.unwrap();
    assert!(clock.now() >= at(60) && clock.now() <= at(64));
}

#[tokio::test(start_paused = true)]
async fn a_wait_past_the_deadline_is_refused_at_once() {
    let clock = Clock::real();
    let limit = RateLimit::alone(clock.clone(), Quotas::NONE);
    throttled(&limit, 60).await;
    let error = limit.permit(ask(1), Some(at(59)), &()).await.unwrap_err();
    assert_eq!((error.kind, error.answer.bound_by.as_deref()), (Kind::RateLimited, Some("Retry-After")));
    assert!(error.answer.retry_after >= Some(Duration::from_secs(60)));
    assert_eq!(clock.now(), at(0));
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_told_once_and_its_end_too_even_where_nobody_waits_for_it() {
    let limit = RateLimit::alone(Clock::real(), Quotas::NONE);
    let out = limit.permit(ask(1), None, &()).await.unwrap();
    throttled(&limit, 60).await;
    let watch = Counting::default();
    {
        let waiting = limit.permit(ask(1), None, &watch);
        tokio::pin!(waiting);
        assert!(tokio::time::timeout(Duration::from_secs(1), &mut waiting).await.is_err());
        // Somebody comes back, and nothing changes for who waits.
        drop(out);
        assert!(tokio::time::timeout(Duration::from_secs(1), &mut waiting).await.is_err());
        assert_eq!((watch.begun.load(Ordering::Relaxed), watch.over.load(Ordering::Relaxed)), (1, 0));
    }
    assert_eq!((watch.begun.load(Ordering::Relaxed), watch.over.load(Ordering::Relaxed)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn everybody_who_names_the_same_dataset_is_counted_together_each_with_quotas_of_its_own() {
    let clock = Clock::real();
    let quotas = |most| Allowance { requests_per_minute: Some(most), ..Allowance::NONE }.of_dataset();
    let limit = |key, most| RateLimit::shared(key, &clock, quotas(most));
    for _ in 0..2 {
        limit("leave/one", 3).permit(ask(1), None, &()).await.unwrap().end(Ending::Taken);
    }
    for (key, most, leave) in [("leave/one", 2, false), ("leave/one", 3, true), ("leave/other", 2, true)] {
        let said = limit(key, most).permit(ask(1), Some(at(1)), &()).await;
        assert_eq!(said.is_ok(), leave, "{key}, {most}");
        if let Ok(mut permit) = said {
            permit.end(Ending::Unsent);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_counted_by_another_time_counts_for_nothing() {
    let quotas = Allowance { requests_per_minute: Some(1), ..Allowance::NONE }.of_dataset();
    let (before, now) = (Clock::simulated(), Clock::simulated());
    before.advance(Duration::from_secs(7_200));
    RateLimit::shared("leave/reused", &before, quotas.clone())
        .permit(ask(1), None, &())
        .await
        .unwrap()
        .end(Ending::Taken);
    for fits in [true, false] {
        let said = RateLimit::shared("leave/reused", &now, quotas.clone()).permit(ask(1), Some(at(1)), &()).await;
        assert_eq!(said.is_ok(), fits);
        if let Ok(mut permit) = said {
            permit.end(Ending::Taken);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_table_holds_is_known_from_when_it_was_made_or_emptied() {
    let clock = Clock::real();
    let dataset = RateLimit::alone(clock, Allowance::PRO.of_dataset());
    let (orders, items) = (dataset.clone().of_table("Orders"), dataset.clone().of_table("Items"));
    assert_eq!(orders.holding(), Holding::Unknown);
    dataset.made(["Orders", "Items"], false);
    orders.permit(ask(10_000), None, &()).await.unwrap().end(Ending::Taken);
    orders.permit(ask(10_000), None, &()).await.unwrap().end(Ending::Throttled(None));
    assert_eq!((orders.holding(), items.holding()), (Holding::Counted(10_000), Holding::Counted(0)));
    orders.emptied();
    assert_eq!(orders.holding(), Holding::Counted(0));
    dataset.deleted();
    assert_eq!(items.holding(), Holding::Unknown);
    dataset.made(["Orders"], true);
    orders.emptied();
    assert_eq!(orders.holding(), Holding::Newest);
}

#[tokio::test(start_paused = true)]
async fn batches_are_cut_to_what_the_quota_of_rows_has_left_if_that_is_worth_a_request() {
    let limit = RateLimit::alone(Clock::real(), Allowance::FREE.of_dataset());
    for (sent, next) in [(0, 10_000), (6_000, 4_000), (3_000, 1_000), (500, 10_000)] {
        limit.permit(ask(sent), None, &()).await.unwrap().end(Ending::Taken);
        assert_eq!(limit.rows_to_take(10_000), next, "after {sent} more");
    }
    assert_eq!(RateLimit::alone(Clock::real(), Quotas::NONE).rows_to_take(10_000), 10_000);
}
