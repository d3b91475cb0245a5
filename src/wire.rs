//! Leave, token, exchange: the one way by which a request reaches the service.

mod refusal;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use self::refusal::Refusal;
use crate::auth::Tokens;
use crate::clock::Moment;
use crate::error::{Error, Result};
use crate::limit::Limit;
use crate::transport::{Failure, Progress, Request, Response, Transport};

/// What the service answered, its error body read.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The id that the service gave the request.
    pub request_id: Option<String>,
    /// How long the service asks to be left alone.
    pub retry_after: Option<Duration>,
    /// Whether a web page came instead of data.
    pub is_html: bool,
    /// What the service said about a refusal; empty for a success.
    pub refusal: Refusal,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    fn new(response: Response) -> Self {
        let Response { status, request_id, retry_after, is_html, body } = response;
        let refusal = if (200..300).contains(&status) { Refusal::default() } else { Refusal::read(&body) };
        Self { status, request_id, retry_after, is_html, refusal, body }
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
    /// Which token went with it.
    pub token: u64,
    /// How long the limits held it back.
    pub waited: Duration,
}

/// A connection pool with a sign-in.
#[derive(Debug)]
pub struct Wire {
    transport: Transport,
    tokens: Tokens,
}

impl Wire {
    /// Nothing is sent and no token fetched yet.
    #[must_use]
    pub fn new(transport: Transport, tokens: Tokens) -> Self {
        Self { transport, tokens }
    }

    /// Sends `request` once: leave first, so that the token is fresh when the bytes go.
    pub async fn send(
        &self,
        request: &Request,
        limit: Option<&Limit>,
        deadline: Option<Moment>,
        progress: &Arc<Progress>,
    ) -> Result<Sent> {
        let permit = match limit {
            Some(limit) => Some(limit.permit(deadline).await?),
            None => None,
        };
        let token = self.tokens.current().await?;
        let outcome = match self.transport.send(request, &token.access.secret, progress).await {
            Ok(response) => Outcome::Answered(Answer::new(response)),
            Err(failure) => Outcome::Failed(failure),
        };
        let waited = permit.map_or(Duration::ZERO, |permit| permit.waited);
        Ok(Sent { outcome, token: token.generation, waited })
    }

    /// Replaces the token that the service refused.
    pub async fn replace_token(&self, refused: u64) -> Result<()> {
        self.tokens.replace(refused).await
    }
}
