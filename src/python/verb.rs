//! Verbs run from here, so that a traceback ends at the public one: a function of Rust has no frame in it.
//!
//! A verb is a Python generator of operations; see `powerbi_push/calls/verbs.py`. Of the exception that ends it the frames of
//! this package are taken off, and those of the caller's own functions stay.

use pyo3::exceptions::{PyException, PyStopIteration};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTraceback, PyTuple};

use super::operation::Operation;
use super::{door, errors, results};

/// Does what a verb says, on this thread.
#[pyfunction]
pub(super) fn run(verb: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    let py = verb.py();
    door::through(py, || drive(verb).map_err(|raised| ours_taken_off(py, raised)))
}

/// Answers what an awaited verb answered, or raises what it raised.
#[pyfunction]
pub(super) fn settled(outcome: (Py<PyAny>, Option<Bound<'_, PyAny>>)) -> PyResult<Py<PyAny>> {
    match outcome {
        (answer, None) => Ok(answer),
        (_, Some(raised)) => {
            let py = raised.py();
            door::through(py, || Err(ours_taken_off(py, PyErr::from_value(raised))))
        }
    }
}

/// Calls a function of this package, of whose frames a traceback shows none.
#[pyfunction]
#[pyo3(signature = (function, *given, **named))]
pub(super) fn inside(
    function: &Bound<'_, PyAny>,
    given: &Bound<'_, PyTuple>,
    named: Option<&Bound<'_, PyDict>>,
) -> PyResult<Py<PyAny>> {
    let py = function.py();
    door::through(py, || function.call(given, named).map(Bound::unbind).map_err(|raised| ours_taken_off(py, raised)))
}

/// The first of what a Python iterable holds: what Python itself would read on and on below a frame of ours.
#[pyfunction]
pub(super) fn taken<'py>(of: &Bound<'py, PyAny>, most: usize) -> PyResult<Bound<'py, PyList>> {
    let py = of.py();
    door::through(py, || PyList::new(py, door::each(of)?.take(most).collect::<PyResult<Vec<_>>>()?))
}

/// The same of the rows of a push, which are read before anything is sent: behind `before` others.
#[pyfunction]
pub(super) fn taken_rows<'py>(of: &Bound<'py, PyAny>, most: usize, before: u64) -> PyResult<Bound<'py, PyList>> {
    let py = of.py();
    door::through(py, || {
        let mut rows = Vec::new();
        for row in door::each(of)?.take(most) {
            rows.push(row.map_err(|raised| unread(py, raised, before + rows.len() as u64))?);
        }
        PyList::new(py, rows)
    })
}

/// The exception for rows of a push that raised behind the first `row` of them, before anything was sent.
#[pyfunction]
pub(super) fn unread_rows(raised: &Bound<'_, PyAny>, row: u64) -> PyResult<PyErr> {
    let py = raised.py();
    door::through(py, || Ok(unread(py, PyErr::from_value(raised.clone()), row)))
}

fn unread(py: Python<'_>, raised: PyErr, row: u64) -> PyErr {
    if !raised.is_instance_of::<PyException>(py) {
        return raised;
    }
    results::before_the_first(py, errors::source(py, raised, row), row)
}

fn drive(verb: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    let py = verb.py();
    let mut next = verb.call_method0(intern!(py, "__next__"));
    loop {
        let operation = match next {
            Ok(operation) => operation,
            Err(end) if end.is_instance_of::<PyStopIteration>(py) => {
                return end.value(py).getattr(intern!(py, "value")).map(Bound::unbind);
            }
            Err(raised) => return Err(raised),
        };
        // The verb decides what becomes of a failure.
        next = match operation.cast::<Operation>()?.get().run(py) {
            Ok(answer) => verb.call_method1(intern!(py, "send"), (answer,)),
            Err(raised) => verb.call_method1(intern!(py, "throw"), (raised,)),
        };
    }
}

fn ours_taken_off(py: Python<'_>, raised: PyErr) -> PyErr {
    // An exception is raised whatever its traceback looks like.
    if let Ok(frames) = others(py, &raised) {
        raised.set_traceback(py, frames);
    }
    raised
}

/// The frames of an exception that are not this package's.
fn others<'py>(py: Python<'py>, raised: &PyErr) -> PyResult<Option<Bound<'py, PyTraceback>>> {
    let (mut kept, mut next) = (Vec::new(), raised.traceback(py).map(Bound::into_any));
    while let Some(frame) = next.filter(|frame| !frame.is_none()) {
        // The module, since what dataclasses make is in no file.
        let module = frame.getattr("tb_frame")?.getattr("f_globals")?.get_item(intern!(py, "__name__"));
        let is_ours = module.is_ok_and(|name| name.to_string().split('.').next() == Some("powerbi_push"));
        if !is_ours {
            kept.push(frame.clone());
        }
        next = Some(frame.getattr("tb_next")?);
    }
    let class = py.get_type::<PyTraceback>();
    kept.into_iter().rev().try_fold(None, |next, frame| {
        let [code, lasti, line] = ["tb_frame", "tb_lasti", "tb_lineno"].map(|name| frame.getattr(name));
        Ok(Some(class.call1((next, code?, lasti?, line?))?.cast_into::<PyTraceback>()?))
    })
}
