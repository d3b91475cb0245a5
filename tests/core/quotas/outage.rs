//! An outage is not answered with a storm, and its end is noticed soon.

use std::time::Duration;

use powerbi_push::delivery::worker::Notice;
use powerbi_push::error::Kind;
use powerbi_push::rate_limit::IN_FLIGHT;
use powerbi_push::retry::Retry;
use powerbi_push::services::powerbi::Allowance;

use super::script::{Reply, Scripted};

/// Never gives up in these tests.
const PATIENT: Retry =
    Retry { attempts: 1_000, first_delay: Duration::from_millis(500), max_delay: Duration::from_secs(30) };

fn down() -> Reply {
    Reply::Answer(503, Vec::new())
}

/// Whether there is one notice for all of an outage.
fn told_once(notices: &[Notice]) -> bool {
    matches!(notices, [Notice::Down(why, _)] if !why.is_empty())
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_minutes_down_cost_one_probe_in_fifteen_seconds_and_all_go_on_when_one_is_answered() {
    for reply in [down(), Reply::Lose] {
        let ours = reply.clone();
        let service = Scripted::new(move |at, _| if at < seconds(600) { ours.clone() } else { Reply::Take }).await;
        let pushed = service.push(100, PATIENT).await;
        assert_eq!(pushed.confirmed(100), 100);
        let in_vain = service.replies(|reply| *reply != Reply::Take);
        println!("{reply:?}: {in_vain} requests in vain, first row {:?} late", service.times()[in_vain] - seconds(600));
        assert!((40..=45).contains(&in_vain), "{reply:?}: {in_vain} requests in vain");
        let late = service.times()[in_vain] - seconds(600);
        assert!(late <= seconds(15), "{reply:?}: {late:?}");
        assert!(told_once(&pushed.delivery.notices()), "{reply:?}");
        if reply == down() {
            assert!(service.times()[in_vain..].iter().all(|at| *at <= seconds(616)), "somebody still waited");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_takes_its_time_in_an_outage_even_without_a_policy_of_retries() {
    for reply in [down(), Reply::throttled(&20), Reply::Answer(429, Vec::new())] {
        let ours = reply.clone();
        let service = Scripted::new(move |at, _| if at < seconds(600) { ours.clone() } else { Reply::Take }).await;
        assert_eq!(service.send(10, Retry::never()).await.confirmed(10), 10);
        let in_vain = service.replies(|reply| *reply != Reply::Take);
        assert!((20..=45).contains(&in_vain), "{reply:?}: {in_vain} requests in vain");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_cannot_be_reached_is_probed_too() {
    let nowhere = Scripted::nowhere().await;
    let deadline = Some(powerbi_push::clock::Moment::default() + seconds(600));
    let pushed = nowhere.push_by(&nowhere.route(Allowance::PRO), 100, PATIENT, deadline, IN_FLIGHT).await;
    assert_eq!(pushed.delivery.failure().unwrap().kind, Kind::Deadline);
    assert_eq!(pushed.delivery.meter().requests, 0);
    assert!(told_once(&pushed.delivery.notices()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flapping_costs_a_tenth_more_and_two_probes_an_outage() {
    let is_down = |at: Duration| (60..80).contains(&at.as_secs()) || (90..110).contains(&at.as_secs());
    for seed in 0..5_u16 {
        let service = Scripted::new(move |at, number| {
            let status = [500, 502, 503, 504][(number + usize::from(seed)) % 4];
            if is_down(at) { Reply::Answer(status, Vec::new()) } else { Reply::Take }
        })
        .await;
        let pushed = service.push(400, PATIENT).await;
        assert_eq!(pushed.confirmed(400), 400);
        assert!(service.replies(|reply| *reply != Reply::Take) >= 5, "there was no outage");
        assert!(service.extra() <= 40 + 4, "{} requests more than needed", service.extra());
        // Ten seconds may pass between two probes: at the latest, it goes on fifteen after the second outage. What 120 a
        // minute then leave takes two minutes more.
        let last = *service.times().last().unwrap();
        assert!(last < seconds(110 + 16 + 2 * 61), "{last:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn single_failures_among_many_successes_stop_nobody() {
    let mut dice = fastrand::Rng::with_seed(11);
    let service = Scripted::new(move |_, _| if dice.f64() < 0.05 { down() } else { Reply::Take }).await;
    let pushed = service.push_by(&service.route(Allowance::NONE), 2_000, PATIENT, None, IN_FLIGHT).await;
    assert_eq!(pushed.confirmed(2_000), 2_000);
    let failed = service.replies(|reply| *reply != Reply::Take);
    assert!((50..=200).contains(&failed), "{failed}");
    assert_eq!(service.extra(), failed);
    assert_eq!(pushed.delivery.meter().retries, failed as u64);
    // A second here and there, and never the fifteen of an outage in a row.
    assert!(service.since_start() < seconds(120), "{:?}", service.since_start());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_policy_gives_up_after_its_attempts_even_while_the_service_is_down() {
    let service = Scripted::new(|_, _| down()).await;
    let pushed = service.push_by(&service.route(Allowance::PRO), 1, Retry::default(), None, 1).await;
    assert_eq!(pushed.delivery.failure().unwrap().kind, Kind::InDoubt);
    let times = service.times();
    assert_eq!(times.len(), 5);
    // One resend from the budget at once, the others one in fifteen seconds.
    assert!((0.25..=0.5).contains(&times[1].as_secs_f64()), "{times:?}");
    assert!(times.windows(2).skip(1).all(|pair| pair[1] - pair[0] == seconds(15)), "{times:?}");
    let waited = pushed.delivery.meter().waited;
    assert_eq!(waited, service.since_start());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_of_shorter_waits_is_kept_in_an_outage_too() {
    let quick = Retry { attempts: 50, first_delay: Duration::from_millis(1), max_delay: Duration::from_millis(1) };
    let service = Scripted::new(|_, number| if number < 40 { down() } else { Reply::Take }).await;
    assert_eq!(service.push(10, quick).await.confirmed(10), 10);
    assert!(service.since_start() < seconds(1), "{:?}", service.since_start());
}
