//! Sequence numbers, under each reading of what the service does with them.

use reqwest::Method;
use serde_json::{Value as Json, json};

use super::{Reply, Setup, send};

const ROW: &str = r#"{"rows":[{"a":1}]}"#;

/// Adds a row under a sequence number.
async fn post(setup: &Setup, rows: &str, number: &str) -> Reply {
    let request = setup.request(Method::POST, rows).header("content-type", "application/json");
    send(request.header("X-PowerBI-PushData-SequenceNumber", number).body(ROW)).await
}

/// The status of each post in turn, and how many rows there are afterwards.
async fn posted(setup: &Setup, rows: &str, numbers: &[&str]) -> (Vec<u16>, usize) {
    let mut statuses = Vec::new();
    for number in numbers {
        statuses.push(post(setup, rows, number).await.status);
    }
    (statuses, setup.stored().len())
}

/// What the operation lists.
async fn listed(setup: &Setup, rows: &str) -> Json {
    let reply = setup.get(&rows.replace("/rows", "/sequenceNumbers")).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["value"].clone()
}

fn last(number: i64) -> Json {
    json!([{"clientId": 0, "sequenceNumber": number}])
}

#[tokio::test]
async fn a_repeated_number_is_refused_and_adds_nothing() {
    let setup = Setup::new();
    let rows = setup.table(&[("a", "Int64")]).await;
    assert_eq!(listed(&setup, &rows).await, json!([]));
    assert_eq!(posted(&setup, &rows, &["1", "1", "2", "1", "2"]).await, (vec![200, 400, 200, 400, 400], 2));
    assert_eq!(listed(&setup, &rows).await, last(2));
    let message = "The sequence number 2 is not greater than the last one, 2.";
    assert_eq!(post(&setup, &rows, "2").await.detail(), (400, message.into()));
    assert_eq!(setup.post(&rows, ROW).await.status, 200, "a request without a number");
    assert_eq!(listed(&setup, &rows).await, last(2));
}

#[tokio::test]
async fn a_repeated_number_may_be_a_success_that_adds_nothing() {
    let setup = Setup::assuming("sequence_numbers", "deduplicates");
    let rows = setup.table(&[("a", "Int64")]).await;
    assert_eq!(posted(&setup, &rows, &["1", "1", "2", "1"]).await, (vec![200, 200, 200, 200], 2));
    assert_eq!(listed(&setup, &rows).await, last(2));
    let added: Vec<_> = setup.emulator.requests().iter().skip(1).map(|request| request.rows).collect();
    assert_eq!(added[..4], [1, 0, 1, 0]);
}

#[tokio::test]
async fn numbers_may_mean_nothing() {
    for (answer, status) in [("ignores", 200), ("missing", 404)] {
        let setup = Setup::assuming("sequence_numbers", answer);
        let rows = setup.table(&[("a", "Int64")]).await;
        assert_eq!(posted(&setup, &rows, &["1", "1", "x"]).await, (vec![200, 200, 200], 3));
        let reply = setup.get(&rows.replace("/rows", "/sequenceNumbers")).await;
        assert_eq!(reply.status, status);
        if status == 200 {
            assert_eq!(reply.json()["value"], json!([]));
        }
    }
}

#[tokio::test]
async fn whether_numbers_may_be_left_out_is_a_switch() {
    let setup = Setup::new();
    let rows = setup.table(&[("a", "Int64")]).await;
    assert_eq!(posted(&setup, &rows, &["2", "1", "3", "2"]).await, (vec![400, 200, 400, 200], 2));
    let message = "The sequence number 9 does not follow the last one, 2.";
    assert_eq!(post(&setup, &rows, "9").await.detail(), (400, message.into()));

    let setup = Setup::assuming("sequence_gaps", "accepted");
    let rows = setup.table(&[("a", "Int64")]).await;
    assert_eq!(posted(&setup, &rows, &["7", "5", "9"]).await, (vec![200, 400, 200], 2));
    assert_eq!(listed(&setup, &rows).await, last(9));
}

#[tokio::test]
async fn a_number_is_whole_above_zero_and_one_only() {
    let setup = Setup::new();
    let rows = setup.table(&[("a", "Int64")]).await;
    for number in ["", "0", "-1", "1.0", "one", "9223372036854775807", "9223372036854775808"] {
        let message = format!("The sequence number '{number}' is not one whole number above zero.");
        assert_eq!(post(&setup, &rows, number).await.detail(), (400, message));
    }
    let request = setup.request(Method::POST, &rows).header("content-type", "application/json").body(ROW);
    let name = "x-powerbi-pushdata-sequencenumber";
    assert_eq!(send(request.header(name, "1").header(name, "1")).await.status, 400);
    assert!(setup.stored().is_empty());
}

#[tokio::test]
async fn a_refused_request_uses_up_no_number() {
    let setup = Setup::new();
    let rows = setup.table(&[("a", "Int64")]).await;
    let request = setup.request(Method::POST, &rows).header("content-type", "application/json");
    let request = request.header("X-PowerBI-PushData-SequenceNumber", "1").body(r#"{"rows":[{"b":1}]}"#);
    assert_eq!(send(request).await.status, 404);
    assert_eq!(posted(&setup, &rows, &["1"]).await, (vec![200], 1));
}

#[tokio::test]
async fn whether_numbers_outlive_the_rows_is_a_switch() {
    for (answer, expected) in [("lost", json!([])), ("kept", last(1))] {
        let setup = Setup::assuming("sequence_after_delete", answer);
        let rows = setup.table(&[("a", "Int64")]).await;
        post(&setup, &rows, "1").await;
        assert_eq!(setup.delete(&rows).await.status, 200);
        assert_eq!(listed(&setup, &rows).await, expected);
    }
}

#[tokio::test]
async fn each_table_has_numbers_of_its_own() {
    let setup = Setup::new();
    let one = setup.table(&[("a", "Int64")]).await;
    let other = setup.table(&[("a", "Int64")]).await;
    assert_eq!(post(&setup, &one, "1").await.status, 200);
    assert_eq!(post(&setup, &other, "1").await.status, 200);
    assert_eq!(setup.get("/datasets/none/tables/T/sequenceNumbers").await.status, 404);
    assert_eq!(setup.get(&one.replace("/T/rows", "/U/sequenceNumbers")).await.status, 404);
}
