//! MicroStrategy's sink: an upload session, filled with chunks of Base64 and published in the end.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use powerbi_push::clock::Clock;
use powerbi_push::delivery::queue::{Queue, RowState};
use powerbi_push::error::Kind;
use powerbi_push::http::transport::Settings;
use powerbi_push::retry::Retry;
use powerbi_push::services::microstrategy::upload::{TableUpdate, Upload};
use powerbi_push::services::microstrategy::{Client, Policy, SignIn};
use reqwest::Url;
use serde_json::Value;

use crate::endings::{Delivered, all, deliver, deliver_to, policy};
use crate::far_end::{Asked, FarEnd, Said, Turn};
use crate::subject::{Can, Reached, Subject};

/// The service, as the suite sees it.
pub(crate) struct Library;

impl Subject for Library {
    fn can(&self) -> Can {
        Can { sign_in_again: true, stage: true, ask_after_commit: true, ..Can::default() }
    }

    fn reach(&self, root: &Url, clock: &Clock) -> Reached {
        let password = String::from("canary").into();
        let sign_in = SignIn::Password { mode: 1, username: "u".into(), password };
        let settings = Settings { timeout: Duration::from_secs(30), proxy: None, ca_bundle: None };
        let root = root.join("MicroStrategyLibrary/").unwrap();
        let client = Client::new(root, sign_in, None, &settings, Retry::default(), clock.clone(), None).unwrap();
        let update =
            TableUpdate { table: "Orders".into(), policy: Policy::Add, columns: vec!["Id".into(), "Item".into()] };
        let sink = Upload::new(client, "D", false, vec![update], 50_000_000).unwrap();
        Reached { http: sink.http(), sink: Arc::new(sink) }
    }

    fn queue(&self) -> Queue {
        Queue::in_piles(std::env::temp_dir(), Vec::new())
    }

    fn rows(&self, asked: &Asked) -> Option<Vec<i64>> {
        let chunk = chunk(asked)?;
        let rows = STANDARD.decode(chunk["data"].as_str().unwrap()).unwrap();
        let rows: Vec<Vec<Value>> = serde_json::from_slice(&rows).unwrap();
        Some(rows.iter().map(|row| row[0].as_i64().unwrap()).collect())
    }

    fn answer(&self, asked: &Asked) -> Said {
        let path = asked.target.trim_start_matches("/MicroStrategyLibrary/api/");
        if path == "auth/login" {
            return Said::empty(204).with("X-MSTR-AuthToken: token-of-the-session");
        }
        assert!(asked.head.contains("x-mstr-authtoken: token-of-the-session"), "{}", asked.head);
        match (asked.method.as_str(), path.rsplit('/').next().unwrap()) {
            ("GET", "projects") => Said::empty(200).saying(r#"[{"id":"P","name":"Project","status":0}]"#),
            ("POST", "uploadSessions") => Said::empty(200).saying(r#"{"uploadSessionId":"U"}"#),
            ("GET", "publishStatus") => Said::empty(200).saying(r#"{"status":1,"message":"result ready"}"#),
            ("POST", "logout") => Said::empty(204),
            _ => Said::empty(200),
        }
    }

    fn commits(&self, asked: &Asked) -> bool {
        asked.target.ends_with("/publish")
    }

    fn discards(&self, asked: &Asked) -> bool {
        asked.method == "DELETE" || asked.target.ends_with("/uploadSessions")
    }

    fn expired(&self) -> Said {
        Said::empty(401)
            .saying(r#"{"code":"ERR009","message":"The user's session has expired, please reauthenticate"}"#)
    }
}

/// What a request brings, if it is one with a chunk.
fn chunk(asked: &Asked) -> Option<Value> {
    (asked.method == "PUT" && asked.target.contains("/uploadSessions/"))
        .then(|| serde_json::from_str(&asked.body).unwrap())
}

/// The indexes of the chunks, in the order in which they came.
fn indexes(delivered: &Delivered) -> Vec<u64> {
    let held = delivered.far_end.held();
    held.asked.iter().filter_map(chunk).map(|chunk| chunk["index"].as_u64().unwrap()).collect()
}

fn calls(delivered: &Delivered, method: &str, end: &str) -> usize {
    let held = delivered.far_end.held();
    held.asked.iter().filter(|asked| asked.method == method && asked.target.ends_with(end)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chunk_keeps_its_index_and_halves_leave_no_gap() {
    let delivered = deliver(&Library, vec![Turn::Take, Turn::LoseAnswer], policy()).await;
    assert_eq!(indexes(&delivered), [1, 2, 2, 3, 4]);
    let delivered = deliver(&Library, vec![Turn::Take, Turn::Say(Said::empty(413))], policy()).await;
    assert_eq!(delivered.rows(Some(RowState::Confirmed)), all());
    // The queue is cut into chunks of five from then on.
    assert_eq!(indexes(&delivered), [1, 2, 2, 3, 4, 5, 6, 7]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_is_sent_again_in_order_where_the_session_has_ended() {
    let turns = vec![Turn::Take, Turn::Take, Turn::Say(Library.expired())];
    let delivered = deliver(&Library, turns, policy()).await;
    assert_eq!(delivered.rows(Some(RowState::Confirmed)), all());
    assert_eq!(indexes(&delivered), [1, 2, 3, 1, 2, 3, 4]);
    assert_eq!((calls(&delivered, "POST", "/login"), calls(&delivered, "POST", "/uploadSessions")), (2, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_session_has_ended_is_made_again_with_all_chunks() {
    for (times, kind) in [(1, None), (2, Some(Kind::Authentication))] {
        let far_end = FarEnd::start(&Library, Vec::new()).await;
        far_end.held().commits.extend(vec![Turn::Say(Library.expired()); times]);
        let delivered = deliver_to(far_end, &Library, policy(), |_| ()).await;
        assert_eq!(delivered.failure, kind);
        assert_eq!(indexes(&delivered), [1, 2, 3, 4, 1, 2, 3, 4]);
        assert_eq!(calls(&delivered, "POST", "/publish"), 2);
    }
}

// On one thread, time moves only when every task waits.
#[tokio::test]
async fn the_session_is_kept_alive_while_a_chunk_has_to_wait() {
    let told = Turn::Say(Said::empty(429).with("Retry-After: 3600"));
    let delivered = deliver(&Library, vec![Turn::Take, told], policy()).await;
    assert_eq!(delivered.rows(Some(RowState::Confirmed)), all());
    let kept = calls(&delivered, "PUT", "/sessions");
    assert!((11..=12).contains(&kept), "{kept} times in an hour");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_session_is_deleted_whatever_becomes_of_it() {
    for turns in [
        vec![],
        vec![Turn::Say(Said::empty(400))],
        vec![Turn::Say(Said::empty(503)); 9],
        vec![Turn::Say(Library.expired())],
        vec![Turn::Say(Said::empty(200).with("Content-Type: text/html").saying("<html>"))],
    ] {
        let delivered = deliver(&Library, turns, policy()).await;
        let opened = calls(&delivered, "POST", "/uploadSessions");
        assert_eq!(calls(&delivered, "DELETE", "/U"), opened);
        assert!(opened > 0);
    }
}
