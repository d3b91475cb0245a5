//! A code that a person enters on another device, while this one asks again and again whether that was done.
//!
//! Sources: "Microsoft identity platform and the OAuth 2.0 device authorization grant flow"; `slow_down`: RFC 8628, 3.5.

use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::Url;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::Value;

use super::super::account::FetchContext;
use super::super::{AccessToken, exchange};
use super::app::App;
use super::cache::Cache;
use super::grant;
use super::person::{Granted, Person, granted};
use super::way::Way;
use crate::error::{Error, Kind, Result, one_line};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// Where Entra does not say how often it may be asked, and how much more seldom it wants to be where it says so.
const INTERVAL: Duration = Duration::from_secs(5);
/// It is never asked more often than this, whatever it says.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
/// The last day that every calendar knows: the 31st of December 9999 begins.
const LAST_DAY: u64 = 253_402_214_400;
/// Where Entra does not say how long a code lasts.
const LIFETIME: Duration = Duration::from_secs(900);

/// What the person has to be told.
#[derive(Debug, Clone, Serialize)]
pub struct Code {
    /// The page to open.
    pub verification_uri: String,
    /// What to enter there.
    pub user_code: String,
    /// Until when, in seconds since 1970.
    pub expires_on: u64,
}

/// Tells the person.
pub type Prompt = Arc<dyn Fn(Code) -> Pin<Box<dyn Future<Output = Result<()>> + Send>> + Send + Sync>;

/// A person who signs in on another device.
pub struct DeviceCode {
    person: Person,
    prompt: Prompt,
}

impl fmt::Debug for DeviceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DeviceCode").field(&self.person).finish()
    }
}

/// A code as Entra gives it.
struct Given {
    code: Code,
    device_code: SecretString,
    interval: Duration,
    lifetime: Duration,
}

impl DeviceCode {
    /// An app of `tenant`, through which a person signs in whom `prompt` tells how. Nothing is sent.
    pub fn new(
        client: &str,
        tenant: &str,
        authority: Option<&str>,
        cache: Option<Cache>,
        prompt: Prompt,
    ) -> Result<Self> {
        Ok(Self { person: Person::new(App::of_people(tenant, client, authority)?, cache), prompt })
    }

    async fn sign_in(&self, context: &FetchContext) -> Result<AccessToken> {
        let context = &match self.person.by_itself(context).await? {
            ControlFlow::Break(token) => return Ok(token),
            ControlFlow::Continue(context) => context,
        };
        let given = self.begin(context).await?;
        let ends = context.clock.now() + given.lifetime;
        (self.prompt)(given.code).await?;
        let mut interval = given.interval;
        loop {
            context.clock.sleep_until(context.clock.now() + interval).await;
            match self.look(context, &given.device_code).await {
                Ok(granted) => return self.person.keep(context, granted),
                Err(error) => match error.answer.code.as_deref() {
                    _ if context.clock.now() >= ends => return Err(self.too_late(context)),
                    Some("authorization_pending") => {}
                    Some("slow_down") => interval += INTERVAL,
                    _ => return Err(error),
                },
            }
        }
    }

    /// Asks for a code.
    async fn begin(&self, context: &FetchContext) -> Result<Given> {
        grant::post(context, &self.person.form(context, "devicecode"), given).await
    }

    /// Asks whether the person has entered it.
    async fn look(&self, context: &FetchContext, device_code: &SecretString) -> Result<Granted> {
        let form = self.person.form(context, "token").open("grant_type", GRANT).secret("device_code", device_code);
        grant::post(context, &form, granted).await
    }

    fn too_late(&self, context: &FetchContext) -> Error {
        let message = format!("{}: nobody entered the code in time", self.person.app.doing(context));
        Error::new(Kind::Authentication, message).with_hint("sign in again, and enter the new code in time")
    }
}

impl Way for DeviceCode {
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

fn given(said: &Value, asked: SystemTime) -> Option<Given> {
    let text = |name: &str| said.get(name).and_then(Value::as_str).and_then(one_line);
    // Nobody is sent to a page that is read along on the way.
    let page = Url::parse(&text("verification_uri")?).ok()?;
    let is_safe = page.scheme() == "https" || crate::http::transport::is_loopback(&page);
    let lifetime = exchange::seconds(said, "expires_in").unwrap_or(LIFETIME);
    let asked = asked.duration_since(UNIX_EPOCH).ok()?;
    let expires_on = asked.saturating_add(lifetime).as_secs().min(LAST_DAY);
    let code = Code { verification_uri: text("verification_uri")?, user_code: text("user_code")?, expires_on };
    let interval = exchange::seconds(said, "interval").unwrap_or(INTERVAL);
    is_safe.then_some(Given {
        code,
        device_code: text("device_code")?.into(),
        interval: interval.min(lifetime).max(SHORTEST_INTERVAL),
        lifetime,
    })
}
