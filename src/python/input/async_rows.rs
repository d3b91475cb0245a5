//! Rows of an async iterable: an event loop awaits them and hands them over, some at a time.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::Failure;

/// The rows awaited so far, and where more come from.
pub(super) struct AsyncRows {
    iterator: Py<PyAny>,
    rows: Option<Py<PyList>>,
    next: usize,
    /// There are no more.
    ended: bool,
    /// What awaiting more of them raised.
    raised: Option<PyErr>,
}

impl AsyncRows {
    pub(super) fn new(rows: &Bound<'_, PyAny>) -> PyResult<Self> {
        let iterator = rows.call_method0(intern!(rows.py(), "__aiter__"))?.unbind();
        Ok(Self { iterator, rows: None, next: 0, ended: false, raised: None })
    }

    /// What is to be awaited.
    pub(super) fn iterator(&self, py: Python<'_>) -> Py<PyAny> {
        self.iterator.clone_ref(py)
    }

    /// Takes what was awaited since the last time; `ended` says that these were the last, `raised` why.
    pub(super) fn feed(&mut self, rows: Py<PyList>, ended: bool, raised: Option<PyErr>) {
        (self.rows, self.next, self.ended, self.raised) = (Some(rows), 0, ended, raised);
    }

    /// How many rows have been handed over and not been read.
    pub(super) fn left(&self, py: Python<'_>) -> usize {
        self.rows.as_ref().map_or(0, |rows| rows.bind(py).len().saturating_sub(self.next))
    }

    /// The next row; `None` once there are no more.
    pub(super) fn next<'py>(&mut self, py: Python<'py>) -> Result<Option<Bound<'py, PyAny>>, Failure> {
        if let Some(rows) = self.rows.as_ref().map(|rows| rows.bind(py))
            && self.next < rows.len()
        {
            self.next += 1;
            return Ok(Some(rows.get_item(self.next - 1)?));
        }
        match self.raised.take() {
            Some(raised) => Err(raised.into()),
            None if self.ended => Ok(None),
            None => Err(Failure::Dry),
        }
    }
}
