//! The road without Python: rows through a delivery into the emulator, on its virtual clock.

use std::sync::Arc;
use std::time::Duration;

use powerbi_push::auth::{AccessToken, Credential, Fetching};
use powerbi_push::clock::{Clock, Moment};
use powerbi_push::delivery::queue::{Queue, RowState};
use powerbi_push::delivery::worker::{Delivery, OnFailure, Policy};
use powerbi_push::emulator::{Emulator, FailNext, Options};
use powerbi_push::error::Kind;
use powerbi_push::http::transport::Settings;
use powerbi_push::rate_limit::{IN_FLIGHT, Quotas};
use powerbi_push::retry::Retry;
use powerbi_push::rows::encode::{self, Encoder};
use powerbi_push::rows::schema::{Dataset, TableSchema};
use powerbi_push::services::powerbi::client::Client;
use powerbi_push::services::powerbi::sinks::PUSH_ROWS;
use powerbi_push::services::powerbi::sinks::PushDataset;
use powerbi_push::services::powerbi::{Allowance, TARGET, TableAt, base_url};

use crate::sample::{Sample, table};

/// An emulator with one table, and a client of it, both on one virtual clock.
pub(crate) struct Setup {
    clock: Clock,
    pub(crate) emulator: Arc<Emulator>,
    client: Client,
    dataset: String,
}

impl Setup {
    async fn build() -> Self {
        Self::with(Options::default(), Allowance::PRO, None).await
    }

    /// The same with other options of the emulator, quotas of the client, and a policy of retention.
    pub(crate) async fn with(options: Options, quotas: Allowance, retention: Option<&str>) -> Self {
        let clock = Clock::simulated();
        let emulator = Emulator::start(Options { clock: clock.clone(), ..options }).unwrap();
        let emulator = Arc::new(emulator);
        let minting = Arc::clone(&emulator);
        let fetch = move |_: Option<Arc<str>>| -> Fetching {
            let secret = minting.token().0.into();
            Box::pin(async { Ok(AccessToken::reading_expiry(secret)) })
        };
        let settings = Settings { timeout: Duration::from_secs(30), proxy: None, ca_bundle: None };
        let root = base_url(&emulator.url()).unwrap();
        let credential = Credential::Fetch(Arc::new(fetch));
        let client = Client::new(root, credential, &settings, Retry::default(), quotas, clock.clone(), None).unwrap();
        let dataset = Dataset {
            name: "Sales".into(),
            tables: vec![table()],
            relationships: Vec::new(),
            mode: "Push".into(),
            retention: retention.map(str::to_owned),
        };
        let dataset = client.api().create_dataset(None, &dataset).await.unwrap().id;
        Self { clock, emulator, client, dataset }
    }

    /// Delivers `count` rows in requests of `max_rows`, and answers how they ended.
    pub(crate) async fn deliver(&self, count: i64, max_rows: usize, workers: usize) -> (Arc<Queue>, Option<Kind>) {
        self.deliver_by(count, max_rows, workers, |delivery| delivery).await
    }

    /// The same on a delivery that is made `ready` before.
    async fn deliver_by(
        &self,
        count: i64,
        max_rows: usize,
        workers: usize,
        ready: impl FnOnce(Delivery) -> Delivery,
    ) -> (Arc<Queue>, Option<Kind>) {
        let schema = Some(Arc::new(TableSchema::new(&table()).under(TARGET.values)));
        let limits = encode::Limits { max_rows, ..PushDataset::LIMITS };
        let mut encoder = Encoder::new(&PUSH_ROWS, schema, encode::Options::default(), limits, 1);
        let outbox = Arc::new(Queue::new(1_000_000, || ()));
        let mut source = Sample::new((0..count).map(|id| (id, format!("item {id}"))));
        loop {
            let filled = encoder.fill(&mut source).unwrap();
            outbox.accept(filled.run).unwrap();
            if filled.ended {
                break;
            }
        }
        outbox.close();
        let policy = Policy {
            retry: Retry::default(),
            resend_doubt: true,
            isolate: false,
            deadline: None,
            workers,
            on_failure: OnFailure::Stop,
            linger: None,
        };
        let route = self.client.route(&TableAt::new(None, &self.dataset, "Orders")).unwrap();
        let delivery = Arc::new(ready(route.delivery(Arc::clone(&outbox), policy)));
        Arc::clone(&delivery).run().await;
        (outbox, delivery.failure().map(|error| error.kind))
    }

    /// What is known of the dataset's tables is known no longer, as in another process.
    pub(crate) fn forget(&self) {
        self.client.api().quota(&self.dataset, Quotas::NONE).deleted();
    }

    /// Lets time pass, in which nothing is sent.
    pub(crate) async fn rest_until(&self, at: Duration) {
        self.clock.sleep_until(Moment::default() + at).await;
    }

    pub(crate) fn stored(&self) -> usize {
        self.emulator.rows(None, "Sales", None).unwrap().len()
    }

    pub(crate) fn since_start(&self) -> Duration {
        self.clock.now() - Moment::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_arrive_in_full_requests() {
    let setup = Setup::build().await;
    let (outbox, failure) = setup.deliver(25, 10, IN_FLIGHT).await;
    assert_eq!(failure, None);
    assert_eq!(outbox.ledger().pieces(0..25), [(0..25, Some(RowState::Confirmed))]);
    assert_eq!(setup.stored(), 25);
    let mut sizes: Vec<usize> =
        setup.emulator.requests().iter().map(|request| request.rows).filter(|rows| *rows > 0).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [5, 10, 10]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_resent_and_counted() {
    let setup = Setup::build().await;
    setup.emulator.drop_response(1, None).unwrap();
    let (outbox, failure) = setup.deliver(25, 10, 1).await;
    assert_eq!(failure, None);
    assert_eq!(outbox.ledger().maybe_twice(), 10);
    assert_eq!(setup.stored(), 35);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_before_a_retry_after_has_passed() {
    let setup = Setup::build().await;
    let fault = FailNext { retry_after: Some("3392".into()), ..FailNext::new(429) };
    setup.emulator.fail_next(fault).unwrap();
    let (outbox, failure) = setup.deliver(10, 10, 1).await;
    assert_eq!((failure, outbox.ledger().maybe_twice()), (None, 0));
    let waited = setup.since_start().as_secs_f64();
    assert!((3392.0..3392.0 * 1.05 + 1.0).contains(&waited), "{waited}");
    assert_eq!(setup.stored(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_in_the_middle_stops_what_was_not_begun() {
    let setup = Setup::build().await;
    let (_, failure) = setup.deliver(10, 10, 1).await;
    assert_eq!(failure, None);
    setup.emulator.fail_next(FailNext::new(400)).unwrap();
    let (outbox, failure) = setup.deliver(30, 10, 1).await;
    assert_eq!(failure, Some(Kind::Service));
    assert_eq!(outbox.ledger().pieces(0..30), [(0..10, Some(RowState::Rejected)), (10..30, None)]);
    assert_eq!(setup.stored(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_too_large_goes_in_halves_from_then_on() {
    let setup = Setup::build().await;
    setup.emulator.fail_next(FailNext::new(413)).unwrap();
    let (outbox, failure) = setup.deliver(40, 20, 1).await;
    assert_eq!(failure, None);
    assert_eq!(outbox.ledger().pieces(0..40), [(0..40, Some(RowState::Confirmed))]);
    let sizes: Vec<usize> = setup.emulator.requests().iter().skip(2).map(|request| request.rows).collect();
    assert_eq!(sizes, [10, 10, 10, 10]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expired_tokens_are_replaced_and_the_rows_arrive_once() {
    let setup = Setup::build().await;
    setup.emulator.expire_tokens();
    let (outbox, failure) = setup.deliver(100, 10, IN_FLIGHT).await;
    assert_eq!(failure, None);
    assert_eq!(outbox.ledger().maybe_twice(), 0);
    assert_eq!(setup.stored(), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_refused_twice_ends_the_push() {
    let setup = Setup::build().await;
    setup.emulator.fail_next(FailNext { times: 3, ..FailNext::new(401) }).unwrap();
    let (outbox, failure) = setup.deliver(10, 10, 1).await;
    assert_eq!(failure, Some(Kind::PermissionDenied));
    assert_eq!(outbox.ledger().pieces(0..10), [(0..10, None)]);
    let refused = setup.emulator.requests().iter().filter(|request| request.status == Some(401)).count();
    assert_eq!((refused, setup.stored()), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_the_service_without_end_leave_the_rows_in_doubt() {
    let setup = Setup::build().await;
    setup.emulator.fail_next(FailNext { times: 5, ..FailNext::new(503) }).unwrap();
    let (outbox, failure) = setup.deliver(10, 10, 1).await;
    assert_eq!(failure, Some(Kind::InDoubt));
    assert_eq!(outbox.ledger().pieces(0..10), [(0..10, Some(RowState::InDoubt))]);
    assert_eq!(setup.stored(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_panics_ends_the_delivery_and_leaves_its_rows_in_doubt() {
    let setup = Setup::build().await;
    setup.emulator.fail_next(FailNext { retry_after: Some("60".into()), ..FailNext::new(429) }).unwrap();
    // A wait of a minute is told; whoever hears of it panics.
    let ready = |delivery: Delivery| delivery.noticing(|notice| panic!("a test of panics: {notice}"));
    let (outbox, failure) = setup.deliver_by(30, 10, 1, ready).await;
    assert_eq!(failure, Some(Kind::Bug));
    assert_eq!(outbox.ledger().pieces(0..30), [(0..10, Some(RowState::InDoubt)), (10..30, None)]);
    assert_eq!(setup.stored(), 0);
}

#[test]
fn rows_that_have_their_end_are_in_the_ledger_with_it() {
    const ROWS: u64 = 20_000;
    let queue = Queue::compact(1_000_000, Clock::simulated(), || ());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while queue.first_pending() < ROWS {
                let (ended, confirmed) = (queue.first_pending(), queue.ledger().count(RowState::Confirmed));
                assert!(confirmed >= ended, "{confirmed} of {ended}");
                let stats = queue.stats();
                assert_eq!(stats.confirmed + stats.pending.rows, stats.accepted);
            }
        });
        for _ in 0..ROWS {
            assert!(queue.accept_one(&PUSH_ROWS, b"{}").unwrap());
            let batch = runtime.block_on(queue.take(1, 1_000)).unwrap().expect("a row waits");
            queue.settle(&batch, RowState::Confirmed, false).unwrap();
        }
    });
}
