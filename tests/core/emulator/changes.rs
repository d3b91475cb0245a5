//! Changes are told to whoever listens.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use powerbi_push::emulator::Change;
use serde_json::json;

use super::{House, send};

/// The next `count` changes.
async fn take(changes: &mut powerbi_push::emulator::Changes, count: usize) -> Vec<Change> {
    let mut taken = Vec::new();
    for _ in 0..count {
        taken.push(changes.next().await.unwrap());
    }
    taken
}

#[tokio::test]
async fn each_change_is_told_once_and_in_order() {
    let house = House::new();
    let mut changes = house.emulator.changes();
    let rows = house.table(&[("a", "Int64")]).await;
    assert_eq!(take(&mut changes, 2).await, [Change::Datasets, Change::Request(1)]);
    let dataset = rows.split('/').nth(2).unwrap().to_owned();
    let filled = Change::Rows { dataset: dataset.clone(), table: "T".into() };
    house.post(&rows, r#"{"rows":[{"a":1}]}"#).await;
    assert_eq!(take(&mut changes, 2).await, [filled.clone(), Change::Request(2)]);
    // What is refused, and what only looks, is a request and nothing else.
    house.post(&rows, r#"{"rows":[{"b":1}]}"#).await;
    house.get("/datasets").await;
    assert_eq!(take(&mut changes, 2).await, [Change::Request(3), Change::Request(4)]);
    house.delete(&rows).await;
    assert_eq!(take(&mut changes, 2).await, [filled.clone(), Change::Request(5)]);
    let columns = json!({"name": "T", "columns": [{"name": "b", "dataType": "Int64"}]});
    house.put(rows.strip_suffix("/rows").unwrap(), &columns).await;
    assert_eq!(take(&mut changes, 2).await, [Change::Datasets, Change::Request(6)]);
    house.delete(&format!("/datasets/{dataset}")).await;
    assert_eq!(take(&mut changes, 2).await, [Change::Datasets, Change::Request(7)]);
    let _ = house.emulator.add_workspace("Team");
    house.emulator.streaming_dataset("S", &[("a".into(), "Number".into())], false).unwrap();
    house.emulator.reset();
    assert_eq!(take(&mut changes, 3).await, [Change::Datasets, Change::Datasets, Change::Everything]);
    drop(house);
    assert_eq!(changes.next().await, None);
}

#[tokio::test]
async fn the_page_is_told_by_a_stream_of_events() {
    let house = House::new();
    let mut socket = TcpStream::connect(("127.0.0.1", house.emulator.port())).unwrap();
    let head = format!("GET /emulator/changes HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", house.emulator.port());
    socket.write_all(head.as_bytes()).unwrap();
    let mut lines = BufReader::new(socket).lines().map_while(Result::ok);
    let headers: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    assert_eq!(headers[0], "HTTP/1.1 200 OK");
    assert!(headers.contains(&"content-type: text/event-stream".to_owned()), "{headers:?}");
    let _ = house.emulator.add_workspace("Team");
    house.get("/groups").await;
    house.emulator.reset();
    let events: Vec<String> = lines.by_ref().filter(|line| line.starts_with("data: ")).take(3).collect();
    assert_eq!(events, ["data: datasets", "data: request", "data: everything"]);
    house.emulator.stop();
    assert_eq!(lines.find(|line| line.starts_with("data: ")), None, "it ends with the emulator");
}

#[tokio::test]
async fn a_foreign_page_is_not_told() {
    let house = House::new();
    let request = house.http.get(format!("{}/emulator/changes", house.emulator.url()));
    assert_eq!(send(request.header("origin", "https://evil.example")).await.status, 403);
}
