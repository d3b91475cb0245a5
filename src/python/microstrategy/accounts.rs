//! What is said of the rows of one push, however it ended.

use std::time::Duration;

use pyo3::prelude::*;

use crate::delivery::queue::Ledger;
use crate::delivery::report::{Meter, Report};
use crate::python::results;
use crate::rows::encode::Problems;

/// The rows of one push, as far as they were read.
pub(super) struct Account {
    pub(super) read: u64,
    pub(super) problems: Problems,
    pub(super) skip_invalid: bool,
    /// Rows that wait, or were sent.
    pub(super) rows: u64,
    pub(super) repeated_keys: u64,
}

impl Account {
    /// Python's `PushResult`; the first of the rows is number `first` of the ledger.
    pub(super) fn result<'py>(
        &self,
        py: Python<'py>,
        ledger: &Ledger,
        first: u64,
        meter: &Meter,
        elapsed: Duration,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut report = Report::new(self.read, &self.problems, self.skip_invalid, first, ledger, meter, elapsed);
        report.repeated_keys = self.repeated_keys;
        results::push_result(py, &report, false)
    }
}
