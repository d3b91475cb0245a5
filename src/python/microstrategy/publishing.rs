//! What waits is sent and published, and what became of it told. Whoever is interrupted leaves no upload session behind.

use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use tokio::sync::Notify;

use super::accounts::with_result;
use super::telling::{Shown, Telling};
use super::upload::{Staged, State};
use crate::clock::Moment;
use crate::delivery::queue::Fate;
use crate::error::{Error, Kind};
use crate::python::bell::Bell;
use crate::python::errors;
use crate::python::operation::{Operation, Step, Work};
use crate::python::options::RowOptions;
use crate::python::runtime::{Received, Running, lost};
use crate::services::microstrategy::upload::{Course, Load, Trouble};
use crate::services::microstrategy::{Client, Info, Model};

/// How it is sent.
pub(super) enum How {
    /// The dataset is made of its rows.
    Create(Option<Arc<Model>>),
    /// It is there.
    Update {
        id: String,
        /// The service may not know it everywhere yet.
        is_new: bool,
    },
}

/// Sends and publishes what waits.
pub(super) fn publish(
    client: Arc<Client>,
    state: &Arc<Mutex<State>>,
    how: How,
    options: RowOptions,
) -> PyResult<Operation> {
    let mut taken = std::mem::take(&mut *State::lock(state));
    let clock = client.clock().clone();
    let deadline = options.timeout.map(|timeout| clock.now() + timeout);
    let (course, stop) = (Arc::new(Course::default()), Arc::new(Notify::new()));
    let bell = Arc::new(Bell::default());
    let whole = taken.staged.first_mut().and_then(|first| first.whole.take());
    let loads: Vec<Load> = taken.staged.iter().map(load).collect();
    let target = taken.staged.first().map(|first| (first.staging.table.clone(), first.staging.policy));
    let sending = {
        let (client, course, stop) = (Arc::clone(&client), Arc::clone(&course), Arc::clone(&stop));
        async move {
            let stopping = stopped(&client, &stop, deadline);
            match (how, whole, target) {
                (How::Create(Some(model)), Some(rows), _) => {
                    until(stopping, client.create_whole(&model, &rows)).await.map(Some)
                }
                (How::Update { id, .. }, Some(rows), Some((table, policy))) => {
                    until(stopping, client.patch(&id, &table, policy, &rows)).await.map(|()| None)
                }
                (How::Update { id, is_new }, None, _) => {
                    client.upload(&id, is_new, &loads, &course, stopping).await.map(|()| None)
                }
                _ => Err(Error::bug("there is nothing to make a dataset of").into()),
            }
        }
    };
    let work = Publish {
        running: Running::start(&bell, sending)?,
        telling: Telling::new(options.progress, clock),
        state: taken,
        client,
        course,
        stop,
        raised: None,
    };
    Ok(Operation::new(work, bell, false))
}

fn load(staged: &Staged) -> Load {
    let staging = &staged.staging;
    Load {
        table: staging.table.name.clone(),
        policy: staging.policy,
        columns: staging.table.columns.iter().map(|column| column.name.clone()).collect(),
        parts: staging.parts(),
    }
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
            .with_hint("give a longer timeout="),
    }
}

/// One request, which may have been done where it is stopped.
async fn until<T>(
    stopping: impl Future<Output = Error>,
    sending: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Trouble> {
    tokio::select! {
        biased;
        sent = sending => sent,
        error = stopping => Err(Trouble { error, in_doubt: true }),
    }
}

struct Publish {
    running: Running<Result<Option<Info>, Trouble>>,
    telling: Telling,
    state: State,
    client: Arc<Client>,
    course: Arc<Course>,
    stop: Arc<Notify>,
    /// Who interrupted it.
    raised: Option<PyErr>,
}

impl Publish {
    fn shown(&self, is_done: bool) -> Shown {
        let rows: u64 = self.state.staged.iter().map(|one| one.account.rows).sum();
        let (sent, total) = self.course.bytes();
        let waiting = if is_done {
            None
        } else if self.course.is_publishing() {
            Some("publishing".to_owned())
        } else {
            (total > 0).then(|| format!("sending: {} of {} MB", sent / 1_000_000, total.div_ceil(1_000_000)))
        };
        let meter = self.client.meter();
        Shown {
            read: rows,
            confirmed: if is_done { rows } else { 0 },
            total: Some(rows),
            requests: meter.requests,
            retries: meter.retries,
            waiting,
        }
    }

    /// The results by table, one for each push.
    fn results<'py>(&self, py: Python<'py>, fate: Option<Fate>) -> PyResult<Bound<'py, PyDict>> {
        let results = PyDict::new(py);
        for staged in &self.state.staged {
            let elapsed = self.client.clock().now() - staged.started;
            let meter = self.client.meter().clone();
            let result = staged.account.result(py, fate, &meter, elapsed)?;
            let name = PyString::new(py, &staged.staging.table.name);
            let joined = match results.get_item(&name)? {
                Some(before) => errors::face(py, "results")?.getattr("joined")?.call1((before, result))?,
                None => result,
            };
            results.set_item(name, joined)?;
        }
        Ok(results)
    }

    fn end(&mut self, py: Python<'_>, outcome: Result<Option<Info>, Trouble>) -> PyResult<Step> {
        let trouble = match outcome {
            Ok(info) => {
                // Published is published, whatever is raised by whoever is shown that it is.
                self.telling.end(py, self.shown(true))?;
                let results = self.results(py, Some(Fate::Confirmed))?;
                if let Some(info) = info {
                    results.set_item(py.None(), info.id)?;
                }
                return Ok(Step::Done(results.into_any().unbind()));
            }
            Err(trouble) => trouble,
        };
        self.telling.close(py)?;
        let results = self.results(py, trouble.in_doubt.then_some(Fate::InDoubt))?;
        let raised = match self.raised.take() {
            Some(raised) => raised,
            None => errors::to_py(py, &trouble.error),
        };
        if let Some(result) = results.values().iter().next() {
            with_result(py, &raised, &result)?;
        }
        raised.value(py).setattr("_results", results)?;
        Err(raised)
    }
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
            Received::Lost => {
                let in_doubt = self.course.is_publishing();
                let error = Error::new(Kind::Closed, "the call was interrupted, and its upload session is left");
                if self.raised.is_some() { self.end(py, Err(Trouble { error, in_doubt })) } else { Err(lost(py)) }
            }
        }
    }

    fn interrupt(&mut self, raised: PyErr) {
        if self.raised.is_some() {
            return self.running.stop();
        }
        self.raised = Some(raised);
        self.stop.notify_one();
    }

    fn abort(&mut self) {
        self.running.stop();
    }
}
