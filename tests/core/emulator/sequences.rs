//! Sequence numbers, under each reading of what the service does with them.

use reqwest::Method;
use serde_json::{Value as Json, json};

use super::{House, Reply, send};

const ROW: &str = r#"{"rows":[{"a":1}]}"#;

/// Adds a row under a sequence number.
async fn post(house: &House, rows: &str, number: &str) -> Reply {
    let request = house.request(Method::POST, rows).header("content-type", "application/json");
    send(request.header("X-PowerBI-PushData-SequenceNumber", number).body(ROW)).await
}

/// The status of each post in turn, and how many rows there are afterwards.
async fn posted(house: &House, rows: &str, numbers: &[&str]) -> (Vec<u16>, usize) {
    let mut statuses = Vec::new();
    for number in numbers {
        statuses.push(post(house, rows, number).await.status);
    }
    (statuses, house.stored().len())
}

/// What the operation lists.
async fn listed(house: &House, rows: &str) -> Json {
    let reply = house.get(&rows.replace("/rows", "/sequenceNumbers")).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["value"].clone()
}

fn last(number: i64) -> Json {
    json!([{"clientId": 0, "sequenceNumber": number}])
}

#[tokio::test]
async fn a_repeated_number_is_refused_and_adds_nothing() {
    let house = House::new();
    let rows = house.table(&[("a", "Int64")]).await;
    assert_eq!(listed(&house, &rows).await, json!([]));
    assert_eq!(posted(&house, &rows, &["1", "1", "2", "1", "2"]).await, (vec![200, 400, 200, 400, 400], 2));
    assert_eq!(listed(&house, &rows).await, last(2));
    let message = "The sequence number 2 is not greater than the last one, 2.";
    assert_eq!(post(&house, &rows, "2").await.detail(), (400, message.into()));
    assert_eq!(house.post(&rows, ROW).await.status, 200, "a request without a number");
    assert_eq!(listed(&house, &rows).await, last(2));
}

#[tokio::test]
async fn a_repeated_number_may_be_a_success_that_adds_nothing() {
    let house = House::assuming("sequence_numbers", "deduplicates");
    let rows = house.table(&[("a", "Int64")]).await;
    assert_eq!(posted(&house, &rows, &["1", "1", "2", "1"]).await, (vec![200, 200, 200, 200], 2));
    assert_eq!(listed(&house, &rows).await, last(2));
    let added: Vec<_> = house.emulator.requests().iter().skip(1).map(|request| request.rows).collect();
    assert_eq!(added[..4], [1, 0, 1, 0]);
}

#[tokio::test]
async fn numbers_may_mean_nothing() {
    for (answer, status) in [("ignores", 200), ("missing", 404)] {
        let house = House::assuming("sequence_numbers", answer);
        let rows = house.table(&[("a", "Int64")]).await;
        assert_eq!(posted(&house, &rows, &["1", "1", "x"]).await, (vec![200, 200, 200], 3));
        let reply = house.get(&rows.replace("/rows", "/sequenceNumbers")).await;
        assert_eq!(reply.status, status);
        if status == 200 {
            assert_eq!(reply.json()["value"], json!([]));
        }
    }
}

#[tokio::test]
async fn whether_numbers_may_be_left_out_is_a_switch() {
    let house = House::new();
    let rows = house.table(&[("a", "Int64")]).await;
    assert_eq!(posted(&house, &rows, &["2", "1", "3", "2"]).await, (vec![400, 200, 400, 200], 2));
    let message = "The sequence number 9 does not follow the last one, 2.";
    assert_eq!(post(&house, &rows, "9").await.detail(), (400, message.into()));

    let house = House::assuming("sequence_gaps", "accepted");
    let rows = house.table(&[("a", "Int64")]).await;
    assert_eq!(posted(&house, &rows, &["7", "5", "9"]).await, (vec![200, 400, 200], 2));
    assert_eq!(listed(&house, &rows).await, last(9));
}

#[tokio::test]
async fn a_number_is_whole_above_zero_and_one_only() {
    let house = House::new();
    let rows = house.table(&[("a", "Int64")]).await;
    for number in ["", "0", "-1", "1.0", "one", "9223372036854775807", "9223372036854775808"] {
        let message = format!("The sequence number '{number}' is not one whole number above zero.");
        assert_eq!(post(&house, &rows, number).await.detail(), (400, message));
    }
    let request = house.request(Method::POST, &rows).header("content-type", "application/json").body(ROW);
    let name = "x-powerbi-pushdata-sequencenumber";
    assert_eq!(send(request.header(name, "1").header(name, "1")).await.status, 400);
    assert!(house.stored().is_empty());
}

#[tokio::test]
async fn a_refused_request_uses_up_no_number() {
    let house = House::new();
    let rows = house.table(&[("a", "Int64")]).await;
    let request = house.request(Method::POST, &rows).header("content-type", "application/json");
    let request = request.header("X-PowerBI-PushData-SequenceNumber", "1").body(r#"{"rows":[{"b":1}]}"#);
    assert_eq!(send(request).await.status, 404);
    assert_eq!(posted(&house, &rows, &["1"]).await, (vec![200], 1));
}

#[tokio::test]
async fn whether_numbers_outlive_the_rows_is_a_switch() {
    for (answer, expected) in [("lost", json!([])), ("kept", last(1))] {
        let house = House::assuming("sequence_after_delete", answer);
        let rows = house.table(&[("a", "Int64")]).await;
        post(&house, &rows, "1").await;
        assert_eq!(house.delete(&rows).await.status, 200);
        assert_eq!(listed(&house, &rows).await, expected);
    }
}

#[tokio::test]
async fn each_table_has_numbers_of_its_own() {
    let house = House::new();
    let one = house.table(&[("a", "Int64")]).await;
    let other = house.table(&[("a", "Int64")]).await;
    assert_eq!(post(&house, &one, "1").await.status, 200);
    assert_eq!(post(&house, &other, "1").await.status, 200);
    assert_eq!(house.get("/datasets/none/tables/T/sequenceNumbers").await.status, 404);
    assert_eq!(house.get(&one.replace("/T/rows", "/U/sequenceNumbers")).await.status, 404);
}
