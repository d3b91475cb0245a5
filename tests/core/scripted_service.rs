//! A service that answers as a test tells it, and remembers what it was asked, to the letter.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use powerbi_push::auth::{AccessToken, Credential};
use powerbi_push::clock::{Clock, Moment};
use powerbi_push::http::transport::Settings;
use powerbi_push::retry::Retry;
use powerbi_push::services::powerbi::Allowance;
use powerbi_push::services::powerbi::base_url;
use powerbi_push::services::powerbi::client::Client;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// The path and the query, as they stood in the request line.
    pub(crate) target: String,
    pub(crate) body: String,
}

impl Asked {
    /// Method and target in one.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }
}

/// What the service answers; without a status it hangs up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    status: Option<u16>,
    headers: String,
    body: String,
}

impl Said {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self { body: body.to_string(), ..Self::empty(status) }
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self { body: body.to_owned(), ..Self::empty(status) }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status: Some(status), headers: "RequestId: r-1\r\n".into(), body: String::new() }
    }

    /// The connection ends without a byte.
    pub(crate) fn nothing() -> Self {
        Self::default()
    }

    pub(crate) fn with(mut self, header: &str) -> Self {
        self.headers.push_str(header);
        self.headers.push_str("\r\n");
        self
    }
}

type Answering = Box<dyn FnMut(&Asked) -> Said + Send>;

/// The service, a client of it on virtual time, and everything that was asked.
pub(crate) struct StandIn {
    pub(crate) client: Client,
    pub(crate) clock: Clock,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl StandIn {
    pub(crate) async fn start(answer: impl FnMut(&Asked) -> Said + Send + 'static) -> Self {
        Self::start_with("opaque", Retry::default(), answer).await
    }

    pub(crate) async fn start_with(
        token: &str,
        retry: Retry,
        answer: impl FnMut(&Asked) -> Said + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let root = base_url(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(accept(listener, Arc::clone(&asked), Arc::new(Mutex::new(Box::new(answer) as Answering))));
        let clock = Clock::simulated();
        let settings = Settings { timeout: Duration::from_secs(30), proxy: None, ca_bundle: None };
        let credential = Credential::Token(AccessToken::reading_expiry(token.into()));
        let client = Client::new(root, credential, &settings, retry, Allowance::NONE, clock.clone()).unwrap();
        Self { client, clock, asked }
    }

    /// Everything that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The request lines so far, without the version of HTTP.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked().iter().map(Asked::line).collect()
    }

    /// Seconds of virtual time since the start.
    pub(crate) fn seconds(&self) -> f64 {
        (self.clock.now() - Moment::default()).as_secs_f64()
    }
}

async fn accept(listener: TcpListener, asked: Arc<Mutex<Vec<Asked>>>, answer: Arc<Mutex<Answering>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&asked), Arc::clone(&answer)));
    }
}

/// Answers what comes on one connection until it ends.
async fn serve(mut stream: TcpStream, asked: Arc<Mutex<Vec<Asked>>>, answer: Arc<Mutex<Answering>>) {
    while let Some(request) = read(&mut stream).await {
        asked.lock().unwrap().push(request.clone());
        let Said { status, headers, body } = (answer.lock().unwrap())(&request);
        let Some(status) = status else { return };
        let length = body.len();
        let text = format!("HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\n{headers}\r\n{body}");
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut data = Vec::new();
    let end = loop {
        if let Some(at) = data.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut data).await.ok()? == 0 {
            return None;
        }
    };
    let mut body = data.split_off(end);
    let head = String::from_utf8(data).ok()?;
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    while body.len() < length.unwrap_or(0) {
        stream.read_buf(&mut body).await.ok()?;
    }
    let mut words = head.lines().next()?.splitn(3, ' ').map(str::to_owned);
    Some(Asked { method: words.next()?, target: words.next()?, body: String::from_utf8(body).ok()? })
}
