//! What was asked and how it was answered, within a bounded memory.

use std::collections::VecDeque;
use std::time::Duration;

use axum::http::HeaderMap;
use bytes::Bytes;

/// Bodies that are kept, in bytes.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// Requests that are kept.
const MOST_REQUESTS: usize = 100_000;
/// Headers that may hold a secret, whatever the service.
const SECRET_HEADERS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];

/// A request that arrived whole, and its answer.
///
/// The bodies of all requests are kept up to 64 MiB in total, beyond that only those of the newest requests; of the
/// requests themselves the newest 100,000.
#[derive(Debug, Clone)]
pub struct Request {
    /// 1 for the first.
    pub number: u64,
    /// The HTTP method.
    pub method: String,
    /// The path as it was sent, still encoded.
    pub path: String,
    /// What followed the `?`, still encoded; empty if nothing did. The key of a push URL is replaced by `***`.
    pub query: String,
    /// The vendor's name of the operation, such as `Datasets_PostRows`; a name of ours where it has none, such as
    /// `PushUrl_PostRows` and `Entra_Token`; `None` if it is none that the emulator has.
    pub operation: Option<&'static str>,
    /// Names in lower case; secrets replaced by `***`.
    pub headers: Vec<(String, String)>,
    /// The body; empty once it had to make room for newer ones. Secrets of a sign-in are replaced by `***`.
    pub body: Bytes,
    /// How long the body was.
    pub body_size: usize,
    /// The status of the answer; `None` if the connection was closed instead.
    pub status: Option<u16>,
    /// Why the request was refused.
    pub refusal: Option<String>,
    /// Rows that it added.
    pub rows: usize,
    /// When it was answered, counted from the start of the clock.
    pub at: Duration,
    /// How long the answer took once the request was there, by the real clock.
    pub took: Duration,
}

/// The requests, oldest first.
#[derive(Debug, Default)]
pub(super) struct Log {
    requests: VecDeque<Request>,
    /// How many there were, which is the number of the newest.
    pub(super) newest: u64,
    /// How many of all were refused, or not answered.
    pub(super) refused: u64,
    body_bytes: usize,
    /// The number of the oldest request whose body is still there.
    first_body: u64,
}

impl Log {
    /// Takes a request in, gives it its number and makes room.
    pub(super) fn add(&mut self, mut request: Request) -> u64 {
        self.newest += 1;
        request.number = self.newest;
        self.refused += u64::from(request.status.is_none_or(|status| status >= 400));
        self.body_bytes += request.body.len();
        self.requests.push_back(request);
        if self.requests.len() > MOST_REQUESTS {
            self.body_bytes -= self.requests.pop_front().map_or(0, |oldest| oldest.body.len());
        }
        while self.body_bytes > MOST_BYTES && self.first_body < self.newest {
            self.forget_body();
        }
        self.newest
    }

    fn forget_body(&mut self) {
        let oldest = self.requests.front().map_or(self.newest, |request| request.number);
        self.first_body = self.first_body.max(oldest);
        let at = usize::try_from(self.first_body - oldest).unwrap_or(usize::MAX);
        if let Some(request) = self.requests.get_mut(at).filter(|request| request.number < self.newest) {
            self.body_bytes -= std::mem::take(&mut request.body).len();
        }
        self.first_body += 1;
    }

    pub(super) fn requests(&self) -> impl DoubleEndedIterator<Item = &Request> {
        self.requests.iter()
    }
}

/// The headers as the log may show them; `secret` are those of the service that may hold one, too.
pub(super) fn redacted(headers: &HeaderMap, secret: &[&str]) -> Vec<(String, String)> {
    let shown = |name: &str, value: &[u8]| {
        if SECRET_HEADERS.contains(&name) || secret.contains(&name) {
            "***".to_owned()
        } else {
            String::from_utf8_lossy(value).into_owned()
        }
    };
    headers.iter().map(|(name, value)| (name.to_string(), shown(name.as_str(), value.as_bytes()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(size: usize) -> Request {
        Request {
            number: 0,
            method: "POST".into(),
            path: "/".into(),
            query: String::new(),
            operation: None,
            headers: Vec::new(),
            body: Bytes::from(vec![0; size]),
            body_size: size,
            status: Some(200),
            refusal: None,
            rows: 0,
            at: Duration::ZERO,
            took: Duration::ZERO,
        }
    }

    #[test]
    fn the_bodies_of_the_newest_requests_are_kept() {
        let mut log = Log::default();
        for size in [MOST_BYTES / 2, 1, MOST_BYTES / 2, 0, MOST_BYTES / 2] {
            log.add(request(size));
        }
        let kept: Vec<usize> = log.requests().map(|request| request.body.len()).collect();
        assert_eq!(kept, [0, 0, MOST_BYTES / 2, 0, MOST_BYTES / 2]);
        let sizes: Vec<usize> = log.requests().map(|request| request.body_size).collect();
        assert_eq!(sizes, [MOST_BYTES / 2, 1, MOST_BYTES / 2, 0, MOST_BYTES / 2]);
    }

    #[test]
    fn the_newest_body_is_kept_whatever_its_size() {
        let mut log = Log::default();
        log.add(request(7));
        log.add(request(MOST_BYTES + 1));
        let kept: Vec<usize> = log.requests().map(|request| request.body.len()).collect();
        assert_eq!(kept, [0, MOST_BYTES + 1]);
    }

    #[test]
    fn the_oldest_requests_make_room() {
        let mut log = Log::default();
        for _ in 0..=MOST_REQUESTS {
            log.add(request(1));
        }
        assert_eq!(log.requests().map(|request| request.number).next(), Some(2));
        assert_eq!(log.body_bytes, MOST_REQUESTS);
    }
}
