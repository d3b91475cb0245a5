//! What somebody orders on the page: JSON with the page's token, so that no other page can order anything.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode, header};
use serde_json::Value as Json;

use crate::emulator::http::{Answer, FailNext, read};
use crate::error::{Error, Kind, Result};

/// The header with the token that is in the page.
const TOKEN: HeaderName = HeaderName::from_static("x-emulator-page");
/// The largest command in bytes: every name of the most fields is below it.
const MOST_BYTES: usize = 256 * 1024;
/// The most requests that one order lets fail.
const MOST_TIMES: u64 = 10_000;

/// An order.
#[derive(Debug, PartialEq)]
pub(in crate::emulator) enum Command {
    /// Make the dataset that is described.
    Make(Json),
    /// Delete the dataset of this id.
    Delete(String),
    /// Say how programs push into the dataset of this id.
    ApiInfo(String),
    /// Go back to the start.
    Reset,
    /// Make all tokens expired.
    ExpireTokens,
    /// Let the next requests fail.
    FailNext(FailNext),
    /// Let so many requests, to this route or to any that brings rows, go without an answer.
    DropResponse(usize, Option<String>),
}

/// Reads a command and has it done; or says why not.
pub(super) async fn answer(
    token: &str,
    parts: Parts,
    body: Body,
    perform: impl FnOnce(Command) -> Result<Json>,
) -> Answer {
    let given = parts.headers.get(&TOKEN).and_then(|value| value.to_str().ok());
    if given != Some(token) {
        let message =
            "orders come from the page, with its token: it is missing or of an earlier start; load the page anew";
        return Answer::of_emulator(StatusCode::FORBIDDEN, message);
    }
    let is_json = |value: &str| value.split(';').next().is_some_and(|kind| kind.trim() == "application/json");
    if !parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(is_json) {
        return Answer::of_emulator(StatusCode::UNSUPPORTED_MEDIA_TYPE, "orders are application/json");
    }
    let Ok(request) = read(parts, body, 0, MOST_BYTES).await else {
        return Answer::of_emulator(StatusCode::BAD_REQUEST, "the order did not arrive whole");
    };
    if request.body_size > MOST_BYTES {
        let message = format!("an order has {MOST_BYTES} bytes at most, and this one has {}", request.body_size);
        return Answer::of_emulator(StatusCode::PAYLOAD_TOO_LARGE, &message);
    }
    let done = serde_json::from_slice(&request.body)
        .map_err(|error| Error::configuration(format!("the order is not JSON: {error}")))
        .and_then(|json| command(&json))
        .and_then(perform);
    done.map_or_else(|error| refused(&error), |told| Answer::json(StatusCode::OK, &told))
}

fn refused(error: &Error) -> Answer {
    let status = if error.kind == Kind::NotFound { StatusCode::NOT_FOUND } else { StatusCode::BAD_REQUEST };
    let hint = error.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    Answer::of_emulator(status, &format!("{error}{hint}"))
}

/// What is ordered: `{"command": "fail_next", "status": 429, …}`.
fn command(json: &Json) -> Result<Command> {
    let dataset = || text(json, "dataset").ok_or_else(|| Error::configuration("the order names no dataset"));
    match json["command"].as_str().unwrap_or_default() {
        "make" => Ok(Command::Make(json.clone())),
        "delete" => Ok(Command::Delete(dataset()?)),
        "api_info" => Ok(Command::ApiInfo(dataset()?)),
        "reset" => Ok(Command::Reset),
        "expire_tokens" => Ok(Command::ExpireTokens),
        "fail_next" => fault(json).map(Command::FailNext),
        "drop_response" => Ok(Command::DropResponse(times(json)?, text(json, "route"))),
        other => Err(Error::configuration(format!("there is no order `{other}`"))),
    }
}

fn fault(json: &Json) -> Result<FailNext> {
    let status = json["status"].as_u64().and_then(|status| u16::try_from(status).ok());
    let status = status.ok_or_else(|| Error::configuration("`status` is a whole number, 200 to 599"))?;
    let (times, route) = (times(json)?, text(json, "route"));
    Ok(FailNext { retry_after: text(json, "retry_after"), times, route, ..FailNext::new(status) })
}

fn times(json: &Json) -> Result<usize> {
    let times = json["times"].as_u64().filter(|times| (1..=MOST_TIMES).contains(times));
    let times = times.and_then(|times| usize::try_from(times).ok());
    times.ok_or_else(|| Error::configuration(format!("`times` is a whole number from 1 to {MOST_TIMES}")))
}

/// A text that is not empty.
fn text(json: &Json, key: &str) -> Option<String> {
    json[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_order_is_read_whole_or_refused() {
        let wanted = FailNext { retry_after: Some("7".into()), times: 2, ..FailNext::new(503) };
        let order = json!({"command": "fail_next", "status": 503, "retry_after": "7", "times": 2, "route": ""});
        assert_eq!(command(&order).unwrap(), Command::FailNext(wanted));
        let order = json!({"command": "drop_response", "times": 1, "route": "/rows"});
        assert_eq!(command(&order).unwrap(), Command::DropResponse(1, Some("/rows".into())));
        for wrong in [
            json!(7),
            json!({}),
            json!({"command": "delete"}),
            json!({"command": "burn"}),
            json!({"command": "fail_next", "status": "429", "times": 1}),
            json!({"command": "fail_next", "status": 429, "times": 0}),
            json!({"command": "fail_next", "status": 429, "times": MOST_TIMES + 1}),
        ] {
            assert!(command(&wrong).is_err(), "{wrong}");
        }
    }
}
