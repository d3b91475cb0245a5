//! The emulator over https, with a certificate of its own.

use std::io::{Read, Write};
use std::net::TcpStream;

use powerbi_push::emulator::{Emulator, Options};
use reqwest::{Certificate, Client};
use serde_json::json;

use super::{Setup, send, shop};

fn setup() -> Setup {
    Setup::start(Options { tls: true, ..Options::default() })
}

/// A client that trusts only `pem`.
fn trusting(pem: &str) -> Client {
    let certificate = Certificate::from_pem(pem.as_bytes()).unwrap();
    Client::builder().no_proxy().tls_certs_only([certificate]).build().unwrap()
}

#[tokio::test]
async fn all_goes_over_https_under_every_name_of_this_machine() {
    let setup = setup();
    let port = setup.emulator.port();
    assert_eq!(setup.emulator.url(), format!("https://127.0.0.1:{port}"));
    let rows = setup.table(&[("a", "Int64")]).await;
    assert_eq!(setup.post(&rows, r#"{"rows":[{"a":1}]}"#).await.status, 200);
    assert_eq!(setup.stored().len(), 1);
    let url = format!("https://localhost:{port}/v1.0/myorg/datasets");
    let reply = send(setup.http.get(url).bearer_auth(&setup.token)).await;
    assert_eq!(reply.status, 200);
    let context = format!("https://127.0.0.1:{port}/v1.0/myorg/$metadata#datasets");
    assert_eq!(reply.json()["@odata.context"], context);
    assert_eq!(reply.headers["home-cluster-uri"], format!("https://127.0.0.1:{port}/"));
    let token = setup.app_token().await;
    assert_eq!(token.split('.').count(), 3);
}

#[tokio::test]
async fn only_who_trusts_this_very_emulator_gets_in() {
    let (setup, other) = (setup(), setup());
    let url = format!("{}/v1.0/myorg/datasets", setup.emulator.url());
    let pem = setup.emulator.ca_pem().unwrap();
    assert!(pem.lines().all(|line| line.len() <= 64), "{pem}");
    assert_eq!(trusting(pem).get(&url).send().await.unwrap().status(), 401);
    let stranger = trusting(other.emulator.ca_pem().unwrap());
    assert!(stranger.get(&url).send().await.unwrap_err().is_connect());
    assert_eq!(setup.emulator.requests().len(), 1);
    assert_eq!(Setup::new().emulator.ca_pem(), None);
}

#[tokio::test]
async fn who_does_not_speak_tls_is_closed_and_holds_up_nobody() {
    let setup = setup();
    let port = setup.emulator.port();
    let silent = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut plain = TcpStream::connect(("127.0.0.1", port)).unwrap();
    // In one piece: behind the first one it may be closed already.
    plain.write_all(format!("GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n").as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"));
    setup.create(&shop()).await;
    drop(silent);
}

#[tokio::test]
async fn a_dropped_response_stores_the_rows_and_ends_the_connection() {
    let setup = setup();
    let rows = setup.table(&[("a", "Int64")]).await;
    setup.emulator.drop_response(1, None).unwrap();
    let request = setup.request(reqwest::Method::POST, &rows).header("content-type", "application/json");
    let error = request.body(json!({"rows": [{"a": 1}]}).to_string()).send().await.unwrap_err();
    assert!(!error.is_connect() && !error.is_timeout(), "{error:?}");
    assert_eq!(setup.stored().len(), 1);
    assert_eq!(setup.emulator.requests().last().unwrap().status, None);
}

#[test]
fn a_stopped_emulator_frees_its_port() {
    let emulator = Emulator::start(Options { tls: true, ..Options::default() }).unwrap();
    let port = emulator.port();
    let idle = TcpStream::connect(("127.0.0.1", port)).unwrap();
    emulator.stop();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    drop(idle);
}
