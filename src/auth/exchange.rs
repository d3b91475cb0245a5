//! One question on the way to a token, and again where whoever is asked, or the network, has a passing fault.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use secrecy::SecretString;
use serde_json::Value;

use super::AccessToken;
use super::account::Errand;
use crate::error::{Error, Result};
use crate::http::transport::{Failure, Progress, Request, Response, check_emulated};
use crate::retry::Retry;

/// A token has some kilobytes; more than this is no answer of those who give them.
pub(super) const ANSWER_LIMIT: usize = 256_000;

/// What one attempt came to.
pub(super) enum Next<T> {
    Done(T),
    /// Wait as long as was asked for, or as the policy says, before trying again.
    Wait(Option<Duration>, Error),
    Fail(Error),
}

/// Sends `request` to whom people call `whom`, until `read` knows what came of it. It is told when the question began, so
/// that no token is thought to last longer than it does.
pub(super) async fn ask<T>(
    errand: &Errand,
    whom: &str,
    request: &Request,
    read: impl Fn(Result<Response, Failure>, SystemTime) -> Next<T>,
) -> Result<T> {
    let Errand { clock, transport, .. } = errand;
    let retry = if errand.ask.ahead { Retry::never() } else { errand.retry };
    if retry.allows(1) {
        clock.sleep_until(errand.ask.not_before).await;
    }
    check_emulated(whom, &request.url)?;
    let mut failures = 0;
    loop {
        let asked = clock.wall();
        let answered = transport.send(request, &[], &Arc::new(Progress::default())).await;
        let (told, error) = match read(answered, asked) {
            Next::Done(answer) => return Ok(answer),
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

/// Why nobody answered, with what was going on.
pub(super) fn unreached(doing: &str, failure: &Failure) -> Error {
    let mut error = failure.to_error();
    error.message = format!("{doing}: {}", error.message);
    error
}

/// The token in an answer to a question of the time `asked`, if there is one.
pub(super) fn token(said: &Value, asked: SystemTime) -> Option<AccessToken> {
    let secret = said.get("access_token")?.as_str().filter(|token| !token.is_empty())?;
    let token = AccessToken::reading_expiry(SecretString::from(secret));
    let after = |name: &str| asked.checked_add(seconds(said, name)?);
    Some(AccessToken { expires: after("expires_in").or(token.expires), refresh_at: after("refresh_in"), ..token })
}

/// A number of seconds; some write it as text.
pub(super) fn seconds(said: &Value, name: &str) -> Option<Duration> {
    let value = said.get(name)?;
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    Some(Duration::from_secs(number))
}
