//! The callback threads: two Python threads of ours, which do for Rust what needs Python.
//!
//! ```text
//!  Rust task ──ask──▶ queue ──▶ callback ──▶ the thread calls the function ──▶ the task's answer
//! ```
//!
//! One calls functions of the user's, which may take their time; the other wakes event loops, and never waits. A
//! thread's loop is Python (`powerbi_push/calls/callback_threads.py`): a user's function that never returns then has no frame of
//! Rust below it, and the interpreter can end. Waiting for the next callback is done here, without the GIL.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use tokio::sync::oneshot;

use super::{door, errors};
use crate::error::{Error, Kind, Result};

/// Whose functions a callback thread calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallbackThread {
    /// The user's.
    Users = 0,
    /// Event loops': each returns at once.
    Loops = 1,
}

/// A function, and the one argument that it may want.
pub(super) struct Call {
    pub(super) function: Py<PyAny>,
    pub(super) argument: Option<Py<PyAny>>,
}

/// What a call is about.
enum About {
    /// What the call itself says.
    Nothing,
    /// A failure.
    Failure(Error),
    /// A text: a line for the log, or what a person has to know.
    Text(String),
}

type Reply = Box<dyn FnOnce(Python<'_>, PyResult<Bound<'_, PyAny>>) + Send>;

/// One call that the callback thread is to make.
#[pyclass(frozen, module = "powerbi_push._core")]
pub(super) struct Callback {
    call: Arc<Call>,
    about: About,
    reply: Mutex<Option<Reply>>,
}

#[derive(Default)]
struct Queue {
    callbacks: Mutex<(VecDeque<Callback>, bool)>,
    changed: Condvar,
}

/// A callback thread's queue, and the process that it belongs to.
type Desk = Mutex<Option<(u32, Arc<Queue>)>>;

static QUEUES: [Desk; 2] = [Mutex::new(None), Mutex::new(None)];

thread_local! {
    static IS_CALLBACK_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// Whether the calling thread is a callback thread.
pub(super) fn is_this_thread() -> bool {
    IS_CALLBACK_THREAD.get()
}

/// Makes sure that this process has this callback thread; a forked child gets one of its own.
pub(super) fn start(py: Python<'_>, thread: CallbackThread) -> PyResult<()> {
    let mut current = QUEUES[thread as usize].lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if current.as_ref().is_some_and(|(owner, _)| *owner == process) {
        return Ok(());
    }
    *current = Some((process, Arc::default()));
    drop(current);
    let started =
        errors::face(py, "calls.callback_threads").and_then(|face| face.getattr("start")?.call1((thread as usize,)));
    if started.is_err() {
        *QUEUES[thread as usize].lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
    started.map(drop)
}

/// Has the user's function called, and reads its answer there. Called from Rust's own threads.
pub(super) async fn ask<T: Send + 'static>(
    call: Arc<Call>,
    read: impl FnOnce(Python<'_>, PyResult<Bound<'_, PyAny>>) -> T + Send + 'static,
) -> Result<T> {
    ask_about(call, About::Nothing, read).await
}

/// The same with a text that it is called with.
pub(super) async fn ask_with<T: Send + 'static>(
    call: Arc<Call>,
    text: String,
    read: impl FnOnce(Python<'_>, PyResult<Bound<'_, PyAny>>) -> T + Send + 'static,
) -> Result<T> {
    ask_about(call, About::Text(text), read).await
}

async fn ask_about<T: Send + 'static>(
    call: Arc<Call>,
    about: About,
    read: impl FnOnce(Python<'_>, PyResult<Bound<'_, PyAny>>) -> T + Send + 'static,
) -> Result<T> {
    let gone = || Error::new(Kind::Closed, "Python is shutting down");
    let (sender, answer) = oneshot::channel();
    let reply: Reply = Box::new(move |py, answered| {
        // Nobody waits any more where the task was dropped.
        let _ = sender.send(read(py, answered));
    });
    if !send(CallbackThread::Users, call, about, reply) {
        return Err(gone());
    }
    answer.await.map_err(|_| gone())
}

/// Has an event loop woken. Called from Rust's own threads.
pub(super) fn wake(call: Arc<Call>) {
    // A loop that is closed has nobody left to wake.
    send(CallbackThread::Loops, call, About::Nothing, Box::new(|_, _| ()));
}

/// Has the user's function called with a failure. What it raises itself goes where such things go.
pub(super) fn tell(call: Arc<Call>, error: Error) {
    send(CallbackThread::Users, call, About::Failure(error), Box::new(unraisable));
}

/// Has `call`, which logs a line, called with this one. What the user's handlers raise goes the same way.
pub(super) fn log(call: Arc<Call>, line: String) {
    send(CallbackThread::Users, call, About::Text(line), Box::new(unraisable));
}

/// The same, and `heard` once it has returned that somebody was there.
pub(super) fn log_until_heard(call: Arc<Call>, line: String, heard: impl FnOnce() + Send + 'static) {
    let reply: Reply = Box::new(|py, answered| match answered {
        Ok(told) if told.is_truthy().unwrap_or(true) => door::away(py, heard),
        Ok(_) => {}
        raised => unraisable(py, raised),
    });
    send(CallbackThread::Users, call, About::Text(line), reply);
}

fn unraisable(py: Python<'_>, answered: PyResult<Bound<'_, PyAny>>) {
    if let Err(raised) = answered {
        raised.write_unraisable(py, None);
    }
}

/// Hands a callback over; `false` where the callback thread has left.
fn send(thread: CallbackThread, call: Arc<Call>, about: About, reply: Reply) -> bool {
    let Some(queue) = queue(thread as usize) else { return false };
    let mut callbacks = queue.callbacks.lock().unwrap_or_else(PoisonError::into_inner);
    if callbacks.1 {
        return false;
    }
    callbacks.0.push_back(Callback { call, about, reply: Mutex::new(Some(reply)) });
    drop(callbacks);
    queue.changed.notify_one();
    true
}

/// The queue of a callback thread of this process.
fn queue(thread: usize) -> Option<Arc<Queue>> {
    let current = QUEUES.get(thread)?.lock().unwrap_or_else(PoisonError::into_inner);
    let (owner, queue) = current.as_ref()?;
    (*owner == std::process::id()).then(|| Arc::clone(queue))
}

/// Waits for the next call to make; `None` once there will be none.
#[pyfunction]
pub(super) fn next_callback(py: Python<'_>, thread: usize) -> PyResult<Option<Callback>> {
    door::through(py, || {
        IS_CALLBACK_THREAD.set(true);
        Ok(queue(thread).and_then(|queue| door::away(py, || queue.next())))
    })
}

/// Has the callback threads end.
pub(super) fn close_all() {
    for queue in (0..QUEUES.len()).filter_map(queue) {
        queue.close();
    }
}

/// Waits a little for functions of the user's that are being called; the callback threads begin no more.
pub(super) fn join_all(py: Python<'_>) -> PyResult<()> {
    if (0..QUEUES.len()).all(|thread| queue(thread).is_none()) {
        return Ok(());
    }
    errors::face(py, "calls.callback_threads")?.getattr("join")?.call0().map(drop)
}

impl Queue {
    fn close(&self) {
        let mut callbacks = self.callbacks.lock().unwrap_or_else(PoisonError::into_inner);
        let left = std::mem::replace(&mut *callbacks, (VecDeque::new(), true));
        drop(callbacks);
        self.changed.notify_all();
        // Letting go of what was to be called may run Python, which must not find the queue locked.
        drop(left);
    }

    fn next(&self) -> Option<Callback> {
        let callbacks = self.callbacks.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = |callbacks: &mut (VecDeque<Callback>, bool)| callbacks.0.is_empty() && !callbacks.1;
        let mut callbacks = self.changed.wait_while(callbacks, waiting).unwrap_or_else(PoisonError::into_inner);
        callbacks.0.pop_front()
    }
}

#[pymethods]
impl Callback {
    /// What to call.
    #[getter]
    fn function(&self, py: Python<'_>) -> Py<PyAny> {
        self.call.function.clone_ref(py)
    }

    /// With what.
    #[getter]
    fn arguments<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        door::through(py, || match &self.about {
            About::Failure(error) => PyTuple::new(py, [errors::to_py(py, error).into_value(py)]),
            About::Text(text) => PyTuple::new(py, [text]),
            About::Nothing => PyTuple::new(py, self.call.argument.as_ref()),
        })
    }

    /// It returned.
    fn finish(&self, answer: &Bound<'_, PyAny>) -> PyResult<()> {
        door::through(answer.py(), || {
            self.answer(answer.py(), Ok(answer.clone()));
            Ok(())
        })
    }

    /// It raised.
    fn fail(&self, raised: &Bound<'_, PyAny>) -> PyResult<()> {
        door::through(raised.py(), || {
            self.answer(raised.py(), Err(PyErr::from_value(raised.clone())));
            Ok(())
        })
    }
}

impl Callback {
    fn answer(&self, py: Python<'_>, answered: PyResult<Bound<'_, PyAny>>) {
        let reply = self.reply.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(reply) = reply {
            reply(py, answered);
        }
    }
}
