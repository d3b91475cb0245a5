//! How Power BI answers: its headers, its words for a refusal, and what they mean.

mod reason;
pub(super) mod refusal;
mod verdict;

pub(super) use self::verdict::classify;
use crate::error::Error;
use crate::http::transport::Response;
use crate::http::{Answer, Dialect, Said};

/// The header with the id of a request; whatever lacks it did not come from the service.
const REQUEST_ID: &str = "requestid";
/// The header that says why where a body does not.
const ERROR_INFO: &str = "x-powerbi-error-info";

/// How Power BI speaks.
#[derive(Debug, Clone, Copy)]
pub struct PowerBi {
    /// Whether it is asked with the key of a push URL instead of a sign-in.
    pub by_key: bool,
}

impl Dialect for PowerBi {
    fn read(&self, response: &Response, secrets: &[&str]) -> Said {
        let (body, is_success) = (&response.body, (200..300).contains(&response.status));
        let refusal = if is_success {
            refusal::read_hidden(body, secrets)
        } else {
            refusal::or_code(refusal::read(body, secrets), response.header(ERROR_INFO).as_deref(), secrets)
        };
        let denies = is_success && (refusal::is_hidden_in(body) || !refusal.is_empty());
        Said { request_id: response.header(REQUEST_ID), refusal, denies }
    }

    fn explain(&self, answer: &Answer, doing: &str) -> Error {
        answer.refused(doing, "", reason::judge(answer.status, &answer.refusal, self.by_key))
    }

    fn is_expired(&self, answer: &Answer) -> bool {
        is_expired(answer)
    }
}

/// Whether the token has ended.
fn is_expired(answer: &Answer) -> bool {
    answer.status == 401 || answer.status == 403 && answer.refusal.code.as_deref() == Some("TokenExpired")
}
