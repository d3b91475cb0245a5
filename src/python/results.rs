//! Reports as Python has them.

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;

use super::errors;
use crate::delivery::report::Report;

/// The exception `raised` with what became of the rows.
pub(super) fn with_result(py: Python<'_>, raised: &PyErr, result: &Bound<'_, PyAny>) -> PyResult<()> {
    let exception = raised.value(py);
    exception.setattr("result", result)?;
    exception.call_method1("add_note", (result.call_method0("summary")?,))?;
    if raised.is_instance_of::<PyKeyboardInterrupt>(py) {
        // Who has ended it wants to go on some time.
        let note = format!("resume_from={}: the first row that is not confirmed", result.getattr("resume_from")?);
        exception.call_method1("add_note", (note,))?;
    }
    Ok(())
}

/// The same error; where it says that the rows of a push could not be read, with the account of that: `taken` rows were
/// taken from the caller, and none was sent.
pub(super) fn before_the_first(py: Python<'_>, raised: PyErr, taken: u64) -> PyErr {
    if !errors::is_a(py, &raised, "SourceError") {
        return raised;
    }
    let result = push_result(py, &Report::unsent(taken), false);
    result.and_then(|result| with_result(py, &raised, &result)).map_or_else(|failure| failure, |()| raised)
}

/// Python's `PushResult`; `deleted` says that the rows that were there before are gone.
pub(super) fn push_result<'py>(py: Python<'py>, report: &Report, deleted: bool) -> PyResult<Bound<'py, PyAny>> {
    let fields = pythonize::pythonize(py, report)?;
    fields.set_item("deleted", deleted)?;
    errors::face(py, "delivery.results")?.getattr("push_result")?.call1((fields,))
}
