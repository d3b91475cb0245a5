//! One HTTP exchange: a request goes out, an answer comes back, and a failure says how far it came.
//!
//! Redirects are never followed, no Referer is sent, TLS is always verified, and no error shows a URL.

mod body;
mod connect;
mod emulated;
mod failure;
mod origin;
mod place;
mod proxy;
mod retry_after;
mod spooled;
mod tunnel;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde::de::IgnoredAny;

pub use self::body::{Progress, Reach};
pub use self::connect::Settings;
pub use self::emulated::{check_emulated, emulator_url};
pub use self::failure::Failure;
pub use self::origin::{address, is_loopback, origin};
use self::place::placed;
use self::proxy::Proxies;
pub use self::proxy::SIGN_IN as PROXY_SIGN_IN;
use self::retry_after::retry_after;
pub(crate) use self::spooled::read_exact_at;
pub use self::spooled::{Body, Spooled, base64_length};
use self::tunnel::Tunnel;
use crate::clock::Clock;
use crate::error::Result;

/// Shorter values in a URL are no keys.
const SECRET_LENGTH: usize = 8;

/// What bodies are where nothing else is said.
const JSON: &str = "application/json";

/// One request, ready to be sent as often as needed.
#[derive(Clone)]
pub struct Request {
    /// The HTTP method.
    pub method: Method,
    /// Where to; never shown.
    pub url: Url,
    /// The body, JSON or a form; empty where the method has none. Never shown.
    pub body: Body,
    /// Headers besides those of HTTP itself and of the sign-in. A body is JSON unless one of them says what it is.
    pub headers: Vec<(HeaderName, HeaderValue)>,
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
    /// Its headers.
    pub headers: HeaderMap,
    /// How long the service asks to be left alone.
    pub retry_after: Option<Duration>,
    /// What is odd about how it asks, where it is not taken at its word.
    pub odd_retry_after: Option<&'static str>,
    /// Whether the body says that it is HTML: a proxy or a captive portal, not the service.
    pub is_html: bool,
    /// The proxy that was on the way.
    pub proxy: Option<String>,
    /// How much of the request had gone out before it came.
    pub reach: Reach,
    /// The body, up to the request's limit.
    pub body: Bytes,
    /// Why there is no more of the body, where it broke off.
    pub broken: Option<Failure>,
}

impl Response {
    /// The text of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    }

    /// Why the answer cannot be read as JSON, where that is because it broke off.
    #[must_use]
    pub fn torn(&self) -> Option<&Failure> {
        self.broken.as_ref().filter(|_| serde_json::from_slice::<IgnoredAny>(&self.body).is_err())
    }

    fn looked_at(self) -> Self {
        let kind = self.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        Self { is_html: kind.to_ascii_lowercase().starts_with("text/html"), ..self }
    }
}

/// A pool of connections.
#[derive(Debug, Clone)]
pub struct Transport {
    client: reqwest::Client,
    settings: Settings,
    proxies: Proxies,
    clock: Clock,
}

impl Transport {
    /// Builds the pool; nothing is connected yet.
    pub fn new(settings: &Settings, clock: Clock) -> Result<Self> {
        let proxies = Proxies::new(settings.proxy.as_deref())?;
        Ok(Self { client: connect::client(settings, &proxies)?, settings: settings.clone(), proxies, clock })
    }

    /// The same without a proxy on any way: for addresses that mean this machine and nobody else. Its silence lasts
    /// `timeout`, where another one than ours is wanted.
    pub fn direct(&self, timeout: Option<Duration>) -> Result<Self> {
        let settings = Settings { timeout: timeout.unwrap_or(self.settings.timeout), ..self.settings.clone() };
        let proxies = Proxies::none();
        Ok(Self { client: connect::client(&settings, &proxies)?, settings, proxies, clock: self.clock.clone() })
    }

    /// How long whoever is asked may be silent.
    pub(crate) fn timeout(&self) -> Duration {
        self.settings.timeout
    }

    /// Sends `request` once, with `more` headers. `progress` tells others how far it is, even when this future is dropped.
    pub async fn send(
        &self,
        request: &Request,
        more: &[(HeaderName, HeaderValue)],
        progress: &Arc<Progress>,
    ) -> Result<Response, Failure> {
        let _exchange = self.clock.exchange();
        self.exchange(request, more, progress).await.map_err(|failure| placed(failure, &request.url))
    }

    async fn exchange(
        &self,
        request: &Request,
        more: &[(HeaderName, HeaderValue)],
        progress: &Arc<Progress>,
    ) -> Result<Response, Failure> {
        let mut headers = HeaderMap::new();
        if request.method == Method::POST || request.method == Method::PUT {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        }
        for (name, value) in request.headers.iter().chain(more) {
            headers.insert(name, value.clone());
        }
        let outgoing = self.client.request(request.method.clone(), request.url.clone()).headers(headers);
        let outgoing = outgoing.body(body::tracked(request.body.clone(), Arc::clone(progress)));
        let sent = tokio::select! {
            sent = outgoing.send() => sent,
            () = self.silence(progress) => return Err(self.timed_out(&request.url, progress)),
        };
        let mut incoming = match sent {
            Ok(incoming) => incoming,
            Err(error) => return Err(self.failed(&error, &request.url, progress).await),
        };
        let in_time = progress.sent_whole();
        let (status, headers) = (incoming.status().as_u16(), incoming.headers().clone());
        let mut body = BytesMut::new();
        let broken = tokio::select! {
            read = read(&mut incoming, request.answer_limit, &mut body) => {
                read.err().map(|error| Failure::torn(&error, self.proxies.on_the_way_to(&request.url).as_deref()))
            }
            () = self.clock.deadline(self.clock.now() + self.settings.timeout) => {
                body.clear();
                Some(self.endless(&request.url))
            }
        };
        let broken = broken.map(|failure| placed(failure, &request.url));
        let body = body.freeze();
        let reach = match in_time {
            true => Reach::Whole,
            // Whoever has answered gets no more of it.
            false if progress.stop() => Reach::Late,
            false => Reach::Part,
        };
        let proxy = self.proxies.on_the_way_to(&request.url);
        let (retry_after, odd_retry_after) = retry_after(&headers);
        let is_html = false;
        Ok(Response { status, headers, retry_after, odd_retry_after, is_html, proxy, reach, body, broken }.looked_at())
    }

    /// Ends once nothing has moved for the length of the timeout.
    async fn silence(&self, progress: &Progress) {
        loop {
            tokio::select! {
                () = progress.moved() => {}
                () = self.clock.deadline(self.clock.now() + self.settings.timeout) => return,
            }
        }
    }

    fn timed_out(&self, url: &Url, progress: &Progress) -> Failure {
        let proxy = self.proxies.on_the_way_to(url);
        Failure::silence(progress.stop(), self.settings.timeout.as_secs_f64(), proxy.as_deref())
    }

    fn endless(&self, url: &Url) -> Failure {
        let proxy = self.proxies.on_the_way_to(url);
        Failure::endless(self.settings.timeout.as_secs_f64(), proxy.as_deref())
    }

    async fn failed(&self, error: &reqwest::Error, url: &Url, progress: &Progress) -> Failure {
        match Tunnel::of(error, &self.proxies, url) {
            Some(tunnel) => {
                let address = self.proxies.address_for(url);
                let client = || connect::client_of_proxy(&self.settings, address?).ok();
                tunnel.into_failure(&self.proxies, client).await
            }
            None => Failure::of(error, progress, self.proxies.on_the_way_to(url).as_deref()),
        }
    }
}

/// Reads the answer's body, up to `limit` bytes. The status line has come: a body that breaks off, trickles or never ends
/// changes nothing about what was decided, and only who has to read it minds.
async fn read(incoming: &mut reqwest::Response, limit: usize, body: &mut BytesMut) -> reqwest::Result<()> {
    while let Some(chunk) = incoming.chunk().await? {
        let room = limit - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if room <= chunk.len() {
            break;
        }
    }
    Ok(())
}
