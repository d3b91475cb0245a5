//! One HTTP exchange: a request goes out, an answer comes back, and a failure says how far it came.
//!
//! Redirects are never followed, no Referer is sent, TLS is always verified, and no error shows a URL.

mod body;
mod connect;
mod origin;
mod retry_after;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};

pub use self::body::Progress;
pub use self::connect::Settings;
pub use self::origin::{is_loopback, origin};
use self::retry_after::retry_after;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};

/// The header that numbers a request with rows. Source: the client of Power BI's own C# samples.
const SEQUENCE_NUMBER: &str = "X-PowerBI-PushData-SequenceNumber";

/// Shorter values in a URL are no keys.
const SECRET_LENGTH: usize = 8;

/// What bodies are, but for those of a sign-in.
const JSON: &str = "application/json";
/// What a sign-in sends (RFC 6749, section 4.4.2).
const FORM: &str = "application/x-www-form-urlencoded";

/// One request, ready to be sent as often as needed.
#[derive(Clone)]
pub struct Request {
    /// The HTTP method.
    pub method: Method,
    /// Where to; never shown.
    pub url: Url,
    /// The body, JSON or a form; empty where the method has none. Never shown.
    pub body: Bytes,
    /// The sequence number of the rows in it, where they have one.
    pub number: Option<u64>,
    /// How much of an answer is worth reading, in bytes.
    pub answer_limit: usize,
}

impl Request {
    /// What its URL says behind the `?`, as it stands there and as it is meant: a push URL's key is a secret.
    #[must_use]
    pub fn secret_values(&self) -> Vec<String> {
        let raw = self.url.query().into_iter().flat_map(|query| query.split('&'));
        let raw = raw.filter_map(|pair| pair.split_once('=')).map(|(_, value)| value.to_owned());
        let meant = self.url.query_pairs().map(|(_, value)| value.into_owned());
        raw.chain(meant).filter(|value| value.len() >= SECRET_LENGTH).collect()
    }
}

impl fmt::Debug for Request {
    /// Never the URL: its query may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} _, {} bytes)", self.method, self.body.len())
    }
}

/// What came back, its body as far as it was read.
#[derive(Debug, Clone)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The id that the service gave the request.
    pub request_id: Option<String>,
    /// How long the service asks to be left alone.
    pub retry_after: Option<Duration>,
    /// The service's word for a refusal, where it stands in a header.
    pub error_info: Option<String>,
    /// What is odd about how it asks, where it is not taken at its word.
    pub odd_retry_after: Option<&'static str>,
    /// Whether the body says that it is HTML: a proxy or a captive portal, not the service.
    pub is_html: bool,
    /// The body, up to the request's limit.
    pub body: Bytes,
}

/// Why no answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Whether the whole body had been handed to the network: then the service may have acted on it.
    pub sent_whole: bool,
    /// Whether it was silence that ended the exchange.
    pub timed_out: bool,
    /// What happened, without any URL.
    pub message: String,
}

impl Failure {
    /// The failure as users see it.
    #[must_use]
    pub fn to_error(&self) -> Error {
        let kind = if self.timed_out { Kind::TransportTimeout } else { Kind::Transport };
        Error::new(kind, self.message.clone())
            .with_hint("check the network, the proxy (proxy=, HTTPS_PROXY) and the certificates (ca_bundle=)")
    }
}

/// A pool of connections.
#[derive(Debug, Clone)]
pub struct Transport {
    client: reqwest::Client,
    timeout: Duration,
    clock: Clock,
}

impl Transport {
    /// Builds the pool; nothing is connected yet.
    pub fn new(settings: &Settings, clock: Clock) -> Result<Self> {
        Ok(Self { client: connect::client(settings)?, timeout: settings.timeout, clock })
    }

    /// Sends `request` once. `progress` tells others how far it is, even when this future is dropped.
    pub async fn send(
        &self,
        request: &Request,
        bearer: Option<&SecretString>,
        progress: &Arc<Progress>,
    ) -> Result<Response, Failure> {
        self.timed(request, bearer, JSON, progress).await
    }

    /// Sends `request`, whose body is a form, once.
    pub async fn send_form(&self, request: &Request) -> Result<Response, Failure> {
        self.timed(request, None, FORM, &Arc::new(Progress::default())).await
    }

    async fn timed(
        &self,
        request: &Request,
        bearer: Option<&SecretString>,
        content_type: &'static str,
        progress: &Arc<Progress>,
    ) -> Result<Response, Failure> {
        let _exchange = self.clock.exchange();
        tokio::select! {
            response = self.exchange(request, bearer, content_type, progress) => response,
            () = self.silence(progress) => Err(self.timed_out(progress)),
        }
    }

    async fn exchange(
        &self,
        request: &Request,
        bearer: Option<&SecretString>,
        content_type: &'static str,
        progress: &Arc<Progress>,
    ) -> Result<Response, Failure> {
        let mut outgoing = self.client.request(request.method.clone(), request.url.clone());
        if let Some(bearer) = bearer {
            outgoing = outgoing.header(AUTHORIZATION, authorization(bearer)?);
        }
        if request.method == Method::POST || request.method == Method::PUT {
            outgoing = outgoing.header(CONTENT_TYPE, content_type);
        }
        if let Some(number) = request.number {
            outgoing = outgoing.header(SEQUENCE_NUMBER, number);
        }
        let sent = outgoing.body(body::tracked(request.body.clone(), Arc::clone(progress))).send().await;
        let mut incoming = sent.map_err(|error| failure(&error, progress))?;
        progress.note();
        let (status, headers) = (incoming.status().as_u16(), incoming.headers().clone());
        let body = tokio::select! {
            body = read(&mut incoming, request.answer_limit) => body,
            () = self.clock.deadline(self.clock.now() + self.timeout) => Bytes::new(),
        };
        Ok(response(status, &headers, body))
    }

    /// Ends once nothing has moved for the length of the timeout.
    async fn silence(&self, progress: &Progress) {
        loop {
            let seen = progress.steps();
            self.clock.deadline(self.clock.now() + self.timeout).await;
            if progress.steps() == seen {
                return;
            }
        }
    }

    fn timed_out(&self, progress: &Progress) -> Failure {
        let sent_whole = progress.stop();
        let what = if sent_whole { "no answer came" } else { "the request could not be sent" };
        let message = format!("{what} within {} s", self.timeout.as_secs_f64());
        Failure { sent_whole, timed_out: true, message }
    }
}

/// The answer's body, up to `limit` bytes. The status line has come: a body that breaks off, trickles or never ends
/// changes nothing about what was decided.
async fn read(incoming: &mut reqwest::Response, limit: usize) -> Bytes {
    let mut body = BytesMut::new();
    while let Ok(Some(chunk)) = incoming.chunk().await {
        let room = limit - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if room <= chunk.len() {
            break;
        }
    }
    body.freeze()
}

fn authorization(bearer: &SecretString) -> Result<HeaderValue, Failure> {
    let text = format!("Bearer {}", bearer.expose_secret());
    let mut value = HeaderValue::try_from(text).map_err(|_| Failure {
        sent_whole: false,
        timed_out: false,
        message: "the access token has characters that no HTTP header can carry".into(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn response(status: u16, headers: &HeaderMap, body: Bytes) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (retry_after, odd_retry_after) = retry_after(headers);
    Response {
        status,
        request_id: text("requestid"),
        retry_after,
        odd_retry_after,
        error_info: text("x-powerbi-error-info"),
        is_html: text("content-type").is_some_and(|value| value.to_ascii_lowercase().starts_with("text/html")),
        body,
    }
}

fn failure(error: &reqwest::Error, progress: &Progress) -> Failure {
    // The error's own text would show the URL; its causes do not.
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(current) = cause {
        causes.push(current.to_string());
        cause = current.source();
    }
    causes.dedup();
    let sent_whole = progress.sent_whole() && !error.is_connect();
    let what = if error.is_connect() {
        "could not connect to the service"
    } else if sent_whole {
        "the connection ended before an answer came"
    } else {
        "the connection ended while the request was being sent"
    };
    let message = if causes.is_empty() { what.to_owned() } else { format!("{what}: {}", causes.join(": ")) };
    Failure { sent_whole, timed_out: error.is_timeout(), message }
}
