//! An operation that Python started: a thread runs it to its end, or an event loop goes through it step by step.
//!
//! ```text
//!  run    step ─ wait for the wakeup, with an ear for Ctrl-C ─ step ─ …          a thread
//!  step   step ─ back to the loop until the wakeup has woken it ─ step ─ …       asyncio
//! ```

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyList;
use pythonize::pythonize;
use serde::Serialize;

use super::callback_thread::{self, Call, CallbackThread};
use super::deadline::Deadline;
use super::door;
use super::runtime::{Received, Running, SLICE, check, lost};
use super::wakeup::Wakeup;
use super::{errors, notices};
use crate::clock::Clock;
use crate::delivery::worker::Waits;
use crate::error::{Error, Kind, Result};
use crate::rate_limit::Watch;

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
    /// Nothing to do before the wakeup rings.
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
    /// There until this goes.
    work: Mutex<Option<Box<dyn Work>>>,
    wakeup: Arc<Wakeup>,
    answer: Mutex<Option<Py<PyAny>>>,
    /// A step of it has panicked.
    broken: AtomicBool,
    /// The credential can only be asked by an event loop.
    needs_loop: bool,
    /// Nothing in it waits for the callback thread, who may therefore wait for it.
    on_any_thread: bool,
}

impl Operation {
    /// An operation whose work rings `wakeup`.
    pub(super) fn new(work: impl Work + 'static, wakeup: Arc<Wakeup>, needs_loop: bool) -> Self {
        let work = Mutex::new(Some(Box::new(work) as Box<dyn Work>));
        let (answer, broken) = (Mutex::new(None), AtomicBool::new(false));
        Self { work, wakeup, answer, broken, needs_loop, on_any_thread: false }
    }

    /// A request that is done once `work` has its answer; an interrupted one is dropped.
    pub(super) fn request<T: Serialize + Send + 'static>(
        needs_loop: bool,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> PyResult<Self> {
        let wakeup = Arc::new(Wakeup::default());
        let running = Running::start(&wakeup, work)?;
        Ok(Self::new(Request { running, interrupted: None, waits: None, limit: None }, wakeup, needs_loop))
    }

    /// A request that tells of its waits for `service`; they are logged.
    pub(super) fn watched<T: Serialize + Send + 'static, W: Future<Output = Result<T>> + Send + 'static>(
        needs_loop: bool,
        service: &'static str,
        clock: &Clock,
        work: impl FnOnce(Arc<dyn Watch>) -> W,
    ) -> PyResult<Self> {
        let wakeup = Arc::new(Wakeup::default());
        let waits = notices::waits(clock, &wakeup);
        let running = Running::start(&wakeup, work(Arc::clone(&waits) as Arc<dyn Watch>))?;
        let waits = Some((service, waits));
        Ok(Self::new(Request { running, interrupted: None, waits, limit: None }, wakeup, needs_loop))
    }

    /// The same operation, which never asks a function of the user's.
    pub(super) fn on_any_thread(mut self) -> Self {
        self.on_any_thread = true;
        self
    }

    /// Does something with the work, unless somebody else does.
    fn with<T>(&self, act: impl FnOnce(&mut dyn Work) -> PyResult<T>) -> PyResult<T> {
        let mut work = match self.work.try_lock() {
            Ok(work) => Some(work),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        match work.as_deref_mut().and_then(Option::as_deref_mut) {
            Some(work) => act(work),
            None => Err(PyRuntimeError::new_err("this operation is being run already")),
        }
    }

    /// Goes on by one step. One that panics leads to the end, as an interruption does, so that the account is told.
    fn advance(&self, py: Python<'_>, work: &mut dyn Work, soon: bool) -> PyResult<Step> {
        self.wakeup.hear();
        match door::caught(py, || work.step(py, soon)) {
            Ok(step) => step,
            Err(bug) if self.broken.swap(true, Ordering::AcqRel) => Err(bug),
            Err(bug) => {
                work.interrupt(bug);
                Ok(Step::Again)
            }
        }
    }

    /// Goes on to the end.
    fn run_all(&self, py: Python<'_>, work: &mut dyn Work) -> PyResult<Py<PyAny>> {
        check(py)?;
        loop {
            match self.advance(py, work, false)? {
                Step::Done(answer) => return Ok(answer),
                Step::Again => {}
                Step::Feed => return Err(unreadable()),
                Step::Wait => {
                    door::away(py, || self.wakeup.wait(SLICE));
                    if let Err(raised) = check(py) {
                        work.interrupt(raised);
                    }
                }
                // Whoever was interrupted gives the wire one slice of time.
                Step::Ending => {
                    if !door::away(py, || self.wakeup.wait(SLICE)) || check(py).is_err() {
                        work.abort();
                    }
                }
            }
        }
    }

    fn refuse_here(&self, py: Python<'_>) -> PyResult<()> {
        let error = if callback_thread::is_this_thread() && !self.on_any_thread {
            Error::configuration("a credential must not use the client that is asking it for a token")
        } else if self.needs_loop {
            needs_loop()
        } else {
            return Ok(());
        };
        Err(errors::to_py(py, &error))
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        door::let_go(self.work.get_mut().unwrap_or_else(PoisonError::into_inner).take());
    }
}

#[pymethods]
impl Operation {
    /// Runs to the end on this thread.
    pub(super) fn run(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        door::through(py, || {
            self.refuse_here(py)?;
            self.with(|work| self.run_all(py, work))
        })
    }

    /// Takes one step on an event loop's thread; answers what is next: "again", "wait", "feed" or "done".
    fn step(&self, py: Python<'_>) -> PyResult<&'static str> {
        // A loop that waits is ended by Python, without a word; one that was sent home would tell of it.
        if door::is_closed() {
            return Ok("wait");
        }
        door::through(py, || {
            door::may_stay(py)?;
            match self.with(|work| self.advance(py, work, true))? {
                Step::Again => Ok("again"),
                Step::Wait | Step::Ending => Ok("wait"),
                Step::Feed => Ok("feed"),
                Step::Done(answer) => {
                    *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
                    Ok("done")
                }
            }
        })
    }

    /// What a finished operation came to.
    #[getter]
    fn answer(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        answer.as_ref().map(|answer| answer.clone_ref(py))
    }

    /// Has `wake(argument)` called, on a thread of ours, whenever there is something to do.
    fn listen(&self, py: Python<'_>, wake: Py<PyAny>, argument: Py<PyAny>) -> PyResult<()> {
        if door::is_closed() {
            return Ok(());
        }
        door::through(py, || {
            callback_thread::start(py, CallbackThread::Loops)?;
            self.wakeup.listen(Call { function: wake, argument: Some(argument) });
            Ok(())
        })
    }

    /// Has it end with the time limit of the call that it belongs to.
    fn limit(&self, py: Python<'_>, deadline: &Deadline) -> PyResult<()> {
        if door::is_closed() {
            return Ok(());
        }
        door::through(py, || {
            self.with(|work| {
                work.limit(Running::start(&self.wakeup, deadline.passing())?);
                Ok(())
            })
        })
    }

    /// Begins nothing more; what is on the wire is waited for, unless this is called a second time.
    fn interrupt(&self, raised: &Bound<'_, PyAny>) -> PyResult<()> {
        door::through(raised.py(), || {
            self.with(|work| {
                work.interrupt(PyErr::from_value(raised.clone()));
                Ok(())
            })
        })
    }

    /// The async iterator to read rows from.
    #[getter]
    fn awaited_rows(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        door::through(py, || self.with(|work| Ok(work.awaited_rows(py))))
    }

    /// Hands over rows that were read from it; `ended` says that these were the last, `raised` why.
    fn feed(&self, rows: &Bound<'_, PyList>, ended: bool, raised: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        if door::is_closed() {
            return Ok(());
        }
        door::through(rows.py(), || {
            self.with(|work| {
                work.feed(rows.clone().unbind(), ended, raised.map(PyErr::from_value));
                Ok(())
            })
        })
    }
}

/// What is said where a credential that only an event loop can ask meets a verb that cannot await it.
fn needs_loop() -> Error {
    Error::configuration("the credential is asynchronous, and this verb cannot await it")
        .with_hint("use the verbs that end in _async, or give the client the credential's synchronous twin")
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
    /// What it waits for, as people say it, and how.
    waits: Option<(&'static str, Arc<Waits>)>,
    limit: Option<Running<()>>,
}

impl<T: Serialize + Send + 'static> Work for Request<T> {
    fn step(&mut self, py: Python<'_>, _soon: bool) -> PyResult<Step> {
        if let Some(raised) = self.interrupted.take() {
            return Err(raised);
        }
        let received = self.running.look();
        if let Some((service, waits)) = &self.waits {
            notices::log(py, service, &waits.notices())?;
        }
        match received {
            Received::Done(Ok(answer)) => Ok(Step::Done(pythonize(py, &answer)?.unbind())),
            Received::Done(Err(error)) => Err(errors::ending(py, &error)),
            Received::NotYet if self.limit.as_ref().is_some_and(Running::is_over) => {
                self.running.stop();
                let error = match &self.waits {
                    Some((_, waits)) => waits.caused(out_of_time()),
                    None => out_of_time(),
                };
                Err(errors::to_py(py, &error))
            }
            Received::NotYet => Ok(Step::Wait),
            Received::Lost => Err(lost(py)),
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
