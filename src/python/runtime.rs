//! Waiting for Rust from Python: without the GIL, and with an ear for Ctrl-C.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use pyo3::exceptions::{PyRuntimeError, PySystemExit};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use tokio::runtime::{Builder, Runtime};

use super::{errors, porter};
use crate::error::{Error, Kind, Result};

/// How often a waiting call looks for Ctrl-C.
pub(super) const SLICE: Duration = Duration::from_millis(50);
/// How long the end of the interpreter waits for those who wait in Rust.
const PATIENCE: Duration = Duration::from_secs(5);
/// Two threads are enough: the work is waiting, and the boards we run on are small.
const THREADS: usize = 2;

/// The runtime of this process. A forked child gets one of its own; its parent's threads do not exist there.
pub(super) fn runtime() -> PyResult<&'static Runtime> {
    static CURRENT: Mutex<Option<(u32, &'static Runtime)>> = Mutex::new(None);
    let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if let Some((owner, runtime)) = *current
        && owner == process
    {
        return Ok(runtime);
    }
    let built = Builder::new_multi_thread().worker_threads(THREADS).thread_name("powerbi-push").enable_all().build()?;
    let runtime: &'static Runtime = Box::leak(Box::new(built));
    *current = Some((process, runtime));
    Ok(runtime)
}

/// Calls that wait in Rust. At the end of the interpreter they are sent home first: a thread that came back to a dead
/// interpreter with a frame of Rust below it would take the process down.
struct Gate {
    process: u32,
    inside: usize,
}

static GATE: Mutex<Gate> = Mutex::new(Gate { process: 0, inside: 0 });
static LEFT: Condvar = Condvar::new();
static CLOSED: AtomicBool = AtomicBool::new(false);

/// One call that waits in Rust.
struct Inside;

impl Inside {
    fn enter(py: Python<'_>) -> PyResult<Self> {
        static REGISTERED: PyOnceLock<()> = PyOnceLock::new();
        REGISTERED.get_or_try_init(py, || {
            let leave = py.import("powerbi_push._core")?.getattr("leave")?;
            py.import("atexit")?.call_method1("register", (leave,)).map(drop)
        })?;
        let mut gate = GATE.lock().unwrap_or_else(PoisonError::into_inner);
        let process = std::process::id();
        if gate.process != process {
            *gate = Gate { process, inside: 0 };
        }
        may_stay(py)?;
        gate.inside += 1;
        Ok(Self)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let mut gate = GATE.lock().unwrap_or_else(PoisonError::into_inner);
        gate.inside = gate.inside.saturating_sub(1);
        LEFT.notify_all();
    }
}

/// Whether the interpreter is about to end.
pub(super) fn closing() -> bool {
    CLOSED.load(Ordering::Acquire)
}

/// Whether a call may go on. At the end of the interpreter a thread ends as Python itself would end it, only in time.
pub(super) fn may_stay(py: Python<'_>) -> PyResult<()> {
    if !closing() {
        return Ok(());
    }
    let threading = py.import("threading")?;
    if threading.call_method0("current_thread")?.is(&threading.call_method0("main_thread")?) {
        return Err(errors::to_py(py, &Error::new(Kind::Closed, "Python is shutting down")));
    }
    Err(PySystemExit::new_err(()))
}

/// Called by `atexit`: nothing more may begin to wait, and what waits comes home.
#[pyfunction]
pub(super) fn leave(py: Python<'_>) {
    py.detach(|| {
        CLOSED.store(true, Ordering::Release);
        let gate = GATE.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = gate.process == std::process::id();
        // The outcome does not matter: there is nothing else to try.
        let _ = LEFT.wait_timeout_while(gate, PATIENCE, |gate| ours && gate.inside > 0);
    });
}

/// Something that belongs to one process, such as open connections: a forked child makes its own.
pub(super) struct PerProcess<T>(Mutex<Option<(u32, T)>>);

impl<T: Clone + Send> PerProcess<T> {
    /// Nothing is made yet.
    pub(super) fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// What this process has, made without the GIL where it has none.
    pub(super) fn get(&self, py: Python<'_>, make: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
        let process = std::process::id();
        let current = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, ours)) = current.as_ref().filter(|(owner, _)| *owner == process) {
            return Ok(ours.clone());
        }
        let fresh = errors::raise(py, py.detach(make))?;
        let parents = self.0.lock().unwrap_or_else(PoisonError::into_inner).replace((process, fresh.clone()));
        // A parent's connections belong to threads that do not exist here: closing them would hang.
        std::mem::forget((current, parents));
        Ok(fresh)
    }
}

/// Something that runs on the runtime while this thread waits for it.
pub(super) struct Running<T> {
    /// In a lock only because a receiver may not be looked at from two threads.
    answer: Mutex<Receiver<T>>,
    task: tokio::task::AbortHandle,
    _inside: Inside,
}

impl<T: Send + 'static> Running<T> {
    /// Starts `work`. Refused on the porter's thread, which `work` may itself be waiting for.
    pub(super) fn start(py: Python<'_>, work: impl Future<Output = T> + Send + 'static) -> PyResult<Self> {
        if porter::is_this_thread() {
            let error =
                Error::new(Kind::Configuration, "a credential must not use the client that is asking it for a token");
            return Err(errors::to_py(py, &error));
        }
        let inside = Inside::enter(py)?;
        let (sender, answer) = sync_channel(1);
        let task = runtime()?.spawn(async move {
            // The receiver is gone where the caller was interrupted.
            let _ = sender.send(work.await);
        });
        Ok(Self { answer: Mutex::new(answer), task: task.abort_handle(), _inside: inside })
    }

    /// Waits one slice of time.
    pub(super) fn receive(&self, py: Python<'_>) -> Received<T> {
        let answer = || self.answer.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(SLICE);
        match py.detach(answer) {
            Ok(value) => Received::Done(value),
            Err(RecvTimeoutError::Timeout) => Received::NotYet,
            Err(RecvTimeoutError::Disconnected) => Received::Lost,
        }
    }
}

/// What one slice of waiting came to.
pub(super) enum Received<T> {
    /// The task has ended.
    Done(T),
    /// It still runs.
    NotYet,
    /// It has died: there will be no answer.
    Lost,
}

/// Raises what a signal handler raised, and whatever else ends a call that waits.
pub(super) fn check(py: Python<'_>) -> PyResult<()> {
    py.check_signals()?;
    may_stay(py)
}

/// What is raised for a task that has died.
pub(super) fn lost() -> PyErr {
    PyRuntimeError::new_err("a background task ended unexpectedly; this is a bug of powerbi_push")
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Waits for an operation; an interrupted one is dropped.
pub(super) fn wait<T: Send + 'static>(
    py: Python<'_>,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> PyResult<T> {
    let running = Running::start(py, work)?;
    loop {
        match running.receive(py) {
            Received::Done(result) => return result.map_err(|error| errors::to_py(py, &error)),
            Received::Lost => return Err(lost()),
            Received::NotYet => check(py)?,
        }
    }
}
