//! A streaming dataset as Python's half uses it.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::door;
use super::errors::raise;
use super::operation::Operation;
use super::quotas::quotas;
use super::runtime::PerProcess;
use super::schema::TableSchema;
use super::sender::Sender;
use super::text::{check_flag, text};
use super::{options, push};
use crate::clock::Clock;
use crate::delivery::Route;
use crate::delivery::worker::Opening;
use crate::http::transport::Settings;
use crate::retry::Retry;
use crate::services::powerbi::client::to_push_url;
use crate::services::powerbi::sinks::Streaming;
use crate::services::powerbi::{Allowance, TARGET};

/// A push URL with its pool of connections.
#[pyclass(frozen, module = "powerbi_push._core")]
pub(super) struct PushUrl {
    streaming: Streaming,
    settings: Settings,
    retry: Retry,
    quotas: Allowance,
    clock: Clock,
    route: PerProcess<Route>,
}

#[pymethods]
impl PushUrl {
    #[new]
    fn new(
        push_url: &Bound<'_, PyAny>,
        history: &Bound<'_, PyAny>,
        live_tiles: &Bound<'_, PyAny>,
        timeout: &Bound<'_, PyAny>,
        retry: &Bound<'_, PyAny>,
        quotas: &Bound<'_, PyAny>,
        proxy: &Bound<'_, PyAny>,
        ca_bundle: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let py = push_url.py();
        door::through(py, || {
            let url = text("push_url", push_url)?;
            let (history, live_tiles) = (check_flag("history", history)?, check_flag("live_tiles", live_tiles)?);
            let streaming = raise(py, Streaming::new(&url, history, live_tiles))?;
            let settings = options::settings(timeout, proxy, ca_bundle)?;
            raise(py, streaming.check_emulated())?;
            raise(py, streaming.check_way(&settings))?;
            let (retry, quotas, clock) = (options::retry(retry)?, self::quotas(quotas)?, Clock::of_process());
            let made = Self { streaming, settings, retry, quotas, clock, route: PerProcess::new() };
            // Made here and now, so that a wrong argument is told where it was given.
            made.route(py)?;
            Ok(made)
        })
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
        let py = rows.py();
        door::through(py, || push::push(self.sink(py, schema)?, rows, options, Opening::default()))
    }

    fn sender(&self, py: Python<'_>, schema: Option<&TableSchema>, options: &Bound<'_, PyDict>) -> PyResult<Sender> {
        door::through(py, || Sender::start(py, self.sink(py, schema)?, false, options))
    }
}

impl PushUrl {
    fn route(&self, py: Python<'_>) -> PyResult<Route> {
        raise(py, self.streaming.check_emulated())?;
        let (settings, retry, clock) = (&self.settings, self.retry, &self.clock);
        let make = || to_push_url(self.streaming.clone(), settings, retry, self.quotas, clock.clone());
        self.route.get(py, make)
    }

    fn sink(&self, py: Python<'_>, schema: Option<&TableSchema>) -> PyResult<push::PushSink> {
        let schema = schema.map(|known| Arc::clone(&known.schema));
        Ok(push::PushSink { route: self.route(py)?, target: &TARGET, schema, ordered: false, needs_loop: false })
    }
}
