//! Waiting for Rust from Python: without the GIL, and with an ear for Ctrl-C.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use pyo3::exceptions::{PyRuntimeError, PySystemExit};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::IntoPyDict;
use tokio::runtime::{Builder, Runtime};
use tokio::task::AbortHandle;

use super::bell::Bell;
use super::errors;
use crate::error::{Error, Kind, Result};
use crate::outbox;

/// How often a waiting call looks for Ctrl-C.
pub(super) const SLICE: Duration = Duration::from_millis(25);
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

/// How many forks lie between this process and the first one that imported us: a look at it costs nothing, and asking
/// the system which process this is does.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// Has forks counted, and the locks of outboxes left to the parent.
pub(super) fn count_forks(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    // `os` itself would be one more module to load. Windows has no fork.
    let Some(register) = py.import(if cfg!(unix) { "posix" } else { "nt" })?.getattr_opt("register_at_fork")? else {
        return Ok(());
    };
    let hooks = [
        ("before", wrap_pyfunction!(forking, module)?),
        ("after_in_parent", wrap_pyfunction!(gone_on, module)?),
        ("after_in_child", wrap_pyfunction!(forked, module)?),
    ];
    register.call((), Some(&hooks.into_py_dict(py)?)).map(drop)
}

#[pyfunction]
fn forking() {
    outbox::before_fork();
}

#[pyfunction]
fn gone_on() {
    outbox::after_fork();
}

#[pyfunction]
fn forked() {
    FORKS.fetch_add(1, Ordering::AcqRel);
    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    super::file_locks::leave_to_parent();
    outbox::after_fork();
}

/// Tells this process from those that it was forked from.
pub(super) fn generation() -> u32 {
    FORKS.load(Ordering::Acquire)
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

/// Has the end of the interpreter send calls home; what is registered later runs before that.
pub(super) fn register_leave(py: Python<'_>) -> PyResult<()> {
    static REGISTERED: PyOnceLock<()> = PyOnceLock::new();
    let register = || {
        let leave = py.import("powerbi_push._core")?.getattr("leave")?;
        py.import("atexit")?.call_method1("register", (leave,)).map(drop)
    };
    REGISTERED.get_or_try_init(py, register).copied()
}

/// One call that waits in Rust.
pub(super) struct Inside;

impl Inside {
    pub(super) fn enter(py: Python<'_>) -> PyResult<Self> {
        register_leave(py)?;
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

/// Something that runs on the runtime while somebody waits for it; dropped with whoever waits.
pub(super) struct Running<T> {
    answer: Arc<Answer<T>>,
    task: AbortHandle,
}

struct Answer<T> {
    value: Mutex<Option<T>>,
    over: AtomicBool,
    bell: Arc<Bell>,
}

/// Rings when the task is over, however it ended.
struct Over<T>(Arc<Answer<T>>);

impl<T> Drop for Over<T> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Release);
        self.0.bell.ring();
    }
}

impl<T: Send + 'static> Running<T> {
    /// Starts `work`; the bell rings when it is over.
    pub(super) fn start(bell: &Arc<Bell>, work: impl Future<Output = T> + Send + 'static) -> PyResult<Self> {
        let answer = Arc::new(Answer { value: Mutex::new(None), over: AtomicBool::new(false), bell: Arc::clone(bell) });
        let over = Over(Arc::clone(&answer));
        let task = runtime()?.spawn(async move {
            let value = work.await;
            *over.0.value.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        });
        Ok(Self { answer, task: task.abort_handle() })
    }

    /// Ends it where it is.
    pub(super) fn stop(&self) {
        self.task.abort();
    }

    /// Whether it has ended, whoever has its answer.
    pub(super) fn is_over(&self) -> bool {
        self.answer.over.load(Ordering::Acquire)
    }

    /// Looks what has become of it.
    pub(super) fn look(&self) -> Received<T> {
        let over = self.answer.over.load(Ordering::Acquire);
        match self.answer.value.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(value) => Received::Done(value),
            None if over => Received::Lost,
            None => Received::NotYet,
        }
    }
}

/// What there is to see of a task.
pub(super) enum Received<T> {
    /// It has ended.
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
