//! Changes are told to whoever listens.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use powerbi_push::emulator::Change;
use serde_json::{Value as Json, json};

use super::{Setup, send};

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
    let setup = Setup::new();
    let mut changes = setup.emulator.changes();
    let rows = setup.table(&[("a", "Int64")]).await;
    assert_eq!(take(&mut changes, 2).await, [Change::Datasets, Change::Request(1)]);
    let dataset = rows.split('/').nth(2).unwrap().to_owned();
    let filled = Change::Rows { dataset: dataset.clone(), table: "T".into() };
    setup.post(&rows, r#"{"rows":[{"a":1}]}"#).await;
    assert_eq!(take(&mut changes, 2).await, [filled.clone(), Change::Request(2)]);
    // What is refused, and what only looks, is a request and nothing else.
    setup.post(&rows, r#"{"rows":[{"b":1}]}"#).await;
    setup.get("/datasets").await;
    assert_eq!(take(&mut changes, 2).await, [Change::Request(3), Change::Request(4)]);
    setup.delete(&rows).await;
    assert_eq!(take(&mut changes, 2).await, [filled.clone(), Change::Request(5)]);
    let columns = json!({"name": "T", "columns": [{"name": "b", "dataType": "Int64"}]});
    setup.put(rows.strip_suffix("/rows").unwrap(), &columns).await;
    assert_eq!(take(&mut changes, 2).await, [Change::Datasets, Change::Request(6)]);
    setup.delete(&format!("/datasets/{dataset}")).await;
    assert_eq!(take(&mut changes, 2).await, [Change::Datasets, Change::Request(7)]);
    let _ = setup.emulator.add_workspace("Team");
    setup.emulator.streaming_dataset("S", &[("a".into(), "Number".into())], false).unwrap();
    setup.emulator.reset();
    assert_eq!(take(&mut changes, 3).await, [Change::Datasets, Change::Datasets, Change::Everything]);
    drop(setup);
    assert_eq!(changes.next().await, None);
}

/// A watcher, as a browser would be: its socket, and the events that come.
struct Watcher(BufReader<TcpStream>);

impl Watcher {
    fn new(setup: &Setup) -> Self {
        let mut socket = TcpStream::connect(("127.0.0.1", setup.emulator.port())).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let head = format!("GET /emulator/changes HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", setup.emulator.port());
        socket.write_all(head.as_bytes()).unwrap();
        let mut lines = BufReader::new(socket);
        let mut headers = String::new();
        while !headers.ends_with("\r\n\r\n") {
            lines.read_line(&mut headers).unwrap();
        }
        assert!(headers.starts_with("HTTP/1.1 200 OK\r\n") && headers.contains("content-type: text/event-stream\r\n"));
        Self(lines)
    }

    /// The next event: its name and what it says; `None` at the end of the stream.
    fn next(&mut self) -> Option<(String, Json)> {
        let mut name = String::new();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap_or(0) == 0 {
                return None;
            }
            if let Some(word) = line.strip_prefix("event: ") {
                word.trim_end().clone_into(&mut name);
            }
            if let Some(data) = line.strip_prefix("data: ") {
                return Some((name, serde_json::from_str(data).unwrap()));
            }
        }
    }

    /// The next event that is about rows of a table: how many there are, and the sample.
    fn rows(&mut self) -> (u64, Json) {
        loop {
            let (name, told) = self.next().unwrap();
            assert_eq!(name, "news");
            if let Some(table) = told["tables"].get(0) {
                return (table["count"].as_u64().unwrap(), table["sample"].clone());
            }
        }
    }
}

#[tokio::test]
async fn a_watcher_gets_a_snapshot_first_and_then_only_what_is_new() {
    let setup = Setup::new();
    let rows = setup.table(&[("a", "Int64")]).await;
    setup.post(&rows, r#"{"rows":[{"a":1},{"a":2}]}"#).await;
    let mut watcher = Watcher::new(&setup);
    let (name, told) = watcher.next().unwrap();
    assert_eq!((name.as_str(), &told["sections"][0]["datasets"][0]["tables"][0]["count"]), ("snapshot", &json!(2)));
    setup.emulator.advance(Duration::from_secs(3)).unwrap();
    setup.post(&rows, r#"{"rows":[{"a":3}]}"#).await;
    assert_eq!(watcher.rows(), (3, json!([[3.0, ["3"]]])));
    // A thousand rows are sampled, and counted exactly; the newest is in every sample.
    let many: Vec<_> = (4..=1_003).map(|a| json!({"a": a})).collect();
    setup.post(&rows, json!({"rows": many}).to_string()).await;
    let (count, sample) = watcher.rows();
    assert_eq!((count, sample.as_array().unwrap().len(), &sample[39][1]), (1_003, 40, &json!(["1003"])));
    setup.delete(&rows).await;
    assert_eq!(watcher.rows(), (0, json!([])));
    let _ = setup.emulator.add_workspace("Team");
    let snapshot = std::iter::from_fn(|| watcher.next()).find(|(name, _)| name == "snapshot").unwrap().1;
    assert_eq!(snapshot["sections"][1]["title"], "Team");
    setup.emulator.stop();
    assert_eq!(watcher.next(), None, "it ends with the emulator");
}

#[tokio::test]
async fn a_quota_that_fades_is_told_though_nothing_happens() {
    let setup = Setup::new();
    let rows = setup.table(&[("a", "Int64")]).await;
    setup.post(&rows, r#"{"rows":[{"a":1}]}"#).await;
    let mut watcher = Watcher::new(&setup);
    let used = |quotas: &Json| quotas[0]["used"].as_u64();
    assert_eq!(used(&watcher.next().unwrap().1["sections"][0]["datasets"][0]["quotas"]), Some(1));
    setup.emulator.advance(Duration::from_secs(60)).unwrap();
    let (_, told) = watcher.next().unwrap();
    assert_eq!(told["quotas"].as_object().unwrap().values().map(used).collect::<Vec<_>>(), [Some(0)]);
    assert_eq!(told["tables"], json!([]));
}

#[tokio::test]
async fn a_watcher_that_does_not_read_is_dropped_and_nobody_waits_for_it() {
    let setup = Setup::with_limits(false);
    let rows = setup.table(&[("a", "string"), ("b", "string"), ("c", "string"), ("d", "string")]).await;
    let cell = "x".repeat(80);
    let body = json!({"rows": vec![json!({"a": cell, "b": cell, "c": cell, "d": cell}); 600]}).to_string();
    setup.post(&rows, body).await;
    let mut reading = Watcher::new(&setup);
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    // What the machine itself would take in for a process that does not read is kept small.
    socket.set_recv_buffer_size(65_536).unwrap();
    let stuck = socket.connect(([127, 0, 0, 1], setup.emulator.port()).into()).await.unwrap();
    let mut stuck = stuck.into_std().unwrap();
    stuck.set_nonblocking(false).unwrap();
    write!(stuck, "GET /emulator/changes HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", setup.emulator.port()).unwrap();
    let reader = std::thread::spawn(move || while reading.next().is_some() {});
    // Each dataset that comes or goes is a snapshot of some 200 kB.
    let columns = json!([{"name": "a", "dataType": "string"}]);
    let dropped = async {
        while setup.emulator.watchers() != 2 {
            setup.get("/datasets").await;
        }
        while setup.emulator.watchers() == 2 {
            let id = setup.create(&json!({"name": "Other", "tables": [{"name": "T", "columns": columns}]})).await;
            assert_eq!(setup.delete(&format!("/datasets/{id}")).await.status, 200);
        }
    };
    tokio::time::timeout(Duration::from_secs(60), dropped).await.unwrap();
    let mut told = Vec::new();
    stuck.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let end = stuck.read_to_end(&mut told);
    let waits = [ErrorKind::WouldBlock, ErrorKind::TimedOut];
    assert!(!end.as_ref().is_err_and(|error| waits.contains(&error.kind())), "the connection is closed");
    assert!(end.is_err() || !told.ends_with(b"0\r\n\r\n"), "cut off in the middle, not ended in good order");
    assert_eq!(setup.emulator.watchers(), 1, "whoever reads is still told");
    setup.emulator.stop();
    reader.join().unwrap();
}

#[tokio::test]
async fn a_foreign_page_is_not_told() {
    let setup = Setup::new();
    let request = setup.http.get(format!("{}/emulator/changes", setup.emulator.url()));
    assert_eq!(send(request.header("origin", "https://evil.example")).await.status, 403);
}
