//! An app that another identity provider vouches for, whose token stands in for a secret: Kubernetes, GitHub Actions.
//!
//! Sources: "OAuth 2.0 client credentials flow on the Microsoft identity platform", third case; "Workload identity
//! federation"; "Security hardening with `OpenID` Connect" of GitHub.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::super::account::FetchContext;
use super::super::exchange::{self, ANSWER_LIMIT, Next};
use super::super::{AccessToken, bare};
use super::app::App;
use super::grant;
use super::way::Way;
use crate::error::{Error, Kind, Result, shown};
use crate::http::transport::{Request, is_loopback};

/// For whom the other provider's token has to be.
const AUDIENCE: &str = "api://AzureADTokenExchange";
const LONGEST: u64 = 100_000;

/// An app that a token of another provider vouches for.
#[derive(Debug)]
pub struct WorkloadIdentity {
    app: App,
    voucher: Voucher,
}

/// Where the other provider's token is.
#[derive(Debug)]
pub enum Voucher {
    /// In a file, which is written anew again and again.
    File(PathBuf),
    /// At the address that a run of GitHub Actions was given, for whoever has its token.
    GitHub(Url, SecretString),
}

impl Voucher {
    /// The one of GitHub Actions.
    pub fn of_github(url: &str, token: &str) -> Result<Self> {
        let url = Url::parse(url).ok().filter(|url| url.scheme() == "https" || is_loopback(url));
        let wrong = || {
            Error::configuration("ACTIONS_ID_TOKEN_REQUEST_URL is not the address of GitHub's tokens")
                .with_hint("GitHub Actions sets it, to an address that begins with https://: leave it as it was")
        };
        Ok(Self::GitHub(url.ok_or_else(wrong)?, token.trim().into()))
    }
}

impl WorkloadIdentity {
    /// An app of `tenant`. Nothing is read or sent.
    pub fn new(tenant: &str, client: &str, voucher: Voucher, authority: Option<&str>) -> Result<Self> {
        Ok(Self { app: App::by_itself(tenant, client, authority)?, voucher })
    }

    async fn assertion(&self, context: &FetchContext) -> Result<SecretString> {
        match &self.voucher {
            Voucher::File(path) => read(path),
            Voucher::GitHub(url, token) => self.ask_github(context, url, token).await,
        }
    }

    async fn ask_github(&self, context: &FetchContext, url: &Url, token: &SecretString) -> Result<SecretString> {
        let mut url = url.clone();
        url.query_pairs_mut().append_pair("audience", AUDIENCE);
        let doing = "asking GitHub Actions for a token";
        let wrong = |what: &str| {
            Error::new(Kind::Authentication, format!("{doing}: {what}"))
                .with_hint("the job needs the permission `id-token: write`")
        };
        let value = HeaderValue::try_from(format!("bearer {}", token.expose_secret()));
        let mut value = value.map_err(|_| wrong("ACTIONS_ID_TOKEN_REQUEST_TOKEN is no token"))?;
        value.set_sensitive(true);
        let headers = vec![(AUTHORIZATION, value)];
        let request =
            Request { method: Method::GET, url, body: Bytes::new().into(), headers, answer_limit: ANSWER_LIMIT };
        exchange::ask(context, "GitHub Actions", &request, |answered, _| {
            let response = match answered {
                Ok(response) => response,
                Err(failure) => return Next::Wait(None, exchange::unreached(doing, &failure)),
            };
            let said: Value = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
            let token = said.get("value").and_then(Value::as_str).filter(|token| !token.is_empty());
            let error = || wrong(&format!("the answer was {}", response.status));
            match (response.status, token) {
                (200, Some(token)) => Next::Done(token.into()),
                (408 | 429 | 500.., _) => Next::Wait(response.retry_after, error()),
                _ => Next::Fail(error()),
            }
        })
        .await
    }
}

impl Way for WorkloadIdentity {
    fn app(&self) -> &App {
        &self.app
    }

    fn asks_besides(&self) -> Option<Url> {
        match &self.voucher {
            Voucher::File(_) => None,
            Voucher::GitHub(url, _) => Some(url.clone()),
        }
    }

    async fn token(&self, context: &FetchContext) -> Result<AccessToken> {
        let form = self.app.asserted(context, &self.assertion(context).await?);
        grant::post(context, &form, exchange::token).await
    }
}

/// The token in a file.
fn read(path: &Path) -> Result<SecretString> {
    let wrong = |why: String| {
        let message = format!("the federated token in `{}` {why}", shown(&path.to_string_lossy()));
        Error::new(Kind::Authentication, message)
            .with_hint("AZURE_FEDERATED_TOKEN_FILE is the path of a file with the token of the other provider")
    };
    let known = fs::metadata(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    if !known.is_file() || known.len() > LONGEST {
        return Err(wrong("is no token: it is too long".into()));
    }
    let text = fs::read_to_string(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let token = bare(&text);
    if token.is_empty() { Err(wrong("is empty".into())) } else { Ok(token.into()) }
}
