//! Leave, token, exchange: the one way by which a request reaches the service.

mod principal;
mod reason;
mod refusal;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use secrecy::ExposeSecret;

pub use self::refusal::Refusal;
use crate::auth::Tokens;
use crate::clock::Moment;
use crate::error::{Error, Result};
use crate::http::transport::{Failure, Progress, Reach, Request, Response, Transport, check_emulated};
use crate::rate_limit::{Ask, Ending, Limit, Permit, Watch};

const BYTE_ORDER_MARK: &[u8] = "\u{FEFF}".as_bytes();

/// What the service answered, its error body read.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "each is an observation of its own")]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The id that the service gave the request.
    pub request_id: Option<String>,
    /// How long the service asks to be left alone.
    pub retry_after: Option<Duration>,
    /// What is odd about how it asks.
    pub odd_retry_after: Option<&'static str>,
    /// Whether a web page came instead of data.
    pub is_html: bool,
    /// Who has surely answered in place of the service, as people say it.
    pub stranger: Option<String>,
    /// Whether it is the answer of a push URL, which is asked with its key instead of a sign-in.
    pub by_key: bool,
    /// Whether it is a success whose body speaks of an error.
    pub denies: bool,
    /// How much of the request had gone out before it came.
    pub reach: Reach,
    /// Whether the token that went with it was no JSON Web Token, as those of Microsoft Entra are.
    pub by_opaque_token: bool,
    /// What the service said about a refusal; empty for a success that is one.
    pub refusal: Refusal,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    fn new(response: Response, by_key: bool, secrets: &[&str]) -> Self {
        let Response { status, request_id, retry_after, odd_retry_after, error_info, is_html, stranger, reach, body } =
            response;
        // The answers to queries begin with one.
        let body = if body.starts_with(BYTE_ORDER_MARK) { body.slice(BYTE_ORDER_MARK.len()..) } else { body };
        let refusal = match status {
            200..300 => Refusal::read_hidden(&body, secrets),
            _ => Refusal::read(&body, secrets).or_code(error_info.as_deref(), secrets),
        };
        let denies = (200..300).contains(&status) && (Refusal::is_hidden_in(&body) || !refusal.is_empty());
        Self {
            status,
            request_id,
            retry_after,
            odd_retry_after,
            is_html,
            stranger,
            by_key,
            denies,
            reach,
            by_opaque_token: false,
            refusal,
            body,
        }
    }

    /// The refusal as users see it; `doing` says what was asked of the service.
    #[must_use]
    pub fn to_error(&self, doing: &str) -> Error {
        refusal::to_error(self, doing)
    }
}

/// How one exchange ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The service, or something between, answered.
    Answered(Answer),
    /// No answer came.
    Failed(Failure),
}

/// One exchange, done.
#[derive(Debug)]
pub struct Sent {
    /// How it ended.
    pub outcome: Outcome,
    /// Which token went with it; `None` where none is needed.
    pub token: Option<u64>,
    /// The leave it took: whoever judges the outcome says how it ended.
    pub permit: Permit,
}

/// Of whom a request takes leave.
pub struct Leave<'l> {
    /// What holds it.
    pub limit: &'l Limit,
    /// What it asks for.
    pub ask: Ask,
    /// No wait for a quota may be known to reach past it.
    pub deadline: Option<Moment>,
    /// Who is told of waits.
    pub watch: &'l dyn Watch,
}

/// A permit until the outcome is known: whoever stops waiting for that leaves the truth behind.
struct UnderWay<'p> {
    permit: Permit,
    progress: &'p Progress,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.permit.end(if self.progress.has_begun() { Ending::Abandoned } else { Ending::Unsent });
    }
}

/// A connection pool, with a sign-in where the service wants one.
#[derive(Debug)]
pub struct Wire {
    transport: Transport,
    tokens: Option<Arc<Tokens>>,
}

impl Wire {
    /// Nothing is sent and no token fetched yet. A push URL needs no tokens.
    #[must_use]
    pub fn new(transport: Transport, tokens: Option<Arc<Tokens>>) -> Self {
        Self { transport, tokens }
    }

    /// Sends `request` once: leave first, so that the token is fresh when the bytes go.
    pub async fn send(&self, request: &Request, leave: Leave<'_>, progress: &Arc<Progress>) -> Result<Sent> {
        check_emulated("the request", &request.url)?;
        let permit = leave.limit.permit(leave.ask, leave.deadline, leave.watch).await?;
        let mut under_way = UnderWay { permit, progress };
        let token = match &self.tokens {
            Some(tokens) => Some(tokens.current().await?),
            None => None,
        };
        if let Some(token) = &token {
            principal::check(request, &token.access)?;
        }
        let bearer = token.as_ref().map(|token| &token.access.secret);
        let outcome = match self.transport.send(request, bearer, progress).await {
            Ok(response) => {
                let query = request.secret_values();
                let secrets =
                    bearer.map(ExposeSecret::expose_secret).into_iter().chain(query.iter().map(String::as_str));
                let secrets = secrets.filter(|secret| !secret.is_empty()).collect::<Vec<_>>();
                let answer = Answer::new(response, bearer.is_none(), &secrets);
                // Only a refusal is worth the look.
                let refused = token.as_ref().filter(|_| answer.status == 401);
                let by_opaque_token = refused.is_some_and(|token| !token.access.is_json_web_token());
                Outcome::Answered(Answer { by_opaque_token, ..answer })
            }
            Err(failure) => Outcome::Failed(failure),
        };
        Ok(Sent { outcome, token: token.map(|token| token.generation), permit: under_way.permit.hand_on() })
    }

    /// Replaces the token that the service refused; `false` where there is none to replace.
    pub async fn replace_token(&self, refused: Option<u64>) -> Result<bool> {
        match (&self.tokens, refused) {
            (Some(tokens), Some(refused)) => tokens.replace(refused).await,
            _ => Ok(false),
        }
    }
}
