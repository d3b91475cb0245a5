//! A far end that a script drives: it applies what arrives, answers as the service would, or fails as it is told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use reqwest::Url;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::subject::Subject;

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) target: String,
    /// Its headers, one a line, as they came.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    status: u16,
    headers: String,
    body: String,
}

impl Said {
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: "RequestId: r-1\r\n".into(), body: String::new() }
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

/// What the far end does with a request that carries rows.
#[derive(Debug, Clone)]
pub(crate) enum Turn {
    /// What the service would.
    Take,
    /// It takes the rows, and the answer is lost.
    LoseAnswer,
    /// It answers so, and does not take the rows.
    Say(Said),
}

/// What is at the far end.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(crate) asked: Vec<Asked>,
    /// The rows that count, in the order in which they came, resends included.
    pub(crate) rows: Vec<i64>,
    pub(crate) staged: Vec<i64>,
    turns: VecDeque<Turn>,
    /// What the next commit does.
    pub(crate) commits: VecDeque<Turn>,
}

#[derive(Clone)]
pub(crate) struct FarEnd {
    pub(crate) root: Url,
    held: Arc<Mutex<Held>>,
    subject: &'static dyn Subject,
}

impl FarEnd {
    /// Begins; requests with rows are dealt with by `turns`, one after the other, and by taking them from then on.
    pub(crate) async fn start(subject: &'static dyn Subject, turns: impl IntoIterator<Item = Turn>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let root = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let held = Held { turns: turns.into_iter().collect(), ..Held::default() };
        let far_end = Self { root, held: Arc::new(Mutex::new(held)), subject };
        let serving = far_end.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        far_end
    }

    pub(crate) fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap()
    }

    /// The ids that count, each once.
    pub(crate) fn ids(&self) -> Vec<i64> {
        let mut ids = self.held().rows.clone();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    async fn serve(self, mut stream: TcpStream) {
        while let Some(asked) = read(&mut stream).await {
            let Some(Said { status, headers, body }) = self.deal_with(&asked) else { return };
            let length = body.len();
            let text = format!("HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\n{headers}\r\n{body}");
            if stream.write_all(text.as_bytes()).await.is_err() {
                return;
            }
        }
    }

    /// What is answered; `None` is a connection that ends.
    fn deal_with(&self, asked: &Asked) -> Option<Said> {
        let mut held = self.held();
        held.asked.push(asked.clone());
        if self.subject.discards(asked) {
            held.staged.clear();
        }
        if self.subject.commits(asked) {
            let turn = held.commits.pop_front().unwrap_or(Turn::Take);
            if matches!(turn, Turn::Take | Turn::LoseAnswer) {
                let staged = std::mem::take(&mut held.staged);
                held.rows.extend(staged);
            }
            return self.said(turn, asked);
        }
        let Some(rows) = self.subject.rows(asked) else { return Some(self.subject.answer(asked)) };
        let turn = held.turns.pop_front().unwrap_or(Turn::Take);
        if matches!(turn, Turn::Take | Turn::LoseAnswer) {
            if self.subject.can().stage { held.staged.extend(rows) } else { held.rows.extend(rows) }
        }
        self.said(turn, asked)
    }

    fn said(&self, turn: Turn, asked: &Asked) -> Option<Said> {
        match turn {
            Turn::Take => Some(self.subject.answer(asked)),
            Turn::Say(said) => Some(said),
            Turn::LoseAnswer => None,
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
    let head = String::from_utf8(data).ok()?.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    while body.len() < length.unwrap_or(0) {
        stream.read_buf(&mut body).await.ok()?;
    }
    let mut words = head.lines().next()?.splitn(3, ' ').map(str::to_owned);
    let (method, target) = (words.next()?.to_ascii_uppercase(), words.next()?);
    Some(Asked { method, target, head, body: String::from_utf8(body).ok()? })
}
