//! How MicroStrategy answers: the envelope of its errors, and what they mean.
//!
//! Source: "Handle REST API exceptions" of MicroStrategy's REST API documentation. Bodies of 5xx may hold no JSON.

use serde_json::Value;

use crate::error::{Error, Kind, blotted, one_line};
use crate::http::transport::Response;
use crate::http::{Answer, Dialect, Refusal, Said};

/// Wrong user, password or token.
pub(super) const LOGIN_FAILED: u32 = 3;
/// What was asked for is not there.
pub(super) const NOT_FOUND: u32 = 4;
/// The session has ended.
pub(super) const SESSION_ENDED: u32 = 9;
/// Privileges, and permission.
const FORBIDDEN: [u32; 2] = [14, 17];

/// How MicroStrategy speaks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Speech;

impl Dialect for Speech {
    fn read(&self, response: &Response, secrets: &[&str]) -> Said {
        if (200..300).contains(&response.status) {
            return Said::default();
        }
        let Ok(json) = serde_json::from_slice::<Value>(&response.body) else {
            return Said { request_id: None, refusal: plain(response, secrets), denies: false };
        };
        let error = json.get("errors").and_then(|errors| errors.get(0)).unwrap_or(&json);
        let text = |name: &str| error.get(name).and_then(Value::as_str).and_then(one_line);
        let mut message = text("message");
        let numbered = error.get("iServerCode").filter(|code| !code.is_null());
        if let Some(code) = numbered {
            message = Some(format!("{} (iServerCode {code})", message.unwrap_or_else(|| "no message".into())));
        }
        let ticket = text("ticketId").map(|ticket| blotted(&ticket, secrets));
        let blot = |text: String| blotted(&text, secrets);
        let refusal = Refusal { code: text("code").map(blot), message: message.map(blot) };
        Said { request_id: ticket, refusal, denies: false }
    }

    fn explain(&self, answer: &Answer, doing: &str) -> Error {
        let ticket = answer.request_id.as_ref().map(|ticket| format!(" (ticketId {ticket})")).unwrap_or_default();
        answer.refused(doing, &ticket, judge(answer))
    }

    fn is_expired(&self, answer: &Answer) -> bool {
        answer.status == 401 && matches!(number(answer), Some(SESSION_ENDED) | None)
    }

    fn is_passing(&self, answer: &Answer) -> bool {
        match answer.status {
            408 | 429 | 502..=504 => true,
            // A 500 of this service is a refusal as a rule; without its own words it is none.
            500.. => answer.refusal.code.is_none(),
            _ => false,
        }
    }
}

/// What a body says that is no JSON: text, but nothing of a web page.
fn plain(response: &Response, secrets: &[&str]) -> Refusal {
    let text = String::from_utf8_lossy(&response.body);
    let is_page = response.is_html || text.trim_start().starts_with('<');
    let message = if is_page { Some("a web page".to_owned()) } else { one_line(&text) };
    Refusal { code: None, message: message.map(|text| blotted(&text, secrets)) }
}

/// Whether the service itself has refused, as far as `error` tells: it gives its refusals a code, even those with a 500.
/// Whatever stands before it has none.
pub(super) fn has_refused(error: &Error) -> bool {
    error.answer.code.is_some()
}

/// The number in a code such as `ERR009`; some documents write more zeros than answers have.
pub(super) fn number(answer: &Answer) -> Option<u32> {
    answer.refusal.code.as_ref()?.strip_prefix("ERR")?.parse().ok()
}

const LIBRARY: &str = "check base_url=: it has to be the address of a MicroStrategy Library, such as \
                       https://example.com/MicroStrategyLibrary";

fn judge(answer: &Answer) -> (Kind, Option<&'static str>) {
    match (answer.status, number(answer)) {
        (_, Some(LOGIN_FAILED)) => {
            (Kind::Authentication, Some("check username=, password= (or the token) and login_mode="))
        }
        (300..=399, _) | (405, None) => (Kind::Service, Some(LIBRARY)),
        (401, _) => (Kind::Authentication, None),
        (_, Some(code)) if FORBIDDEN.contains(&code) => (
            Kind::PermissionDenied,
            Some("the user needs the privilege to import data by the REST API, and write access to the folder"),
        ),
        (403, _) => (Kind::PermissionDenied, None),
        (404, None) => (Kind::NotFound, Some(LIBRARY)),
        (404, _) | (_, Some(NOT_FOUND)) => (Kind::NotFound, None),
        (413, _) => (Kind::PayloadTooLarge, Some("smaller chunks may pass: ds.upload(chunk_bytes=50_000_000)")),
        (429, _) => (Kind::RateLimited, None),
        _ => (Kind::Service, None),
    }
}
