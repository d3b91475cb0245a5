//! An upload as Python holds it: rows that wait, for one dataset, and are published together.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::accounts::Account;
use super::{Library, LibraryModel, publishing, waiting};
use crate::clock::Moment;
use crate::delivery::queue::Ledger;
use crate::delivery::report::Meter;
use crate::error::Error;
use crate::python::operation::Operation;
use crate::python::options::{RowOptions, choice, wrong};
use crate::python::{door, errors, text};
use crate::services::microstrategy::client::Claim;
use crate::services::microstrategy::waiting::{CHUNK_BYTES, USUAL_CHUNK, WaitingRows, Workflow};
use crate::services::microstrategy::{Client, Model, Policy};

/// Rows of one push that wait.
pub(super) struct WaitingPush {
    pub(super) rows: WaitingRows,
    /// All of them as one array of records, where one request takes them.
    pub(super) whole: Option<Vec<u8>>,
    pub(super) account: Account,
    pub(super) started: Moment,
}

/// What an upload holds.
#[derive(Default)]
pub(super) struct State {
    pub(super) waiting: Vec<WaitingPush>,
    pub(super) claim: Option<Claim>,
}

impl State {
    pub(super) fn lock(state: &Mutex<Self>) -> MutexGuard<'_, Self> {
        state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rows for one dataset, which are published together.
#[pyclass(frozen, module = "powerbi_push._core")]
pub(in crate::python) struct LibraryUpload {
    origin: Py<Library>,
    client: Arc<Client>,
    name: String,
    model: Option<Arc<Model>>,
    described: Arc<std::sync::OnceLock<crate::services::microstrategy::Described>>,
    workflow: Workflow,
    chunk: u64,
    state: Arc<Mutex<State>>,
}

#[pymethods]
impl LibraryUpload {
    #[new]
    fn new(
        library: &Bound<'_, Library>,
        model: &LibraryModel,
        name: String,
        workflow: &Bound<'_, PyAny>,
        chunk_bytes: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let py = library.py();
        door::through(py, || {
            let choices = [("one", Workflow::One), ("many", Workflow::Many), ("size", Workflow::BySize)];
            let chunk = if chunk_bytes.is_none() { Some(USUAL_CHUNK) } else { chunk_bytes.extract::<u64>().ok() };
            let Some(chunk) = chunk.filter(|chunk| CHUNK_BYTES.contains(chunk)) else {
                return wrong(chunk_bytes, "`chunk_bytes` takes a whole number from 50,000,000 to 200,000,000".into());
            };
            Ok(Self {
                origin: library.clone().unbind(),
                client: Arc::new(library.get().open(py)?.watched(Arc::new(()))),
                name,
                model: model.model.clone(),
                described: Arc::clone(&model.described),
                workflow: choice("workflow", workflow, &choices)?,
                chunk,
                state: Arc::default(),
            })
        })
    }

    /// Takes the dataset for this upload, so that nobody else in this process uploads to it.
    fn claim(&self, py: Python<'_>, id: &str) -> PyResult<()> {
        door::through(py, || {
            let claim = errors::raise(py, self.client.claim(id))?;
            State::lock(&self.state).claim = Some(claim);
            Ok(())
        })
    }

    /// Reads and checks rows of a table, and has them wait.
    fn collect(
        &self,
        rows: &Bound<'_, PyAny>,
        table: &Bound<'_, PyAny>,
        policy: &Bound<'_, PyAny>,
        options: &Bound<'_, PyDict>,
    ) -> PyResult<Operation> {
        let py = rows.py();
        door::through(py, || {
            let words = [Policy::Add, Policy::Update, Policy::Upsert, Policy::Replace].map(|one| (one.word(), one));
            let policy = choice("policy", policy, &words)?;
            let table = text::optional("table", table)?;
            let Some(described) = self.described.get() else {
                return Err(errors::bug(py, "rows are taken before the tables are known"));
            };
            let table = errors::raise(py, described.table(&self.name, table.as_deref()))?.clone();
            self.check_policy(py, &table.name, policy)?;
            let options = RowOptions::read(options)?;
            let folder = self.client.spool_dir();
            let waiting = errors::raise(py, WaitingRows::new(table, policy, self.workflow, folder))?;
            waiting::collect(Arc::clone(&self.state), waiting, rows, options, self.client.clock())
        })
    }

    /// What became of the rows that wait: nothing yet.
    fn results<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        door::through(py, || {
            let (results, now) = (PyDict::new(py), self.client.clock().now());
            for push in &State::lock(&self.state).waiting {
                let result = push.account.result(py, &Ledger::default(), 0, &Meter::default(), now - push.started)?;
                results.set_item(&push.rows.table.name, result)?;
            }
            Ok(results)
        })
    }

    /// Whether one request takes all that waits.
    #[getter]
    fn is_whole(&self) -> bool {
        matches!(State::lock(&self.state).waiting.as_slice(), [only] if only.whole.is_some())
    }

    /// Makes the dataset with its rows in one request; answers its id and what became of the rows.
    fn create(&self, py: Python<'_>, options: &Bound<'_, PyDict>) -> PyResult<Operation> {
        door::through(py, || {
            self.check_open(py)?;
            let how = publishing::How::Create(self.model.clone());
            publishing::publish(py, Arc::clone(&self.client), &self.state, how, RowOptions::read(options)?)
        })
    }

    /// Publishes all that waits; answers what became of the rows, by table.
    fn publish(&self, py: Python<'_>, id: String, is_new: bool, options: &Bound<'_, PyDict>) -> PyResult<Operation> {
        door::through(py, || {
            self.check_open(py)?;
            let how = publishing::How::Update { id, is_new, chunk: self.chunk };
            publishing::publish(py, Arc::clone(&self.client), &self.state, how, RowOptions::read(options)?)
        })
    }

    /// Lets everything go that waits.
    fn discard(&self, py: Python<'_>) -> PyResult<()> {
        door::through(py, || {
            let gone = std::mem::take(&mut *State::lock(&self.state));
            door::away(py, || drop(gone));
            Ok(())
        })
    }
}

impl LibraryUpload {
    /// A client that was closed does not sign in again.
    fn check_open(&self, py: Python<'_>) -> PyResult<()> {
        self.origin.get().open(py).map(drop)
    }

    /// A table is updated in one way at a time.
    fn check_policy(&self, py: Python<'_>, table: &str, policy: Policy) -> PyResult<()> {
        let state = State::lock(&self.state);
        let other = state.waiting.iter().find(|one| one.rows.table.name == table && one.rows.policy != policy);
        let Some(other) = other else { return Ok(()) };
        let message = format!(
            "table `{table}` is uploaded with policy=\"{}\": it takes no rows with policy=\"{policy}\" besides",
            other.rows.policy
        );
        Err(errors::to_py(py, &Error::configuration(message).with_hint("publish first")))
    }
}
