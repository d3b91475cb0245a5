//! An upload session: opened, filled chunk by chunk, published, and deleted on every way out.
//!
//! ```text
//!  open ─▶ PUT chunk … ─▶ publish ─▶ publishStatus … ─▶ delete
//!   ▲          └─ the login has ended: once more from the start ─┐
//!   └────────────────────────────────────────────────────────────┘
//! ```
//!
//! Source: "Create a dataset incrementally with multiple requests". What the service does with an upload session of a login
//! that has ended is not written down: it is taken for lost, so that everything is sent again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};

use super::Policy;
use super::address::below;
use super::client::Client;
use super::operation::{Call, Setback};
use super::read::{json, required, whole};
use super::staging::Part;
use crate::error::{Error, Kind, Result};
use crate::http::transport::{Body, Spooled, base64_length};

/// How long a dataset that was just made may be unknown to the service. Source: mstrio-py, issue 150.
const LAG: Duration = Duration::from_secs(30);
/// Waits between two looks at something that takes its time; they double up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How long publishing may take.
const PUBLISHING: Duration = Duration::from_secs(3_600);
/// How long a session that is of no more use is tried to be deleted.
const TIDYING: Duration = Duration::from_secs(10);

/// States of publishing. Source: `EnumDSSXMLStatus`: result; error message and request execution error.
const RESULT: i64 = 1;
const FAILURES: [i64; 2] = [3, 18];

/// The rows of one table.
#[derive(Debug, Clone)]
pub struct Load {
    /// The table.
    pub table: String,
    /// What becomes of rows that are there.
    pub policy: Policy,
    /// The columns, in the order of the values.
    pub columns: Vec<String>,
    /// The chunks.
    pub parts: Vec<Part>,
}

/// Why rows are not published, as far as that is known.
#[derive(Debug)]
pub struct Trouble {
    /// What happened.
    pub error: Error,
    /// They may have been published all the same.
    pub in_doubt: bool,
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self { error, in_doubt: false }
    }
}

impl From<Setback> for Trouble {
    fn from(setback: Setback) -> Self {
        if setback.in_doubt { Self::doubt(setback.error) } else { setback.error.into() }
    }
}

impl Trouble {
    /// Rows may have been published, for all that is known after `error`.
    pub(super) fn doubt(error: Error) -> Self {
        let message = format!("whether the rows were published is not known: {}", error.message);
        let doubt = Error::new(Kind::InDoubt, message).with_answer((*error.answer).clone());
        let hint = "look at the dataset; with policy=\"upsert\" or \"replace\" the same rows can be pushed again";
        Self { error: doubt.with_hint(hint).caused_by(error), in_doubt: true }
    }
}

/// How far an upload is.
#[derive(Debug, Default)]
pub struct Course {
    session: Mutex<Option<String>>,
    sent: AtomicU64,
    total: AtomicU64,
    /// Publishing has been asked for, and was not refused.
    publishing: AtomicBool,
}

impl Course {
    /// Bytes of Base64 that the service has, and that there are.
    #[must_use]
    pub fn bytes(&self) -> (u64, u64) {
        (self.sent.load(Ordering::Acquire), self.total.load(Ordering::Acquire))
    }

    /// Whether the service is publishing.
    #[must_use]
    pub fn is_publishing(&self) -> bool {
        self.publishing.load(Ordering::Acquire)
    }

    fn open(&self, id: Option<String>) -> Option<String> {
        std::mem::replace(&mut *self.session.lock().unwrap_or_else(PoisonError::into_inner), id)
    }
}

impl Client {
    /// Uploads and publishes `loads`, all or none of them, unless `stop` comes first and says why. A dataset that `is_new`
    /// may not be known to all of the service yet.
    pub async fn upload(
        &self,
        dataset: &str,
        is_new: bool,
        loads: &[Load],
        course: &Course,
        stop: impl Future<Output = Error>,
    ) -> Result<(), Trouble> {
        let parts = loads.iter().flat_map(|load| &load.parts);
        course.total.store(parts.map(|part| base64_length(part.range.end - part.range.start)).sum(), Ordering::Release);
        let outcome = tokio::select! {
            biased;
            outcome = self.deliver(dataset, is_new, loads, course) => outcome,
            error = stop => Err(Trouble { error, in_doubt: course.is_publishing() }),
        };
        self.tidy(dataset, course).await;
        outcome
    }

    async fn deliver(&self, dataset: &str, is_new: bool, loads: &[Load], course: &Course) -> Result<(), Trouble> {
        let mut again = true;
        loop {
            match self.deliver_once(dataset, is_new, loads, course).await {
                Err(setback) if setback.renewed && again => {
                    again = false;
                    self.tidy(dataset, course).await;
                    course.sent.store(0, Ordering::Release);
                }
                Err(setback) => return Err(setback.into()),
                Ok(()) => return Ok(()),
            }
        }
    }

    async fn deliver_once(&self, dataset: &str, is_new: bool, loads: &[Load], course: &Course) -> Result<(), Setback> {
        let id = self.open_session(dataset, is_new, loads).await?;
        course.open(Some(id.clone()));
        // Chunks are counted by table, on through several loads of one.
        let mut indexes: HashMap<&str, usize> = HashMap::new();
        for load in loads {
            for part in &load.parts {
                let index = indexes.entry(&load.table).or_default();
                *index += 1;
                self.send_chunk(dataset, &id, load, *index, part).await?;
                course.sent.fetch_add(base64_length(part.range.end - part.range.start), Ordering::AcqRel);
            }
        }
        self.publish(dataset, &id, course).await
    }

    /// `POST uploadSessions`.
    async fn open_session(&self, dataset: &str, is_new: bool, loads: &[Load]) -> Result<String, Setback> {
        let mut tables: Vec<Value> = Vec::new();
        for load in loads {
            let listed = tables.iter().any(|known| known["name"] == load.table.as_str());
            if !listed {
                let (policy, columns) = (load.policy.word(), &load.columns);
                tables.push(json!({"name": load.table, "updatePolicy": policy, "columnHeaders": columns}));
            }
        }
        let url = below(&self.root, &["datasets", dataset, "uploadSessions"])?;
        let call = Call::new(Method::POST, url, "opening the upload").with(&json!({"tables": tables}));
        let call = self.within(call).await?;
        let (until, mut wait) = (self.clock.now() + LAG, FIRST_WAIT);
        let answer = loop {
            match self.attempt(&call).await {
                Ok(answer) => break answer,
                Err(setback) if is_new && setback.error.kind == Kind::NotFound && self.clock.now() + wait < until => {
                    self.clock.sleep_until(self.clock.now() + wait).await;
                    wait = LONGEST_WAIT.min(wait * 2);
                }
                // A session of which nobody knows the id would be in the way: it ends with the login.
                Err(setback) if setback.in_doubt => {
                    self.log_out().await.ok();
                    return Err(Setback { in_doubt: false, renewed: true, ..setback });
                }
                Err(setback) => return Err(setback),
            }
        };
        Ok(required(&json(&answer)?, &["uploadSessionId", "id"])?)
    }

    /// `PUT uploadSessions/{id}`: the same index again is the same chunk again.
    async fn send_chunk(&self, dataset: &str, id: &str, load: &Load, index: usize, part: &Part) -> Result<(), Setback> {
        let url = below(&self.root, &["datasets", dataset, "uploadSessions", id])?;
        let table = Value::from(load.table.as_str());
        let spooled = Spooled {
            before: Bytes::from(format!("{{\"tableName\":{table},\"index\":{index},\"data\":\"")),
            file: Arc::clone(&part.file),
            range: part.range.clone(),
            after: Bytes::from_static(b"\"}"),
        };
        let mut call = self.within(Call::new(Method::PUT, url, "sending a chunk")).await?;
        call.body = Body::Spooled(Arc::new(spooled));
        self.attempt(&call).await.map(drop)
    }

    /// `POST publish`, never twice, and then looks until it is done.
    async fn publish(&self, dataset: &str, id: &str, course: &Course) -> Result<(), Setback> {
        let url = below(&self.root, &["datasets", dataset, "uploadSessions", id, "publish"])?;
        let call = self.within(Call::new(Method::POST, url, "publishing")).await?;
        course.publishing.store(true, Ordering::Release);
        let doubt = match self.attempt(&call).await {
            Ok(_) => None,
            Err(setback) if setback.in_doubt => Some(setback.error),
            Err(setback) => {
                course.publishing.store(false, Ordering::Release);
                return Err(setback);
            }
        };
        self.look(dataset, id, doubt, course).await
    }

    /// `GET publishStatus` until it is done. Where the answer to publish got lost, `doubt` says why.
    async fn look(&self, dataset: &str, id: &str, doubt: Option<Error>, course: &Course) -> Result<(), Setback> {
        let url = below(&self.root, &["datasets", dataset, "uploadSessions", id, "publishStatus"])?;
        let call = self.within(Call::new(Method::GET, url, "asking whether it is published")).await?;
        let (until, mut wait) = (self.clock.now() + PUBLISHING, FIRST_WAIT);
        let unsure = |error: Error| Setback { error, in_doubt: true, renewed: false };
        loop {
            let answer = match self.call_again(call.clone()).await {
                Ok(answer) => answer,
                Err(setback) => {
                    return Err(unsure(doubt.unwrap_or(setback.error)));
                }
            };
            let said = json(&answer).map_err(unsure)?;
            let status = said.get("status").and_then(whole);
            if status == Some(RESULT) {
                return Ok(());
            }
            if status.is_some_and(|status| FAILURES.contains(&status)) {
                course.publishing.store(false, Ordering::Release);
                return Err(failed(&said).into());
            }
            if self.clock.now() + wait > until {
                let message = format!("the service is still publishing after {} s", PUBLISHING.as_secs());
                return Err(unsure(Error::new(Kind::Deadline, message)));
            }
            self.clock.sleep_until(self.clock.now() + wait).await;
            wait = LONGEST_WAIT.min(wait * 2);
        }
    }

    /// `DELETE uploadSessions/{id}`: whatever becomes of it, nobody needs the session any more.
    async fn tidy(&self, dataset: &str, course: &Course) {
        let Some(id) = course.open(None) else { return };
        let delete = async {
            let url = below(&self.root, &["datasets", dataset, "uploadSessions", &id])?;
            self.call(self.within(Call::new(Method::DELETE, url, "deleting the upload")).await?).await
        };
        tokio::select! {
            _ = delete => {}
            () = self.clock.deadline(self.clock.now() + TIDYING) => {}
        }
    }
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
