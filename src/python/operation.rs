//! An operation that Python started: a thread runs it to its end, or an event loop goes through it step by step.
//!
//! ```text
//!  run    step ─ wait for the bell, with an ear for Ctrl-C ─ step ─ …          a thread
//!  verbs  step ─ back to the loop until the bell has woken it ─ step ─ …       asyncio
//! ```

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyList;
use pythonize::pythonize;
use serde::Serialize;

use super::bell::Bell;
use super::deadline::Deadline;
use super::porter::{self, Call, Porter};
use super::runtime::{Inside, Received, Running, SLICE, check, lost};
use super::{credential, errors, notices};
use crate::clock::Clock;
use crate::courier::Waits;
use crate::error::{Error, Kind, Result};
use crate::limit::Watch;

/// What a request waits for, as people say it.
const SERVICE: &str = "Power BI";

/// What is to be done, in steps.
pub(super) trait Work: Send {
    /// Goes on without waiting. On an event loop's thread it must come back `soon`, so that others have their turn.
    fn step(&mut self, py: Python<'_>, soon: bool) -> PyResult<Step>;

    /// The caller wants to be gone, for the reason `raised`: nothing more is begun, and the next steps lead to the end.
    fn interrupt(&mut self, raised: PyErr);

    /// It must be over when `limit` is.
    fn limit(&mut self, _limit: Running<()>) {}

    /// What was interrupted is not even waited for.
    fn abort(&mut self) {}

    /// Where rows come from that only an event loop can read.
    fn awaited_rows(&self, _py: Python<'_>) -> Option<Py<PyAny>> {
        None
    }

    /// Takes some of them; `ended` says that these were the last, `raised` why.
    fn feed(&mut self, _rows: Py<PyList>, _ended: bool, _raised: Option<PyErr>) {}
}

/// How far one step has come.
pub(super) enum Step {
    /// There is more to do at once.
    Again,
    /// Nothing to do before the bell rings.
    Wait,
    /// The same, after an interruption: whoever cannot wait long aborts.
    Ending,
    /// Rows are missing that only an event loop can read.
    Feed,
    /// This is the answer.
    Done(Py<PyAny>),
}

/// Work in progress.
#[pyclass(frozen, module = "powerbi_push._core")]
pub(super) struct Operation {
    work: Mutex<Box<dyn Work>>,
    bell: Arc<Bell>,
    answer: Mutex<Option<Py<PyAny>>>,
    /// The credential can only be asked by an event loop.
    needs_loop: bool,
    /// Nothing in it waits for the porter, who may therefore wait for it.
    on_any_thread: bool,
}

impl Operation {
    /// An operation whose work rings `bell`.
    pub(super) fn new(work: impl Work + 'static, bell: Arc<Bell>, needs_loop: bool) -> Self {
        Self { work: Mutex::new(Box::new(work)), bell, answer: Mutex::new(None), needs_loop, on_any_thread: false }
    }

    /// A request that is done once `work` has its answer; an interrupted one is dropped.
    pub(super) fn request<T: Serialize + Send + 'static>(
        needs_loop: bool,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> PyResult<Self> {
        let bell = Arc::new(Bell::default());
        let running = Running::start(&bell, work)?;
        Ok(Self::new(Request { running, interrupted: None, waits: None, limit: None }, bell, needs_loop))
    }

    /// A request to the service that tells of its waits; they are logged.
    pub(super) fn watched<T: Serialize + Send + 'static, W: Future<Output = Result<T>> + Send + 'static>(
        needs_loop: bool,
        clock: &Clock,
        work: impl FnOnce(Arc<dyn Watch>) -> W,
    ) -> PyResult<Self> {
        let bell = Arc::new(Bell::default());
        let waits = notices::waits(clock, &bell);
        let running = Running::start(&bell, work(Arc::clone(&waits) as Arc<dyn Watch>))?;
        Ok(Self::new(Request { running, interrupted: None, waits: Some(waits), limit: None }, bell, needs_loop))
    }

    /// The same operation, which never asks a function of the user's.
    pub(super) fn on_any_thread(self) -> Self {
        Self { on_any_thread: true, ..self }
    }

    fn work(&self) -> PyResult<MutexGuard<'_, Box<dyn Work>>> {
        match self.work.try_lock() {
            Ok(work) => Ok(work),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(PyRuntimeError::new_err("this operation is being run already")),
        }
    }

    fn refuse_here(&self, py: Python<'_>) -> PyResult<()> {
        let error = if porter::is_this_thread() && !self.on_any_thread {
            Error::configuration("a credential must not use the client that is asking it for a token")
        } else if self.needs_loop {
            credential::needs_loop()
        } else {
            return Ok(());
        };
        Err(errors::to_py(py, &error))
    }
}

#[pymethods]
impl Operation {
    /// Runs to the end on this thread.
    fn run(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.refuse_here(py)?;
        let _inside = Inside::enter(py)?;
        let mut work = self.work()?;
        loop {
            self.bell.hear();
            match work.step(py, false)? {
                Step::Done(answer) => return Ok(answer),
                Step::Again => {}
                Step::Feed => return Err(unreadable()),
                Step::Wait => {
                    py.detach(|| self.bell.wait(SLICE));
                    if let Err(raised) = check(py) {
                        work.interrupt(raised);
                    }
                }
                // Whoever was interrupted gives the wire one slice of time.
                Step::Ending => {
                    if !py.detach(|| self.bell.wait(SLICE)) || check(py).is_err() {
                        work.abort();
                    }
                }
            }
        }
    }

    /// Takes one step on an event loop's thread; answers what is next: "again", "wait", "feed" or "done".
    fn step(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.bell.hear();
        match self.work()?.step(py, true)? {
            Step::Again => Ok("again"),
            Step::Wait | Step::Ending => Ok("wait"),
            Step::Feed => Ok("feed"),
            Step::Done(answer) => {
                *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
                Ok("done")
            }
        }
    }

    /// What a finished operation came to.
    #[getter]
    fn answer(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        answer.as_ref().map(|answer| answer.clone_ref(py))
    }

    /// Has `wake(argument)` called, on a thread of ours, whenever there is something to do.
    fn listen(&self, py: Python<'_>, wake: Py<PyAny>, argument: Py<PyAny>) -> PyResult<()> {
        porter::start(py, Porter::Loops)?;
        self.bell.listen(Call { function: wake, argument: Some(argument) });
        Ok(())
    }

    /// Has it end with the time limit of the call that it belongs to.
    fn limit(&self, deadline: &Deadline) -> PyResult<()> {
        let limit = Running::start(&self.bell, deadline.passing())?;
        self.work()?.limit(limit);
        Ok(())
    }

    /// Begins nothing more; what is on the wire is waited for, unless this is called a second time.
    fn interrupt(&self, raised: Bound<'_, PyAny>) -> PyResult<()> {
        self.work()?.interrupt(PyErr::from_value(raised));
        Ok(())
    }

    /// The async iterator to read rows from.
    #[getter]
    fn awaited_rows(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        Ok(self.work()?.awaited_rows(py))
    }

    /// Hands over rows that were read from it; `ended` says that these were the last, `raised` why.
    fn feed(&self, rows: Py<PyList>, ended: bool, raised: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        self.work()?.feed(rows, ended, raised.map(PyErr::from_value));
        Ok(())
    }
}

/// What is raised where async rows meet a verb that cannot await them.
pub(super) fn unreadable() -> PyErr {
    PyTypeError::new_err("rows of an async iterable can only be awaited: use push_async, or pass a list of them")
}

fn out_of_time() -> Error {
    Error::new(Kind::Deadline, "the time limit of this call has passed before any row was sent")
        .with_hint("give a longer timeout=; what was asked of the service last may have been done all the same")
}

/// One request, on its way.
struct Request<T> {
    running: Running<Result<T>>,
    interrupted: Option<PyErr>,
    waits: Option<Arc<Waits>>,
    limit: Option<Running<()>>,
}

impl<T: Serialize + Send + 'static> Work for Request<T> {
    fn step(&mut self, py: Python<'_>, _soon: bool) -> PyResult<Step> {
        if let Some(raised) = self.interrupted.take() {
            return Err(raised);
        }
        let received = self.running.look();
        if let Some(waits) = &self.waits {
            notices::log(py, SERVICE, &waits.notices())?;
        }
        match received {
            Received::Done(Ok(answer)) => Ok(Step::Done(pythonize(py, &answer)?.unbind())),
            Received::Done(Err(error)) => Err(errors::to_py(py, &error)),
            Received::NotYet if self.limit.as_ref().is_some_and(Running::is_over) => {
                self.running.stop();
                Err(errors::to_py(py, &out_of_time()))
            }
            Received::NotYet => Ok(Step::Wait),
            Received::Lost => Err(lost()),
        }
    }

    fn limit(&mut self, limit: Running<()>) {
        self.limit = Some(limit);
    }

    fn interrupt(&mut self, raised: PyErr) {
        // Now: the exception's traceback may keep this object for long.
        self.running.stop();
        self.interrupted.get_or_insert(raised);
    }
}
