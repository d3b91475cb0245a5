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
mod tunnel;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};

pub use self::body::{Progress, Reach};
pub use self::connect::Settings;
pub use self::emulated::{check_emulated, emulator_url};
pub use self::failure::Failure;
pub use self::origin::{is_loopback, origin};
use self::place::placed;
use self::proxy::Proxies;
pub use self::proxy::SIGN_IN as PROXY_SIGN_IN;
use self::retry_after::retry_after;
use self::tunnel::Tunnel;
use crate::clock::Clock;
use crate::error::Result;

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
    /// Who has surely answered in place of the service, as people say it.
    pub stranger: Option<String>,
    /// How much of the request had gone out before it came.
    pub reach: Reach,
    /// The body, up to the request's limit.
    pub body: Bytes,
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

    /// Sends `request` once. `progress` tells others how far it is, even when this future is dropped.
    pub async fn send(
        &self,
        request: &Request,
        bearer: Option<&SecretString>,
        progress: &Arc<Progress>,
    ) -> Result<Response, Failure> {
        self.timed(request, bearer, JSON, progress).await.map_err(|failure| placed(failure, &request.url))
    }

    /// Sends `request`, whose body is a form, once.
    pub async fn send_form(&self, request: &Request) -> Result<Response, Failure> {
        let sent = self.timed(request, None, FORM, &Arc::new(Progress::default())).await;
        sent.map_err(|failure| placed(failure, &request.url))
    }

    async fn timed(
        &self,
        request: &Request,
        bearer: Option<&SecretString>,
        content_type: &'static str,
        progress: &Arc<Progress>,
    ) -> Result<Response, Failure> {
        let _exchange = self.clock.exchange();
        self.exchange(request, bearer, content_type, progress).await
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
        let body = tokio::select! {
            body = read(&mut incoming, request.answer_limit) => body,
            () = self.clock.deadline(self.clock.now() + self.settings.timeout) => Bytes::new(),
        };
        let proxy = self.proxies.on_the_way_to(&request.url);
        let reach = match in_time {
            true => Reach::Whole,
            // Whoever has answered gets no more of it.
            false if progress.stop() => Reach::Late,
            false => Reach::Part,
        };
        Ok(response(status, &headers, body, reach, proxy.as_deref()))
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
    let mut value = HeaderValue::try_from(text)
        .map_err(|_| Failure::unsent("the access token has characters that no HTTP header can carry"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn response(status: u16, headers: &HeaderMap, body: Bytes, reach: Reach, proxy: Option<&str>) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (retry_after, odd_retry_after) = retry_after(headers);
    let is_html = text("content-type").is_some_and(|value| value.to_ascii_lowercase().starts_with("text/html"));
    let request_id = text("requestid");
    // Whoever shows a web page where the service would show its id is not the service; 407 is a proxy's alone.
    let is_strange = status == 407 || is_html && request_id.is_none() && matches!(status, 200..300 | 403 | 451);
    let stranger = is_strange.then(|| match proxy {
        Some(proxy) => format!("the proxy {proxy}"),
        None => "a proxy, a filter or a captive portal of the network".to_owned(),
    });
    Response {
        status,
        request_id,
        retry_after,
        odd_retry_after,
        error_info: text("x-powerbi-error-info"),
        is_html,
        stranger,
        reach,
        body,
    }
}
