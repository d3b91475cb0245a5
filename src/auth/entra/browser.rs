//! A person who signs in with the browser of this machine: the authorization code grant with PKCE.
//!
//! ```text
//!  a port of loopback ──▶ the browser opens Entra's page ──▶ it comes back with a code ──▶ a token
//! ```
//!
//! Sources: "Microsoft identity platform and OAuth 2.0 authorization code flow", "Redirect URI (reply URL) outline and
//! restrictions" (for `http://localhost` any port is taken); PKCE: RFC 7636; loopback: RFC 8252, 7.3.

mod redirect;

use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};

use self::redirect::{Redirect, Returned};
use super::super::AccessToken;
use super::super::account::FetchContext;
use super::app::App;
use super::cache::Cache;
use super::person::{Person, granted};
use super::random::random;
use super::way::Way;
use super::{grant, refusal};
use crate::error::{Error, Kind, Result};
use crate::http::transport::check_emulated;

/// How long a person may take, as in azure-identity.
const PATIENCE: Duration = Duration::from_secs(300);
const NO_BROWSER: &str = "set BROWSER to the command of one, or sign in on another device (DeviceCodeCredential)";

/// Opens a page; `false` where there is no browser.
pub type Open = Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = Result<bool>> + Send>> + Send + Sync>;

/// A person who signs in with a browser.
pub struct Browser {
    person: Person,
    port: u16,
    open: Open,
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Browser").field(&self.person).field(&self.port).finish()
    }
}

impl Browser {
    /// An app of `tenant`, through which a person signs in; the browser comes back to `port`, or any free one where that
    /// is 0. Nothing is sent.
    pub fn new(
        client: &str,
        tenant: &str,
        authority: Option<&str>,
        cache: Option<Cache>,
        port: u16,
        open: Open,
    ) -> Result<Self> {
        Ok(Self { person: Person::new(App::of_people(tenant, client, authority)?, cache), port, open })
    }

    async fn sign_in(&self, context: &FetchContext) -> Result<AccessToken> {
        let context = &match self.person.by_itself(context).await? {
            ControlFlow::Break(token) => return Ok(token),
            ControlFlow::Continue(context) => context,
        };
        let redirect = Redirect::bind(self.port).await?;
        let (state, verifier) = (random()?, random()?);
        let page = self.page(context, &redirect, &state, &verifier);
        check_emulated("the authority", &page)?;
        let returned = self.with_browser(context, redirect.wait(&state), page).await?;
        let code = match returned.into_code() {
            Ok(code) => code,
            Err(said) => return Err(refusal::returned(&self.person.app.doing(context), context.service, &said)),
        };
        let form = self.person.form(context, "token").open("grant_type", "authorization_code");
        let form = form.open("redirect_uri", &redirect.uri()).secret("code", &code).secret("code_verifier", &verifier);
        self.person.keep(context, grant::post(context, &form, granted).await?)
    }

    /// Entra's page, which the person is to see.
    fn page(&self, context: &FetchContext, redirect: &Redirect, state: &SecretString, verifier: &SecretString) -> Url {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.expose_secret().as_bytes()));
        let mut url = self.person.app.url(context, "authorize");
        url.query_pairs_mut().extend_pairs([
            ("client_id", self.person.app.client()),
            ("response_type", "code"),
            ("redirect_uri", &redirect.uri()),
            ("response_mode", "query"),
            ("scope", &Person::scope(context)),
            ("state", state.expose_secret()),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("prompt", "select_account"),
        ]);
        if let Some(claims) = &context.hint.claims {
            url.query_pairs_mut().append_pair("claims", claims);
        }
        url
    }

    /// Opens `page`, and waits until the browser has come back. Time stands still meanwhile, where it is virtual.
    async fn with_browser(
        &self,
        context: &FetchContext,
        coming_back: impl Future<Output = Returned>,
        page: Url,
    ) -> Result<Returned> {
        let _exchange = context.clock.exchange();
        let ends = context.clock.deadline(context.clock.now() + PATIENCE);
        let (mut coming_back, mut ends) = (pin!(coming_back), pin!(ends));
        let mut opening = pin!((self.open)(page.into()));
        let mut is_open = false;
        loop {
            tokio::select! {
                biased;
                returned = &mut coming_back => return Ok(returned),
                // Some browsers end with the person's work, others leave at once.
                opened = &mut opening, if !is_open => {
                    is_open = opened?;
                    if !is_open {
                        return Err(self.failed(context, "no browser could be opened", NO_BROWSER));
                    }
                }
                () = &mut ends => {
                    let message = format!("nobody signed in within {} s", PATIENCE.as_secs());
                    return Err(self.failed(context, &message, "sign in again, and finish it in the browser"));
                }
            }
        }
    }

    fn failed(&self, context: &FetchContext, what: &str, hint: &str) -> Error {
        Error::new(Kind::Authentication, format!("{}: {what}", self.person.app.doing(context))).with_hint(hint)
    }
}

impl Way for Browser {
    fn app(&self) -> &App {
        &self.person.app
    }

    fn needs_person(&self) -> bool {
        true
    }

    async fn token(&self, context: &FetchContext) -> Result<AccessToken> {
        self.sign_in(context).await
    }
}
