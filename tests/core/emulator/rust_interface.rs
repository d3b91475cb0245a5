//! The Rust side: starting, stopping, and looking at what happened.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use powerbi_push::clock::Clock;
use powerbi_push::emulator::{Emulator, FailNext, Options};
use powerbi_push::error::Kind;
use serde_json::json;

use super::quotas::{ROW, begun, ended};
use super::{Setup, shop};

#[tokio::test]
async fn a_request_is_logged_as_it_came_and_as_it_was_answered() {
    let setup = Setup::new();
    let rows = setup.table(&[("a b", "Int64")]).await;
    setup.emulator.advance(Duration::from_secs(90)).unwrap();
    let body = r#"{"rows":[{"a b":1},{"a b":2}]}"#;
    setup.post(&format!("{rows}?x=%20y"), body).await;
    setup.post(&rows.replace("/T/", "/%C3%89/"), body).await;

    let requests = setup.emulator.requests();
    assert_eq!(requests.iter().map(|request| request.number).collect::<Vec<_>>(), [1, 2, 3]);
    let stored = &requests[1];
    assert_eq!((stored.method.as_str(), stored.path.as_str()), ("POST", format!("/v1.0/myorg{rows}").as_str()));
    assert_eq!((stored.query.as_str(), stored.operation), ("x=%20y", Some("Datasets_PostRows")));
    assert_eq!((&stored.body[..], stored.body_size), (body.as_bytes(), body.len()));
    assert_eq!((stored.status, stored.rows, stored.refusal.as_deref()), (Some(200), 2, None));
    assert_eq!(stored.at, Duration::from_secs(90));
    assert!(stored.headers.contains(&("content-type".into(), "application/json".into())));
    let refused = &requests[2];
    assert!(refused.path.ends_with("/tables/%C3%89/rows"));
    assert_eq!((refused.status, refused.rows), (Some(404), 0));
    assert!(refused.refusal.as_deref().unwrap().contains("<pi>É</pi>"));
}

#[tokio::test]
async fn rows_that_cannot_be_told_are_an_error_that_lists_what_there_is() {
    let setup = Setup::new();
    let fault = |workspace, dataset, table| {
        let error = setup.emulator.rows(workspace, dataset, table).unwrap_err();
        (error.kind, error.message)
    };
    let expected = (Kind::NotFound, "there is no dataset `Shop`, nor any other".to_owned());
    assert_eq!(fault(None, "Shop", None), expected);
    let first = setup.create(&shop()).await;
    let expected = (Kind::NotFound, "there is no dataset `shop`; there is `Shop`".to_owned());
    assert_eq!(fault(None, "shop", None), expected);
    let expected = (Kind::Configuration, "the dataset `Shop` has several tables: `Product`, `Order`".to_owned());
    assert_eq!(fault(None, "Shop", None), expected);
    let expected = (Kind::NotFound, "there is no table `X`; there is `Product`, `Order`".to_owned());
    assert_eq!(fault(None, "Shop", Some("X")), expected);
    let expected = (Kind::NotFound, "there is no workspace `Team`; there is `My workspace`".to_owned());
    assert_eq!(fault(Some("Team"), "Shop", None), expected);
    let second = setup.create(&shop()).await;
    let message = format!("2 datasets are named `Shop`: `{first}`, `{second}`");
    assert_eq!(fault(None, "Shop", Some("Order")), (Kind::Configuration, message));
    assert!(setup.emulator.rows(Some("My workspace"), &second, Some("Order")).unwrap().is_empty());
}

#[tokio::test]
async fn requests_that_wait_together_are_counted_together() {
    let setup = Setup::new();
    let rows = setup.table(&[("a", "Int64")]).await;
    assert_eq!(setup.emulator.most_in_flight(), 0);
    let sockets: Vec<TcpStream> = (0..3).map(|_| begun(&setup, &rows)).collect();
    for socket in sockets {
        let answer = ended(socket);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
    setup.post(&rows, ROW).await;
    assert_eq!(setup.emulator.most_in_flight(), 3);
}

#[tokio::test]
async fn a_request_that_does_not_arrive_whole_does_nothing() {
    let setup = Setup::new();
    let rows = setup.table(&[("a", "Int64")]).await;
    let port = setup.emulator.port();
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let body = r#"{"rows":[{"a":1}]}"#;
    write!(
        socket,
        "POST /v1.0/myorg{rows} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        setup.token,
        body.len() + 1
    )
    .unwrap();
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"");
    assert!(setup.stored().is_empty());
    assert_eq!(setup.emulator.requests().len(), 1);
}

#[tokio::test]
async fn a_reset_leaves_nothing_but_the_tokens() {
    let setup = Setup::new();
    let rows = setup.table(&[("a", "Int64")]).await;
    let group = setup.emulator.add_workspace("Team");
    setup.post(&rows, r#"{"rows":[{"a":1}]}"#).await;
    setup.emulator.fail_next(FailNext::new(503)).unwrap();
    setup.emulator.drop_response(1, None).unwrap();
    setup.emulator.reset();
    assert!(setup.emulator.requests().is_empty());
    assert_eq!(setup.emulator.most_in_flight(), 0);
    assert_eq!(setup.get("/datasets").await.json()["value"], json!([]));
    assert_eq!(setup.get(&format!("/groups/{group}/datasets")).await.status, 404);
    assert_eq!(setup.emulator.requests()[0].number, 1);
}

#[tokio::test]
async fn a_stopped_emulator_closes_its_connections_and_still_knows_what_happened() {
    let setup = Setup::new();
    setup.create(&shop()).await;
    let mut idle = TcpStream::connect(("127.0.0.1", setup.emulator.port())).unwrap();
    setup.emulator.stop();
    setup.emulator.stop();
    assert_eq!(idle.read(&mut [0]).unwrap_or(0), 0);
    assert!(TcpStream::connect(("127.0.0.1", setup.emulator.port())).is_err());
    assert_eq!(setup.emulator.requests().len(), 1);
}

#[test]
fn a_port_that_is_taken_is_a_configuration_error_that_says_what_to_do() {
    let first = Emulator::start(Options::default()).unwrap();
    let error = Emulator::start(Options { port: first.port(), ..Options::default() }).unwrap_err();
    assert_eq!(error.kind, Kind::Configuration);
    assert_eq!(error.message, format!("port {} of this machine is already in use", first.port()));
    assert_eq!(error.hint.unwrap(), "stop what listens there, or use another port; 0 takes any free one");
}

#[test]
fn a_dropped_emulator_frees_its_port() {
    let first = Emulator::start(Options::default()).unwrap();
    let port = first.port();
    assert_eq!(first.url(), format!("http://127.0.0.1:{port}"));
    drop(first);
    Emulator::start(Options { port, ..Options::default() }).unwrap();
}

#[test]
fn a_real_clock_is_not_moved() {
    let emulator = Emulator::start(Options { clock: Clock::real(), ..Options::default() }).unwrap();
    let error = emulator.advance(Duration::from_secs(1)).unwrap_err();
    assert_eq!(error.kind, Kind::Configuration);
}
