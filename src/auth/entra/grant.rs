//! The client credentials grant: one form is posted, and posted again where Entra or the network asks for it.
//!
//! Source: "OAuth 2.0 client credentials flow on the Microsoft identity platform", first case.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::super::AccessToken;
use super::super::slot::Ask;
use super::SignIn;
use super::refusal;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::http::transport::{Failure, Progress, Request, Response, Transport, check_emulated};
use crate::retry::Retry;

/// What a sign-in sends (RFC 6749, section 4.4.2).
const FORM: &str = "application/x-www-form-urlencoded";
/// A token has some kilobytes; more than this is not an answer of Entra.
const ANSWER_LIMIT: usize = 256_000;

/// What one attempt came to.
enum Next {
    Token(AccessToken),
    /// Wait as long as Entra asked, or as the policy says, before trying again.
    Wait(Option<Duration>, Error),
    Fail(Error),
}

/// Fetches a token.
pub(super) async fn fetch(
    sign_in: SignIn,
    transport: Transport,
    retry: Retry,
    clock: Clock,
    ask: Ask,
) -> Result<AccessToken> {
    let retry = if ask.ahead { Retry::never() } else { retry };
    if retry.allows(1) {
        clock.sleep_until(ask.not_before).await;
    }
    let request = request(&sign_in);
    check_emulated("the authority", &request.url)?;
    let mut failures = 0;
    loop {
        // Counted from before it was sent, so that no token is thought to last longer than it does.
        let asked = clock.wall();
        let (told, error) =
            match next(&sign_in, transport.send(&request, &[], &Arc::new(Progress::default())).await, asked) {
                Next::Token(token) => return Ok(token),
                Next::Fail(error) => return Err(error),
                Next::Wait(told, error) => (told, error),
            };
        failures += 1;
        if !retry.allows(failures) {
            return Err(error);
        }
        clock.sleep_until(clock.now() + told.unwrap_or_else(|| retry.delay(failures))).await;
    }
}

fn request(sign_in: &SignIn) -> Request {
    let fields = [
        ("client_id", sign_in.who.client.as_str()),
        ("scope", &sign_in.scope),
        ("client_secret", sign_in.who.secret.expose_secret()),
        ("grant_type", "client_credentials"),
    ];
    let coded = fields.map(|(name, value)| format!("{name}={}", coded(value)));
    let body = Bytes::from(coded.join("&")).into();
    Request {
        method: Method::POST,
        url: sign_in.url(),
        body,
        headers: vec![(CONTENT_TYPE, HeaderValue::from_static(FORM))],
        answer_limit: ANSWER_LIMIT,
    }
}

fn coded(value: &str) -> String {
    utf8_percent_encode(value, NON_ALPHANUMERIC).to_string()
}

fn next(sign_in: &SignIn, answered: Result<Response, Failure>, asked: SystemTime) -> Next {
    let response = match answered {
        Ok(response) => response,
        Err(failure) => return Next::Wait(None, unreached(sign_in, &failure)),
    };
    let secret = sign_in.who.secret.expose_secret();
    let said = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
    if response.status == 200
        && let Some(token) = token(&said, asked)
    {
        return Next::Token(token);
    }
    let error = refusal::to_error(&doing(sign_in), &response, &said, &[secret, &coded(secret)]);
    let is_passing = matches!(response.status, 408 | 429 | 500..);
    if is_passing || said.get("error").is_some_and(|error| error == "temporarily_unavailable") {
        return Next::Wait(response.retry_after, error);
    }
    Next::Fail(error)
}

/// What goes on, and where, as every message begins.
fn doing(sign_in: &SignIn) -> String {
    let host = sign_in.authority.host_str().unwrap_or_default();
    let SignIn { who, .. } = sign_in;
    format!("signing in app `{}` of tenant `{}` at {host}", who.client, who.tenant)
}

fn unreached(sign_in: &SignIn, failure: &Failure) -> Error {
    let mut error = failure.to_error();
    error.message = format!("{}: {}", doing(sign_in), error.message);
    error
}

/// The token in Entra's answer, if there is one.
fn token(said: &Value, asked: SystemTime) -> Option<AccessToken> {
    let secret = said.get("access_token")?.as_str().filter(|token| !token.is_empty())?;
    let token = AccessToken::reading_expiry(SecretString::from(secret));
    let after = |name: &str| asked.checked_add(seconds(said.get(name)?)?);
    Some(AccessToken { expires: after("expires_in").or(token.expires), refresh_at: after("refresh_in"), ..token })
}

/// Some of Entra's endpoints write their numbers as text.
fn seconds(value: &Value) -> Option<Duration> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    Some(Duration::from_secs(number))
}

#[cfg(test)]
mod tests;
