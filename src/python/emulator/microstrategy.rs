//! The emulator's MicroStrategy as Python's half uses it.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::row_list;
use crate::emulator::MicroStrategy;
use crate::python::door;
use crate::python::errors::raise;

/// The MicroStrategy of a running emulator.
#[pyclass(frozen, module = "powerbi_push._core")]
pub(crate) struct MicroStrategyEmulator(pub(super) Arc<MicroStrategy>);

#[pymethods]
impl MicroStrategyEmulator {
    #[getter]
    fn base_url(&self) -> String {
        self.0.base_url()
    }

    #[getter]
    fn username(&self) -> &'static str {
        self.0.username()
    }

    #[getter]
    fn password(&self) -> String {
        self.0.password()
    }

    #[getter]
    fn api_token(&self) -> String {
        self.0.api_token()
    }

    #[getter]
    fn oauth_token(&self) -> String {
        self.0.oauth_token()
    }

    #[getter]
    fn project(&self) -> &'static str {
        self.0.project()
    }

    #[getter]
    fn open_sessions(&self) -> usize {
        self.0.open_sessions()
    }

    #[getter]
    fn open_uploads(&self) -> usize {
        self.0.open_uploads()
    }

    fn add_project(&self, name: &str) -> String {
        self.0.add_project(name)
    }

    fn expire_sessions(&self) {
        self.0.expire_sessions();
    }

    fn fail_publish(&self, message: &str, times: usize) {
        self.0.fail_publish(message, times);
    }

    fn rows<'py>(&self, py: Python<'py>, dataset: &str, table: Option<&str>) -> PyResult<Bound<'py, PyList>> {
        door::through(py, || {
            let rows = raise(py, door::away(py, || self.0.rows(dataset, table)))?;
            row_list(py, &rows)
        })
    }
}
