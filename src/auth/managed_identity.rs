//! The identity that Azure gives a machine: asked for at an address of the machine itself, without any secret of ours.
//!
//! Plain http by its nature, never through a proxy. Sources: "How managed identities for Azure resources work with Azure
//! virtual machines", "How to use managed identities for App Service and Azure Functions", "Authenticate against Azure
//! resources with Azure Arc-enabled servers"; when to ask again: "Error handling" of the first.

mod key_file;
mod place;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

pub(super) use self::place::Place;
use super::account::{FetchContext, Probing, TokenSource};
use super::entra::is_guid;
use super::exchange::{self, ANSWER_LIMIT, Next};
use super::{AccessToken, Fetching};
use crate::error::{Error, Kind, Result, ServiceAnswer, blotted, one_line};
use crate::http::stranger;
use crate::http::transport::{Failure, Progress, Request, Response, check_emulated};

/// What asks for it. It tells the machine's own programs from a web page that a browser was led to.
const METADATA: HeaderName = HeaderName::from_static("metadata");
const IDENTITY_HEADER: HeaderName = HeaderName::from_static("x-identity-header");
/// An identity that is just being changed is there again after 70 seconds: four waits of the usual policy.
const CHANGING: Duration = Duration::from_millis(17_500);
/// Of tokens that last at least so long the next one is fetched at half of that.
const LONG: Duration = Duration::from_secs(2 * 3_600);
/// How long a machine is waited for that may have no such service.
const PROBE: Duration = Duration::from_secs(1);
const NO_IDENTITY: &str = "give the machine an identity (Identity > System assigned > On), or pass the client_id of the \
                           user-assigned one that it has";
const NOT_THERE: &str = "only machines of Azure have a managed identity; elsewhere sign in with another credential, such as \
                         ClientSecretCredential";

/// The identity of this machine.
#[derive(Debug)]
pub struct ManagedIdentity {
    client: Option<String>,
    place: Place,
}

impl ManagedIdentity {
    /// The machine's own identity, or the one of the id `client`; the environment says who is to be asked. Nothing is sent.
    pub fn new(client: Option<&str>) -> Result<Self> {
        let client = client.map(str::trim).filter(|client| !client.is_empty());
        if client.is_some_and(|client| !is_guid(client)) {
            return Err(Error::configuration("`client_id` is no GUID")
                .with_hint("it is the Client ID on the overview page of the user-assigned identity"));
        }
        let place = Place::of(&|name| std::env::var(name).ok(), place::has_arc())?;
        if client.is_some() && matches!(place, Place::Arc { .. }) {
            return Err(Error::configuration(
                "`client_id` names another identity, and a machine of Azure Arc has its own only",
            )
            .with_hint("leave client_id out"));
        }
        Ok(Self { client: client.map(str::to_owned), place })
    }

    async fn token(&self, context: FetchContext) -> Result<AccessToken> {
        let context = FetchContext { transport: context.transport.direct(None)?, ..context };
        let secret = match &self.place {
            Place::Imds { .. } => None,
            Place::AppService { header, .. } => Some(header.clone()),
            Place::Arc { .. } => Some(self.key(&context).await?),
        };
        let request = self.request(&context, secret.as_ref())?;
        let secrets = secret.iter().map(ExposeSecret::expose_secret).collect::<Vec<_>>();
        let read = |answered, asked| self.next(answered, &secrets, |response| token(&body(response), asked));
        exchange::ask(&context, self.place.name(), &request, read).await
    }

    /// Asks without the header that tells us from others: whoever refuses that is there.
    async fn look(&self, context: FetchContext) -> Result<()> {
        let Place::Imds { endpoint } = &self.place else { return Ok(()) };
        let transport = context.transport.direct(Some(PROBE))?;
        check_emulated(self.place.name(), endpoint)?;
        let (url, headers) = (endpoint.clone(), Vec::new());
        let request =
            Request { method: Method::GET, url, body: Bytes::new().into(), headers, answer_limit: ANSWER_LIMIT };
        let answered = transport.send(&request, &[], &Arc::new(Progress::default())).await;
        answered.map(drop).map_err(|failure| self.unreached(&failure))
    }

    /// What Azure Arc has written where only those may read it who may have the identity.
    async fn key(&self, context: &FetchContext) -> Result<SecretString> {
        let challenge =
            |response: &Response| response.header(WWW_AUTHENTICATE.as_str()).filter(|_| response.status == 401);
        let read = |answered, _| self.next(answered, &[], challenge);
        let told = exchange::ask(context, self.place.name(), &self.request(context, None)?, read).await?;
        key_file::read(&told)
    }

    fn request(&self, context: &FetchContext, secret: Option<&SecretString>) -> Result<Request> {
        let mut url = self.place.endpoint().clone();
        url.query_pairs_mut()
            .append_pair("api-version", self.place.version())
            .append_pair("resource", context.resource());
        if let Some(client) = &self.client {
            url.query_pairs_mut().append_pair("client_id", client);
        }
        let mut headers = Vec::new();
        if !matches!(self.place, Place::AppService { .. }) {
            headers.push((METADATA, HeaderValue::from_static("true")));
        }
        if let Some(secret) = secret {
            let is_header = matches!(self.place, Place::AppService { .. });
            let (name, before) = if is_header { (IDENTITY_HEADER, "") } else { (AUTHORIZATION, "Basic ") };
            let value = HeaderValue::try_from(format!("{before}{}", secret.expose_secret()));
            let mut value = value.map_err(|_| broken_secret(&self.place))?;
            value.set_sensitive(true);
            headers.push((name, value));
        }
        Ok(Request { method: Method::GET, url, body: Bytes::new().into(), headers, answer_limit: ANSWER_LIMIT })
    }

    fn next<T>(
        &self,
        answered: Result<Response, Failure>,
        secrets: &[&str],
        read: impl Fn(&Response) -> Option<T>,
    ) -> Next<T> {
        let response = match answered {
            Ok(response) => response,
            // Elsewhere than in Azure nobody answers, however often one asks.
            Err(failure) if failure.timed_out => return Next::Fail(self.unreached(&failure)),
            Err(failure) => return Next::Wait(None, self.unreached(&failure)),
        };
        if let Some(answer) = read(&response) {
            return Next::Done(answer);
        }
        let error = self.refused(&response, secrets);
        match response.status {
            410 => Next::Wait(Some(response.retry_after.unwrap_or(CHANGING)), error),
            404 if matches!(self.place, Place::Imds { .. }) => Next::Wait(response.retry_after, error),
            408 | 429 | 500.. => Next::Wait(response.retry_after, error),
            _ => Next::Fail(error),
        }
    }

    fn unreached(&self, failure: &Failure) -> Error {
        exchange::unreached(&self.doing(), failure).with_hint(NOT_THERE)
    }

    /// The refusal as users see it.
    fn refused(&self, response: &Response, secrets: &[&str]) -> Error {
        let (status, said) = (response.status, body(response));
        if let Some(stranger) = stranger(response, false) {
            let message = format!("{}: {stranger} answered {status}", self.doing());
            return Error::new(Kind::Transport, message).with_hint(NOT_THERE);
        }
        let text =
            |name: &str| said.get(name).and_then(Value::as_str).and_then(one_line).map(|text| blotted(&text, secrets));
        let (word, description) = (text("error"), text("error_description").or_else(|| text("message")));
        let kind = match status {
            429 => Kind::RateLimited,
            408 | 410 | 500.. => Kind::Service,
            _ => Kind::Authentication,
        };
        let words = [&word, &description].into_iter().flatten().cloned().collect::<Vec<_>>().join(": ");
        let words = if words.is_empty() { "without a word".to_owned() } else { words };
        let hint = match kind {
            Kind::Authentication if word.is_none() && description.is_none() => NOT_THERE,
            Kind::Authentication => NO_IDENTITY,
            _ => "try again in some minutes",
        };
        let answer = ServiceAnswer {
            status: Some(status),
            code: word,
            retry_after: response.retry_after,
            bound_by: (kind == Kind::RateLimited).then(|| self.place.name().to_owned()),
            ..ServiceAnswer::default()
        };
        Error::new(kind, format!("{}: the answer was {status}, {words}", self.doing()))
            .with_hint(hint)
            .with_answer(answer)
    }

    /// What goes on, and where, as every message begins.
    fn doing(&self) -> String {
        let who = self.client.as_ref().map(|client| format!(" `{client}`")).unwrap_or_default();
        format!("signing in as the managed identity{who} of this machine ({})", self.place.name())
    }
}

impl TokenSource for ManagedIdentity {
    fn client(&self) -> Option<&str> {
        self.client.as_deref()
    }

    fn asks(&self, _authority: &Url) -> Vec<Url> {
        vec![self.place.endpoint().clone()]
    }

    fn probe(self: Arc<Self>, context: FetchContext) -> Probing {
        Box::pin(async move { self.look(context).await })
    }

    fn fetch(self: Arc<Self>, context: FetchContext) -> Fetching {
        Box::pin(async move { self.token(context).await })
    }
}

fn broken_secret(place: &Place) -> Error {
    let hint = match place {
        Place::AppService { .. } => "IDENTITY_HEADER is one line, which App Service sets: leave it as it was",
        _ => "the key file of Azure Arc holds one line: start the agent of this machine anew (azcmagent)",
    };
    Error::new(Kind::Authentication, "the secret of the managed identity is broken").with_hint(hint)
}

fn body(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap_or(Value::Null)
}

/// The token, whose end some tell as a moment, and some as a time from now.
fn token(said: &Value, asked: SystemTime) -> Option<AccessToken> {
    let token = exchange::token(said, asked)?;
    let ends = exchange::seconds(said, "expires_on").and_then(|since| UNIX_EPOCH.checked_add(since));
    let expires = ends.or(token.expires);
    let lifetime = expires.and_then(|expires| expires.duration_since(asked).ok());
    let half = lifetime.filter(|lifetime| *lifetime >= LONG).map(|lifetime| asked + lifetime / 2);
    Some(AccessToken { expires, refresh_at: token.refresh_at.or(half), ..token })
}
