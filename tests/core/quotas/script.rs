//! A service that says what a script tells it to, and the road of rows to it, on virtual time.

use std::collections::BTreeSet;
use std::io;
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
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::sample::{Sample, table};

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
}

/// A request that came, when, and what it was answered.
#[derive(Debug, Clone)]
pub(crate) struct Came {
    pub(crate) at: Duration,
    pub(crate) body: Vec<u8>,
    pub(crate) reply: Reply,
}

type Script = Box<dyn FnMut(Duration, usize) -> Reply + Send>;

/// The service, a client of it, and the dataset's id.
pub(crate) struct Scripted {
    pub(crate) clock: Clock,
    pub(crate) came: Arc<Mutex<Vec<Came>>>,
    url: String,
    dataset: String,
}

impl Scripted {
    /// A service that answers the n-th request at a time as `script` says.
    pub(crate) async fn new(script: impl FnMut(Duration, usize) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scripted = Self::at(&listener);
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(Box::new(script)));
        tokio::spawn(listen(listener, scripted.clock.clone(), script, Arc::clone(&scripted.came)));
        scripted
    }

    /// An address at which nobody listens.
    pub(crate) async fn nowhere() -> Self {
        Self::at(&TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn at(listener: &TcpListener) -> Self {
        static DATASETS: AtomicUsize = AtomicUsize::new(0);
        let url = format!("http://{}", listener.local_addr().unwrap());
        let dataset = format!("scripted-{}", DATASETS.fetch_add(1, Ordering::Relaxed));
        Self { clock: Clock::simulated(), came: Arc::default(), url, dataset }
    }

    /// A way to its table; each is a client of its own.
    pub(crate) fn route(&self, quotas: Allowance) -> Route {
        let settings = Settings { timeout: Duration::from_secs(30), proxy: None, ca_bundle: None };
        let credential =
            Credential::Token(AccessToken { secret: "token".to_owned().into(), expires: None, refresh_at: None });
        let root = base_url(&self.url).unwrap();
        let client = Client::new(root, credential, &settings, Retry::default(), quotas, self.clock.clone()).unwrap();
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

async fn listen(listener: TcpListener, clock: Clock, script: Arc<Mutex<Script>>, came: Arc<Mutex<Vec<Came>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (clock, script, came) = (clock.clone(), Arc::clone(&script), Arc::clone(&came));
        tokio::spawn(async move { serve(stream, &clock, &script, &came).await });
    }
}

async fn serve(
    mut stream: TcpStream,
    clock: &Clock,
    script: &Mutex<Script>,
    came: &Mutex<Vec<Came>>,
) -> io::Result<()> {
    let mut read = Vec::new();
    loop {
        let body = request(&mut stream, &mut read).await?;
        let reply = {
            let mut came = came.lock().unwrap();
            let at = clock.now() - Moment::default();
            let reply = (script.lock().unwrap())(at, came.len());
            came.push(Came { at, body, reply: reply.clone() });
            reply
        };
        let (status, headers) = match reply {
            Reply::Take => (200, Vec::new()),
            Reply::Answer(status, headers) => (status, headers),
            Reply::Lose => return Ok(()),
        };
        let mut lines = vec![format!("HTTP/1.1 {status} X"), "RequestId: 1".into(), "Content-Length: 0".into()];
        lines.extend(headers.iter().map(|(name, value)| format!("{name}: {value}")));
        stream.write_all(format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes()).await?;
    }
}

/// The body of the next request.
async fn request(stream: &mut TcpStream, read: &mut Vec<u8>) -> io::Result<Vec<u8>> {
    loop {
        let head = read.windows(4).position(|some| some == b"\r\n\r\n").map(|at| at + 4);
        if let Some(head) = head {
            let text = String::from_utf8_lossy(&read[..head]).to_ascii_lowercase();
            let length = text.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()).unwrap();
            let end = head + length.parse::<usize>().unwrap();
            if read.len() >= end {
                let body = read[head..end].to_vec();
                read.drain(..end);
                return Ok(body);
            }
        }
        if stream.read_buf(read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
