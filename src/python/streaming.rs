//! A streaming dataset as Python's half uses it.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::errors::raise;
use super::operation::Operation;
use super::runtime::PerProcess;
use super::schema::TableSchema;
use super::sender::Sender;
use super::{options, push};
use crate::client::Route;
use crate::clock::Clock;
use crate::destination::Streaming;
use crate::limit::Quotas;
use crate::retry::Retry;
use crate::transport::Settings;

/// A push URL with its pool of connections.
#[pyclass(frozen, module = "powerbi_push._core")]
pub(super) struct PushUrl {
    streaming: Streaming,
    settings: Settings,
    retry: Retry,
    quotas: Quotas,
    clock: Clock,
    route: PerProcess<Route>,
}

#[pymethods]
impl PushUrl {
    #[new]
    fn new(
        py: Python<'_>,
        push_url: &str,
        history: bool,
        live_tiles: bool,
        timeout: &Bound<'_, PyAny>,
        retry: &Bound<'_, PyAny>,
        quotas: &Bound<'_, PyAny>,
        proxy: Option<String>,
        ca_bundle: Option<PathBuf>,
    ) -> PyResult<Self> {
        let streaming = raise(py, Streaming::new(push_url, history, live_tiles))?;
        let settings = Settings { timeout: options::required_seconds("timeout", timeout)?, proxy, ca_bundle };
        raise(py, streaming.check_emulated())?;
        raise(py, streaming.check_way(&settings))?;
        let (retry, quotas, clock) = (options::retry(retry)?, options::quotas(quotas)?, Clock::of_process());
        Ok(Self { streaming, settings, retry, quotas, clock, route: PerProcess::new() })
    }

    /// The URL without its secret.
    #[getter]
    fn shown(&self) -> String {
        self.streaming.shown()
    }

    fn push_rows(
        &self,
        schema: Option<&TableSchema>,
        rows: &Bound<'_, PyAny>,
        options: &Bound<'_, PyDict>,
    ) -> PyResult<Operation> {
        push::push(self.target(rows.py(), schema)?, rows, options, push::First::default())
    }

    fn sender(&self, py: Python<'_>, schema: Option<&TableSchema>, options: &Bound<'_, PyDict>) -> PyResult<Sender> {
        Sender::start(py, self.target(py, schema)?, None, options)
    }
}

impl PushUrl {
    fn target(&self, py: Python<'_>, schema: Option<&TableSchema>) -> PyResult<push::Target> {
        raise(py, self.streaming.check_emulated())?;
        let (settings, retry, clock) = (&self.settings, self.retry, &self.clock);
        let make = || Route::to_push_url(self.streaming.clone(), settings, retry, self.quotas, clock.clone());
        let schema = schema.map(|known| Arc::clone(&known.schema));
        Ok(push::Target { route: self.route.get(py, make)?, schema, ordered: false, needs_loop: false })
    }
}
