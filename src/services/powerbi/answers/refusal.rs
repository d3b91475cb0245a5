//! What the service says when it refuses: at least five shapes of JSON, plain text, or nothing.

use serde_json::Value;

use crate::error::{blotted, one_line};
use crate::http::Refusal;

/// Reads an error body of any shape that was seen so far. A service may repeat what it was sent: `secrets` are blotted
/// out.
pub(in crate::services::powerbi) fn read(body: &[u8], secrets: &[&str]) -> Refusal {
    let said = read_whole(body);
    let blot = |text: String| blotted(&text, secrets);
    Refusal { code: said.code.map(blot), message: said.message.map(blot) }
}

/// Reads the body of a success, which was seen to hold a refusal all the same; nothing where it holds an answer.
pub(super) fn read_hidden(body: &[u8], secrets: &[&str]) -> Refusal {
    let json = json_in(body).unwrap_or_default();
    let has = |names: &[&str]| names.iter().any(|name| json.get(name).is_some());
    if has(&["error", "message", "Message"]) && !has(&["value", "id", "name"]) {
        return read(body, secrets);
    }
    Refusal::default()
}

/// Whether the body of a success says that there was an error, in whatever words.
pub(super) fn is_hidden_in(body: &[u8]) -> bool {
    let json = json_in(body).unwrap_or_default();
    ["error", "Error", "odata.error"].iter().filter_map(|name| json.get(name)).any(|said| match said {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        _ => true,
    })
}

/// The same with a code from elsewhere, where the body has none: a body may be empty, and a header say why.
pub(super) fn or_code(refusal: Refusal, code: Option<&str>, secrets: &[&str]) -> Refusal {
    match code {
        Some(code) if refusal.code.is_none() => Refusal { code: read(code.as_bytes(), secrets).message, ..refusal },
        _ => refusal,
    }
}

/// The JSON of a body; a mark in front of it says in which bytes its text is.
fn json_in(body: &[u8]) -> Option<Value> {
    let wide = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<_> = rest.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        serde_json::from_str(&String::from_utf16(&units).ok()?).ok()
    };
    match body {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => serde_json::from_slice(rest).ok(),
        _ => serde_json::from_slice(body).ok(),
    }
}

fn read_whole(body: &[u8]) -> Refusal {
    let Some(json) = json_in(body) else {
        return Refusal { code: None, message: one_line(&String::from_utf8_lossy(body)) };
    };
    let error = json.get("error").unwrap_or(&json);
    if let Value::String(code) = error {
        // Entra's shape: {"error": "invalid_client", "error_description": "..."}
        return Refusal { code: one_line(code), message: text(&json, &["error_description"]) };
    }
    let inner = error.get("pbi.error").unwrap_or(&Value::Null);
    let mut sentences: Vec<String> = text(error, &["message", "Message"]).into_iter().collect();
    for detail in [error, inner].into_iter().filter_map(|place| place.get("details")?.as_array()).flatten() {
        let value = detail.get("detail").unwrap_or(detail);
        let said = text(value, &["message", "value"]).or_else(|| text(detail, &["code"]));
        sentences.extend(said.filter(|said| !sentences.contains(said)));
    }
    let code = text(error, &["code"]).or_else(|| text(inner, &["code"]));
    Refusal { code, message: one_line(&sentences.join(" ")) }
}

fn text(object: &Value, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| object.get(name)?.as_str()).and_then(one_line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> (Option<String>, Option<String>) {
        let Refusal { code, message } = super::read(body.as_bytes(), &[]);
        (code, message)
    }

    fn some(code: &str, message: &str) -> (Option<String>, Option<String>) {
        (Some(code.into()), Some(message.into()))
    }

    #[test]
    fn every_shape_that_was_seen_is_read() {
        let token = r#"{"error":{"code":"TokenExpired","message":"Access token has expired"}}"#;
        assert_eq!(read(token), some("TokenExpired", "Access token has expired"));
        let details = r#"{"error":{"code":"BadRequest","message":"Bad Request","details":[{"message":"No such property.","target":"dataset"}]}}"#;
        assert_eq!(read(details), some("BadRequest", "Bad Request No such property."));
        let retired = r#"{"error":{"code":"FeatureDeprecatedError","pbi.error":{"code":"FeatureDeprecatedError","details":
            [{"code":"LearnMoreLink","detail":{"type":0,"value":"https://example.org"}},
             {"code":"FeatureDeprecatedMessage","detail":{"type":0,"value":"Creation is deprecated."}}],"exceptionCulprit":1}}}"#;
        assert_eq!(read(retired), some("FeatureDeprecatedError", "https://example.org Creation is deprecated."));
        assert_eq!(read(r#"{"message":"Retry in 3392 seconds."}"#), (None, Some("Retry in 3392 seconds.".into())));
        let blocked = r#"{"Message":"API is not accessible for application"}"#;
        assert_eq!(read(blocked), (None, Some("API is not accessible for application".into())));
        assert_eq!(read("An error has occurred"), (None, Some("An error has occurred".into())));
        let bare = r#"{"code":"ItemNotFound","message":"Dataset 1 is not Push API dataset."}"#;
        assert_eq!(read(bare), some("ItemNotFound", "Dataset 1 is not Push API dataset."));
        let personal = r#"{"error":{"code":"ItemNotFound","message":"Table '<pi>Cr</pi>' not found"}}"#;
        assert_eq!(read(personal), some("ItemNotFound", "Table 'Cr' not found"));
        assert_eq!(read(""), (None, None));
        assert_eq!(read("[1]"), (None, None));
    }

    #[test]
    fn a_success_may_hold_a_refusal() {
        let hidden = |body: &str| read_hidden(body.as_bytes(), &[]).message;
        let said = Some("API is not accessible for application".to_owned());
        assert_eq!(hidden(r#"{"message":"API is not accessible for application"}"#), said);
        assert_eq!(hidden(r#"{"error":{"message":"API is not accessible for application"}}"#), said);
        for answer in ["", "[]", "x", r#"{"value":[],"message":"m"}"#, r#"{"id":"1","error":null}"#, r#"{"name":"T"}"#]
        {
            assert_eq!(hidden(answer), None, "{answer}");
        }
    }

    #[test]
    fn a_success_that_speaks_of_an_error_is_told_by_that_word() {
        for said in [
            r#"{"error":{"code":"X"}}"#,
            r#"{"error":{}}"#,
            r#"{"error":"x"}"#,
            r#"{"error":[1],"id":"1"}"#,
            r#"{"Error":true}"#,
            r#"{"odata.error":{"code":""}}"#,
        ] {
            assert!(is_hidden_in(said.as_bytes()), "{said}");
        }
        for answer in ["", "{}", "[]", "x", r#""error""#, r#"{"error":null}"#, r#"{"error":false}"#, r#"{"error":""}"#]
        {
            assert!(!is_hidden_in(answer.as_bytes()), "{answer}");
        }
    }

    #[test]
    fn a_header_says_why_where_the_body_does_not() {
        let read = |body: &str| or_code(super::read(body.as_bytes(), &["canary"]), Some("Why canary"), &["canary"]);
        assert_eq!(read("").code.as_deref(), Some("Why ***"));
        assert_eq!(read(r#"{"error":{"code":"Because"}}"#).code.as_deref(), Some("Because"));
    }

    #[test]
    fn a_secret_that_the_service_repeats_is_blotted_out() {
        let message = super::read(b"no: Bearer canary", &["canary"]).message;
        assert_eq!(message.as_deref(), Some("no: Bearer ***"));
    }

    #[test]
    fn nothing_that_moves_a_terminal_is_passed_on() {
        let (_, message) = read("{\"message\":\"\\u001b[2Jgone\\r\\nSet-Cookie: x\"}");
        assert_eq!(message.as_deref(), Some("[2Jgone Set-Cookie: x"));
    }
}
