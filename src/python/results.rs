//! Reports as Python has them.

use pyo3::prelude::*;

use super::errors;
use crate::delivery::report::Report;

/// Python's `PushResult`; `deleted` says that the rows that were there before are gone.
pub(super) fn push_result<'py>(py: Python<'py>, report: &Report, deleted: bool) -> PyResult<Bound<'py, PyAny>> {
    let fields = pythonize::pythonize(py, report)?;
    fields.set_item("deleted", deleted)?;
    errors::face(py, "results")?.getattr("push_result")?.call1((fields,))
}
