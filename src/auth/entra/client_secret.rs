//! An app and its secret: the client credentials grant.
//!
//! Source: "OAuth 2.0 client credentials flow on the Microsoft identity platform", first case.

use secrecy::SecretString;

use super::super::account::FetchContext;
use super::super::{AccessToken, exchange};
use super::app::{App, is_guid};
use super::grant::{self, Form};
use super::way::Way;
use crate::error::{Error, Result};

const HINT: &str = "it is the Value of a secret under Certificates & secrets of the app registration, not its Secret \
                    ID; the Value is shown only when the secret is made, so make a new one if it is gone";

/// An app that signs in with a secret.
#[derive(Debug)]
pub struct ClientSecret {
    app: App,
    secret: SecretString,
}

impl ClientSecret {
    /// An app of `tenant`; without `authority` the cloud decides who signs it in. Nothing is sent.
    pub fn new(tenant: &str, client: &str, secret: &str, authority: Option<&str>) -> Result<Self> {
        let (app, secret) = (App::by_itself(tenant, client, authority)?, secret.trim());
        check(secret)?;
        Ok(Self { app, secret: secret.into() })
    }

    fn form(&self, context: &FetchContext) -> Form {
        let form = self.app.form(context, "token").open("scope", &context.scope);
        form.secret("client_secret", &self.secret).open("grant_type", "client_credentials")
    }
}

impl Way for ClientSecret {
    fn app(&self) -> &App {
        &self.app
    }

    async fn token(&self, context: &FetchContext) -> Result<AccessToken> {
        grant::post(context, &self.form(context), exchange::token).await
    }
}

fn check(secret: &str) -> Result<()> {
    let wrong = |why: &str| Err(Error::configuration(format!("`client_secret` {why}")).with_hint(HINT));
    if secret.is_empty() {
        return wrong("is empty");
    }
    if is_guid(secret) {
        return wrong("is a GUID, which is the form of a Secret ID");
    }
    if secret.contains(char::is_control) {
        return wrong("has a line break or another control character in it");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: &str = "11111111-2222-3333-4444-555555555555";

    #[test]
    fn a_wrong_secret_is_told_before_anything_is_sent_and_never_repeated() {
        for secret in ["", "\n", CLIENT, "8D6C3E5A-0000-4000-8000-00000000000f", "canary\nsecret"] {
            let error = ClientSecret::new("contoso.com", CLIENT, secret, None).unwrap_err();
            assert!(error.message.starts_with("`client_secret` ") && !error.message.contains("canary"), "{error}");
            assert_eq!(error.hint.as_deref(), Some(HINT));
        }
    }

    #[test]
    fn the_secret_is_not_shown() {
        let who = ClientSecret::new("contoso.com", CLIENT, "canary~8Q~secret", None).unwrap();
        assert!(!format!("{who:?}").contains("canary"));
    }
}
