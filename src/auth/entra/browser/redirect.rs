//! Where the browser comes back to: a port of this machine, open until the first request that knows our `state`.
//!
//! Both of the machine's own addresses are taken, since `localhost` may mean either, and nobody else is to listen at the
//! other one. Everything else that comes is answered 404, and keeps nobody waiting: browsers open connections ahead.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::Url;
use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::error::{Error, Kind, Result};

/// A browser's request has some kilobytes.
const LONGEST: usize = 64_000;
/// So many free ports are tried, until one is free at both addresses.
const TRIES: usize = 10;
/// No browser has more connections to one place.
const CONNECTIONS: usize = 64;
const DONE: &str = "The sign-in has gone back to your program.";
const REFUSED: &str = "The sign-in did not work; your program says why.";

/// An open port.
#[derive(Debug)]
pub(super) struct Redirect {
    listeners: Vec<TcpListener>,
    port: u16,
}

/// What the browser brought back, by name.
#[derive(Debug)]
pub(super) struct Returned(Map<String, Value>);

impl Returned {
    /// The code to fetch a token with, or else what is said instead.
    pub(super) fn into_code(self) -> Result<SecretString, Value> {
        match self.0.get("code").and_then(Value::as_str).filter(|code| !code.is_empty()) {
            Some(code) => Ok(code.into()),
            None => Err(Value::Object(self.0)),
        }
    }
}

impl Redirect {
    /// Opens `port`, or any free one where that is 0.
    pub(super) async fn bind(port: u16) -> Result<Self> {
        let mut refused = ErrorKind::AddrInUse.into();
        for _ in 0..if port == 0 { TRIES } else { 1 } {
            match listeners(port).await {
                Ok((listeners, port)) => return Ok(Self { listeners, port }),
                Err(error) => refused = error,
            }
        }
        let message =
            format!("the browser cannot come back: the port {port} of this machine cannot be opened: {refused}");
        let hint = "pass another redirect_port=; 0 takes any that is free";
        Err(Error::new(Kind::Authentication, message).with_hint(hint))
    }

    /// The address that Entra sends the browser to.
    pub(super) fn uri(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Waits for the browser.
    pub(super) async fn wait(&self, state: &SecretString) -> Returned {
        let (state, mut talks) = (Arc::new(state.clone()), JoinSet::new());
        loop {
            let others = async {
                match self.listeners.get(1) {
                    Some(listener) => listener.accept().await,
                    None => std::future::pending().await,
                }
            };
            let accepted = tokio::select! {
                accepted = self.listeners[0].accept(), if talks.len() < CONNECTIONS => accepted,
                accepted = others, if talks.len() < CONNECTIONS => accepted,
                Some(talked) = talks.join_next() => match talked {
                    Ok(Some(returned)) => return returned,
                    _ => continue,
                },
            };
            if let Ok((line, _)) = accepted {
                let state = Arc::clone(&state);
                talks.spawn(async move { talk(&line, &state).await });
            }
        }
    }
}

/// The same port at both addresses; a machine may have but one of them.
async fn listeners(port: u16) -> std::io::Result<(Vec<TcpListener>, u16)> {
    let first = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    let port = first.local_addr()?.port();
    match TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, port))).await {
        Ok(second) => Ok((vec![first, second], port)),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Err(error),
        Err(_) => Ok((vec![first], port)),
    }
}

/// Answers one request; what it brought, where it is the one that is waited for.
async fn talk(line: &TcpStream, state: &SecretString) -> Option<Returned> {
    let head = read(line).await?;
    let returned = head.lines().next().and_then(|first| returned(first, state));
    let answer = match &returned {
        None => response("404 Not Found", "Nothing is here."),
        Some(returned) if returned.0.contains_key("code") => response("200 OK", DONE),
        Some(_) => response("200 OK", REFUSED),
    };
    write(line, answer.as_bytes()).await;
    returned
}

/// What the first line of a request brings, where it knows `state`.
fn returned(first: &str, state: &SecretString) -> Option<Returned> {
    let mut words = first.split(' ');
    let ("GET", target) = (words.next()?, words.next()?) else { return None };
    let url = Url::parse("http://localhost").ok()?.join(target).ok()?;
    let brought: Map<String, Value> = url.query_pairs().map(|(name, value)| (name.into(), value.into())).collect();
    let theirs = brought.get("state")?.as_str()?;
    // How long this takes tells nothing of how much of a guess is right.
    let hashed = |text: &str| digest(&SHA256, text.as_bytes());
    let is_ours = hashed(theirs).as_ref() == hashed(state.expose_secret()).as_ref();
    (is_ours && url.path() == "/").then_some(Returned(brought))
}

/// The head of a request, whole.
async fn read(line: &TcpStream) -> Option<String> {
    let (mut head, mut piece) = (Vec::new(), [0; 4096]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        line.readable().await.ok()?;
        match line.try_read(&mut piece) {
            Ok(0) => return None,
            Ok(count) => head.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
        if head.len() > LONGEST {
            return None;
        }
    }
    String::from_utf8(head).ok()
}

/// Writes all of it. Whether the person sees it decides nothing.
async fn write(line: &TcpStream, mut answer: &[u8]) {
    while !answer.is_empty() && line.writable().await.is_ok() {
        match line.try_write(answer) {
            Ok(count) => answer = &answer[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

fn response(status: &str, words: &str) -> String {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>powerbi-push</title>\
         <body style=\"font:1.2em system-ui,sans-serif;margin:4em\"><p>{words}<p>You can close this window."
    );
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         Referrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{page}",
        page.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_request_that_knows_the_state_brings_something() {
        let state = SecretString::from("s-1");
        let code = |line: &str| returned(line, &state).map(Returned::into_code);
        let brought = code("GET /?code=a%2Bb&state=s-1&session_state=x HTTP/1.1").unwrap().unwrap();
        assert_eq!(brought.expose_secret(), "a+b");
        let refused = code("GET /?error=access_denied&state=s-1 HTTP/1.1").unwrap().unwrap_err();
        assert_eq!(refused["error"], "access_denied");
        for other in [
            "GET / HTTP/1.1",
            "GET /?code=a HTTP/1.1",
            "GET /?code=a&state=s-2 HTTP/1.1",
            "GET /?code=a&state= HTTP/1.1",
            "GET /favicon.ico?code=a&state=s-1 HTTP/1.1",
            "POST /?code=a&state=s-1 HTTP/1.1",
            "GET",
            "",
        ] {
            assert!(code(other).is_none(), "{other}");
        }
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_said() {
        let first = Redirect::bind(0).await.unwrap();
        let error = Redirect::bind(first.port).await.unwrap_err();
        assert!(error.message.contains(&format!("the port {} of this machine", first.port)), "{error}");
        assert!(error.hint.unwrap().contains("redirect_port="));
    }
}
