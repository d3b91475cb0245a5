//! What the service asks for is kept: nothing early, little late, for everybody.

use std::time::Duration;

use powerbi_push::clock::Moment;
use powerbi_push::delivery::worker::Notice;
use powerbi_push::error::Kind;
use powerbi_push::rate_limit::{IN_FLIGHT, Reason};
use powerbi_push::retry::Retry;
use powerbi_push::services::powerbi::Allowance;

use super::script::{Reply, Scripted};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Whether `late` is as long as was told, and at most a twentieth and a second longer.
fn is_kept(late: Duration, told: Duration) -> bool {
    late >= told && late <= told.mul_f64(1.05) + seconds(1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_comes_before_a_told_wait_has_passed_however_long_it_is() {
    for told in [1, 30, 3_392, 7_200] {
        let service =
            Scripted::new(move |_, number| if number == 0 { Reply::throttled(&told) } else { Reply::Take }).await;
        let pushed = service.push_by(&service.route(Allowance::PRO), 20, Retry::default(), None, 1).await;
        assert_eq!(pushed.confirmed(20), 20);
        let times = service.times();
        assert_eq!((times.len(), service.extra()), (21, 1));
        assert!(is_kept(times[1], seconds(told)), "{told}: {:?}", times[1]);
        assert!(times[2..].iter().all(|at| *at >= times[1]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_date_is_read_by_the_clock_of_the_service_whatever_it_shows() {
    let dates = [
        ("Sat, 01 Jan 2050 13:00:00 GMT", "Sat, 01 Jan 2050 13:01:00 GMT"),
        ("Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 01 Jan 1970 00:01:00 GMT"),
        ("Sun, 22 Nov 2020 23:59:30 GMT", "Mon, 23 Nov 2020 00:00:30 GMT"),
    ];
    let now = std::time::SystemTime::from(chrono::Utc::now());
    let skewed = [-3_600_i64, 0, 3_600].map(|skew| {
        let theirs = if skew < 0 { now - seconds(skew.unsigned_abs()) } else { now + seconds(skew.unsigned_abs()) };
        (httpdate::fmt_http_date(theirs), httpdate::fmt_http_date(theirs + seconds(60)))
    });
    let dates = dates.map(|(now, then)| (now.to_owned(), then.to_owned()));
    for (now, then) in dates.into_iter().chain(skewed) {
        let headers = vec![("Date", now.clone()), ("Retry-After", then)];
        let mut first = Some(Reply::Answer(429, headers));
        let service = Scripted::new(move |_, _| first.take().unwrap_or(Reply::Take)).await;
        assert_eq!(service.push(1, Retry::default()).await.confirmed(1), 1);
        assert!(is_kept(service.times()[1], seconds(60)), "{now}: {:?}", service.times());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_is_told_once_and_backed_off_from() {
    for (nonsense, most) in [("soon", 2.1), ("-1", 2.1), ("1000000000", 3.0 * 7_560.0)] {
        let service =
            Scripted::new(move |_, number| if number < 2 { Reply::throttled(&nonsense) } else { Reply::Take }).await;
        let pushed = service.push_by(&service.route(Allowance::PRO), 1, Retry::default(), None, 1).await;
        assert_eq!(pushed.confirmed(1), 1);
        let times = service.times();
        assert!(times[1] >= seconds(1) && times[2].as_secs_f64() <= most, "{nonsense}: {times:?}");
        let notices = pushed.delivery.notices();
        let odd = notices.iter().filter(|notice| matches!(notice, Notice::OddRetryAfter(_)));
        assert_eq!(odd.count(), 1, "{notices:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_client_of_the_process_heeds_what_one_was_told() {
    let service = Scripted::new(|_, number| if number == 0 { Reply::throttled(&600) } else { Reply::Take }).await;
    let (first, second) = (service.route(Allowance::PRO), service.route(Allowance::NONE));
    let gave_up = service.push_by(&first, 1, Retry::never(), None, 1).await;
    let error = gave_up.delivery.failure().unwrap();
    assert_eq!((error.kind, error.answer.status), (Kind::RateLimited, Some(429)));
    // Who does not wait is told at once, and who does comes late enough.
    let told = service.push_by(&second, 1, Retry::never(), None, 1).await.delivery.failure().unwrap();
    assert_eq!((told.kind, told.answer.status), (Kind::RateLimited, None));
    assert_eq!(told.answer.bound_by.as_deref(), Some("Retry-After"));
    assert_eq!(service.times().len(), 1);
    let pushed = service.push_by(&second, 1, Retry::default(), None, 1).await;
    assert_eq!(pushed.confirmed(1), 1);
    assert!(is_kept(service.times()[1], seconds(600)));
    let Ok([Notice::Waiting(length, Reason::RetryAfter)]) = <[Notice; 1]>::try_from(pushed.delivery.notices()) else {
        panic!("the wait was not noticed")
    };
    assert_eq!(pushed.delivery.meter().waited, length);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_past_the_deadline_is_refused_at_once_and_names_what_holds_it() {
    let service = Scripted::new(|_, _| Reply::Take).await;
    let deadline = Some(Moment::default() + seconds(59));
    let pushed = service.push_by(&service.route(Allowance::PRO), 200, Retry::default(), deadline, IN_FLIGHT).await;
    let error = pushed.delivery.failure().unwrap();
    assert_eq!((error.kind, error.answer.status), (Kind::RateLimited, None));
    assert_eq!(error.answer.bound_by.as_deref(), Some("120 requests a minute"));
    // Of those that had leave when the wait became known, the ones that had not begun were withdrawn.
    assert!((117..=120).contains(&pushed.confirmed(200)), "{}", pushed.confirmed(200));
    assert_eq!(service.since_start(), Duration::ZERO);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_refusal_one_request_tries_and_the_others_follow() {
    // Refused for half a minute, without a word on how long it takes.
    let service =
        Scripted::new(|at, _| if at < seconds(30) { Reply::Answer(429, Vec::new()) } else { Reply::Take }).await;
    let pushed = service.push(5, Retry::default()).await;
    assert_eq!(pushed.confirmed(5), 5);
    let refused = service.replies(|reply| *reply != Reply::Take);
    assert!((5..=12).contains(&refused), "{refused} requests in vain");
    let times = service.times();
    assert!(times[refused..].iter().all(|at| *at == times[refused]), "{times:?}");
    assert!(times[refused] < seconds(62), "{times:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_storm_of_refusals_nothing_is_early_and_everything_arrives() {
    // Six of ten requests are refused for some seconds, in the first half minute.
    let mut dice = fastrand::Rng::with_seed(5);
    let service = Scripted::new(move |at, _| {
        let refused = at < seconds(30) && dice.f64() < 0.6;
        if refused { Reply::throttled(&dice.u64(1..=5)) } else { Reply::Take }
    })
    .await;
    assert_eq!(service.push(400, Retry::default()).await.confirmed(400), 400);
    let came = service.came.lock().unwrap().clone();
    let (mut storm, mut not_before) = (0, Duration::ZERO);
    // What left together comes in one instant of this clock.
    for together in came.chunk_by(|left, right| left.at == right.at) {
        let at = together[0].at;
        assert!(at >= not_before, "{at:?} is before {not_before:?}");
        if not_before > Duration::ZERO && not_before < seconds(30) {
            assert!((at - not_before).as_secs_f64() <= 5.0 * 0.05 + 0.2, "{at:?} is long after {not_before:?}");
        }
        not_before = Duration::ZERO;
        for one in together {
            if let Reply::Answer(429, headers) = &one.reply {
                storm += 1;
                not_before = not_before.max(at + seconds(headers[0].1.parse().unwrap()));
            }
        }
    }
    assert!(storm >= 5, "there was no storm");
}
