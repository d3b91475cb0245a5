//! The one door from Python into Rust. Whoever is inside is counted; at the end of the interpreter nobody comes in any
//! more, and the end waits until those who are inside have gone home.
//!
//! ```text
//!  through ─▶ inside ─┬─ asks at every row whether it may stay ─▶ out
//!                     ├─ away: without the GIL
//!                     └─ panics: an error, and a line in the log
//! ```
//!
//! Python ends a daemon's thread where it asks for the GIL once the interpreter is going: by unwinding its stack, which
//! takes the process down where there is a frame of Rust in it. So no such frame may be left by then.

use std::any::Any;
use std::cell::Cell;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use pyo3::exceptions::PySystemExit;
use pyo3::prelude::*;
use pyo3::types::PyIterator;

use super::{callback_thread, errors};
use crate::error::{Error, Kind};

/// How long the end of the interpreter waits for those who are inside.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many threads are inside.
static INSIDE: AtomicUsize = AtomicUsize::new(0);
/// Nobody comes in any more.
static CLOSED: AtomicBool = AtomicBool::new(false);
/// Nobody who is away comes back any more.
static LOCKED: AtomicBool = AtomicBool::new(false);
/// The process that those inside belong to; a fork without Python's knowledge has none of them.
static PROCESS: AtomicU32 = AtomicU32::new(0);
static LEAVING: Mutex<()> = Mutex::new(());
static LEFT: Condvar = Condvar::new();

thread_local! {
    /// How often this thread has come in without having left.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// This thread ends the interpreter, and may do so wherever it is.
    static ENDS: Cell<bool> = const { Cell::new(false) };
}

/// Has the end of the interpreter send everybody home; what is registered later runs before that.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    PROCESS.store(std::process::id(), SeqCst);
    let leave = wrap_pyfunction!(leave, module)?;
    module.py().import("atexit")?.call_method1("register", (leave,)).map(drop)
}

/// Only the thread that forked is in the child.
pub(super) fn forked() {
    PROCESS.store(std::process::id(), SeqCst);
    INSIDE.store(usize::from(DEPTH.get() > 0), SeqCst);
}

/// Does `call`, which may run Python or wait without the GIL; a panic of it becomes an error.
pub(super) fn through<T>(py: Python<'_>, call: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    let _inside = Inside::enter()?;
    caught(py, call)?
}

/// What `call` answers, or the error for its panic.
pub(super) fn caught<T>(py: Python<'_>, call: impl FnOnce() -> T) -> PyResult<T> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| errors::bug(py, &words(panic.as_ref())))
}

/// What a panic says.
pub(super) fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").to_owned()
}

/// Does `work` without the GIL. Whoever is too late to come back never does: Python would end the thread no better.
pub(super) fn away<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    py.detach(|| {
        let outcome = work();
        stay_away();
        outcome
    })
}

/// Does `work` with the GIL, on a thread of Python's that is away; `None` where Python has gone.
pub(super) fn back<T>(work: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    stay_away();
    Python::try_attach(work)
}

/// Does `work` for somebody who is inside, and was not given the GIL along.
pub(super) fn inside<T>(work: impl FnOnce(Python<'_>) -> T) -> T {
    Python::attach(work)
}

fn stay_away() {
    while LOCKED.load(SeqCst) && !ENDS.get() {
        thread::park();
    }
}

/// Whether the interpreter is about to end, and this thread has to leave in time.
#[inline]
pub(super) fn is_closed() -> bool {
    CLOSED.load(SeqCst) && !ENDS.get()
}

/// What ends a thread that has to leave: as Python itself would end it, only in time. It runs no Python.
pub(super) fn farewell() -> PyErr {
    PySystemExit::new_err(())
}

/// Whether a call that waits may go on.
pub(super) fn may_stay(py: Python<'_>) -> PyResult<()> {
    if is_closed() {
        return Err(farewell());
    }
    if CLOSED.load(SeqCst) {
        return Err(errors::to_py(py, &Error::new(Kind::Closed, "Python is shutting down")));
    }
    Ok(())
}

/// What a Python iterable holds, whose code is asked for each of it: as many times, whether it may stay.
pub(super) fn each<'py>(of: &Bound<'py, PyAny>) -> PyResult<impl Iterator<Item = PyResult<Bound<'py, PyAny>>>> {
    let mut items = once(of)?;
    Ok(std::iter::from_fn(move || if is_closed() { Some(Err(farewell())) } else { items.next() }))
}

/// The iterator of a Python iterable, for whoever asks before each step of it whether it may be taken.
pub(super) fn once<'py>(of: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyIterator>> {
    of.try_iter()
}

/// One thread that is inside; it leaves with the GIL in its hands.
struct Inside(PhantomData<*const ()>);

impl Inside {
    /// Runs no Python: the end of the interpreter may have begun to wait.
    fn enter() -> PyResult<Self> {
        let depth = DEPTH.get();
        DEPTH.set(depth + 1);
        if depth == 0 {
            INSIDE.fetch_add(1, SeqCst);
        }
        let inside = Self(PhantomData);
        // After the count, so that the end either sees this thread or is seen by it.
        if is_closed() { Err(farewell()) } else { Ok(inside) }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let depth = DEPTH.get() - 1;
        DEPTH.set(depth);
        if depth > 0 {
            return;
        }
        INSIDE.fetch_sub(1, SeqCst);
        if CLOSED.load(SeqCst) {
            let _leaving = LEAVING.lock().unwrap_or_else(PoisonError::into_inner);
            LEFT.notify_all();
        }
    }
}

/// Lets go of what may run Python then, such as the rows of a generator that has something to clean up; keeps it for good
/// once there is no more time.
pub(super) fn let_go<T>(value: T) {
    match Inside::enter() {
        Ok(_inside) => drop(value),
        Err(_) => std::mem::forget(value),
    }
}

/// Called by `atexit`: nobody comes in any more, and those who are inside come home.
#[pyfunction]
pub(super) fn leave(py: Python<'_>) -> PyResult<()> {
    ENDS.set(true);
    CLOSED.store(true, SeqCst);
    callback_thread::close_all();
    let own = usize::from(DEPTH.get() > 0);
    if PROCESS.load(SeqCst) == std::process::id() {
        py.detach(|| {
            let leaving = LEAVING.lock().unwrap_or_else(PoisonError::into_inner);
            // Whether they have come home does not matter: there is nothing else to try.
            drop(LEFT.wait_timeout_while(leaving, PATIENCE, |()| INSIDE.load(SeqCst) > own));
        });
    }
    LOCKED.store(true, SeqCst);
    callback_thread::join_all(py)
}
