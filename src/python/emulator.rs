//! The emulator as Python's half uses it: what it stored and saw, as plain values.

pub(super) mod microstrategy;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use self::microstrategy::MicroStrategyEmulator;
use super::door;
use super::errors::raise;
use crate::clock::Clock;
use crate::emulator::{self, Assumed, FailNext, MicroStrategyAssumed, NewWorkspace, Options, Role, Row, Value};
use crate::error::{Error, Result};

/// A running emulator.
#[pyclass(frozen, module = "powerbi_push._core")]
pub(super) struct Emulator {
    emulator: emulator::Emulator,
    clock: Clock,
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.clock.leave_process();
    }
}

#[pymethods]
impl Emulator {
    #[new]
    #[allow(clippy::too_many_arguments, clippy::fn_params_excessive_bools, reason = "Python has names for them")]
    fn new(
        py: Python<'_>,
        port: u16,
        is_virtual: bool,
        limits: bool,
        tls: bool,
        assumptions: BTreeMap<String, String>,
        microstrategy: BTreeMap<String, String>,
        keep: Option<PathBuf>,
        in_container: bool,
    ) -> PyResult<Self> {
        door::through(py, || {
            let mut assumed = Assumed::default();
            for (switch, answer) in assumptions {
                raise(py, assumed.set(&switch, &answer))?;
            }
            let mut of_microstrategy = MicroStrategyAssumed::default();
            for (switch, answer) in microstrategy {
                raise(py, of_microstrategy.set(&switch, &answer))?;
            }
            let clock = if is_virtual { Clock::simulated() } else { Clock::real() };
            let microstrategy = of_microstrategy;
            let shared = clock.clone();
            let options = Options { port, limits, tls, clock: shared, assumed, microstrategy, keep, in_container };
            let emulator = raise(py, door::away(py, || emulator::Emulator::start(options)))?;
            if is_virtual {
                // Clients of this process that are made from now on go by the same time.
                clock.enter_process();
            }
            Ok(Self { emulator, clock })
        })
    }

    #[getter]
    fn url(&self) -> String {
        self.emulator.url()
    }

    #[getter]
    fn ca_pem(&self) -> Option<&str> {
        self.emulator.ca_pem()
    }

    #[getter]
    fn most_in_flight(&self) -> usize {
        self.emulator.most_in_flight()
    }

    #[getter]
    fn watchers(&self) -> usize {
        self.emulator.watchers()
    }

    fn token(&self) -> (String, u64) {
        self.emulator.token()
    }

    #[getter]
    fn tenant_id(&self) -> &str {
        self.emulator.tenant_id()
    }

    #[getter]
    fn client_id(&self) -> &str {
        self.emulator.client_id()
    }

    #[getter]
    fn client_secret(&self) -> String {
        self.emulator.client_secret()
    }

    fn expire_client_secret(&self) {
        self.emulator.expire_client_secret();
    }

    fn add_certificate(&self, py: Python<'_>, pem: &str) -> PyResult<()> {
        door::through(py, || raise(py, self.emulator.add_certificate(pem)))
    }

    fn trust(&self, py: Python<'_>, issuer: &str, subject: &str, pem: &str) -> PyResult<()> {
        door::through(py, || raise(py, self.emulator.trust(issuer, subject, pem)))
    }

    fn revoke_sign_ins(&self) {
        self.emulator.revoke_sign_ins();
    }

    fn machine(&self, py: Python<'_>, kind: &str) -> PyResult<BTreeMap<&'static str, String>> {
        door::through(py, || Ok(raise(py, self.emulator.machine(kind))?.into_iter().collect()))
    }

    fn allow_service_principals(&self, allowed: bool) {
        self.emulator.allow_service_principals(allowed);
    }

    fn allow_push_url_keys(&self, allowed: bool) {
        self.emulator.allow_push_url_keys(allowed);
    }

    fn allow_queries(&self, allowed: bool) {
        self.emulator.allow_queries(allowed);
    }

    fn add_workspace(
        &self,
        py: Python<'_>,
        name: &str,
        role: Option<&str>,
        app_role: Option<&str>,
        dedicated_capacity: bool,
    ) -> PyResult<String> {
        door::through(py, || {
            let role = raise(py, role.map(known_role).transpose())?;
            let app_role = raise(py, app_role.map(known_role).transpose())?;
            Ok(self.emulator.add_workspace(NewWorkspace { name: name.to_owned(), role, app_role, dedicated_capacity }))
        })
    }

    fn streaming_dataset(&self, name: &str, columns: &Bound<'_, PyAny>, history: bool) -> PyResult<String> {
        door::through(columns.py(), || {
            let pairs: Vec<(String, String)> = columns.extract()?;
            raise(columns.py(), self.emulator.streaming_dataset(name, &pairs, history))
        })
    }

    fn open_streaming_dataset(&self, name: &str) -> String {
        self.emulator.open_streaming_dataset(name)
    }

    fn columns(
        &self,
        py: Python<'_>,
        workspace: Option<&str>,
        dataset: &str,
        table: Option<&str>,
    ) -> PyResult<Vec<(String, String)>> {
        door::through(py, || raise(py, self.emulator.columns(workspace, dataset, table)))
    }

    fn takes_any(&self, py: Python<'_>, workspace: Option<&str>, dataset: &str, table: Option<&str>) -> PyResult<bool> {
        door::through(py, || raise(py, self.emulator.takes_any(workspace, dataset, table)))
    }

    fn understood<'py>(
        &self,
        py: Python<'py>,
        workspace: Option<&str>,
        dataset: &str,
        table: Option<&str>,
        body: &[u8],
    ) -> PyResult<Bound<'py, PyList>> {
        door::through(py, || {
            row_list(py, &raise(py, door::away(py, || self.emulator.understood(workspace, dataset, table, body)))?)
        })
    }

    fn rows<'py>(
        &self,
        py: Python<'py>,
        workspace: Option<&str>,
        dataset: &str,
        table: Option<&str>,
    ) -> PyResult<Bound<'py, PyList>> {
        door::through(py, || {
            let rows = raise(py, door::away(py, || self.emulator.rows(workspace, dataset, table)))?;
            row_list(py, &rows)
        })
    }

    fn requests<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        door::through(py, || self.emulator.requests().iter().map(|request| request_dict(py, request)).collect())
    }

    fn fail_next(
        &self,
        py: Python<'_>,
        status: u16,
        retry_after: Option<String>,
        times: usize,
        route: Option<String>,
        code: Option<String>,
        message: Option<String>,
        body: Option<String>,
    ) -> PyResult<()> {
        let fault = FailNext { status, retry_after, times, route, code, message, body };
        door::through(py, || raise(py, self.emulator.fail_next(fault)))
    }

    fn drop_response(&self, py: Python<'_>, times: usize, route: Option<&str>) -> PyResult<()> {
        door::through(py, || raise(py, self.emulator.drop_response(times, route)))
    }

    fn microstrategy(&self) -> MicroStrategyEmulator {
        MicroStrategyEmulator(Arc::clone(self.emulator.microstrategy()))
    }

    fn expire_tokens(&self) {
        self.emulator.expire_tokens();
    }

    fn advance(&self, seconds: &Bound<'_, PyAny>) -> PyResult<()> {
        door::through(seconds.py(), || {
            raise(seconds.py(), self.emulator.advance(super::options::delay("seconds", seconds)?))
        })
    }

    fn now(&self) -> f64 {
        self.emulator.now().as_secs_f64()
    }

    fn reset(&self) {
        self.emulator.reset();
    }

    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        door::through(py, || {
            door::away(py, || self.emulator.stop());
            self.clock.leave_process();
            raise(py, self.emulator.keep_failure().map_or(Ok(()), Err))
        })
    }
}

fn known_role(name: &str) -> Result<Role> {
    Role::from_name(name).ok_or_else(|| {
        let hint = "the roles are Admin, Member, Contributor and Viewer";
        Error::configuration(format!("there is no role `{name}`")).with_hint(hint)
    })
}

fn row_list<'py>(py: Python<'py>, rows: &[Row]) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for row in rows {
        list.append(row_dict(py, row)?)?;
    }
    Ok(list)
}

fn row_dict<'py>(py: Python<'py>, row: &Row) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (column, value) in row.cells() {
        dict.set_item(column, value_object(py, value)?)?;
    }
    Ok(dict)
}

fn value_object<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::Null => Ok(py.None().into_bound(py)),
        Value::Bool(value) => Ok(value.into_pyobject(py)?.to_owned().into_any()),
        Value::Int(value) => Ok(value.into_pyobject(py)?.into_any()),
        Value::Double(value) => Ok(value.into_pyobject(py)?.into_any()),
        Value::Text(value) => Ok(value.into_pyobject(py)?.into_any()),
        Value::Decimal(value) => py.import("decimal")?.getattr("Decimal")?.call1((&**value,)),
        Value::DateTime(value) => {
            py.import("datetime")?.getattr("datetime")?.call_method1("fromisoformat", (value.to_string(),))
        }
        Value::Date(_) => py.import("datetime")?.getattr("date")?.call_method1("fromisoformat", (value.to_string(),)),
        Value::Time(_) => py.import("datetime")?.getattr("time")?.call_method1("fromisoformat", (value.to_string(),)),
    }
}

fn request_dict<'py>(py: Python<'py>, request: &emulator::Request) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("number", request.number)?;
    dict.set_item("method", &request.method)?;
    dict.set_item("path", &request.path)?;
    dict.set_item("query", &request.query)?;
    dict.set_item("operation", request.operation)?;
    dict.set_item("headers", request.headers.iter().cloned().collect::<BTreeMap<_, _>>())?;
    dict.set_item("body", PyBytes::new(py, &request.body))?;
    dict.set_item("status", request.status)?;
    dict.set_item("refusal", request.refusal.as_deref())?;
    dict.set_item("rows", request.rows)?;
    dict.set_item("at", request.at.as_secs_f64())?;
    Ok(dict)
}
