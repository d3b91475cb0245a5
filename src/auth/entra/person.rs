//! A person who signs in: asked once, and then no more as long as the refresh token of that sign-in is taken.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::SystemTime;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::super::account::FetchContext;
use super::super::{AccessToken, exchange};
use super::app::App;
use super::cache::Cache;
use super::grant::{self, Form};
use super::refresh_tokens::{Key, RefreshTokens};
use crate::error::{Error, Kind, Result, ServiceAnswer};

/// What Entra says of a refresh token that is good for nothing any more: the person has to come again.
const ENDED: [&str; 4] = ["invalid_grant", "interaction_required", "consent_required", "login_required"];

/// An app through which a person signs in, and what is left of that for the next time.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) app: App,
    refresh: RefreshTokens,
}

/// What a sign-in brings.
#[derive(Debug)]
pub(super) struct Granted {
    token: AccessToken,
    refresh: Option<SecretString>,
}

/// Reads what the token endpoint answers.
pub(super) fn granted(said: &Value, asked: SystemTime) -> Option<Granted> {
    let refresh = said.get("refresh_token").and_then(Value::as_str).filter(|token| !token.is_empty());
    Some(Granted { token: exchange::token(said, asked)?, refresh: refresh.map(SecretString::from) })
}

impl Person {
    /// Somebody who signs in through `app`, and again by what is in `cache`, where there is one.
    pub(super) fn new(app: App, cache: Option<Cache>) -> Self {
        Self { app, refresh: RefreshTokens::new(cache) }
    }

    /// A form for an endpoint, which names the app and the scope, and asks that the person be not asked each hour.
    pub(super) fn form(&self, context: &FetchContext, endpoint: &str) -> Form {
        self.app.form(context, endpoint).open("scope", &Self::scope(context))
    }

    /// What is asked for.
    pub(super) fn scope(context: &FetchContext) -> String {
        format!("{} offline_access", context.scope)
    }

    /// A token without asking the person; or the context in which the person may be asked, where that is not to be had.
    pub(super) async fn by_itself(&self, context: &FetchContext) -> Result<ControlFlow<AccessToken, FetchContext>> {
        let (key, mut refused) = (self.key(context), None::<SecretString>);
        let mut with_person = context.clone();
        while let Some(refresh) = self.refresh.find(&key)? {
            if refused.is_some_and(|refused| refused.expose_secret() == refresh.expose_secret()) {
                self.refresh.forget(&key)?;
                break;
            }
            let form = self.form(context, "token").open("grant_type", "refresh_token");
            match grant::post(context, &form.secret("refresh_token", &refresh), granted).await {
                Ok(granted) => return self.keep(context, granted).map(ControlFlow::Break),
                Err(error) if !has_ended(&error) => return Err(error),
                // Another process may have used it, and left the next one.
                Err(error) => {
                    let wanted = error.answer.claims.as_deref().map(Arc::from);
                    with_person.hint.claims = wanted.or(with_person.hint.claims);
                    refused = Some(refresh);
                }
            }
        }
        if context.hint.ahead {
            // Nobody is bothered while the token at hand is good.
            let message = format!("{}: a person has to sign in again", self.app.doing(context));
            let claims = with_person.hint.claims.as_deref().map(str::to_owned);
            let answer = ServiceAnswer { claims, ..ServiceAnswer::default() };
            return Err(Error::new(Kind::Authentication, message).with_answer(answer));
        }
        Ok(ControlFlow::Continue(with_person))
    }

    /// The token of a sign-in; what else it brought is kept for the next time.
    pub(super) fn keep(&self, context: &FetchContext, granted: Granted) -> Result<AccessToken> {
        if let Some(refresh) = granted.refresh {
            self.refresh.keep(self.key(context), refresh)?;
        }
        Ok(granted.token)
    }

    fn key(&self, context: &FetchContext) -> Key {
        Key {
            tenant: self.app.tenant().to_owned(),
            client: self.app.client().to_owned(),
            authority: self.app.authority(&context.authority).as_str().to_owned(),
            scope: context.scope.clone(),
        }
    }
}

fn has_ended(error: &Error) -> bool {
    error.answer.code.as_deref().is_some_and(|code| ENDED.contains(&code))
}
