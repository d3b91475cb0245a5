//! Reads requests, discards them and answers as the service does: the far end of the benchmarks.
//!
//! It prints its port, serves each connection on a thread of its own, and ends with its standard input.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// What a dataset that takes rows looks like.
const DATASET: &str = r#"{"id":"cfafbeb1-8037-4d0c-896e-a46fb27ff229","name":"Sales","addRowsAPIEnabled":true}"#;

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            thread::spawn(move || serve(connection));
        }
    });
    io::copy(&mut io::stdin(), &mut io::sink()).map(drop)
}

/// Exchanges until the other side has had enough.
fn serve(connection: TcpStream) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut answers = connection.try_clone()?;
    let mut requests = BufReader::with_capacity(1 << 16, connection);
    let mut head = Vec::new();
    while read_head(&mut requests, &mut head)? {
        let length = content_length(&head);
        if expects_continue(&head) {
            answers.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        io::copy(&mut (&mut requests).take(length), &mut io::sink())?;
        let body = if head.starts_with(b"GET ") { DATASET } else { "" };
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nContent-Type: application/json; charset=utf-8\r\n\
             RequestId: 3c1b2d9e-6a0f-4f0e-9a1d-2b7c8d9e0f1a\r\n\r\n{body}"
        );
        answers.write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// Reads up to the empty line; `false` where no request follows.
fn read_head(requests: &mut impl BufRead, head: &mut Vec<u8>) -> io::Result<bool> {
    head.clear();
    while !head.ends_with(b"\r\n\r\n") {
        if requests.read_until(b'\n', head)? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

fn content_length(head: &[u8]) -> u64 {
    field(head, "content-length").and_then(|value| value.parse().ok()).unwrap_or(0)
}

fn expects_continue(head: &[u8]) -> bool {
    field(head, "expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
}

fn field<'h>(head: &'h [u8], name: &str) -> Option<&'h str> {
    let head = std::str::from_utf8(head).ok()?;
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}
