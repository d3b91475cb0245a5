//! Waiting for Rust from Python: without the GIL, and with an ear for Ctrl-C.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::IntoPyDict;
use tokio::runtime::{Builder, Runtime};
use tokio::task::AbortHandle;

use super::wakeup::Wakeup;
use super::{door, errors};
use crate::delivery::queue;
use crate::error::{Error, Kind, Result};

/// How often a waiting call looks for Ctrl-C.
pub(super) const SLICE: Duration = Duration::from_millis(25);
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
    let built = Builder::new_multi_thread().worker_threads(THREADS).thread_name("powerbi-push").enable_all().build();
    let built = built.map_err(|error| {
        let error = Error::new(Kind::Transport, format!("the threads that send cannot be started: {error}"));
        let error = error.with_hint("let the process open more files and begin more threads (ulimit)");
        door::inside(|py| errors::to_py(py, &error))
    })?;
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
    queue::before_fork();
}

#[pyfunction]
fn gone_on() {
    queue::after_fork();
}

#[pyfunction]
fn forked() {
    FORKS.fetch_add(1, Ordering::AcqRel);
    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    super::file_locks::leave_to_parent();
    queue::after_fork();
    door::forked();
}

/// Tells this process from those that it was forked from.
pub(super) fn generation() -> u32 {
    FORKS.load(Ordering::Acquire)
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
        let fresh = errors::raise(py, door::away(py, make))?;
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
    wakeup: Arc<Wakeup>,
}

/// Rings when the task is over, however it ended.
struct Over<T>(Arc<Answer<T>>);

impl<T> Drop for Over<T> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Release);
        self.0.wakeup.ring();
    }
}

impl<T: Send + 'static> Running<T> {
    /// Starts `work`; the wakeup rings when it is over.
    pub(super) fn start(wakeup: &Arc<Wakeup>, work: impl Future<Output = T> + Send + 'static) -> PyResult<Self> {
        let answer =
            Arc::new(Answer { value: Mutex::new(None), over: AtomicBool::new(false), wakeup: Arc::clone(wakeup) });
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
    door::may_stay(py)
}

/// What is raised for a task that has died.
pub(super) fn lost(py: Python<'_>) -> PyErr {
    errors::bug(py, "a background task ended unexpectedly")
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}
