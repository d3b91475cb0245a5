//! The grant against a server of these tests, on virtual time.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::ClientSecret;
use super::*;
use crate::auth::token_cache::FetchHint;
use crate::auth::{AccessToken, Account};
use crate::clock::{Clock, Moment};
use crate::error::Kind;
use crate::http::transport::{Settings, Transport};
use crate::retry::Retry;

static TOYS: Service = Service { name: "Toys", portal: "Toys", id: "7", public: "https://toys", path: "/toys" };
const SECRET: &str = "8Q~c+a/n=a&r y%ü";
const TOKEN: &str = r#"{"token_type":"Bearer","expires_in":3599,"access_token":"fresh"}"#;

/// Status, headers and body of an answer; its length is told as it is, unless a header says another one.
type Scripted = (u16, &'static str, &'static str);

/// Answers with what it was given, the last one again and again, and keeps what it was sent.
struct Entra {
    url: String,
    received: Arc<Mutex<Vec<String>>>,
}

impl Entra {
    fn new(answers: &'static [Scripted]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let received: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&received);
        std::thread::spawn(move || {
            for (number, line) in listener.incoming().enumerate() {
                let (status, headers, body) = answers[number.min(answers.len() - 1)];
                let mut line = line.unwrap();
                kept.lock().unwrap().push(read(&mut line));
                let length = format!("Content-Length: {}\r\n", body.len());
                let length = if headers.contains("Content-Length") { "" } else { &length };
                let head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\n{length}{headers}\r\n");
                line.write_all(format!("{head}{body}").as_bytes()).unwrap();
            }
        });
        Self { url, received }
    }

    async fn ask(&self, clock: &Clock, retry: Retry, hint: FetchHint) -> Result<AccessToken> {
        let who = ClientSecret::new("contoso.com", "11111111-2222-3333-4444-555555555555", SECRET, Some(&self.url));
        let account = Arc::new(Account::new(who.unwrap()));
        let sign_in = account.sign_in("https://login.microsoftonline.com", "https://service/.default", &TOYS).unwrap();
        let settings = Settings { timeout: Duration::from_secs(30), proxy: None, ca_bundle: None };
        sign_in.fetch(Transport::new(&settings, clock.clone()).unwrap(), retry, clock.clone(), hint).await
    }

    fn calls(&self) -> usize {
        self.received.lock().unwrap().len()
    }
}

/// One request, whole.
fn read(line: &mut TcpStream) -> String {
    let (mut data, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let count = line.read(&mut piece).unwrap();
        data.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&data).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() == length.parse::<usize>().unwrap() {
                return text;
            }
        }
    }
}

fn waited(clock: &Clock) -> Duration {
    clock.now() - Moment::default()
}

fn at_once() -> FetchHint {
    FetchHint { ahead: false, not_before: Moment::default(), claims: None }
}

#[tokio::test]
async fn the_form_is_the_documented_one_and_the_end_is_counted_from_the_question() {
    let (entra, clock) = (Entra::new(&[(200, "", TOKEN)]), Clock::simulated());
    let token = entra.ask(&clock, Retry::default(), at_once()).await.unwrap();
    assert_eq!(token.secret.expose_secret(), "fresh");
    assert_eq!(token.expires, Some(clock.wall() + Duration::from_secs(3599)));
    assert_eq!(token.refresh_at, None);
    let request = entra.received.lock().unwrap()[0].clone();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /contoso.com/oauth2/v2.0/token HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("content-type: application/x-www-form-urlencoded"), "{head}");
    assert!(!head.contains("authorization"), "{head}");
    let mut url = reqwest::Url::parse("http://x").unwrap();
    url.set_query(Some(body));
    let fields: Vec<_> = url.query_pairs().into_owned().collect();
    let expected = [
        ("client_id", "11111111-2222-3333-4444-555555555555"),
        ("scope", "https://service/.default"),
        ("client_secret", SECRET),
        ("grant_type", "client_credentials"),
    ];
    assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn numbers_may_be_text_and_a_refresh_time_is_kept() {
    const ANSWER: &str = r#"{"access_token":"t","expires_in":"86399","refresh_in":43199}"#;
    let (entra, clock) = (Entra::new(&[(200, "", ANSWER)]), Clock::simulated());
    let token = entra.ask(&clock, Retry::default(), at_once()).await.unwrap();
    assert_eq!(token.expires, Some(clock.wall() + Duration::from_secs(86_399)));
    assert_eq!(token.refresh_at, Some(clock.wall() + Duration::from_secs(43_199)));
}

#[tokio::test]
async fn a_throttled_sign_in_waits_as_long_as_it_is_told() {
    let entra = Entra::new(&[(429, "Retry-After: 120\r\n", "{}"), (503, "Retry-After: 30\r\n", ""), (200, "", TOKEN)]);
    let clock = Clock::simulated();
    entra.ask(&clock, Retry::default(), at_once()).await.unwrap();
    assert_eq!((waited(&clock), entra.calls()), (Duration::from_secs(150), 3));
}

#[tokio::test]
async fn faults_without_end_come_out_as_what_they_are() {
    const FAULTS: [(&[Scripted], Kind); 3] = [
        (&[(503, "", "<html>")], Kind::Service),
        (&[(429, "Retry-After: 7\r\n", "{}")], Kind::RateLimited),
        (&[(400, "", r#"{"error":"temporarily_unavailable"}"#)], Kind::Authentication),
    ];
    for (answers, kind) in FAULTS {
        let (entra, clock) = (Entra::new(answers), Clock::simulated());
        let error = entra.ask(&clock, Retry::default(), at_once()).await.unwrap_err();
        assert_eq!((error.kind, entra.calls()), (kind, 5));
        assert_eq!(error.answer.status, Some(answers[0].0));
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again_and_is_no_word_of_entra() {
    const TORN: Scripted = (200, "Content-Length: 1000\r\n", r#"{"access_token":"#);
    let (entra, clock) = (Entra::new(&[TORN, (200, "", TOKEN)]), Clock::simulated());
    assert_eq!(entra.ask(&clock, Retry::default(), at_once()).await.unwrap().secret.expose_secret(), "fresh");
    assert_eq!(entra.calls(), 2);
    let error = Entra::new(&[TORN]).ask(&clock, Retry::default(), at_once()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Transport);
    assert!(error.message.contains("ended in the middle of the answer"), "{error}");
}

#[tokio::test]
async fn nothing_is_repeated_while_a_good_token_is_at_hand_or_where_nobody_wants_it() {
    for (retry, ahead) in [(Retry::default(), true), (Retry::never(), false)] {
        let (entra, clock) = (Entra::new(&[(503, "Retry-After: 60\r\n", "")]), Clock::simulated());
        let later = FetchHint { ahead, not_before: Moment::default() + Duration::from_secs(9), claims: None };
        let error = entra.ask(&clock, retry, later).await.unwrap_err();
        assert_eq!(error.answer.retry_after, Some(Duration::from_secs(60)));
        assert_eq!((waited(&clock), entra.calls()), (Duration::ZERO, 1));
    }
}

#[tokio::test]
async fn what_was_told_before_is_waited_for_before_the_first_question() {
    let (entra, clock) = (Entra::new(&[(200, "", TOKEN)]), Clock::simulated());
    let later = FetchHint { ahead: false, not_before: Moment::default() + Duration::from_secs(9), claims: None };
    entra.ask(&clock, Retry::default(), later).await.unwrap();
    assert_eq!(waited(&clock), Duration::from_secs(9));
}

#[tokio::test]
async fn an_authority_that_is_not_there_is_tried_again_and_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (entra, clock) = (Entra { url, received: Arc::default() }, Clock::simulated());
    let error = entra.ask(&clock, Retry::default(), at_once()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Transport);
    let begin = "signing in app `11111111-2222-3333-4444-555555555555` of tenant `contoso.com` at 127.0.0.1: could not \
                 connect";
    assert!(error.message.starts_with(begin), "{}", error.message);
    assert!(waited(&clock) > Duration::from_secs(3));
}
