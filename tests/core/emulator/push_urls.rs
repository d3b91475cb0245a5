//! Push URLs of streaming datasets: what they take, and what they refuse as observed.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value as Json, json};

use super::{Reply, Setup, send, spelled};
use powerbi_push::emulator::{Assumed, FailNext, Reception};
use powerbi_push::error::Kind;

/// The dataset of the article: what its page calls Text, Number and `DateTime`.
const COLUMNS: [(&str, &str); 3] =
    [("string_value", "Text"), ("number_value", "Number"), ("datetime_value", "DateTime")];
const ROW: &str = r#"[{"number_value":1}]"#;

impl Setup {
    /// Makes the streaming dataset `S` and gives its push URL.
    fn push_url(&self, columns: &[(&str, &str)], history: bool) -> String {
        let columns: Vec<_> = columns.iter().map(|(name, word)| ((*name).to_owned(), (*word).to_owned())).collect();
        self.emulator.streaming_dataset("S", &columns, history).unwrap()
    }

    async fn push(&self, url: &str, body: impl Into<String>) -> Reply {
        send(self.http.post(url).header("content-type", "application/json").body(body.into())).await
    }

    /// The stored rows of `S`, each cell as text.
    fn streamed(&self) -> Vec<Vec<(String, String)>> {
        self.emulator.rows(None, "S", None).unwrap().iter().map(spelled).collect()
    }

    fn rule(&self, reply: &Reply) -> (u16, String) {
        assert!(self.streamed().is_empty());
        (reply.status, reply.headers["x-emulator-rule"].to_str().unwrap().to_owned())
    }
}

/// The dataset's id in a push URL.
fn dataset_of(url: &str) -> &str {
    url.split('/').nth(6).unwrap()
}

fn cells(row: &[(&str, &str)]) -> Vec<(String, String)> {
    row.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_push_url_has_two_guids_and_a_key_of_64_bytes_that_is_encoded() {
    let setup = Setup::new();
    let url = setup.push_url(&COLUMNS, false);
    let (address, query) = url.split_once('?').unwrap();
    let parts: Vec<&str> = address.strip_prefix(&setup.emulator.url()).unwrap().split('/').collect();
    let ["", "beta", tenant, "datasets", dataset, "rows"] = parts[..] else { panic!("{url}") };
    assert_eq!((tenant.len(), dataset.len()), (36, 36));
    let key = query.strip_prefix("key=").unwrap();
    assert!(key.contains("%2B") && key.contains("%2F") && key.ends_with("%3D%3D"), "{key}");
    assert!(key.chars().all(|sign| sign == '%' || sign.is_ascii_alphanumeric()), "{key}");
    let decoded = key.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
    assert_eq!(decoded.len(), 88);
    assert_eq!(base64::Engine::decode(&base64::prelude::BASE64_STANDARD, decoded).unwrap().len(), 64);
    assert_eq!(setup.push_url(&COLUMNS, false).split('/').nth(4), Some(tenant), "one tenant for all");
}

#[tokio::test]
async fn the_examples_of_the_article_are_stored() {
    let setup = Setup::new();
    let url = setup.push_url(&COLUMNS, false);
    let now = "2020-06-15T16:32:36";
    for body in [
        json!([{"string_value": "ABC XYZ", "number_value": 12345, "datetime_value": now}]),
        json!([{"number_value": 12345}]),
        json!([{"string_value": "ABC", "number_value": 0.5}, {}, {"datetime_value": now, "string_value": null}]),
    ] {
        let reply = setup.push(&url, body.to_string()).await;
        assert_eq!((reply.status, reply.text.as_str()), (200, ""));
        assert_eq!(reply.headers["requestid"].len(), 36);
    }
    let first = [("string_value", "ABC XYZ"), ("number_value", "12345.0"), ("datetime_value", now)];
    let expected = [
        cells(&first),
        cells(&[("number_value", "12345.0")]),
        cells(&[("string_value", "ABC"), ("number_value", "0.5")]),
        cells(&[]),
        cells(&[("datetime_value", now), ("string_value", "null")]),
    ];
    assert_eq!(setup.streamed(), expected);
    assert_eq!(setup.emulator.rows(None, dataset_of(&url), Some("RealTimeData")).unwrap().len(), 5);
}

#[tokio::test]
async fn the_failing_examples_of_the_article_fail_as_it_says() {
    let setup = Setup::new();
    let url = setup.push_url(&COLUMNS, false);
    let reply = setup.push(&url, r#"{"string_value":"ABC XYZ","number_value":12345}"#).await;
    assert_eq!(reply.detail(), (400, "the body must be an array of rows, not an object".into()));
    assert_eq!(setup.rule(&reply), (400, "observed; facts/powerbi 5.400 on a push URL".into()));
    let reply = setup.push(&url, r#"[{"number_value":1},{"string_value":"ABC","another_number_value":789}]"#).await;
    let message = "row 1: the table has no column 'another_number_value'";
    assert_eq!(reply.json(), json!({"error": {"code": "ItemNotFound", "message": message}}));
    assert_eq!(setup.rule(&reply), (404, "observed; facts/powerbi 5.404 on a push URL".into()));
}

#[tokio::test]
async fn an_array_is_checked_like_pushed_rows() {
    let setup = Setup::with_limits(false);
    let url = setup.push_url(&COLUMNS, false);
    for body in ["", "[", "null", "1", "{", "{}", "[1]", "[[]]", "[null]", r#"[{"number_value":1},]"#, "[] x"] {
        assert_eq!(setup.push(&url, body).await.status, 400, "{body}");
    }
    for (cell, message) in [
        (r#""number_value":"1""#, r#"column 'number_value' is Double, and "1" is not a number"#),
        (r#""string_value":1"#, "column 'string_value' is String, and 1 is not a string"),
        (r#""number_value":1,"number_value":1"#, "the column 'number_value' is named twice"),
    ] {
        let reply = setup.push(&url, format!("[{{}},{{{cell}}}]")).await;
        assert_eq!(reply.detail(), (400, format!("row 1: {message}")));
    }
    let reply = send(setup.http.post(&url).header("content-type", "text/plain").body(ROW)).await;
    assert_eq!(reply.status, 415);
    assert!(setup.streamed().is_empty());
}

#[tokio::test]
async fn the_words_of_the_page_and_of_the_api_are_types_in_any_case() {
    let setup = Setup::new();
    let columns = [("n", "NUMBER"), ("t", "text"), ("d", "DateTime"), ("i", "Int64"), ("b", "bool"), ("m", "Decimal")];
    let url = setup.push_url(&columns, true);
    let body = r#"[{"n":-1e-3,"t":"x","d":"2022-05-19T13:22:25.231Z","i":9007199254740993,"b":true,"m":0.10}]"#;
    assert_eq!(setup.push(&url, body).await.status, 200);
    let expected = [
        ("n", "-0.001"),
        ("t", "x"),
        ("d", "2022-05-19T13:22:25.231Z"),
        ("i", "9007199254740993"),
        ("b", "true"),
        ("m", "0.1"),
    ];
    assert_eq!(setup.streamed(), [cells(&expected)]);
    let columns = json!([{"name": "n", "dataType": "Number"}]);
    let schema =
        json!({"name": "R", "defaultMode": "Streaming", "tables": [{"name": "RealTimeData", "columns": columns}]});
    assert_eq!(setup.post("/datasets", schema.to_string()).await.status, 400, "no word of the API");
}

#[tokio::test]
async fn a_dataset_that_the_service_would_refuse_is_a_configuration_error() {
    let setup = Setup::new();
    let made = |name, columns: &[(&str, &str)]| {
        let columns: Vec<_> = columns.iter().map(|(name, word)| ((*name).to_owned(), (*word).to_owned())).collect();
        setup.emulator.streaming_dataset(name, &columns, false).map_err(|error| (error.kind, error.message))
    };
    let wrong = |what: &str| Err((Kind::Configuration, format!("the streaming dataset `S` cannot be made: {what}")));
    assert_eq!(made("S", &[("a", "Guid")]), wrong("table 'RealTimeData' column 'a': 'Guid' is not a data type"));
    assert_eq!(made("S", &[]), wrong("table 'RealTimeData' has neither columns nor measures"));
    let twice = "table 'RealTimeData' has the name 'A' twice";
    assert_eq!(made("S", &[("a", "Text"), ("A", "Text")]), wrong(twice));
    assert!(made("", &[("a", "Text")]).is_err());
}

#[tokio::test]
async fn other_parameters_are_accepted_in_any_order_and_the_key_however_it_is_encoded() {
    let setup = Setup::new();
    let url = setup.push_url(&COLUMNS, true);
    let (address, key) = url.split_once('?').unwrap();
    for query in [
        format!("ctid=1b0a&experience=power-bi&{key}"),
        format!("{key}&redirectedFromSignup=1&tenant=&UPN=a%40b"),
        format!("experience=power-bi&&{key}&x"),
        key.replace("%2B", "%2b").replace("%3D", "=").replace("%2F", "/"),
    ] {
        assert_eq!(setup.push(&format!("{address}?{query}"), ROW).await.status, 200);
    }
    assert_eq!(
        setup
            .push(
                &format!(
                    "{}?{key}",
                    address
                        .to_uppercase()
                        .replace("HTTP", "http")
                        .replace("BETA", "beta")
                        .replace("DATASETS", "datasets")
                        .replace("ROWS", "rows")
                ),
                ROW
            )
            .await
            .status,
        200,
        "guids in capitals"
    );
    assert_eq!(setup.streamed().len(), 5);
}

#[tokio::test]
async fn a_wrong_or_missing_key_is_forbidden_with_or_without_a_token() {
    let setup = Setup::new();
    let url = setup.push_url(&COLUMNS, false);
    let other = setup.push_url(&COLUMNS, false);
    let (address, key) = url.split_once('?').unwrap();
    for query in [
        String::new(),
        "key=".into(),
        other.split_once('?').unwrap().1.into(),
        key.replace("%2B", "+"),
        key.replace('%', "%25"),
        key.to_lowercase(),
        format!("{key}&{key}"),
        format!("{key}x"),
        key.replace("key=", "Key="),
    ] {
        let url = format!("{address}?{query}");
        for request in [setup.http.post(&url), setup.http.post(&url).bearer_auth(&setup.token)] {
            let reply = send(request.header("content-type", "application/json").body(ROW)).await;
            assert_eq!((reply.status, reply.text.as_str()), (403, ""), "{query}");
            assert_eq!(reply.headers["x-emulator-rule"], "assumed; facts/powerbi 6.3");
        }
    }
    assert!(setup.emulator.rows(None, dataset_of(&url), None).unwrap().is_empty());
    assert_eq!(setup.push(&url, ROW).await.status, 200, "a refused key is not charged to the rate");
}

#[tokio::test]
async fn another_tenant_or_dataset_is_not_found_and_only_posts_are_taken() {
    let setup = Setup::new();
    let url = setup.push_url(&COLUMNS, false);
    let tenant = url.split('/').nth(4).unwrap();
    for part in [tenant, dataset_of(&url)] {
        let url = url.replace(part, "cfafbeb1-8037-4d0c-896e-a46fb27ff229");
        let reply = setup.push(&url, ROW).await;
        assert_eq!(reply.status, 404);
        assert_eq!(reply.headers["x-emulator-rule"], "assumed; facts/powerbi 5.404");
    }
    for method in [Method::GET, Method::DELETE, Method::PUT] {
        assert_eq!(send(setup.http.request(method, &url)).await.status, 401);
    }
    assert!(setup.streamed().is_empty());
    setup.delete(&format!("/datasets/{}", dataset_of(&url))).await;
    assert_eq!(setup.push(&url, ROW).await.status, 404);
}

#[tokio::test]
async fn a_dataset_that_the_api_made_has_no_push_url() {
    let setup = Setup::new();
    let url = setup.push_url(&COLUMNS, false);
    let columns = json!([{"name": "number_value", "dataType": "Double"}]);
    let tables = json!([{"name": "RealTimeData", "columns": columns}]);
    let id = setup.create(&json!({"name": "R", "defaultMode": "Streaming", "tables": tables})).await;
    assert_eq!(setup.push(&url.replace(dataset_of(&url), &id), ROW).await.status, 403);
}

#[tokio::test]
async fn a_streaming_dataset_also_takes_rows_with_a_token_within_the_same_limits() {
    let setup = Setup::new();
    let url = setup.push_url(&COLUMNS, false);
    let path = format!("/datasets/{}/tables/RealTimeData/rows", dataset_of(&url));
    let body = r#"{"rows":[{"number_value":1}]}"#;
    for _ in 0..2 {
        assert_eq!(setup.post(&path, body).await.status, 200);
        assert_eq!(setup.push(&url, ROW).await.status, 200);
    }
    assert_eq!(setup.post(&path, format!("{body}{}", " ".repeat(15_000))).await.status, 413);
    assert_eq!(setup.post(&path, body).await.status, 429);
    assert_eq!(setup.push(&url, ROW).await.status, 429);
    assert_eq!(setup.streamed().len(), 4);
}

#[tokio::test]
async fn fifteen_thousand_bytes_are_taken_and_one_more_is_refused() {
    let setup = Setup::new();
    let url = setup.push_url(&COLUMNS, false);
    let body = |size: usize| format!("{ROW}{}", " ".repeat(size - ROW.len()));
    let reply = setup.push(&url, body(15_001)).await;
    assert_eq!(setup.rule(&reply), (413, "assumed; facts/powerbi 5.413".into()));
    assert_eq!(
        setup.emulator.requests()[0].refusal.as_deref(),
        Some("the body has 15001 bytes, and 15000 are allowed")
    );
    assert_eq!(setup.push(&url, body(15_000)).await.status, 200);
    assert_eq!(setup.streamed().len(), 1);
}

#[tokio::test]
async fn five_requests_in_any_second_are_taken_and_a_sixth_is_not() {
    let setup = Setup::new();
    let url = setup.push_url(&COLUMNS, false);
    let advance = |milliseconds| setup.emulator.advance(Duration::from_millis(milliseconds)).unwrap();
    advance(700);
    for body in [ROW, ROW, "{}", ROW] {
        setup.push(&url, body).await;
    }
    advance(500);
    for status in [200, 429, 429] {
        let reply = setup.push(&url, ROW).await;
        assert_eq!(reply.status, status);
        if status == 429 {
            assert_eq!(reply.headers["retry-after"], "1");
            assert!(reply.json()["message"].as_str().unwrap().ends_with("Retry in 1 seconds."));
        }
    }
    advance(499);
    assert_eq!(setup.push(&url, ROW).await.status, 429);
    advance(1);
    for status in [200, 200, 200, 200, 429] {
        assert_eq!(setup.push(&url, ROW).await.status, status);
    }
    assert_eq!(setup.streamed().len(), 8);
}

#[tokio::test]
async fn datasets_are_charged_apart() {
    let setup = Setup::new();
    let (one, two) = (setup.push_url(&COLUMNS, false), setup.push_url(&COLUMNS, false));
    for status in [200, 200, 200, 200, 200, 429] {
        assert_eq!(setup.push(&one, ROW).await.status, status);
    }
    assert_eq!(setup.push(&two, ROW).await.status, 200);
}

#[tokio::test]
async fn history_has_the_limits_of_stored_rowss_and_above_15_000_bytes_live_tiles_fail() {
    let setup = Setup::new();
    let url = setup.push_url(&COLUMNS, true);
    let body = |rows: usize| format!("[{}]", vec![r#"{"number_value":1}"#; rows].join(","));
    for _ in 0..6 {
        assert_eq!(setup.push(&url, ROW).await.status, 200);
    }
    let page = || async { setup.snapshot().await.to_string() };
    assert!(!page().await.contains("live tiles failed"));
    assert_eq!(setup.push(&url, body(10_001)).await.status, 400);
    assert_eq!(setup.push(&url, body(10_000)).await.status, 200);
    assert!(page().await.contains("\"live tiles failed 1 time\""));
    assert_eq!(setup.push(&url, format!("{ROW}{}", " ".repeat(16_000_001 - ROW.len()))).await.status, 413);
    assert_eq!(setup.push(&url, format!("{ROW}{}", " ".repeat(16_000_000 - ROW.len()))).await.status, 200);
    assert!(page().await.contains("\"live tiles failed 2 times\""));
    assert_eq!(setup.streamed().len(), 10_007);
    let stored = &setup.emulator.requests()[7];
    assert_eq!((stored.status, stored.refusal.as_deref(), stored.rows), (Some(200), None, 10_000));
}

#[tokio::test]
async fn without_limits_a_stream_may_be_of_any_size_and_rate() {
    let setup = Setup::with_limits(false);
    let url = setup.push_url(&COLUMNS, false);
    for _ in 0..6 {
        assert_eq!(setup.push(&url, format!("{ROW}{}", " ".repeat(15_000))).await.status, 200);
    }
}

#[tokio::test]
async fn whether_an_object_with_rows_is_taken_is_a_switch() {
    let body = r#"{"rows":[{"number_value":1},{"number_value":2}]}"#;
    let setup = Setup::new();
    let reply = setup.push(&setup.push_url(&COLUMNS, false), body).await;
    assert_eq!(setup.rule(&reply), (400, "assumed; facts/powerbi 10.9".into()));

    let setup = Setup::with(true, Assumed { rows_object_on_push_url: Reception::Accepted, ..Assumed::default() });
    let url = setup.push_url(&COLUMNS, false);
    assert_eq!(setup.push(&url, body).await.status, 200);
    assert_eq!(setup.push(&url, ROW).await.status, 200);
    for body in [r#"{"number_value":1}"#, "{}", r#"{"rows":{}}"#] {
        assert_eq!(setup.push(&url, body).await.status, 400, "{body}");
    }
    assert_eq!(setup.streamed().len(), 3);
}

#[tokio::test]
async fn a_key_is_in_no_log_on_no_page_and_in_no_error() {
    let setup = Setup::new();
    let url = setup.push_url(&COLUMNS, false);
    let (address, key) = url.split_once("?key=").unwrap();
    let key = key.strip_suffix("%3D%3D").unwrap();
    for (query, shown) in [
        (format!("ctid=a%20b&key={key}%3D%3D&x=%2B"), "ctid=a%20b&key=***&x=%2B"),
        (format!("key={key}"), "key=***"),
        (format!("Key={key}&k%65y={key}"), "Key=***&k%65y=***"),
        (format!("ctid=1?key={key}"), "ctid=1?key=***"),
    ] {
        let reply = setup.push(&format!("{address}?{query}"), ROW).await;
        assert!(!format!("{} {:?}", reply.text, reply.headers).contains(key));
        assert_eq!(setup.emulator.requests().last().unwrap().query, shown);
    }
    send(setup.http.get(&url)).await;
    let seen = format!("{:?} {:?}", setup.emulator, setup.emulator.requests());
    let page = setup.snapshot().await.to_string();
    let error = setup.emulator.rows(None, dataset_of(&url), Some("none")).unwrap_err();
    let listed = setup.get("/datasets").await.text;
    let plain = key.replace("%2B", "+").replace("%2F", "/");
    for text in [seen, page, format!("{error} {error:?}"), listed] {
        assert!(!text.contains(key) && !text.contains(&plain), "{text}");
    }
}

#[tokio::test]
async fn a_push_is_logged_under_a_name_of_ours_and_shown_on_the_page() {
    let setup = Setup::new();
    let url = setup.push_url(&COLUMNS, false);
    setup.push(&url, ROW).await;
    let logged = &setup.emulator.requests()[0];
    assert_eq!((logged.operation, logged.status, logged.rows), (Some("PushUrl_PostRows"), Some(200), 1));
    assert_eq!(logged.body, ROW);
    assert_eq!(setup.emulator.most_in_flight(), 1);
    let page = setup.snapshot().await.to_string();
    for part in ["\"name\":\"S\"", "\"streaming\"", "\"RealTimeData\"", "\"PushUrl_PostRows\""] {
        assert!(page.contains(part), "{part}");
    }
}

#[tokio::test]
async fn faults_reach_push_urls_too() {
    let setup = Setup::new();
    let url = setup.push_url(&COLUMNS, false);
    setup.emulator.fail_next(FailNext { route: Some("PushUrl_PostRows".into()), ..FailNext::new(503) }).unwrap();
    assert_eq!(setup.get("/datasets").await.status, 200);
    assert_eq!(setup.push(&url, ROW).await.status, 503);
    assert!(setup.streamed().is_empty());

    setup.emulator.drop_response(1, None).unwrap();
    assert_eq!(setup.get("/datasets").await.status, 200);
    let port = setup.emulator.port();
    let target = url.strip_prefix(&setup.emulator.url()).unwrap();
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let length = ROW.len();
    write!(
        socket,
        "POST {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: \
         {length}\r\n\r\n{ROW}"
    )
    .unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"");
    assert_eq!(setup.streamed().len(), 1);
    assert_eq!(setup.push(&url, ROW).await.status, 200);
}

#[tokio::test]
async fn a_web_page_or_a_foreign_name_cannot_reach_a_push_url() {
    let setup = Setup::new();
    let url = setup.push_url(&COLUMNS, false);
    for (name, value) in
        [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), ("host", "rebound.example")]
    {
        let request = setup.http.post(&url).header("content-type", "application/json").header(name, value);
        let reply = send(request.body(ROW)).await;
        assert_eq!(reply.json()["error"]["code"], Json::from("RefusedByEmulator"), "{name}");
    }
    assert!(setup.streamed().is_empty());
    assert!(setup.emulator.requests().is_empty());
}

#[tokio::test]
async fn a_reset_ends_every_push_url() {
    let setup = Setup::new();
    let url = setup.push_url(&COLUMNS, false);
    setup.emulator.reset();
    assert_eq!(setup.push(&url, ROW).await.status, 404);
}
