//! What waits is sent and published, and what became of it told. Whoever is interrupted leaves no upload session behind.

use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use tokio::sync::Notify;

use super::accounts::Account;
use super::telling::{Shown, Telling};
use super::upload::State;
use crate::clock::Moment;
use crate::delivery::queue::{Ledger, Queue, RowState};
use crate::delivery::worker::Delivery;
use crate::error::{Error, Kind, Result};
use crate::http::transport::base64_length;
use crate::python::errors;
use crate::python::operation::{Operation, Step, Work};
use crate::python::options::RowOptions;
use crate::python::results;
use crate::python::runtime::{Received, Running, lost};
use crate::python::wakeup::Wakeup;
use crate::services::microstrategy::client::Claim;
use crate::services::microstrategy::upload::{Upload, delivery, queue};
use crate::services::microstrategy::{Client, Info, Model, Unpublished};

/// How it is sent.
pub(super) enum How {
    /// The dataset is made of its rows.
    Create(Option<Arc<Model>>),
    /// It is there.
    Update {
        id: String,
        /// The service may not know it everywhere yet.
        is_new: bool,
        /// Bytes of Base64 in one chunk.
        chunk: u64,
    },
}

/// The way that rows go.
enum Way {
    /// One request takes all of them; whoever is to end it is told so.
    Once(Arc<Notify>),
    /// An upload session, which the engine fills.
    Upload { delivery: Arc<Delivery>, queue: Arc<Queue>, bytes: u64 },
}

/// Rows of one push on their way: the first is number `first` of all.
struct SentPush {
    table: String,
    account: Account,
    started: Moment,
    first: u64,
}

type Ending = Result<Option<Info>, Unpublished>;

/// Sends and publishes what waits.
pub(super) fn publish(
    py: Python<'_>,
    client: Arc<Client>,
    state: &Arc<Mutex<State>>,
    how: How,
    options: RowOptions,
) -> PyResult<Operation> {
    let State { waiting: pushes, claim } = std::mem::take(&mut *State::lock(state));
    let clock = client.clock().clone();
    let deadline = options.timeout.map(|timeout| clock.now() + timeout);
    let wakeup = Arc::new(Wakeup::default());
    let (mut sent, mut waiting, mut whole, mut first) = (Vec::new(), Vec::new(), None, 0);
    for one in pushes {
        let rows = one.account.rows;
        sent.push(SentPush { table: one.rows.table.name.clone(), account: one.account, started: one.started, first });
        first += rows;
        whole = whole.or(one.whole);
        waiting.push(one.rows);
    }
    let (way, running) = match (how, whole) {
        (How::Update { id, is_new, chunk }, None) => {
            let (updates, queue) = queue(waiting, client.spool_dir());
            let queue = Arc::new(queue);
            let upload = errors::raise(py, Upload::new((*client).clone(), &id, is_new, updates, chunk))?;
            let delivery = delivery(upload, Arc::clone(&queue), deadline);
            let bytes = base64_length(queue.waiting().bytes);
            let running = Running::start(&wakeup, uploaded(Arc::clone(&delivery)))?;
            (Way::Upload { delivery, queue, bytes }, running)
        }
        (how, whole) => {
            let stop = Arc::new(Notify::new());
            let (client, stopping) = (Arc::clone(&client), Arc::clone(&stop));
            let table = waiting.into_iter().next().map(|rows| (rows.table, rows.policy));
            let sending = async move {
                let stopping = stopped(&client, &stopping, deadline);
                match (how, whole, table) {
                    (How::Create(Some(model)), Some(rows), _) => {
                        until(stopping, client.create_whole(&model, &rows)).await.map(Some)
                    }
                    (How::Update { id, .. }, Some(rows), Some((table, policy))) => {
                        until(stopping, client.patch(&id, &table, policy, &rows)).await.map(|()| None)
                    }
                    _ => Err(Error::bug("there is nothing to make a dataset of").into()),
                }
            };
            (Way::Once(stop), Running::start(&wakeup, sending)?)
        }
    };
    let telling = Telling::new(options.progress, clock);
    let work = Publish { running, telling, sent, _claim: claim, client, way, raised: None };
    Ok(Operation::new(work, wakeup, false))
}

async fn uploaded(delivery: Arc<Delivery>) -> Ending {
    Arc::clone(&delivery).open_and_run().await;
    // Which rows are in doubt is in the ledger.
    delivery.failure().map_or(Ok(None), |error| Err(error.into()))
}

/// Ends when the call is to end, and says why.
async fn stopped(client: &Client, stop: &Notify, deadline: Option<Moment>) -> Error {
    let passing = async {
        match deadline {
            Some(deadline) => client.clock().deadline(deadline).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = stop.notified() => Error::new(Kind::Closed, "the call was interrupted"),
        () = passing => Error::new(Kind::Deadline, "the time limit of this call has passed")
            .with_hint("give a longer timeout=, and look at the dataset before the same rows are pushed again"),
    }
}

/// One request, which may have been done where it is stopped.
async fn until<T>(
    stopping: impl Future<Output = Error>,
    sending: impl Future<Output = Result<T, Unpublished>>,
) -> Result<T, Unpublished> {
    tokio::select! {
        biased;
        sent = sending => sent,
        error = stopping => Err(Unpublished { error, in_doubt: true }),
    }
}

struct Publish {
    running: Running<Ending>,
    telling: Telling,
    sent: Vec<SentPush>,
    /// Nobody else uploads to the dataset meanwhile.
    _claim: Option<Claim>,
    client: Arc<Client>,
    way: Way,
    /// Who interrupted it.
    raised: Option<PyErr>,
}

impl Publish {
    fn rows(&self) -> u64 {
        self.sent.iter().map(|one| one.account.rows).sum()
    }

    fn shown(&self, is_done: bool) -> Shown {
        let rows = self.rows();
        let waiting = match &self.way {
            _ if is_done => None,
            Way::Upload { delivery, .. } if delivery.is_committing() => Some("publishing".to_owned()),
            Way::Upload { delivery, bytes, .. } => Some(delivery.status().map_or_else(
                || format!("sending: {} of {} MB", delivery.staged_bytes() / 1_000_000, bytes.div_ceil(1_000_000)),
                |status| status.why,
            )),
            Way::Once(_) => None,
        };
        let meter = self.client.meter();
        let (requests, retries) = match &self.way {
            Way::Upload { delivery, .. } => {
                let sending = delivery.meter();
                (meter.requests + sending.requests, meter.retries + sending.retries)
            }
            Way::Once(_) => (meter.requests, meter.retries),
        };
        Shown { read: rows, confirmed: if is_done { rows } else { 0 }, total: Some(rows), requests, retries, waiting }
    }

    /// What became of the rows; `state` is that of all of them where it is known.
    fn ledger(&self, state: Option<RowState>) -> Ledger {
        match (&self.way, state) {
            (Way::Upload { queue, .. }, None) => queue.ledger(),
            (_, state) => {
                let mut ledger = Ledger::default();
                if let Some(state) = state {
                    ledger.record(0..self.rows(), state, false);
                }
                ledger
            }
        }
    }

    /// The results by table, one for each push.
    fn results<'py>(&self, py: Python<'py>, ledger: &Ledger) -> PyResult<Bound<'py, PyDict>> {
        let results = PyDict::new(py);
        let meter = self.client.meter().clone();
        let meter = match &self.way {
            Way::Upload { delivery, .. } => delivery.meter().and(&meter),
            Way::Once(_) => meter,
        };
        for one in &self.sent {
            let elapsed = self.client.clock().now() - one.started;
            let result = one.account.result(py, ledger, one.first, &meter, elapsed)?;
            let name = PyString::new(py, &one.table);
            let joined = match results.get_item(&name)? {
                Some(before) => errors::face(py, "delivery.results")?.getattr("joined")?.call1((before, result))?,
                None => result,
            };
            results.set_item(name, joined)?;
        }
        Ok(results)
    }

    fn end(&mut self, py: Python<'_>, outcome: Ending) -> PyResult<Step> {
        let state = match (&self.way, &outcome) {
            (Way::Upload { .. }, Ok(_)) | (_, Err(Unpublished { in_doubt: false, .. })) => None,
            (Way::Once(_), Ok(_)) => Some(RowState::Confirmed),
            (_, Err(_)) => Some(RowState::InDoubt),
        };
        let ledger = self.ledger(state);
        let rows = self.rows();
        let error = match outcome {
            // Published is published, whoever wanted to end it, and whatever is raised by whoever is shown that it is.
            _ if ledger.count(RowState::Confirmed) == rows && (rows > 0 || outcome.is_ok()) => {
                let results = self.results(py, &ledger)?;
                if let Err(raised) = self.telling.end(py, self.shown(true)) {
                    return Err(with_results(py, raised, &results)?);
                }
                if let Ok(Some(info)) = outcome {
                    results.set_item(py.None(), info.id)?;
                }
                return Ok(Step::Done(results.into_any().unbind()));
            }
            Ok(_) => Error::bug("rows are neither published nor is it known why not"),
            Err(unpublished) => unpublished.error,
        };
        self.telling.close(py)?;
        let results = self.results(py, &ledger)?;
        let raised = match self.raised.take() {
            Some(raised) => raised,
            None => errors::to_py(py, &error),
        };
        Err(with_results(py, raised, &results)?)
    }
}

/// The exception with what became of the rows.
fn with_results(py: Python<'_>, raised: PyErr, results: &Bound<'_, PyDict>) -> PyResult<PyErr> {
    if let Some(result) = results.values().iter().next() {
        results::with_result(py, &raised, &result)?;
    }
    raised.value(py).setattr("_results", results)?;
    Ok(raised)
}

impl Work for Publish {
    fn step(&mut self, py: Python<'_>, _soon: bool) -> PyResult<Step> {
        match self.running.look() {
            Received::Done(outcome) => self.end(py, outcome),
            Received::NotYet => {
                let shown = self.shown(false);
                if let Err(raised) = self.telling.show(py, || shown) {
                    self.interrupt(raised);
                }
                Ok(Step::Wait)
            }
            Received::Lost if self.raised.is_some() => {
                let in_doubt = matches!(&self.way, Way::Upload { delivery, .. } if delivery.is_committing());
                let error = Error::new(Kind::Closed, "the call was interrupted, and its upload session is left");
                self.end(py, Err(Unpublished { error, in_doubt }))
            }
            Received::Lost => Err(lost(py)),
        }
    }

    fn interrupt(&mut self, raised: PyErr) {
        if self.raised.is_some() {
            return self.running.stop();
        }
        self.raised = Some(raised);
        match &self.way {
            Way::Once(stop) => stop.notify_one(),
            Way::Upload { delivery, .. } => delivery.abort(Some(Error::new(Kind::Closed, "the call was interrupted"))),
        }
    }

    fn abort(&mut self) {
        self.running.stop();
    }
}
