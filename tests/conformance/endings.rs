//! The endings of a delivery, and that the account of each is exact for every sink.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use powerbi_push::clock::{Clock, Moment};
use powerbi_push::delivery::queue::{Ledger, Queue, RowState};
use powerbi_push::delivery::worker::{Delivery, OnFailure, Opening, Policy};
use powerbi_push::error::Kind;
use powerbi_push::retry::Retry;
use powerbi_push::rows::encode::{Encoder, Limits, Options};
use powerbi_push::rows::schema::TableSchema;
use powerbi_push::services::powerbi::TARGET;

use crate::far_end::{FarEnd, Said, Turn};
use crate::sample::{Sample, table};
use crate::subject::{Subject, subjects};

/// Rows of one request, and of all.
const EACH: usize = 10;
const ALL: u64 = 40;
pub(crate) const LIMITS: Limits = Limits { max_rows: EACH, max_bytes: 15_000 };

/// A delivery, done.
pub(crate) struct Delivered {
    pub(crate) far_end: FarEnd,
    pub(crate) ledger: Ledger,
    pub(crate) failure: Option<Kind>,
    pub(crate) seconds: f64,
}

impl Delivered {
    /// The rows of this state; `None` is unsent.
    pub(crate) fn rows(&self, state: Option<RowState>) -> Vec<i64> {
        let pieces = self.ledger.pieces(0..ALL);
        let of = |rows: Range<u64>| rows.map(|row| i64::try_from(row).unwrap());
        pieces.into_iter().filter(|(_, known)| *known == state).flat_map(|(rows, _)| of(rows)).collect()
    }

    /// Holds the account against what is at the far end: that is what every ending owes.
    fn check(&self) {
        let there = self.far_end.ids();
        for row in self.rows(Some(RowState::Confirmed)) {
            assert!(there.contains(&row), "row {row} is confirmed, and not there");
        }
        for state in [Some(RowState::Rejected), None] {
            for row in self.rows(state) {
                assert!(!there.contains(&row), "row {row} is {state:?}, and there");
            }
        }
        assert_eq!(self.far_end.held().staged, [0; 0], "nothing stays staged");
    }
}

pub(crate) fn policy() -> Policy {
    Policy {
        retry: Retry::default(),
        resend_doubt: true,
        isolate: false,
        deadline: None,
        workers: 1,
        on_failure: OnFailure::Stop,
        linger: None,
    }
}

/// Hands over all rows.
pub(crate) fn fill(outbox: &Queue, framing: &'static powerbi_push::rows::encode::Framing) {
    let schema = Some(Arc::new(TableSchema::new(&table()).under(TARGET.values)));
    let mut encoder = Encoder::new(framing, schema, Options::default(), LIMITS, 1);
    let mut source = Sample::new((0..ALL).map(|id| (id.cast_signed(), format!("item {id}"))));
    loop {
        let filled = encoder.fill(&mut source).unwrap();
        outbox.accept(filled.run).unwrap();
        if filled.ended {
            return;
        }
    }
}

pub(crate) async fn deliver(subject: &'static dyn Subject, turns: Vec<Turn>, policy: Policy) -> Delivered {
    deliver_to(FarEnd::start(subject, turns).await, subject, policy, |_| ()).await
}

pub(crate) async fn deliver_to(
    far_end: FarEnd,
    subject: &'static dyn Subject,
    policy: Policy,
    meanwhile: impl FnOnce(&Delivery),
) -> Delivered {
    let clock = Clock::simulated();
    let reached = subject.reach(&far_end.root, &clock);
    let outbox = Arc::new(subject.queue());
    let delivery = reached.route(&clock).delivery(Arc::clone(&outbox), policy);
    let delivery = Arc::new(delivery.limited(LIMITS).opening(Opening::default()));
    let opened = delivery.open().await;
    fill(&outbox, reached.sink.framing());
    outbox.close();
    meanwhile(&delivery);
    opened.unwrap();
    Arc::clone(&delivery).run().await;
    let delivered = Delivered {
        far_end,
        ledger: outbox.ledger(),
        failure: delivery.failure().map(|error| error.kind),
        seconds: (clock.now() - Moment::default()).as_secs_f64(),
    };
    delivered.check();
    delivered
}

pub(crate) fn all() -> Vec<i64> {
    (0..ALL.cast_signed()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_order_is_confirmed_once() {
    for subject in subjects() {
        let delivered = deliver(subject, Vec::new(), policy()).await;
        assert_eq!((delivered.rows(Some(RowState::Confirmed)), delivered.failure), (all(), None));
        assert_eq!(delivered.far_end.held().rows, all());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_sent_again_and_nothing_is_lost() {
    for subject in subjects() {
        let delivered = deliver(subject, vec![Turn::Take, Turn::LoseAnswer], policy()).await;
        assert_eq!((delivered.rows(Some(RowState::Confirmed)), delivered.failure), (all(), None));
        assert_eq!(delivered.far_end.ids(), all());
        let twice = delivered.far_end.held().rows.len() - all().len();
        // What is staged under the same number again is there once.
        let expected = if subject.can().stage { 0 } else { EACH };
        assert_eq!((delivered.ledger.maybe_twice(), twice), (expected as u64, EACH));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doubt_that_is_not_resent_ends_in_doubt() {
    for subject in subjects() {
        let once = Policy { resend_doubt: false, retry: Retry::never(), ..policy() };
        let delivered = deliver(subject, vec![Turn::Take, Turn::LoseAnswer], once).await;
        // What only counts after a commit is not there without one.
        let (kind, doubted, confirmed) =
            if subject.can().stage { (Kind::Transport, 0..0, 0..0) } else { (Kind::InDoubt, 10..20, 0..10) };
        assert_eq!(delivered.failure, Some(kind));
        assert_eq!(delivered.rows(Some(RowState::InDoubt)), doubted.collect::<Vec<_>>());
        assert_eq!(delivered.rows(Some(RowState::Confirmed)), confirmed.collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_too_large_goes_in_halves() {
    for subject in subjects() {
        let delivered = deliver(subject, vec![Turn::Say(Said::empty(413))], policy()).await;
        assert_eq!((delivered.rows(Some(RowState::Confirmed)), delivered.failure), (all(), None));
        assert_eq!(delivered.far_end.held().rows.len(), all().len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_that_is_told_is_waited_for() {
    for subject in subjects() {
        let told = Turn::Say(Said::empty(429).with("Retry-After: 70"));
        let delivered = deliver(subject, vec![Turn::Take, told], policy()).await;
        assert_eq!((delivered.rows(Some(RowState::Confirmed)), delivered.failure), (all(), None));
        assert!(delivered.seconds >= 70.0, "{}", delivered.seconds);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_rows_are_rejected_and_those_behind_them_not_sent() {
    for subject in subjects() {
        let delivered = deliver(subject, vec![Turn::Take, Turn::Say(Said::empty(400))], policy()).await;
        assert_eq!(delivered.failure, Some(Kind::Service));
        let blamed = if subject.can().blame_rows { 10..20 } else { 0..0 };
        assert_eq!(delivered.rows(Some(RowState::Rejected)), blamed.collect::<Vec<_>>());
        let there: Vec<i64> = if subject.can().stage { Vec::new() } else { (0..10).collect() };
        assert_eq!((delivered.far_end.ids(), delivered.rows(Some(RowState::Confirmed))), (there.clone(), there));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_at_fault_are_found_where_they_are_looked_for() {
    for subject in subjects().into_iter().filter(|subject| subject.can().blame_rows) {
        let looking = Policy { isolate: true, ..policy() };
        let turns = vec![Turn::Say(Said::empty(400)), Turn::Say(Said::empty(400))];
        let delivered = deliver(subject, turns, looking).await;
        assert!(delivered.rows(Some(RowState::Confirmed)).len() >= 30);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_that_has_ended_is_replaced_once() {
    for subject in subjects() {
        let delivered = deliver(subject, vec![Turn::Take, Turn::Say(subject.expired())], policy()).await;
        if subject.can().sign_in_again {
            assert_eq!((delivered.rows(Some(RowState::Confirmed)), delivered.failure), (all(), None));
            assert_eq!(delivered.far_end.held().rows.len(), all().len());
        } else {
            assert!(delivered.failure.is_some());
        }
        let twice = vec![Turn::Say(subject.expired()), Turn::Say(subject.expired())];
        let delivered = deliver(subject, twice, policy()).await;
        assert!(delivered.failure.is_some() && delivered.far_end.ids().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_gone_ends_the_delivery_after_all_attempts() {
    for subject in subjects() {
        let delivered = deliver(subject, vec![Turn::Say(Said::empty(503)); 9], policy()).await;
        let (kind, doubted) = if subject.can().stage { (Kind::Service, 0) } else { (Kind::InDoubt, EACH) };
        assert_eq!((delivered.failure, delivered.rows(Some(RowState::InDoubt)).len()), (Some(kind), doubted));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_limit_ends_it_with_an_exact_account() {
    for subject in subjects() {
        let deadline = Some(Moment::default() + Duration::from_secs(5));
        let told = Turn::Say(Said::empty(429).with("Retry-After: 70"));
        let delivered = deliver(subject, vec![Turn::Take, told], Policy { deadline, ..policy() }).await;
        assert!(matches!(delivered.failure, Some(Kind::RateLimited | Kind::Deadline)), "{:?}", delivered.failure);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_told_to_stop_begins_nothing_more() {
    for subject in subjects() {
        let far_end = FarEnd::start(subject, Vec::new()).await;
        let delivered = deliver_to(far_end, subject, policy(), Delivery::finish).await;
        assert_eq!((delivered.far_end.ids(), delivered.rows(None)), (Vec::new(), all()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_decides_for_all_that_was_staged() {
    for subject in subjects().into_iter().filter(|subject| subject.can().stage) {
        let refused = Turn::Say(Said::empty(400).saying("no"));
        let lost = if subject.can().ask_after_commit {
            (None, Some(RowState::Confirmed))
        } else {
            (Some(Kind::Transport), Some(RowState::InDoubt))
        };
        for (turn, (kind, state)) in [(refused, (Some(Kind::Service), None)), (Turn::LoseAnswer, lost)] {
            let far_end = FarEnd::start(subject, Vec::new()).await;
            far_end.held().commits.push_back(turn);
            let delivered = deliver_to(far_end, subject, policy(), |_| ()).await;
            assert_eq!((delivered.failure, delivered.rows(state)), (kind, all()));
        }
    }
}
