//! The porter: the one Python thread of ours, which does for Rust what needs Python.
//!
//! ```text
//!  Rust task ──ask──▶ queue ──▶ porter (waits without the GIL, runs with it) ──▶ the task's answer
//! ```
//!
//! It is made by Python, joined before the interpreter goes, and made anew in a forked child.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tokio::sync::oneshot;

use crate::error::{Error, Kind, Result};

/// How long the interpreter's exit waits for a credential that is being asked.
const JOIN_SECONDS: f64 = 5.0;

type Job = Box<dyn FnOnce(Python<'_>) + Send>;

#[derive(Default)]
struct Queue {
    jobs: Mutex<(VecDeque<Job>, bool)>,
    changed: Condvar,
}

/// The queue of this process, and which process that is.
static CURRENT: Mutex<Option<(u32, Arc<Queue>)>> = Mutex::new(None);

thread_local! {
    static IS_PORTER: Cell<bool> = const { Cell::new(false) };
}

/// Whether the calling thread is the porter.
pub(super) fn is_this_thread() -> bool {
    IS_PORTER.get()
}

/// Makes sure that this process has a porter.
pub(super) fn start(py: Python<'_>) -> PyResult<()> {
    let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if current.as_ref().is_some_and(|(owner, _)| *owner == process) {
        return Ok(());
    }
    *current = Some((process, Arc::default()));
    drop(current);
    let arguments = PyDict::new(py);
    arguments.set_item("target", py.import("powerbi_push._core")?.getattr("serve_porter")?)?;
    arguments.set_item("name", "powerbi-push-porter")?;
    arguments.set_item("daemon", true)?;
    let thread = py.import("threading")?.call_method("Thread", (), Some(&arguments))?;
    thread.call_method0("start")?;
    let leave = pyo3::types::PyCFunction::new_closure(py, None, None, move |args, _| {
        close();
        let py = args.py();
        thread_of(args)?.call_method1("join", (JOIN_SECONDS,)).map(drop).or_else(|error| {
            error.write_unraisable(py, None);
            Ok::<_, PyErr>(())
        })
    })?;
    py.import("atexit")?.call_method1("register", (leave, thread)).map(drop)
}

fn thread_of<'py>(args: &Bound<'py, pyo3::types::PyTuple>) -> PyResult<Bound<'py, PyAny>> {
    args.get_item(0)
}

/// Has the porter run `job`, and waits for what it returns. Called from Rust's own threads.
pub(super) async fn ask<T: Send + 'static>(job: impl FnOnce(Python<'_>) -> T + Send + 'static) -> Result<T> {
    let gone = || Error::new(Kind::Closed, "Python is shutting down");
    let queue = queue().ok_or_else(gone)?;
    let (sender, answer) = oneshot::channel();
    let job: Job = Box::new(move |py| {
        // Nobody waits any more where the task was dropped.
        let _ = sender.send(job(py));
    });
    {
        let mut jobs = queue.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if jobs.1 {
            return Err(gone());
        }
        jobs.0.push_back(job);
    }
    queue.changed.notify_one();
    answer.await.map_err(|_| gone())
}

fn queue() -> Option<Arc<Queue>> {
    let current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
    current.as_ref().map(|(_, queue)| Arc::clone(queue))
}

fn close() {
    if let Some(queue) = queue() {
        let mut jobs = queue.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        *jobs = (VecDeque::new(), true);
        queue.changed.notify_all();
    }
}

/// The porter's whole life; not for users.
#[pyfunction]
pub(super) fn serve_porter(py: Python<'_>) {
    IS_PORTER.set(true);
    let Some(queue) = queue() else { return };
    while let Some(job) = py.detach(|| queue.next()) {
        job(py);
    }
}

impl Queue {
    fn next(&self) -> Option<Job> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = |jobs: &mut (VecDeque<Job>, bool)| jobs.0.is_empty() && !jobs.1;
        let mut jobs = self.changed.wait_while(jobs, waiting).unwrap_or_else(PoisonError::into_inner);
        jobs.0.pop_front()
    }
}
