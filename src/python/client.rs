//! The client as Python's half uses it: plain values in, plain values out.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::types::PyDict;
use pythonize::pythonize;

use super::schema::TableSchema;
use super::{credential, errors, options, push, runtime};
use crate::client;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::powerbi::{Cloud, IfExists, base_url, check_id, check_table_name};
use crate::schema;
use crate::transport::Settings;

/// One sign-in to one service.
#[pyclass(frozen, module = "powerbi_push._core")]
pub(super) struct Client {
    client: Arc<client::Client>,
    closed: AtomicBool,
}

impl Client {
    fn open(&self, py: Python<'_>) -> PyResult<Arc<client::Client>> {
        if self.closed.load(Ordering::Acquire) {
            return Err(errors::to_py(py, &Error::new(Kind::Closed, "the client is closed")));
        }
        Ok(Arc::clone(&self.client))
    }
}

fn raise<T>(py: Python<'_>, result: Result<T>) -> PyResult<T> {
    result.map_err(|error| errors::to_py(py, &error))
}

#[pymethods]
impl Client {
    #[new]
    fn new(
        credential: &Bound<'_, PyAny>,
        cloud: &str,
        base: Option<&str>,
        timeout: &Bound<'_, PyAny>,
        retry: &Bound<'_, PyAny>,
        proxy: Option<String>,
        ca_bundle: Option<PathBuf>,
    ) -> PyResult<Self> {
        let py = credential.py();
        let clock = Clock::of_process();
        let cloud = raise(py, Cloud::named(cloud))?;
        let root = raise(py, base_url(base.unwrap_or(cloud.base_url)))?;
        let timeout = options::seconds("timeout", timeout)?
            .ok_or_else(|| errors::to_py(py, &Error::configuration("`timeout` takes a number of seconds above 0")))?;
        let settings = Settings { timeout, proxy, ca_bundle };
        let retry = options::retry(retry)?;
        let credential = credential::read(credential, cloud.scope, &clock)?;
        // Building the pool reads certificates; nobody needs the GIL for that.
        let client = py.detach(|| client::Client::new(root, credential, &settings, retry, clock));
        Ok(Self { client: Arc::new(raise(py, client)?), closed: AtomicBool::new(false) })
    }

    /// Scheme and host of the service.
    #[getter]
    fn base_url(&self) -> String {
        self.client.api().base_url()
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    fn create_dataset<'py>(
        &self,
        workspace: Option<String>,
        spec: &Bound<'py, PyAny>,
        if_exists: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = spec.py();
        let client = self.open(py)?;
        let choices = [("fail", IfExists::Fail), ("reuse", IfExists::Reuse), ("recreate", IfExists::Recreate)];
        let if_exists = options::choice("if_exists", if_exists, &choices)?;
        let dataset = raise(py, schema::read_dataset(&pythonize::depythonize(spec)?))?;
        let info =
            runtime::wait(py, async move { client.api().create_if(workspace.as_deref(), &dataset, if_exists).await })?;
        Ok(pythonize(py, &info)?)
    }

    fn datasets<'py>(&self, py: Python<'py>, workspace: Option<String>) -> PyResult<Bound<'py, PyAny>> {
        let client = self.open(py)?;
        let infos = runtime::wait(py, async move { client.api().datasets(workspace.as_deref()).await })?;
        Ok(pythonize(py, &infos)?)
    }

    fn dataset<'py>(
        &self,
        py: Python<'py>,
        workspace: Option<String>,
        name_or_id: String,
    ) -> PyResult<Bound<'py, PyAny>> {
        let client = self.open(py)?;
        let info =
            runtime::wait(py, async move { client.api().find_dataset(workspace.as_deref(), &name_or_id).await })?;
        Ok(pythonize(py, &info)?)
    }

    fn delete_dataset(&self, py: Python<'_>, workspace: Option<String>, id: String) -> PyResult<()> {
        let client = self.open(py)?;
        runtime::wait(py, async move { client.api().delete_dataset(workspace.as_deref(), &id).await })
    }

    fn tables(&self, py: Python<'_>, workspace: Option<String>, dataset: String) -> PyResult<Vec<String>> {
        let client = self.open(py)?;
        runtime::wait(py, async move { client.api().tables(workspace.as_deref(), &dataset).await })
    }

    fn delete_rows(&self, py: Python<'_>, workspace: Option<String>, dataset: String, table: String) -> PyResult<()> {
        let client = self.open(py)?;
        runtime::wait(py, async move { client.api().delete_rows(workspace.as_deref(), &dataset, &table).await })
    }

    fn push_rows<'py>(
        &self,
        workspace: Option<String>,
        dataset: String,
        table: String,
        schema: Option<&TableSchema>,
        ordered: bool,
        rows: &Bound<'py, PyAny>,
        options: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let client = self.open(rows.py())?;
        let schema = schema.map(|known| Arc::clone(&known.schema));
        push::push(&push::Target { client, workspace, dataset, table, schema, ordered }, rows, options)
    }

    /// Raises unless `id` can be the id of a `what`.
    #[staticmethod]
    fn check_id(py: Python<'_>, id: &str, what: &str) -> PyResult<()> {
        raise(py, check_id(id, what))
    }

    /// Raises unless `name` can be the name of a table.
    #[staticmethod]
    fn check_table_name(py: Python<'_>, name: &str) -> PyResult<()> {
        raise(py, check_table_name(name))
    }
}
