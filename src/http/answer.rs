//! What came back from an exchange, read as the service means it.

use std::time::Duration;

use bytes::Bytes;

use super::transport::{Failure, PROXY_SIGN_IN, Reach, Response};
use crate::error::{Error, Kind, ServiceAnswer};

/// What some begin their texts with.
pub(crate) const BYTE_ORDER_MARK: &[u8] = "\u{FEFF}".as_bytes();

/// The service's own words for a refusal, as far as there are any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    /// A word for programs.
    pub code: Option<String>,
    /// One or more sentences.
    pub message: Option<String>,
}

impl Refusal {
    /// What was said, as it stands behind a message: nothing, or a colon and the words.
    #[must_use]
    pub fn said(&self) -> String {
        match (&self.code, &self.message) {
            (Some(code), Some(message)) => format!(": {code}: {message}"),
            (Some(one), None) | (None, Some(one)) => format!(": {one}"),
            (None, None) => String::new(),
        }
    }

    /// Whether nothing was said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a response says in the words of its service.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// The id that the service gave the request.
    pub request_id: Option<String>,
    /// Why it refuses; empty for a success that is one.
    pub refusal: Refusal,
    /// Whether it is a success whose body speaks of an error.
    pub denies: bool,
}

/// What the service answered.
#[derive(Debug, Clone)]
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
    /// Whether it is a success whose body speaks of an error.
    pub denies: bool,
    /// How much of the request had gone out before it came.
    pub reach: Reach,
    /// What is to be said first of the sign-in, where that was refused.
    pub remark: Option<&'static str>,
    /// What the service said about a refusal; empty for a success that is one.
    pub refusal: Refusal,
    /// The body.
    pub body: Bytes,
    /// Why it cannot be read, where that is because it broke off.
    pub torn: Option<Failure>,
}

impl Answer {
    /// `response`, of which the service has `said` so much.
    pub(super) fn new(response: Response, said: Said) -> Self {
        let stranger = stranger(&response, said.request_id.is_some());
        let torn = response.torn().cloned();
        let Response { status, retry_after, odd_retry_after, is_html, reach, body, .. } = response;
        // Some services begin their answers with one.
        let body = if body.starts_with(BYTE_ORDER_MARK) { body.slice(BYTE_ORDER_MARK.len()..) } else { body };
        let Said { request_id, refusal, denies } = said;
        Self {
            status,
            request_id,
            retry_after,
            odd_retry_after,
            is_html,
            stranger,
            denies,
            reach,
            remark: None,
            refusal,
            body,
            torn,
        }
    }

    /// The error of a refusal, with what programs want to know of it; `more` is said behind the service's own words.
    #[must_use]
    pub fn refused(&self, doing: &str, more: &str, (kind, hint): (Kind, Option<&str>)) -> Error {
        let Self { status, refusal, .. } = self;
        let message = format!("{doing}: the service answered {status}{}{more}", refusal.said());
        let error = Error::new(kind, message).with_answer(ServiceAnswer {
            status: Some(*status),
            code: refusal.code.clone(),
            request_id: self.request_id.clone(),
            retry_after: self.retry_after,
            bound_by: (kind == Kind::RateLimited).then(|| "the service".to_owned()),
            claims: None,
        });
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }

    /// The failure where somebody else has answered: nothing in it is about what was asked.
    pub(super) fn strange(&self, doing: &str) -> Option<Error> {
        let (stranger, status) = (self.stranger.as_ref()?, self.status);
        let page = if self.is_html { " with a web page" } else { "" };
        let hint = match status {
            407 => PROXY_SIGN_IN,
            200..300 => "open any page in a browser and sign in to the network there, or check proxy= and base_url=",
            _ => {
                "ask whoever runs it to let the service through; NO_PROXY names hosts that are reached without a proxy"
            }
        };
        let message = format!("{doing}: {stranger} answered {status}{page} in place of the service");
        Some(Error::new(Kind::Transport, message).with_hint(hint))
    }
}

#[cfg(test)]
impl Answer {
    /// An answer of the service to a request that went out whole, with nothing in it.
    pub(crate) fn of(status: u16) -> Self {
        Self {
            status,
            request_id: None,
            retry_after: None,
            odd_retry_after: None,
            is_html: false,
            stranger: None,
            denies: false,
            reach: Reach::Whole,
            remark: None,
            refusal: Refusal::default(),
            body: Bytes::new(),
            torn: None,
        }
    }
}

/// Whoever shows a web page where the service would show its id is not the service; 407 is a proxy's alone.
pub(crate) fn stranger(response: &Response, has_id: bool) -> Option<String> {
    let Response { status, is_html, proxy, .. } = response;
    let is_strange = *status == 407 || *is_html && !has_id && matches!(status, 200..300 | 403 | 451);
    is_strange.then(|| match proxy {
        Some(proxy) => format!("the proxy {proxy}"),
        None => "a proxy, a filter or a captive portal of the network".to_owned(),
    })
}

/// How one exchange ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The service, or something between, answered.
    Answered(Answer),
    /// No answer came.
    Failed(Failure),
}
