//! Faults on demand.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

use super::Setup;
use powerbi_push::emulator::FailNext;
use powerbi_push::error::Kind;

#[tokio::test]
async fn a_fault_is_answered_as_often_as_told_and_before_anything_is_done() {
    let setup = Setup::new();
    let rows = setup.table(&[("a", "Int64")]).await;
    setup.emulator.fail_next(FailNext { times: 2, ..FailNext::new(503) }).unwrap();
    for status in [503, 503, 200] {
        assert_eq!(setup.post(&rows, r#"{"rows":[{"a":1}]}"#).await.status, status);
    }
    assert_eq!(setup.stored().len(), 1);
}

#[tokio::test]
async fn each_status_has_the_body_that_was_observed() {
    let setup = Setup::new();
    let nested = |code: &str| json!({"code": code, "parameters": {}, "details": [], "exceptionCulprit": 1});
    for (status, body) in [
        (400, json!({"error": {"code": "InvalidRequest", "message": "The request is invalid."}}).to_string()),
        (
            401,
            json!({"error": {"code": "PowerBINotAuthorizedException",
            "pbi.error": nested("PowerBINotAuthorizedException")}})
            .to_string(),
        ),
        (403, json!({"Message": "API is not accessible for application"}).to_string()),
        (
            404,
            json!({"error": {"code": "PowerBIEntityNotFound", "pbi.error": nested("PowerBIEntityNotFound")}})
                .to_string(),
        ),
        (413, String::new()),
        (429, json!({"message": "Maximum number of rows exceeded in time window. Please retry later"}).to_string()),
        (500, "An error has occurred".into()),
        (502, String::new()),
        (503, String::new()),
    ] {
        setup.emulator.fail_next(FailNext::new(status)).unwrap();
        let reply = setup.get("/datasets").await;
        assert_eq!((reply.status, reply.text), (status, body));
        assert_eq!(reply.headers["requestid"].len(), 36);
        assert!(!reply.headers.contains_key("retry-after"));
    }
}

#[tokio::test]
async fn retry_after_is_sent_as_it_was_given() {
    let setup = Setup::new();
    for text in ["3392", "Wed, 21 Oct 2026 07:28:00 GMT", "-1", "soon"] {
        setup.emulator.fail_next(FailNext { retry_after: Some(text.into()), ..FailNext::new(429) }).unwrap();
        let reply = setup.get("/datasets").await;
        assert_eq!(reply.headers["retry-after"], text);
        let message = "You have exceeded the amount of requests allowed in the current time frame and further requests \
                       will fail. Retry in 3392 seconds.";
        assert_eq!(reply.json()["message"] == message, text == "3392");
    }
}

#[tokio::test]
async fn a_fault_may_be_meant_for_one_operation_or_path() {
    let setup = Setup::new();
    let group = setup.emulator.add_workspace("Team");
    let fail = |route: &str| {
        setup.emulator.fail_next(FailNext { route: Some(route.into()), ..FailNext::new(503) }).unwrap();
    };
    fail("Datasets_GetDatasets");
    assert_eq!(setup.get("/datasets/x").await.status, 404);
    assert_eq!(setup.get(&format!("/groups/{group}/datasets")).await.status, 503);
    fail("Datasets_GetDatasetsInGroup");
    assert_eq!(setup.get("/datasets").await.status, 200);
    assert_eq!(setup.get(&format!("/groups/{group}/datasets")).await.status, 503);
    fail("/tables");
    assert_eq!(setup.get("/datasets").await.status, 200);
    assert_eq!(setup.get("/datasets/x/tables").await.status, 503);
}

#[tokio::test]
async fn faults_are_used_up_in_the_order_of_their_arrival() {
    let setup = Setup::new();
    let rows = setup.table(&[("a", "Int64")]).await;
    setup.emulator.fail_next(FailNext::new(500)).unwrap();
    setup.emulator.drop_response(1, None).unwrap();
    setup.emulator.fail_next(FailNext::new(429)).unwrap();
    let body = r#"{"rows":[{"a":1}]}"#;
    assert_eq!(setup.post(&rows, body).await.status, 500);
    assert_eq!(raw_post(&setup, &rows, body), b"");
    assert_eq!(setup.post(&rows, body).await.status, 429);
    assert_eq!(setup.post(&rows, body).await.status, 200);
    assert_eq!(setup.stored().len(), 2);
}

#[tokio::test]
async fn a_dropped_response_stores_the_rows_and_closes_the_connection_without_a_byte() {
    let setup = Setup::new();
    let rows = setup.table(&[("a", "Int64")]).await;
    setup.emulator.drop_response(2, None).unwrap();
    assert_eq!(setup.get("/datasets").await.status, 200);
    for _ in 0..2 {
        assert_eq!(raw_post(&setup, &rows, r#"{"rows":[{"a":1},{"a":2}]}"#), b"");
    }
    assert_eq!(setup.stored().len(), 4);
    let seen: Vec<_> = setup.emulator.requests().iter().map(|request| (request.status, request.rows)).collect();
    assert_eq!(seen, [(Some(201), 0), (Some(200), 0), (None, 2), (None, 2)]);
    assert_eq!(setup.post(&rows, r#"{"rows":[{"a":3}]}"#).await.status, 200);
}

/// Posts over a bare socket and gives all that comes back until the connection is closed.
fn raw_post(setup: &Setup, path: &str, body: &str) -> Vec<u8> {
    let port = setup.emulator.port();
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (token, length) = (&setup.token, body.len());
    write!(
        socket,
        "POST /v1.0/myorg{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    answer
}

#[tokio::test]
async fn a_fault_may_have_any_body() {
    let setup = Setup::new();
    setup.emulator.fail_next(FailNext { body: Some("<html>".into()), ..FailNext::new(200) }).unwrap();
    let reply = setup.get("/datasets").await;
    assert_eq!((reply.status, reply.text.as_str()), (200, "<html>"));

    setup.emulator.fail_next(FailNext::general_exception("GetTables")).unwrap();
    let reply = setup.get("/datasets").await;
    let details = json!([{"message": "AcquireLockTimeoutException"}]);
    let message = "Failed to process dataset GetTables";
    let error = json!({"code": "GeneralException", "message": message, "target": "GetTables", "details": details});
    assert_eq!((reply.status, reply.json()), (500, json!({"error": error})));
    assert_eq!(reply.headers["content-type"], "application/json; charset=utf-8");
}

#[test]
fn a_fault_that_http_cannot_say_is_a_configuration_error() {
    let setup = Setup::new();
    for fault in [
        FailNext::new(0),
        FailNext::new(100),
        FailNext::new(600),
        FailNext { retry_after: Some("1\r\nx: y".into()), ..FailNext::new(429) },
    ] {
        assert_eq!(setup.emulator.fail_next(fault).unwrap_err().kind, Kind::Configuration);
    }
}
