//! Rows: what is stored, and what is refused.

use serde_json::json;

use super::Setup;

#[tokio::test]
async fn every_type_is_stored_exactly_and_in_the_order_that_was_sent() {
    let setup = Setup::new();
    let columns =
        [("i", "Int64"), ("d", "Double"), ("b", "bool"), ("t", "DateTime"), ("s", "string"), ("n", "Decimal")];
    let rows = setup.table(&columns).await;
    let body = r#"{"rows":[{"s":"\u00e9\ud83d\ude00\n","n":12345678901234567890.1200,"i":9007199254740993,
        "t":"2022-05-19T15:22:25.231+02:00","b":true,"d":0.30000000000000004},{"i":null},{},{"n":"-0.50","d":1}]}"#;
    assert_eq!(setup.post(&rows, body).await.status, 200);
    let row = |cells: &[(&str, &str)]| {
        cells.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
    };
    let first = [
        ("s", "é😀\n"),
        ("n", "12345678901234567890.12"),
        ("i", "9007199254740993"),
        ("t", "2022-05-19T13:22:25.231Z"),
        ("b", "true"),
        ("d", "0.30000000000000004"),
    ];
    let stored = setup.stored();
    assert_eq!(stored[0], row(&first));
    assert_eq!(stored[1..], [row(&[("i", "null")]), row(&[]), row(&[("n", "-0.5"), ("d", "1.0")])]);
}

#[tokio::test]
async fn an_unknown_column_is_not_found() {
    let setup = Setup::new();
    let rows = setup.table(&[("a", "Int64")]).await;
    let reply = setup.post(&rows, r#"{"rows":[{"a":1},{"A":2}]}"#).await;
    assert_eq!(reply.status, 404);
    let message = "row 1: the table has no column 'A'";
    assert_eq!(reply.json(), json!({"error": {"code": "ItemNotFound", "message": message}}));
    assert!(setup.stored().is_empty());
}

#[tokio::test]
async fn a_wrong_value_refuses_the_whole_request_and_says_where() {
    let setup = Setup::new();
    let rows = setup.table(&[("a", "Int64"), ("s", "string"), ("t", "DateTime")]).await;
    for (row, message) in [
        (r#"{"a":"1"}"#, r#"row 1: column 'a' is Int64, and "1" is not a whole number"#),
        (r#"{"a":1.5}"#, "row 1: column 'a' is Int64, and 1.5 is not a whole number"),
        (r#"{"s":7}"#, "row 1: column 's' is String, and 7 is not a string"),
        (r#"{"s":{"x":[1]}}"#, r#"row 1: column 's' is String, and {"x":[1]} is not a string"#),
        (
            r#"{"t":"30.07.2014"}"#,
            "row 1: column 't' is DateTime, and \"30.07.2014\" is not a date and time in a form that the service is known \
             to read",
        ),
        (r#"{"a":1,"s":"x","a":2}"#, "row 1: the column 'a' is named twice"),
    ] {
        let reply = setup.post(&rows, format!(r#"{{"rows":[{{"a":1}},{row}]}}"#)).await;
        assert_eq!(reply.detail(), (400, message.to_owned()), "{row}");
        assert_eq!(reply.json()["error"]["details"][0]["target"], "rows");
    }
    assert!(setup.stored().is_empty());
}

#[tokio::test]
async fn a_body_of_another_form_is_refused() {
    let setup = Setup::new();
    let rows = setup.table(&[("a", "Int64")]).await;
    for body in [
        "",
        "{",
        "null",
        "[]",
        "{}",
        r#"[{"a":1}]"#,
        r#"{"a":1}"#,
        r#"{"Rows":[]}"#,
        r#"{"rows":{"a":1}}"#,
        r#"{"rows":[1]}"#,
        r#"{"rows":[null]}"#,
        r#"{"rows":[{"a":1},]}"#,
        r#"{"rows":[{"a":01}]}"#,
        r#"{"rows":[{"a":NaN}]}"#,
        r#"{"rows":[{"a":1}]} x"#,
        r#"{"rows":[{"a":1}],"rows":[]}"#,
        r#"{"rows":[{"a":1}],"more":1}"#,
        "\u{feff}{\"rows\":[]}",
    ] {
        assert_eq!(setup.post(&rows, body).await.detail().0, 400, "{body}");
    }
    assert!(setup.stored().is_empty());
}

#[tokio::test]
async fn a_body_that_is_not_utf_8_is_refused() {
    let setup = Setup::new();
    let path = setup.table(&[("a", "string")]).await;
    let request = setup.request(reqwest::Method::POST, &path).header("content-type", "application/json");
    let reply = super::send(request.body(b"{\"rows\":[{\"a\":\"\xff\"}]}".to_vec())).await;
    assert_eq!(reply.detail().0, 400);
}

#[tokio::test]
async fn ten_thousand_rows_are_taken_and_one_more_is_refused() {
    let setup = Setup::new();
    let rows = setup.table(&[("a", "Int64")]).await;
    let body = |count: usize| format!(r#"{{"rows":[{}]}}"#, vec![r#"{"a":1}"#; count].join(","));
    assert_eq!(
        setup.post(&rows, body(10_001)).await.detail(),
        (400, "row 10000: a request takes 10000 rows at most".into())
    );
    assert!(setup.stored().is_empty());
    assert_eq!(setup.post(&rows, body(10_000)).await.status, 200);
    assert_eq!(setup.stored().len(), 10_000);
}

#[tokio::test]
async fn sixteen_million_bytes_are_taken_and_one_more_is_refused() {
    let setup = Setup::new();
    let rows = setup.table(&[("a", "Int64")]).await;
    let rows_only = r#"{"rows":[{"a":1}]}"#;
    let body = |size: usize| format!("{rows_only}{}", " ".repeat(size - rows_only.len()));
    let reply = setup.post(&rows, body(16_000_001)).await;
    assert_eq!((reply.status, reply.text.as_str()), (413, ""));
    assert!(setup.stored().is_empty());
    assert_eq!(setup.post(&rows, body(16_000_000)).await.status, 200);
    assert_eq!(setup.stored().len(), 1);
    let sizes: Vec<usize> = setup.emulator.requests().iter().skip(1).map(|request| request.body_size).collect();
    assert_eq!(sizes, [16_000_001, 16_000_000]);
}

#[tokio::test]
async fn without_limits_a_request_may_be_of_any_size() {
    let setup = Setup::with_limits(false);
    let rows = setup.table(&[("a", "Int64")]).await;
    let body = format!(r#"{{"rows":[{}]}}{}"#, vec![r#"{"a":1}"#; 10_001].join(","), " ".repeat(16_000_000));
    assert_eq!(setup.post(&rows, body).await.status, 200);
    assert_eq!(setup.stored().len(), 10_001);
}

#[tokio::test]
async fn the_content_must_be_json_and_not_compressed() {
    let setup = Setup::new();
    let path = setup.table(&[("a", "Int64")]).await;
    for (name, value, status) in [
        ("content-type", "text/plain", 415),
        ("content-type", "application/json; charset=utf-8", 200),
        ("content-type", "APPLICATION/JSON", 200),
        ("content-encoding", "gzip", 415),
    ] {
        let request = setup.request(reqwest::Method::POST, &path).header(name, value);
        let request = if name == "content-type" { request } else { request.header("content-type", "application/json") };
        let reply = super::send(request.body(r#"{"rows":[]}"#)).await;
        assert_eq!(reply.status, status, "{name}: {value}");
    }
}
