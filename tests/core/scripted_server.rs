//! The scriptable server of the Rust tests: HTTP on this machine, answered as a closure says, one request at a time.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// The path and the query, as they stood in the request line.
    pub(crate) target: String,
    /// The request line and the headers, in lower case.
    #[allow(dead_code, reason = "the suite of the sinks looks at it, the tests of the core do not")]
    pub(crate) head: String,
    pub(crate) body: String,
}

/// An answer; without a status the connection ends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    status: Option<u16>,
    headers: String,
    body: String,
}

impl Said {
    /// An answer of the service, with the id that it gives a request.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status: Some(status), headers: "RequestId: r-1\r\n".into(), body: String::new() }
    }

    /// The connection ends without a byte.
    pub(crate) fn nothing() -> Self {
        Self::default()
    }

    pub(crate) fn with(mut self, header: &str) -> Self {
        self.headers.push_str(header);
        self.headers.push_str("\r\n");
        self
    }

    pub(crate) fn saying(self, body: &str) -> Self {
        Self { body: body.into(), ..self }
    }
}

type Answering = Arc<Mutex<dyn FnMut(&Asked) -> Said + Send>>;

/// Has `answer` answer whatever comes from now on, and tells scheme and host.
pub(crate) async fn serve(answer: impl FnMut(&Asked) -> Said + Send + 'static) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let root = format!("http://{}", listener.local_addr().unwrap());
    let answer: Answering = Arc::new(Mutex::new(answer));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_all(stream, Arc::clone(&answer)));
        }
    });
    root
}

/// Answers what comes on one connection until it ends.
async fn answer_all(mut stream: TcpStream, answer: Answering) {
    while let Some(asked) = read(&mut stream).await {
        let Said { status, headers, body } = (answer.lock().unwrap())(&asked);
        let Some(status) = status else { return };
        let length = body.len();
        let text = format!("HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\n{headers}\r\n{body}");
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut data = Vec::new();
    let end = loop {
        if let Some(at) = data.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut data).await.ok()? == 0 {
            return None;
        }
    };
    let mut body = data.split_off(end);
    let head = String::from_utf8(data).ok()?;
    let mut words = head.lines().next()?.splitn(3, ' ').map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    while body.len() < length.unwrap_or(0) {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Asked { method, target, head, body: String::from_utf8(body).ok()? })
}
