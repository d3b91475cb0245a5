//! An upload session, as the delivery engine fills it: opened, filled chunk by chunk, published, and deleted on every way out.
//!
//! ```text
//!  open ─▶ PUT chunk … ─▶ commit: publish ─▶ publishStatus … ─▶ DELETE
//!   ▲          └─ the login has ended: once more from the start ─┐
//!   └────────────────────────────────────────────────────────────┘
//! ```
//!
//! Source: "Create a dataset incrementally with multiple requests" (facts/microstrategy 4.1). What the service does with an
//! upload session of a login that has ended is not written down: it is taken for lost, so that everything is sent again.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, Url};
use serde_json::{Value, json};

use super::Policy;
use super::address::below;
use super::answers::{Speech, has_refused};
use super::client::{Client, UploadCount};
use super::operation::{ANSWER_LIMIT, Call, Setback};
use super::read::{json, required, unreadable, whole};
use super::unpublished::Unpublished;
use super::waiting::{ROWS, WaitingRows};
use crate::clock::Moment;
use crate::delivery::queue::Queue;
use crate::delivery::worker::{Delivery, OnFailure, Opening, Policy as DeliveryPolicy};
use crate::delivery::{Committed, Committing, Fault, Parcel, Route, Session, Sink, Verdict};
use crate::error::{Error, Kind, Result};
use crate::http::transport::{Reach, Request};
use crate::http::{Answer, Dialect, Exchanges, Later};
use crate::rate_limit::Watch;
use crate::rows::encode::{Framing, Limits};

/// How long a dataset that was just made may be unknown to the service. Source: mstrio-py, issue 150.
const NEW_DATASET_LAG: Duration = Duration::from_secs(30);
/// Waits between two looks at something that takes its time; they double up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How long publishing may take.
const PUBLISHING: Duration = Duration::from_secs(3_600);
/// How long answers that say nothing of it are borne with.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a session that is of no more use is tried to be deleted.
const TIDYING: Duration = Duration::from_secs(10);
/// How often a login is kept alive while an upload needs it: it ends after 1,800 s without a request
/// (facts/microstrategy 2.1).
const KEEPING: Duration = Duration::from_secs(300);

const IN_THE_WAY: &str = "an upload that was opened without an answer may be in the way: it ends with its login";

/// States of publishing. Source: `EnumDSSXMLStatus`: result; error message and request execution error.
const RESULT: i64 = 1;
const FAILURES: [i64; 2] = [3, 18];

/// A table that is filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableUpdate {
    /// The table.
    pub table: String,
    /// What becomes of rows that are there.
    pub policy: Policy,
    /// The columns, in the order of the values.
    pub columns: Vec<String>,
}

/// A dataset that is uploaded to.
#[derive(Debug)]
pub struct Upload {
    client: Client,
    /// It may not be known to all of the service yet.
    is_new: bool,
    /// Its parts.
    updates: Vec<TableUpdate>,
    /// Bytes of Base64 in one chunk.
    chunk: usize,
    url: Url,
    _count: UploadCount,
}

impl Upload {
    /// An upload to tables of the dataset with that id, in chunks of at most so many bytes of Base64.
    pub fn new(client: Client, dataset: &str, is_new: bool, updates: Vec<TableUpdate>, chunk: u64) -> Result<Self> {
        let url = below(&client.root, &["datasets", dataset, "uploadSessions"])?;
        let chunk = usize::try_from(chunk).unwrap_or(usize::MAX);
        Ok(Self { _count: client.begin_upload(), client, is_new, updates, chunk, url })
    }

    /// The exchanges by which it is reached.
    #[must_use]
    pub fn http(&self) -> Arc<Exchanges> {
        Arc::clone(&self.client.http)
    }

    /// A call below the upload's address; its project was found when it was opened.
    fn call(&self, method: Method, path: &[&str], doing: &'static str) -> Call {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path);
        }
        Call::new(method, url, doing).within(self.client.found_project())
    }

    /// `POST uploadSessions`, again where the login had ended, or nobody knows the id of the session that was opened.
    async fn open(&self, client: &Client) -> Result<String> {
        let tables: Vec<_> = self.updates.iter().map(TableUpdate::as_json).collect();
        client.project().await?;
        let call = self.call(Method::POST, &[], "opening the upload").with(&json!({"tables": tables}));
        let (clock, mut failures) = (&client.clock, 0);
        let (until, mut wait) = (clock.now() + NEW_DATASET_LAG, FIRST_WAIT);
        loop {
            match client.attempt(&call).await {
                Ok(answer) => return required(&json(&answer)?, &["uploadSessionId", "id"]),
                Err(setback) if self.is_new && setback.error.kind == Kind::NotFound && clock.now() + wait < until => {
                    clock.sleep_until(clock.now() + wait).await;
                    wait = LONGEST_WAIT.min(wait * 2);
                }
                Err(setback) => {
                    let is_unknown = setback.in_doubt && !has_refused(&setback.error);
                    failures += 1;
                    if is_unknown {
                        // A session of which nobody knows the id would be in the way: it ends with the login.
                        client.log_out_alone().await.ok();
                    }
                    if !(is_unknown || setback.renewed) || failures > 1 && !client.retry.allows(failures) {
                        return Err(if failures > 1 { setback.error.with_hint(IN_THE_WAY) } else { setback.error });
                    }
                    if is_unknown {
                        clock.sleep_until(clock.now() + client.retry.delay(failures)).await;
                    }
                }
            }
        }
    }

    /// `POST publish`, never twice, and then looks until it is done.
    async fn publish(&self, client: &Client, session: &Session) -> Result<(), Setback> {
        let call = self.call(Method::POST, &[id(session), "publish"], "publishing");
        let doubt = match client.attempt(&call).await {
            Ok(_) => None,
            Err(setback) if setback.in_doubt => Some(setback.error),
            Err(setback) => return Err(setback),
        };
        self.look(client, session, doubt).await
    }

    /// `GET publishStatus` until it is done. Where the answer to publish got lost, `doubt` says why.
    async fn look(&self, client: &Client, session: &Session, doubt: Option<Error>) -> Result<(), Setback> {
        let call = self.call(Method::GET, &[id(session), "publishStatus"], "asking whether it is published");
        let (clock, unsure) = (&client.clock, |error: Error| Setback { error, in_doubt: true, renewed: false });
        let (until, mut wait) = (clock.now() + PUBLISHING, FIRST_WAIT);
        let mut patience = clock.now() + PATIENCE;
        loop {
            let next = clock.now() + wait;
            match client
                .call_again(call.clone())
                .await
                .map_err(|setback| setback.error)
                .and_then(|answer| status(&answer))
            {
                Ok((_, RESULT)) => return Ok(()),
                Ok((said, state)) if FAILURES.contains(&state) => return Err(failed(&said).into()),
                Ok(_) => patience = next + PATIENCE,
                Err(error) if is_stray(&error) && next < patience => {}
                Err(error) => return Err(unsure(doubt.unwrap_or(error))),
            }
            if next > until {
                let message = format!("the service is still publishing after {} s", PUBLISHING.as_secs());
                return Err(unsure(Error::new(Kind::Deadline, message)));
            }
            clock.sleep_until(next).await;
            wait = LONGEST_WAIT.min(wait * 2);
        }
    }

    /// `DELETE uploadSessions/{id}`: whatever becomes of it, nobody needs the session any more.
    async fn delete(&self, session: &Session) -> Result<()> {
        let call = self.call(Method::DELETE, &[id(session)], "deleting the upload");
        let clock = &self.client.clock;
        tokio::select! {
            deleted = self.client.call(call) => deleted.map(drop),
            () = clock.deadline(clock.now() + TIDYING) => {
                Err(Error::new(Kind::TransportTimeout, "deleting the upload was not answered"))
            }
        }
    }
}

impl TableUpdate {
    /// Where rows that wait go.
    #[must_use]
    pub fn of(rows: &WaitingRows) -> Self {
        let columns = rows.table.columns.iter().map(|column| column.name.clone()).collect();
        Self { table: rows.table.name.clone(), policy: rows.policy, columns }
    }

    fn as_json(&self) -> Value {
        json!({"name": self.table, "updatePolicy": self.policy.word(), "columnHeaders": self.columns})
    }
}

fn id(session: &Session) -> &str {
    session.id.as_deref().unwrap_or_default()
}

impl Sink for Upload {
    fn framing(&self) -> &'static Framing {
        &ROWS
    }

    fn limits(&self) -> Limits {
        Limits { max_rows: usize::MAX, max_bytes: self.chunk }
    }

    fn key(&self) -> &str {
        self.url.as_str()
    }

    /// The policy of a table says what becomes of its rows.
    fn clear(&self, _watch: Arc<dyn Watch>) -> Later<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    /// Chunks are numbered from 1, for each table by itself; the same number again is the same chunk again.
    fn open(&self, _numbered: bool, watch: Arc<dyn Watch>) -> Later<'_, Session> {
        Box::pin(async move {
            let id = self.open(&self.client.telling(watch)).await?;
            Ok(Session::new(Some(id), Some(0)))
        })
    }

    /// `PUT uploadSessions/{id}`.
    fn request(&self, session: &Session, parcel: Parcel) -> Request {
        let Parcel { body, sequence_number, part } = parcel;
        let table = Value::from(self.updates.get(part).map(|update| update.table.as_str()).unwrap_or_default());
        let index = sequence_number.unwrap_or_default();
        let before = format!("{{\"tableName\":{table},\"index\":{index},\"data\":\"");
        let Call { method, url, headers, .. } = self.call(Method::PUT, &[id(session)], "sending a chunk");
        let body = body.within(Bytes::from(before), Bytes::from_static(b"\"}"));
        Request { method, url, body, headers, answer_limit: ANSWER_LIMIT }
    }

    fn stages(&self) -> bool {
        true
    }

    fn restarts_with_sign_in(&self) -> bool {
        true
    }

    fn commit<'a>(&'a self, session: &'a Session, watch: Arc<dyn Watch>) -> Committing<'a> {
        Box::pin(async move {
            match self.publish(&self.client.telling(watch), session).await {
                Ok(()) => {
                    self.delete(session).await.ok();
                    Committed::Whole
                }
                Err(Setback { error, renewed: true, .. }) => Committed::Expired(error),
                Err(setback) => {
                    let Unpublished { error, in_doubt } = setback.into();
                    if in_doubt { Committed::InDoubt(error) } else { Committed::Nothing(error) }
                }
            }
        })
    }

    fn abandon<'a>(&'a self, session: &'a Session) -> Later<'a, ()> {
        Box::pin(async move {
            match self.delete(session).await {
                // It would be in the way of the next one: it ends with the login.
                Err(error) if error.kind != Kind::NotFound => self.client.log_out_alone().await,
                _ => Ok(()),
            }
        })
    }

    fn keeps_every(&self) -> Option<Duration> {
        Some(KEEPING)
    }

    /// `PUT sessions`.
    fn keep<'a>(&'a self, _session: &'a Session) -> Later<'a, ()> {
        Box::pin(async move {
            let url = below(&self.client.root, &["sessions"])?;
            let call = Call { renews: false, ..Call::new(Method::PUT, url, "keeping the session") };
            // Whatever holds the chunks does not hold this.
            self.client.aside().attempt(&call).await.map(drop).map_err(|setback| setback.error)
        })
    }

    /// A chunk is staged or not; nothing that the service says of it is about single rows.
    fn classify(&self, answer: &Answer) -> Verdict {
        match answer.status {
            200..300 if answer.is_html => Verdict::Misdirected,
            200..300 if answer.reach == Reach::Whole => Verdict::Staged,
            _ if Speech.is_expired(answer) => Verdict::Expired,
            413 => Verdict::TooLarge,
            429 => Verdict::NotApplied { told: answer.retry_after, throttled: true },
            200..300 => Verdict::NotApplied { told: answer.retry_after, throttled: false },
            _ if Speech.is_passing(answer) => Verdict::NotApplied { told: answer.retry_after, throttled: false },
            _ => Verdict::Misdirected,
        }
    }

    fn fault(&self, _answer: &Answer) -> Fault {
        Fault::Elsewhere
    }

    fn adds_columns_by(&self) -> &'static str {
        "by making another dataset"
    }
}

/// Rows on their way to an upload; nothing moves before [`Delivery::open_and_run`].
#[must_use]
pub fn delivery(upload: Upload, queue: Arc<Queue>, deadline: Option<Moment>) -> Arc<Delivery> {
    let Client { http, clock, limit, retry, .. } = upload.client.clone();
    let policy = DeliveryPolicy {
        retry,
        resend_doubt: true,
        isolate: false,
        deadline,
        // Whether a session takes several chunks at a time is not written down.
        workers: 1,
        on_failure: OnFailure::Stop,
        linger: None,
    };
    let route = Route { sink: Arc::new(upload), place: "the upload".into(), http, limit, clock, retry };
    Arc::new(route.delivery(queue, policy).opening(Opening::default()))
}

/// Where rows wait: `waiting` in the order of `updates`, each table once.
#[must_use]
pub fn queue(waiting: Vec<WaitingRows>, folder: PathBuf) -> (Vec<TableUpdate>, Queue) {
    let (mut updates, mut piles) = (Vec::<TableUpdate>::new(), Vec::new());
    // A table without rows stays as it is, whatever its policy.
    for rows in waiting.into_iter().filter(|rows| rows.rows > 0) {
        let update = TableUpdate::of(&rows);
        let known = updates.iter().position(|known| known.table == update.table);
        let part = known.unwrap_or(updates.len());
        if known.is_none() {
            updates.push(update);
        }
        piles.push(rows.into_pile().for_part(part));
    }
    let queue = Queue::in_piles(folder, piles);
    queue.close();
    (updates, queue)
}

/// Whether something else on the way may have answered; what passes was repeated already.
fn is_stray(error: &Error) -> bool {
    let by_kind = matches!(error.kind, Kind::Service | Kind::PermissionDenied | Kind::NotFound);
    by_kind && !has_refused(error) && error.answer.status.is_none_or(|status| status < 500)
}

/// What the service says of a publication, and its state.
fn status(answer: &Answer) -> Result<(Value, i64)> {
    let said = json(answer)?;
    let state = said.get("status").and_then(whole).ok_or_else(|| unreadable("it lacks `status`"))?;
    Ok((said, state))
}

/// What the service says of a publication that failed.
fn failed(said: &Value) -> Error {
    let text = |name: &str| said.get(name).and_then(Value::as_str).and_then(crate::error::one_line);
    let mut message = format!("publishing failed: {}", text("message").unwrap_or_else(|| "no reason was given".into()));
    if let Some(code) = said.get("iServerCode").filter(|code| !code.is_null()) {
        message = format!("{message} (iServerCode {code})");
    }
    if let Some(ticket) = text("ticketId") {
        message = format!("{message} (ticketId {ticket})");
    }
    let status = said.get("status").and_then(whole).map_or_else(String::new, |status| format!("status {status}"));
    Error::new(Kind::Service, message).with_answer(crate::error::ServiceAnswer {
        code: text("code").or(Some(status)),
        request_id: text("ticketId"),
        ..Default::default()
    })
}
