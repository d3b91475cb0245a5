//! A service that says what a script tells it to, and the road of rows to it, on virtual time.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use powerbi_push::auth::{AccessToken, Credential};
use powerbi_push::clock::{Clock, Moment};
use powerbi_push::delivery::Route;
use powerbi_push::delivery::queue::{Queue, RowState};
use powerbi_push::delivery::worker::{Delivery, OnFailure, Policy};
use powerbi_push::http::transport::Settings;
use powerbi_push::rate_limit::IN_FLIGHT;
use powerbi_push::retry::Retry;
use powerbi_push::rows::encode::{self, Encoder};
use powerbi_push::rows::schema::TableSchema;
use powerbi_push::services::powerbi::client::Client;
use powerbi_push::services::powerbi::sinks::PUSH_ROWS;
use powerbi_push::services::powerbi::sinks::PushDataset;
use powerbi_push::services::powerbi::{Allowance, TARGET, TableAt, base_url};
use tokio::net::TcpListener;

use crate::sample::{Sample, table};
use crate::scripted_server::{Said, serve};

/// What the service does with one request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reply {
    /// Stores the rows and says so.
    Take,
    /// Answers so, with these headers, and stores nothing.
    Answer(u16, Vec<(&'static str, String)>),
    /// Stores the rows and closes the connection.
    Lose,
}

impl Reply {
    pub(crate) fn throttled(seconds: &impl ToString) -> Self {
        Self::Answer(429, vec![("Retry-After", seconds.to_string())])
    }

    fn said(&self) -> Said {
        match self {
            Self::Take => Said::empty(200),
            Self::Answer(status, headers) => {
                headers.iter().fold(Said::empty(*status), |said, (name, value)| said.with(&format!("{name}: {value}")))
            }
            Self::Lose => Said::nothing(),
        }
    }
}

/// A request that came, when, and what it was answered.
#[derive(Debug, Clone)]
pub(crate) struct Came {
    pub(crate) at: Duration,
    pub(crate) body: String,
    pub(crate) reply: Reply,
}

/// The service, a client of it, and the dataset's id.
pub(crate) struct Scripted {
    pub(crate) clock: Clock,
    pub(crate) came: Arc<Mutex<Vec<Came>>>,
    url: String,
    dataset: String,
}

impl Scripted {
    /// A service that answers the n-th request at a time as `script` says.
    pub(crate) async fn new(mut script: impl FnMut(Duration, usize) -> Reply + Send + 'static) -> Self {
        let (clock, came) = (Clock::simulated(), Arc::<Mutex<Vec<Came>>>::default());
        let (time, keeping) = (clock.clone(), Arc::clone(&came));
        let url = serve(move |asked| {
            let mut came = keeping.lock().unwrap();
            let at = time.now() - Moment::default();
            let reply = script(at, came.len());
            let said = reply.said();
            came.push(Came { at, body: asked.body.clone(), reply });
            said
        });
        Self { clock, came, url: url.await, dataset: dataset() }
    }

    /// An address at which nobody listens.
    pub(crate) async fn nowhere() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self { clock: Clock::simulated(), came: Arc::default(), url, dataset: dataset() }
    }

    /// A way to its table; each is a client of its own.
    pub(crate) fn route(&self, quotas: Allowance) -> Route {
        let settings = Settings { timeout: Duration::from_secs(30), proxy: None, ca_bundle: None };
        let credential =
            Credential::Token(AccessToken { secret: "token".to_owned().into(), expires: None, refresh_at: None });
        let root = base_url(&self.url).unwrap();
        let client =
            Client::new(root, credential, &settings, Retry::default(), quotas, self.clock.clone(), None).unwrap();
        client.route(&TableAt::new(None, &self.dataset, "Orders")).unwrap()
    }

    /// Pushes `count` requests of one row each.
    pub(crate) async fn push(&self, count: usize, retry: Retry) -> Pushed {
        self.push_by(&self.route(Allowance::PRO), count, retry, None, IN_FLIGHT).await
    }

    pub(crate) async fn push_by(
        &self,
        route: &Route,
        count: usize,
        retry: Retry,
        deadline: Option<Moment>,
        workers: usize,
    ) -> Pushed {
        let policy = Policy {
            retry,
            resend_doubt: true,
            isolate: false,
            deadline,
            workers,
            on_failure: OnFailure::Stop,
            linger: None,
        };
        Self::run(route, count, policy).await
    }

    /// The same as a sender does it, which never gives up.
    pub(crate) async fn send(&self, count: usize, retry: Retry) -> Pushed {
        let (workers, on_failure) = (IN_FLIGHT, OnFailure::Continue);
        let policy =
            Policy { retry, resend_doubt: true, isolate: false, deadline: None, workers, on_failure, linger: None };
        Self::run(&self.route(Allowance::PRO), count, policy).await
    }

    async fn run(route: &Route, count: usize, policy: Policy) -> Pushed {
        let outbox = Arc::new(requests(count));
        let delivery = Arc::new(route.delivery(Arc::clone(&outbox), policy));
        Arc::clone(&delivery).run().await;
        Pushed { delivery, outbox }
    }

    pub(crate) fn since_start(&self) -> Duration {
        self.clock.now() - Moment::default()
    }

    /// When requests came.
    pub(crate) fn times(&self) -> Vec<Duration> {
        self.came.lock().unwrap().iter().map(|one| one.at).collect()
    }

    /// How many requests came beyond one for each body.
    pub(crate) fn extra(&self) -> usize {
        let came = self.came.lock().unwrap();
        came.len() - came.iter().map(|one| &one.body).collect::<BTreeSet<_>>().len()
    }

    pub(crate) fn replies(&self, is_meant: impl Fn(&Reply) -> bool) -> usize {
        self.came.lock().unwrap().iter().filter(|one| is_meant(&one.reply)).count()
    }
}

/// The id of another dataset, whose quotas nobody shares.
fn dataset() -> String {
    static DATASETS: AtomicUsize = AtomicUsize::new(0);
    format!("scripted-{}", DATASETS.fetch_add(1, Ordering::Relaxed))
}

/// A push that is over.
pub(crate) struct Pushed {
    pub(crate) delivery: Arc<Delivery>,
    outbox: Arc<Queue>,
}

impl Pushed {
    /// How many of the first `count` rows are confirmed.
    pub(crate) fn confirmed(&self, count: usize) -> usize {
        let pieces = self.outbox.ledger().pieces(0..count as u64);
        let confirmed = pieces.into_iter().filter(|(_, state)| *state == Some(RowState::Confirmed));
        confirmed.map(|(rows, _)| usize::try_from(rows.end - rows.start).unwrap()).sum()
    }
}

/// An outbox with `count` requests of one row each, closed.
fn requests(count: usize) -> Queue {
    let schema = Some(Arc::new(TableSchema::new(&table()).under(TARGET.values)));
    let limits = encode::Limits { max_rows: 1, ..PushDataset::LIMITS };
    let mut encoder = Encoder::new(&PUSH_ROWS, schema, encode::Options::default(), limits, 1);
    let outbox = Queue::new(1_000_000, || ());
    let mut source = Sample::new((0..i64::try_from(count).unwrap()).map(|id| (id, format!("item {id}"))));
    loop {
        let filled = encoder.fill(&mut source).unwrap();
        outbox.accept(filled.run).unwrap();
        if filled.ended {
            outbox.close();
            return outbox;
        }
    }
}
