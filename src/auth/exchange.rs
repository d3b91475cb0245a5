//! One question on the way to a token, and again where whoever is asked, or the network, has a passing fault.

use std::time::{Duration, SystemTime};

use secrecy::SecretString;
use serde_json::Value;

use super::AccessToken;
use super::account::FetchContext;
use crate::error::{Error, Result};
pub(super) use crate::http::Next;
use crate::http::transport::{Failure, Request, Response, check_emulated};
use crate::http::{Attempt, Attempts, BackOff, Terms, repeat};
use crate::retry::Retry;

/// A token has some kilobytes; more than this is no answer of those who give them.
pub(super) const ANSWER_LIMIT: usize = 256_000;

/// Sends `request` to whom people call `whom`, until `read` knows what came of it. It is told when the question began, so
/// that no token is thought to last longer than it does.
pub(super) async fn ask<T: Send>(
    context: &FetchContext,
    whom: &str,
    request: &Request,
    read: impl Fn(Result<Response, Failure>, SystemTime) -> Next<T> + Send + Sync,
) -> Result<T> {
    let clock = &context.clock;
    let retry = if context.hint.ahead { Retry::never() } else { context.retry };
    if retry.allows(1) {
        clock.sleep_until(context.hint.not_before).await;
    }
    check_emulated(whom, &request.url)?;
    let mut question = Question { context, request, read };
    let terms = Terms { clock, retry, patience: None, endless: false, back_off: BackOff::Here, watch: &() };
    repeat(&mut question, &terms).await
}

/// One question. It goes without a sign-in: it is one.
struct Question<'q, F> {
    context: &'q FetchContext,
    request: &'q Request,
    read: F,
}

impl<T, F> Attempts for Question<'_, F>
where
    T: Send,
    F: Fn(Result<Response, Failure>, SystemTime) -> Next<T> + Send + Sync,
{
    type Came = Next<T>;
    type End = Result<T>;

    async fn exchange(&self, attempt: &Attempt) -> Result<Next<T>> {
        let asked = self.context.clock.wall();
        let answered = self.context.transport.send(self.request, &[], &attempt.progress).await;
        // A token that came by half is none: as if nobody had answered.
        let answered = match answered {
            Ok(response) if response.status == 200 => response.torn().cloned().map_or(Ok(response), Err),
            other => other,
        };
        Ok((self.read)(answered, asked))
    }

    async fn judge(&mut self, next: Next<T>) -> Next<Result<T>> {
        next.map(Ok)
    }

    fn give_up(&mut self, why: Error) -> Option<Result<T>> {
        Some(Err(why))
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
