//! Whoever has signed in before, in another process, which has left a refresh token in a file.

use std::sync::Arc;

use reqwest::Url;

use super::super::account::{FetchContext, Probing, TokenSource};
use super::super::{AccessToken, Fetching};
use super::app::App;
use super::cache::Cache;
use super::person::Person;
use super::read_authority;
use crate::error::{Error, Kind, Result, ServiceAnswer};

const NOBODY: &str = "nobody has signed in with `powerbi-push login`";
/// The same for programs.
const NOT_SIGNED_IN: &str = "not_signed_in";
const HINT: &str = "sign in again with `powerbi-push login`";

/// The newest sign-in of a cache.
#[derive(Debug)]
pub struct Login {
    cache: Cache,
    authority: Option<Url>,
}

impl Login {
    /// Those of `cache`. Nothing is sent.
    pub fn new(cache: Cache, authority: Option<&str>) -> Result<Self> {
        Ok(Self { cache, authority: authority.map(read_authority).transpose()? })
    }

    /// The person who has signed in for what is asked for, if somebody has.
    fn person(&self, context: &FetchContext) -> Result<Option<Person>> {
        let authority = self.authority.as_ref().unwrap_or(&context.authority);
        let Some(key) = self.cache.newest(authority.as_str(), &context.scope)? else { return Ok(None) };
        let app = App::of_people(&key.tenant, &key.client, Some(&key.authority))?;
        Ok(Some(Person::new(app, Some(self.cache.clone()))))
    }

    async fn token(&self, context: &FetchContext) -> Result<AccessToken> {
        let person = self.person(context)?.ok_or_else(nobody)?;
        let ended = || {
            let message = format!("{}: the sign-in of `powerbi-push login` has ended", person.app.doing(context));
            Error::new(Kind::Authentication, message).with_hint(HINT)
        };
        person.by_itself(context).await?.break_value().ok_or_else(ended)
    }
}

fn nobody() -> Error {
    let answer = ServiceAnswer { code: Some(NOT_SIGNED_IN.to_owned()), ..ServiceAnswer::default() };
    Error::new(Kind::Authentication, NOBODY).with_hint(HINT).with_answer(answer)
}

impl TokenSource for Login {
    /// Nobody, where nobody has signed in.
    fn asks(&self, authority: &Url) -> Vec<Url> {
        let authority = self.authority.as_ref().unwrap_or(authority);
        let is_asked = self.cache.is_of(authority.as_str()).unwrap_or(true);
        if is_asked { vec![authority.clone()] } else { Vec::new() }
    }

    fn probe(self: Arc<Self>, context: FetchContext) -> Probing {
        let there = self.person(&context).and_then(|person| match person {
            Some(_) => Ok(()),
            None => Err(nobody()),
        });
        Box::pin(std::future::ready(there))
    }

    fn fetch(self: Arc<Self>, context: FetchContext) -> Fetching {
        Box::pin(async move { self.token(&context).await })
    }
}
