//! The session with a Library: signed in when it is first needed, once more where it has ended, and logged out in the end.
//!
//! ```text
//!  sign ─ no token ─▶ POST auth/login ─▶ token and cookies ─▶ every request carries both
//!  renew ─ 401 ERR009 ─▶ POST auth/logout, whatever comes of it, and the same again
//! ```
//!
//! Source: "Authentication" of MicroStrategy's REST API documentation: the token and all cookies go with each request.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use reqwest::header::{COOKIE, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::address::below;
use super::answers::Speech;
use super::cookies::Jar;
use super::operation::ANSWER_LIMIT;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::http::transport::{Request, Response, Transport};
use crate::http::{Authentication, Exchanges, Later, OnExpiry, Operation, Signature};
use crate::rate_limit::{Quotas, RateLimit};
use crate::retry::Retry;

/// The header with the token of a session; an `OAuth` token goes there too.
const TOKEN: HeaderName = HeaderName::from_static("x-mstr-authtoken");
/// What the service takes this program for: a web client. Source: `EnumDSSXMLApplicationType`, 35.
const APPLICATION: u32 = 35;

/// Who signs in, and how. The numbers are those of `loginMode`.
pub enum SignIn {
    /// A user of the service (1) or of a directory (16).
    Password {
        /// 1 or 16.
        mode: u32,
        /// Who.
        username: String,
        /// What only that one knows.
        password: SecretString,
    },
    /// Nobody (8).
    Anonymous {
        /// The name that the deployment gives nobody.
        username: String,
    },
    /// An API token (4096), which goes where a user name would.
    ApiToken(SecretString),
    /// An access token of `OAuth`: there is no login, and no session.
    OAuth(SecretString),
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignIn(_)")
    }
}

impl SignIn {
    fn body(&self) -> serde_json::Value {
        let (mode, username, password) = match self {
            Self::Password { mode, username, password } => (*mode, username.as_str(), Some(password.expose_secret())),
            Self::Anonymous { username } => (8, username.as_str(), Some("")),
            Self::ApiToken(token) | Self::OAuth(token) => (4096, token.expose_secret(), None),
        };
        let mut body = json!({"loginMode": mode, "applicationType": APPLICATION, "username": username});
        if let Some(password) = password {
            body["password"] = password.into();
        }
        body
    }

    fn secrets(&self) -> Vec<SecretString> {
        match self {
            Self::Password { password: secret, .. } | Self::ApiToken(secret) | Self::OAuth(secret) => {
                vec![secret.clone()]
            }
            Self::Anonymous { .. } => Vec::new(),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    token: Option<SecretString>,
    jar: Jar,
    generation: u64,
}

/// What is known of the session.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// What its requests have in common.
    address: Url,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the cookies of an answer.
    fn hear(&self, response: &Response) {
        self.lock().jar.hear(&response.headers, &self.address);
    }
}

/// A session with one Library.
#[derive(Debug)]
pub(super) struct Session(Arc<Logins>);

/// What signs in and out.
#[derive(Debug)]
struct Logins {
    sign_in: SignIn,
    url: Url,
    /// Unsigned: what comes of a login is heard by [`Hearing`].
    http: Exchanges,
    clock: Clock,
    retry: Retry,
    shared: Arc<Shared>,
    /// Whoever signs in has it: others wait for that sign-in and take it.
    turn: tokio::sync::Mutex<()>,
    /// Nobody signs in any more.
    is_closed: AtomicBool,
}

/// Hears the token and the cookies of a login.
#[derive(Debug)]
struct Hearing(Arc<Shared>, Vec<SecretString>);

impl Authentication for Hearing {
    fn sign<'a>(&'a self, _request: &'a Request) -> Later<'a, Signature> {
        Box::pin(async { Ok(Signature { secrets: self.1.clone(), ..Signature::default() }) })
    }

    fn renew(&self, _refused: u64) -> Later<'_, bool> {
        Box::pin(async { Ok(false) })
    }

    fn hear(&self, response: &Response) {
        self.0.hear(response);
        if let (200..300, Some(token)) = (response.status, response.header(TOKEN.as_str())) {
            self.0.lock().token = Some(token.into());
        }
    }
}

impl Session {
    /// Nobody is signed in yet.
    pub(super) fn new(sign_in: SignIn, root: &Url, transport: Transport, retry: Retry, clock: Clock) -> Result<Self> {
        let shared = Arc::new(Shared { state: Mutex::default(), address: below(root, &[])? });
        let hearing = Hearing(Arc::clone(&shared), sign_in.secrets());
        let http = Exchanges::new(transport, Arc::new(Speech)).signed_by(Arc::new(hearing));
        let url = below(root, &["auth", "login"])?;
        let (turn, is_closed) = (tokio::sync::Mutex::default(), AtomicBool::new(false));
        Ok(Self(Arc::new(Logins { sign_in, url, http, clock, retry, shared, turn, is_closed })))
    }

    /// Whether there is something to log out of, once nobody is signing in any more.
    pub(super) async fn is_open(&self) -> bool {
        let _turn = self.0.turn.lock().await;
        self.0.is_open()
    }

    /// The session is over.
    pub(super) fn forget(&self) {
        self.0.forget();
    }

    /// From here on nobody signs in.
    pub(super) fn close(&self) {
        self.0.is_closed.store(true, Ordering::Release);
    }

    /// Signs in on a task of its own: whoever stops waiting would leave a login behind that nobody could log out of.
    async fn enter(&self, known: Option<u64>) -> Result<()> {
        let logins = Arc::clone(&self.0);
        let entered = tokio::spawn(async move { logins.enter(known).await }).await;
        entered.unwrap_or_else(|_| Err(Error::bug("the sign-in ended unexpectedly")))
    }
}

impl Logins {
    fn is_open(&self) -> bool {
        self.shared.lock().token.is_some()
    }

    /// The session is over.
    fn forget(&self) {
        let mut state = self.shared.lock();
        state.token = None;
        state.jar = Jar::default();
    }

    /// Signs in, unless that was done since the sign-in `known`.
    async fn enter(&self, known: Option<u64>) -> Result<()> {
        let _turn = self.turn.lock().await;
        let is_there = {
            let state = self.shared.lock();
            state.token.is_some() && known.is_none_or(|known| known != state.generation)
        };
        if is_there {
            return Ok(());
        }
        if self.is_closed.load(Ordering::Acquire) {
            return Err(Error::new(Kind::Closed, "the client is closed"));
        }
        self.leave().await;
        self.forget();
        self.log_in().await?;
        self.shared.lock().generation += 1;
        Ok(())
    }

    /// Ends a session that was refused: it may be there all the same, and what it holds in the way of the next one.
    async fn leave(&self) {
        let (true, Ok(signature)) = (self.is_open(), self.signature()) else { return };
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop().push("logout");
        }
        let (body, headers) = (Bytes::new().into(), signature.headers);
        let request = Request { method: Method::POST, url, body, headers, answer_limit: ANSWER_LIMIT };
        // Whatever is answered: it is over, or nobody can end it.
        let _ = self.ask(request, "logging out").await;
    }

    async fn log_in(&self) -> Result<()> {
        let body = Bytes::from(self.sign_in.body().to_string()).into();
        let (method, url) = (Method::POST, self.url.clone());
        let request = Request { method, url, body, headers: Vec::new(), answer_limit: ANSWER_LIMIT };
        self.ask(request, "signing in").await?;
        if self.is_open() {
            return Ok(());
        }
        let error = Error::new(Kind::Service, "signing in: the answer has no session token");
        Err(error.with_hint("check base_url=: it has to be the address of a MicroStrategy Library"))
    }

    /// Asks until there is an answer that does not pass.
    async fn ask(&self, request: Request, doing: &str) -> Result<()> {
        let operation = Operation {
            http: &self.http,
            limit: &RateLimit::alone(self.clock.clone(), Quotas::NONE),
            clock: &self.clock,
            retry: self.retry,
            watch: &(),
            request,
            doing,
            repeatable: true,
            on_expiry: OnExpiry::Fail,
            heard: None,
        };
        operation.run().await.map(drop).map_err(|setback| setback.error)
    }

    fn signature(&self) -> Result<Signature> {
        let state = self.shared.lock();
        let mut signature = Signature { generation: state.generation, ..Signature::default() };
        let token = match &self.sign_in {
            SignIn::OAuth(token) => Some(token),
            _ => state.token.as_ref(),
        };
        if let Some(token) = token {
            signature.headers.push((TOKEN, hidden(token.expose_secret())?));
            signature.secrets.push(token.clone());
        }
        if let Some(cookies) = state.jar.header() {
            signature.headers.push((COOKIE, hidden(&cookies)?));
        }
        signature.secrets.extend(state.jar.values().map(SecretString::from));
        signature.secrets.extend(self.sign_in.secrets());
        Ok(signature)
    }
}

fn hidden(text: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::try_from(text)
        .map_err(|_| Error::new(Kind::Authentication, "the token has characters that no HTTP header can carry"))?;
    value.set_sensitive(true);
    Ok(value)
}

impl Authentication for Session {
    fn sign<'a>(&'a self, _request: &'a Request) -> Later<'a, Signature> {
        Box::pin(async {
            if !matches!(self.0.sign_in, SignIn::OAuth(_)) && !self.0.is_open() {
                self.enter(None).await?;
            }
            self.0.signature()
        })
    }

    fn renew(&self, refused: u64) -> Later<'_, bool> {
        Box::pin(async move {
            if matches!(self.0.sign_in, SignIn::OAuth(_)) {
                return Ok(false);
            }
            self.enter(Some(refused)).await.map(|()| true)
        })
    }

    fn hear(&self, response: &Response) {
        self.0.shared.hear(response);
    }
}
