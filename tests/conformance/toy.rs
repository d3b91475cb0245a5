//! A service that there is not: rows a line each, staged until they are committed, signed by a header of its own. That it
//! is one file shows what a service touches.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use powerbi_push::clock::Clock;
use powerbi_push::delivery::{Committed, Committing, Fault, Parcel, Session, Sink, Verdict};
use powerbi_push::error::{Error, Kind};
use powerbi_push::http::transport::{Body, Progress, Reach, Request, Response};
use powerbi_push::http::{
    Answer, Authentication, Dialect, Exchanges, Later, Outcome, PermitRequest, Refusal, Said as Words, Signature,
};
use powerbi_push::rate_limit::{Ask, Ending, Quotas, RateLimit, Watch};
use powerbi_push::retry::Retry;
use powerbi_push::rows::encode::{Framing, Limits};
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, Url};

use crate::far_end::{Asked, Said};
use crate::subject::{Can, Reached, Subject, transport};

static LINES: Framing = Framing::new(b"", b"\n", b"\n");

/// The service, as the suite sees it.
pub(crate) struct Toy;

impl Subject for Toy {
    fn can(&self) -> Can {
        Can { sign_in_again: true, blame_rows: true, stage: true, ..Can::default() }
    }

    fn reach(&self, root: &Url, clock: &Clock) -> Reached {
        let http = Exchanges::new(transport(clock), Arc::new(ToyWords)).signed_by(Arc::new(Pass::default()));
        let http = Arc::new(http);
        let limit = RateLimit::alone(clock.clone(), Quotas::NONE);
        Reached { sink: Arc::new(Upload { root: root.clone(), http: Arc::clone(&http), limit }), http }
    }

    fn rows(&self, asked: &Asked) -> Option<Vec<i64>> {
        let id = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["Id"].as_i64().unwrap();
        (asked.method == "PUT").then(|| asked.body.lines().map(id).collect())
    }

    fn answer(&self, asked: &Asked) -> Said {
        assert!(asked.head.contains("x-toy-pass: pass-"), "{}", asked.head);
        match asked.target.as_str() {
            "/uploads" => Said::empty(201).saying("u-1"),
            _ => Said::empty(204),
        }
    }

    fn commits(&self, asked: &Asked) -> bool {
        asked.target.ends_with("/commit")
    }

    fn discards(&self, asked: &Asked) -> bool {
        asked.method == "DELETE" || asked.target == "/uploads"
    }
}

/// Its answers need no reading.
#[derive(Debug)]
struct ToyWords;

impl Dialect for ToyWords {
    fn read(&self, response: &Response, _secrets: &[&str]) -> Words {
        let message = String::from_utf8_lossy(&response.body).into_owned();
        let refusal = Refusal { code: None, message: (response.status >= 400).then_some(message) };
        Words { request_id: response.header("requestid"), refusal, denies: false }
    }

    fn explain(&self, answer: &Answer, doing: &str) -> Error {
        Error::new(Kind::Service, format!("{doing}: the toy answered {}{}", answer.status, answer.refusal.said()))
    }
}

/// Its sign-in: a pass, with a number that rises.
#[derive(Debug, Default)]
struct Pass(AtomicU64);

impl Authentication for Pass {
    fn sign<'a>(&'a self, _request: &'a Request) -> Later<'a, Signature> {
        let generation = self.0.load(Ordering::Relaxed);
        let value = HeaderValue::try_from(format!("pass-{generation}")).unwrap();
        let headers = vec![(HeaderName::from_static("x-toy-pass"), value)];
        Box::pin(async move { Ok(Signature { headers, secrets: Vec::new(), generation }) })
    }

    fn renew(&self, refused: u64) -> Later<'_, bool> {
        let _ = self.0.compare_exchange(refused, refused + 1, Ordering::Relaxed, Ordering::Relaxed);
        Box::pin(async { Ok(true) })
    }
}

/// Its sink: an upload.
#[derive(Debug)]
struct Upload {
    root: Url,
    http: Arc<Exchanges>,
    limit: RateLimit,
}

impl Upload {
    fn asking(&self, method: Method, path: &str, body: Body) -> Request {
        Request { method, url: self.root.join(path).unwrap(), headers: Vec::new(), body, answer_limit: 1_000 }
    }

    async fn ask(&self, method: Method, path: &str, watch: &dyn Watch) -> Result<Outcome, Error> {
        let ask = Ask { rows: 0, retry: Retry::default(), failed: None };
        let wanted = PermitRequest { limit: &self.limit, ask, deadline: None, watch };
        let request = self.asking(method, path, Body::default());
        let mut sent = self.http.send(&request, wanted, &Arc::new(Progress::default())).await?;
        sent.permit.end(Ending::Taken);
        Ok(sent.outcome)
    }
}

impl Sink for Upload {
    fn framing(&self) -> &'static Framing {
        &LINES
    }

    fn limits(&self) -> Limits {
        Limits { max_rows: 1_000, max_bytes: 100_000 }
    }

    fn key(&self) -> &str {
        self.root.as_str()
    }

    fn clear(&self, _watch: Arc<dyn Watch>) -> Later<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn open(&self, _numbered: bool, watch: Arc<dyn Watch>) -> Later<'_, Session> {
        Box::pin(async move {
            match self.ask(Method::POST, "/uploads", &*watch).await? {
                Outcome::Answered(answer) if answer.status == 201 => {
                    let id = String::from_utf8_lossy(&answer.body).into_owned();
                    Ok(Session::new(Some(id), Some(0)))
                }
                _ => Err(Error::new(Kind::Service, "there is no upload")),
            }
        })
    }

    fn request(&self, session: &Session, parcel: Parcel) -> Request {
        let path = format!("/uploads/{}/{}", session.id.as_deref().unwrap(), parcel.sequence_number.unwrap());
        self.asking(Method::PUT, &path, parcel.body)
    }

    fn stages(&self) -> bool {
        true
    }

    fn commit<'a>(&'a self, session: &'a Session, watch: Arc<dyn Watch>) -> Committing<'a> {
        Box::pin(async move {
            let path = format!("/uploads/{}/commit", session.id.as_deref().unwrap());
            match self.ask(Method::POST, &path, &*watch).await {
                Ok(Outcome::Answered(answer)) if answer.status == 204 => Committed::Whole,
                Ok(Outcome::Answered(answer)) => Committed::Nothing(self.http.explain(&answer, "committing")),
                Ok(Outcome::Failed(failure)) => Committed::InDoubt(failure.to_error()),
                Err(error) => Committed::Nothing(error),
            }
        })
    }

    fn abandon<'a>(&'a self, session: &'a Session) -> Later<'a, ()> {
        Box::pin(async move {
            let path = format!("/uploads/{}", session.id.as_deref().unwrap());
            self.ask(Method::DELETE, &path, &()).await.map(drop)
        })
    }

    fn restarts_with_sign_in(&self) -> bool {
        true
    }

    fn classify(&self, answer: &Answer) -> Verdict {
        match answer.status {
            204 if answer.reach == Reach::Whole => Verdict::Staged,
            401 => Verdict::Expired,
            413 => Verdict::TooLarge,
            429 => Verdict::NotApplied { told: answer.retry_after, throttled: true },
            400..500 => Verdict::Rejected,
            _ => Verdict::InDoubt,
        }
    }

    fn fault(&self, answer: &Answer) -> Fault {
        if answer.status == 400 { Fault::Rows } else { Fault::Elsewhere }
    }

    fn adds_columns_by(&self) -> &'static str {
        "by asking the toy"
    }
}
