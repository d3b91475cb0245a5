//! A table of a push dataset, as Python holds it: where it is, what its rows look like, and how they are sent.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict};
use serde::Serialize;

use super::client::Client;
use super::errors::raise;
use super::operation::Operation;
use super::schema::TableSchema;
use super::sender::Sender;
use super::{door, options, plan, push};
use crate::delivery::worker::Opening;
use crate::error::Result;
use crate::rows::schema;
use crate::services::powerbi::client;
use crate::services::powerbi::{MOST_ROWS, TARGET, TableAt};

/// One table, seen by one client.
#[pyclass(frozen, module = "powerbi_push._core")]
pub(super) struct Table {
    client: Py<Client>,
    at: TableAt,
    schema: Option<Arc<schema::TableSchema>>,
    ordered: bool,
    sequence: bool,
}

#[pymethods]
impl Table {
    #[new]
    fn new(
        client: &Bound<'_, Client>,
        place: (Option<String>, String, String),
        schema: Option<&TableSchema>,
        ordered: bool,
        sequence: bool,
    ) -> PyResult<Self> {
        door::through(client.py(), || {
            let (workspace, dataset, table) = place;
            let schema = schema.map(|known| Arc::clone(&known.schema));
            let at = TableAt { workspace, dataset, table };
            Ok(Self { client: client.clone().unbind(), at, schema, ordered, sequence })
        })
    }

    fn delete_rows(&self, py: Python<'_>) -> PyResult<Operation> {
        let at = self.at.clone();
        self.request(py, |client| async move { client.api().delete_rows(&at).await })
    }

    fn update_schema(&self, spec: &Bound<'_, PyAny>, may_lose_rows: bool) -> PyResult<Operation> {
        let py = spec.py();
        door::through(py, || {
            let (at, schema) =
                (self.at.clone(), raise(py, schema::read_table_for(&pythonize::depythonize(spec)?, &TARGET))?);
            self.request(py, |client| async move { client.api().update_schema(&at, &schema, may_lose_rows).await })
        })
    }

    fn sequence_numbers(&self, py: Python<'_>) -> PyResult<Operation> {
        let at = self.at.clone();
        self.request(py, |client| async move { client.api().sequence_numbers(&at).await })
    }

    fn count(&self, py: Python<'_>) -> PyResult<Operation> {
        let at = self.at.clone();
        self.request(py, |client| async move { client.api().count(&at, client.quotas()).await })
    }

    fn head(&self, n: &Bound<'_, PyAny>) -> PyResult<Operation> {
        let Some(most) = n.extract::<u32>().ok().filter(|most| *most <= MOST_ROWS && !n.is_instance_of::<PyBool>())
        else {
            let message = format!("`n` takes a whole number from 0 to {MOST_ROWS}: a query gives no more rows");
            return options::wrong(n, message);
        };
        let at = self.at.clone();
        self.request(n.py(), |client| async move { client.api().head(&at, most, client.quotas()).await })
    }

    fn push(&self, rows: &Bound<'_, PyAny>, options: &Bound<'_, PyDict>, replace: bool) -> PyResult<Operation> {
        let py = rows.py();
        door::through(py, || {
            let client = self.client.get().open_to_send(py)?;
            push::push(self.sink(py, &client)?, rows, options, Opening { replace, numbered: self.sequence })
        })
    }

    fn sender(&self, py: Python<'_>, options: &Bound<'_, PyDict>) -> PyResult<Sender> {
        door::through(py, || {
            let client = self.client.get().open_to_send(py)?;
            Sender::start(py, self.sink(py, &client)?, self.sequence, options)
        })
    }

    /// What a push of rows, or of so many, would take.
    fn plan<'py>(
        &self,
        rows_or_count: &Bound<'py, PyAny>,
        rows_in_table: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = rows_or_count.py();
        door::through(py, || {
            let client = self.client.get().open(py)?;
            let sink = self.sink(py, &client)?;
            Ok(pythonize::pythonize(py, &plan::plan(&sink, rows_or_count, rows_in_table)?)?)
        })
    }
}

impl Table {
    fn request<T: Serialize + Send + 'static, W: Future<Output = Result<T>> + Send + 'static>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(Arc<client::Client>) -> W,
    ) -> PyResult<Operation> {
        self.client.get().request(py, work)
    }

    fn sink(&self, py: Python<'_>, client: &client::Client) -> PyResult<push::PushSink> {
        let route = raise(py, client.route(&self.at))?;
        let ordered = self.ordered || self.sequence;
        let needs_loop = self.client.get().needs_loop();
        Ok(push::PushSink { route, target: &TARGET, schema: self.schema.clone(), ordered, needs_loop })
    }
}
