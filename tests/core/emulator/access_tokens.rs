//! Who gets in: tokens, hosts, and no web page.

use reqwest::Method;
use serde_json::json;

use super::{Setup, send};
use powerbi_push::emulator::{Emulator, Options};

#[tokio::test]
async fn a_request_needs_a_token_that_this_emulator_minted() {
    let setup = Setup::new();
    let other = Emulator::start(Options::default()).unwrap();
    let url = format!("{}/v1.0/myorg/datasets", setup.emulator.url());
    let bare = || setup.http.request(Method::GET, &url);
    let nested =
        json!({"code": "PowerBINotAuthorizedException", "parameters": {}, "details": [], "exceptionCulprit": 1});
    let not_authorized = json!({"error": {"code": "PowerBINotAuthorizedException", "pbi.error": nested}});
    for request in [bare(), bare().bearer_auth(other.token().0)] {
        let reply = send(request).await;
        assert_eq!((reply.status, reply.json()), (401, not_authorized.clone()));
    }
    let reply = send(bare().header("authorization", &setup.token)).await;
    assert_eq!((reply.status, reply.text.as_str()), (403, ""));
}

#[tokio::test]
async fn a_token_is_a_jwt_that_expires_after_an_hour() {
    let setup = Setup::new();
    let (token, expires) = setup.emulator.token();
    let payload = token.split('.').nth(1).unwrap();
    let payload = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, payload).unwrap();
    let payload: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    let now = setup.clock.wall().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert_eq!(payload["exp"], expires);
    assert_eq!(expires, now + 3_600);

    setup.emulator.advance(std::time::Duration::from_secs(3_599)).unwrap();
    assert_eq!(setup.get("/datasets").await.status, 200);
    setup.emulator.advance(std::time::Duration::from_secs(1)).unwrap();
    assert_expired(&setup).await;
}

#[tokio::test]
async fn expired_tokens_are_refused_and_new_ones_pass() {
    let mut setup = Setup::new();
    setup.emulator.expire_tokens();
    assert_expired(&setup).await;
    setup.token = setup.emulator.token().0;
    assert_eq!(setup.get("/datasets").await.status, 200);
}

async fn assert_expired(setup: &Setup) {
    let reply = setup.get("/datasets").await;
    let message = "Access token has expired, resubmit with a new access token";
    assert_eq!(reply.status, 403);
    assert_eq!(reply.json(), json!({"error": {"code": "TokenExpired", "message": message}}));
}

#[tokio::test]
async fn a_token_is_in_no_log() {
    let setup = Setup::new();
    let canary = "canary-5f1c";
    let url = format!("{}/v1.0/myorg/datasets", setup.emulator.url());
    send(setup.http.get(&url).bearer_auth(canary).header("proxy-authorization", canary).header("cookie", canary)).await;
    setup.get("/datasets").await;
    let seen = format!("{:?} {:?}", setup.emulator, setup.emulator.requests());
    assert!(seen.contains(r#"("authorization", "***")"#));
    assert!(!seen.contains(canary));
    assert!(!seen.contains(&setup.token));
}

#[tokio::test]
async fn only_loopback_names_with_the_right_port_are_hosts() {
    let setup = Setup::new();
    let port = setup.emulator.port();
    for (host, status) in [
        (format!("localhost:{port}"), 200),
        (format!("LOCALHOST:{port}"), 200),
        (format!("[::1]:{port}"), 200),
        (format!("127.0.0.1:{port}"), 200),
        ("127.0.0.1".into(), 403),
        (format!("127.0.0.1:{}", port ^ 1), 403),
        (format!("localhost.evil.example:{port}"), 403),
        (format!("rebound.example:{port}"), 403),
        (format!("127.0.0.1:{port}@evil.example"), 403),
    ] {
        let reply = send(setup.request(Method::GET, "/datasets").header("host", &host)).await;
        assert_eq!(reply.status, status, "{host}");
        let reply = send(setup.http.get(format!("{}/", setup.emulator.url())).header("host", &host)).await;
        assert_eq!(reply.status, status, "{host}");
    }
}

#[tokio::test]
async fn a_web_page_cannot_reach_the_api() {
    let setup = Setup::new();
    let own = setup.emulator.url();
    for (name, value, status) in [
        ("origin", "https://evil.example", 403),
        ("origin", "null", 403),
        ("origin", own.as_str(), 403),
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-site", 403),
        ("sec-fetch-site", "same-origin", 200),
        ("sec-fetch-site", "none", 200),
    ] {
        let reply = send(setup.request(Method::GET, "/datasets").header(name, value)).await;
        assert_eq!(reply.status, status, "{name}: {value}");
        assert!(!reply.headers.keys().any(|name| name.as_str().starts_with("access-control-")));
    }
    assert_eq!(setup.emulator.requests().len(), 2);
}

#[tokio::test]
async fn a_preflight_is_not_answered_with_permission() {
    let setup = Setup::new();
    let url = format!("{}/v1.0/myorg/datasets", setup.emulator.url());
    let reply = send(setup.http.request(Method::OPTIONS, url)).await;
    assert_eq!(reply.status, 401);
    assert!(!reply.headers.keys().any(|name| name.as_str().starts_with("access-control-")));
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_the_date_of_the_clock() {
    let setup = Setup::new();
    setup.emulator.advance(std::time::Duration::from_secs(86_400 * 365)).unwrap();
    let mut ids = std::collections::HashSet::new();
    for path in ["/datasets", "/datasets/none", "/nowhere"] {
        let headers = setup.get(path).await.headers;
        let date = httpdate::parse_http_date(headers["date"].to_str().unwrap()).unwrap();
        assert_eq!(date, std::time::SystemTime::from(httpdate::HttpDate::from(setup.clock.wall())));
        assert_eq!(headers["request-redirected"], "true");
        assert_eq!(headers["requestid"].len(), 36);
        assert!(ids.insert(headers["requestid"].clone()));
    }
}

#[tokio::test]
async fn a_refusal_says_which_rule_it_follows() {
    let setup = Setup::new();
    let reply = setup.get("/datasets/none").await;
    assert_eq!(reply.headers["x-emulator-rule"], "observed; facts/powerbi 5.404");
}
