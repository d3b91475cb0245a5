//! What Entra says when it refuses, and what to change.
//!
//! Source of the codes: "Microsoft Entra authentication and authorization error codes". They may change, so that they
//! choose a hint and nothing else.

use serde_json::Value;

use super::super::audience::Service;
use super::super::challenge;
use crate::error::{Error, Kind, ServiceAnswer, blotted, one_line, shown};
use crate::http::stranger;
use crate::http::transport::{PROXY_SIGN_IN, Response};

/// The codes, and what to change where one of them is told; `{service}`, `{public}` and `{portal}` are filled in for the
/// service that the token is for.
const HINTS: &[(&[u64], &str)] = &[
    (
        &[7_000_215, 70_002],
        "the secret is not one of this app's: pass the Value of a secret under Certificates & secrets of the app \
         registration, not its Secret ID; the Value is shown only when the secret is made",
    ),
    (
        &[7_000_222],
        "the secret has expired: make a new one under Certificates & secrets of the app registration, and pass its Value",
    ),
    (
        &[700_016, 700_011, 70_001],
        "check client_id (the Application (client) ID) and tenant_id (the Directory (tenant) ID): this tenant has no such \
         app; one of a national cloud needs its cloud= or authority=",
    ),
    (&[7_000_112], "the app is disabled: an administrator enables it under Enterprise applications"),
    (
        &[90_002, 900_023, 50_128, 50_059, 90_038],
        "check tenant_id, the Directory (tenant) ID: there is no such tenant here; one of a national cloud needs its \
         cloud= or authority=",
    ),
    (
        &[9_001_023, 90_124, 90_130, 50_194],
        "give the tenant's own id as tenant_id; common, organizations and consumers are not enough",
    ),
    (
        &[50_034, 51_004, 50_020, 16_000, 50_014],
        "this user is not in the tenant: check the user's name and tenant_id, or have the user invited as a guest",
    ),
    (
        &[70_011, 28_002, 1_002_012, 700_022, 700_023],
        "ask for one scope of the form resource/.default; {service}'s is {public}/.default, \
         and each national cloud has its own (cloud=)",
    ),
    (
        &[500_011, 50_001, 650_052, 650_054],
        "this tenant does not have the service that the token is for: check cloud=, and that {service} is set up in it",
    ),
    (
        &[650_057, 65_005, 650_056],
        "add the {portal} under API permissions of the app registration, or sign in with another app",
    ),
    (
        &[53_003, 530_032, 530_035, 53_000, 53_001, 50_131],
        "a Conditional Access policy of the tenant blocks this sign-in: its Sign-in logs say which, and an administrator \
         can let this app or this network through",
    ),
    (
        &[65_001, 65_004, 90_094, 90_095],
        "an administrator must consent to the app: Grant admin consent under API permissions of the app registration",
    ),
    (&[65_002], "this app's id is Microsoft's own: register an app of your own, and use its id"),
    (
        &[50_076, 50_079, 50_072, 50_074, 50_078],
        "this user must use a second factor, which a program cannot: sign in interactively, or as a service principal \
         (ClientSecretCredential)",
    ),
    (&[50_053, 50_057], "the account is locked or disabled: an administrator can release it"),
    (
        &[700_025],
        "the app is registered as a public client, which has no secret: register it as a confidential one (platform Web)",
    ),
    (
        &[7_000_218, 7_000_216],
        "the app wants a secret or a certificate: pass one, or switch on Allow public client flows under Authentication",
    ),
    (
        &[700_024, 500_133, 700_021, 50_027],
        "what vouches for the app was refused: set this machine's clock, and check tenant_id and client_id",
    ),
    (
        &[50_012, 700_027, 700_030],
        "the certificate is not one of this app's, or has ended: upload it under Certificates & secrets, or a new one",
    ),
    (
        &[700_211, 700_212, 700_213, 70_021],
        "the app does not trust this provider's token: issuer, subject and audience must be those of one under \
         Certificates & secrets > Federated credentials of the app registration",
    ),
    (&[50_011], "add the redirect address under Authentication of the app registration"),
    (&[700_082, 70_008, 70_043, 50_173], "the last sign-in has ended: sign in again"),
    (&[70_016, 70_018, 70_019, 54_005], "begin the sign-in anew, and enter the code in time"),
];
/// What to change where a word of the answer says it all.
const WORDS: &[(&[&str], &str)] = &[
    (
        &["access_denied", "authorization_declined"],
        "whoever was asked has cancelled or declined: sign in again, and let the app in",
    ),
    (&["expired_token", "bad_verification_code"], "sign in again, and enter the new code in time"),
];
const PASSING: &str = "Microsoft Entra is busy or has a fault of its own: try again later";
const NOT_ENTRA: &str = "something else than Microsoft Entra has answered: check the network, the proxy (proxy=, HTTPS_PROXY) \
                         and authority=";
const UNKNOWN: &str = "check tenant_id, client_id and client_secret";
/// The same for whoever signs in without one.
const UNKNOWN_WITHOUT_SECRET: &str = "check tenant_id and client_id";

/// The refusal as users see it; `said` is its body, of which `secrets` are blotted out.
pub(super) fn to_error(doing: &str, service: &Service, response: &Response, said: &Value, secrets: &[&str]) -> Error {
    let status = response.status;
    if let Some(stranger) = stranger(response, false).filter(|_| status >= 400) {
        let hint = if status == 407 { PROXY_SIGN_IN } else { NOT_ENTRA };
        let message = format!("{doing}: {stranger} answered {status} in place of Microsoft Entra");
        return Error::new(Kind::Transport, message).with_hint(hint);
    }
    refused(doing, service, response, said, secrets)
}

/// The same where nobody is known to have answered in place of Entra.
fn refused(doing: &str, service: &Service, response: &Response, said: &Value, secrets: &[&str]) -> Error {
    let status = response.status;
    let text =
        |name: &str| said.get(name).and_then(Value::as_str).and_then(one_line).map(|text| blotted(&text, secrets));
    let (word, description) = (text("error"), text("error_description"));
    let kind = match status {
        429 => Kind::RateLimited,
        408 | 500.. => Kind::Service,
        _ => Kind::Authentication,
    };
    let words = match (&word, &description) {
        (Some(word), Some(description)) => format!("{word}: {}", without_ids(description)),
        (Some(word), None) => word.clone(),
        _ if response.is_html => "a web page".into(),
        _ => "not in the words of Microsoft Entra".into(),
    };
    let hint = match (&word, kind) {
        (_, Kind::RateLimited | Kind::Service) => PASSING.to_owned(),
        (None, _) => NOT_ENTRA.to_owned(),
        (Some(word), _) => hint(service, code(said, description.as_deref()), word),
    };
    Error::new(kind, format!("{doing}: the answer was {status}, {words}")).with_hint(hint).with_answer(ServiceAnswer {
        status: Some(status),
        code: word,
        request_id: text("trace_id").as_deref().map(shown),
        retry_after: response.retry_after,
        bound_by: (kind == Kind::RateLimited).then(|| "Microsoft Entra".to_owned()),
        claims: said.get("claims").and_then(Value::as_str).and_then(challenge::wanted),
    })
}

/// The refusal that a browser brought back.
pub(super) fn returned(doing: &str, service: &Service, said: &Value) -> Error {
    let text = |name: &str| said.get(name).and_then(Value::as_str).and_then(one_line).map(|text| blotted(&text, &[]));
    let (word, description) = (text("error"), text("error_description"));
    let words = match (&word, &description) {
        (Some(word), Some(description)) => format!("{word}: {}", without_ids(description)),
        (Some(word), None) => word.clone(),
        (None, _) => "the browser brought back neither a code nor an error".into(),
    };
    let hint = hint(service, code(said, description.as_deref()), word.as_deref().unwrap_or_default());
    let answer = ServiceAnswer { code: word, ..ServiceAnswer::default() };
    let error = Error::new(Kind::Authentication, format!("{doing}: {words}")).with_hint(hint).with_answer(answer);
    without_secret(error)
}

/// The same for whoever signs in without a secret, which need not be checked then.
pub(super) fn without_secret(mut error: Error) -> Error {
    error.hint = error.hint.map(|hint| hint.replace(UNKNOWN, UNKNOWN_WITHOUT_SECRET));
    error
}

/// The description without the ids behind it: support asks for the trace id, which the error carries by itself.
fn without_ids(description: &str) -> &str {
    description.split(" Trace ID:").next().unwrap_or(description)
}

/// The narrowest code: in its own list, or at the head of the description.
fn code(said: &Value, description: Option<&str>) -> Option<u64> {
    let listed = said.get("error_codes").and_then(|codes| codes.get(0)).and_then(Value::as_u64);
    listed.or_else(|| {
        let digits = description?.strip_prefix("AADSTS")?.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    })
}

fn hint(service: &Service, code: Option<u64>, word: &str) -> String {
    let by_code = code.and_then(|code| HINTS.iter().find(|(codes, _)| codes.contains(&code)));
    let by_word = || WORDS.iter().find(|(words, _)| words.contains(&word)).map(|(_, hint)| *hint);
    match (by_code.map(|(_, hint)| *hint).or_else(by_word), code) {
        (Some(hint), _) => service.said(hint),
        (None, None) => UNKNOWN.to_owned(),
        (None, Some(code)) => {
            format!("{UNKNOWN}; https://login.microsoftonline.com/error?code={code} explains this refusal")
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use reqwest::header::HeaderMap;
    use serde_json::json;

    use super::*;
    use crate::http::transport::Reach;

    const SERVICE: Service =
        Service { name: "Toys", portal: "Toy Service", id: "7", public: "https://toys", path: "/toys" };

    fn refused(status: u16, said: &Value, is_html: bool) -> Error {
        let response = Response {
            status,
            headers: HeaderMap::new(),
            retry_after: None,
            odd_retry_after: None,
            is_html,
            broken: None,
            proxy: None,
            reach: Reach::Whole,
            body: Bytes::new(),
        };
        super::refused("signing in", &SERVICE, &response, said, &["canary"])
    }

    fn aadsts(code: u64) -> Value {
        let description = format!("AADSTS{code}: No.\r\nTrace ID: 1\r\nCorrelation ID: 2\r\nTimestamp: 3");
        json!({"error": "invalid_client", "error_description": description, "error_codes": [code], "trace_id": "1"})
    }

    #[test]
    fn a_refusal_is_told_in_its_own_words_with_what_to_change() {
        let error = refused(401, &aadsts(7_000_215), false);
        assert_eq!(error.message, "signing in: the answer was 401, invalid_client: AADSTS7000215: No.");
        assert!(error.hint.unwrap().contains("not its Secret ID"));
        assert_eq!(error.kind, Kind::Authentication);
        let answer = *error.answer;
        assert_eq!((answer.status, answer.code.as_deref()), (Some(401), Some("invalid_client")));
        assert_eq!(answer.request_id.as_deref(), Some("1"));
    }

    #[test]
    fn every_code_of_the_facts_has_a_hint_of_its_own() {
        let codes = [
            7_000_215, 7_000_222, 700_016, 90_002, 50_034, 70_011, 53_003, 65_001, 50_076, 50_079, 65_002, 650_057,
            500_011, 50_011, 50_012, 700_027, 700_025, 700_011, 70_002, 7_000_218, 70_016, 70_018, 70_019, 700_082,
            70_008, 70_043, 9_001_023, 54_005, 90_094, 50_053,
        ];
        for code in codes {
            let hint = refused(400, &aadsts(code), false).hint.unwrap();
            assert!(!hint.starts_with(UNKNOWN), "{code}: {hint}");
        }
        let listed: Vec<u64> = HINTS.iter().flat_map(|(codes, _)| codes.iter().copied()).collect();
        let once: std::collections::BTreeSet<_> = listed.iter().collect();
        assert_eq!(listed.len(), once.len());
        let hint = refused(400, &aadsts(12_345), false).hint.unwrap();
        assert!(hint.ends_with("https://login.microsoftonline.com/error?code=12345 explains this refusal"), "{hint}");
    }

    #[test]
    fn a_hint_names_the_service_that_the_token_is_for() {
        let hint = |code| refused(400, &aadsts(code), false).hint.unwrap();
        assert!(hint(70_011).contains("; Toys's is https://toys/.default, and each"));
        assert!(hint(500_011).ends_with("and that Toys is set up in it"));
        assert!(hint(650_057).starts_with("add the Toy Service under API permissions"));
    }

    #[test]
    fn a_code_is_read_from_the_description_where_there_is_no_list() {
        let said = json!({"error": "invalid_client", "error_description": "AADSTS7000222: Ended. Trace ID: 1"});
        let error = refused(401, &said, false);
        assert_eq!(error.message, "signing in: the answer was 401, invalid_client: AADSTS7000222: Ended.");
        assert!(error.hint.unwrap().starts_with("the secret has expired"));
        assert_eq!(refused(401, &json!({"error": "invalid_client"}), false).hint.unwrap(), UNKNOWN);
    }

    #[test]
    fn what_entra_did_not_say_is_told_apart() {
        for (status, is_html) in [(200, true), (200, false), (302, false), (403, true), (407, true)] {
            let error = refused(status, &Value::Null, is_html);
            assert_eq!((error.kind, error.hint.as_deref()), (Kind::Authentication, Some(NOT_ENTRA)), "{status}");
        }
        assert_eq!(refused(502, &Value::Null, true).hint.as_deref(), Some(PASSING));
    }

    #[test]
    fn a_secret_that_is_repeated_is_blotted_out() {
        let said = json!({"error": "canary", "error_description": "no canary\u{1b}[2J", "trace_id": "canary"});
        let error = refused(401, &said, false);
        assert_eq!(error.message, "signing in: the answer was 401, ***: no *** [2J");
        assert_eq!(error.answer.request_id.as_deref(), Some("***"));
    }
}
