//! The client as Python's half uses it: plain values in, plain values out.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::types::PyString;
use reqwest::Url;
use serde::Serialize;

use super::door;
use super::errors::{self, raise};
use super::operation::Operation;
use super::quotas::quotas;
use super::runtime::PerProcess;
use super::text::{optional, text};
use super::{callback_thread, credential, options};
use crate::auth::{Audience, Credential};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::http::transport::{self, Settings, check_emulated};
use crate::retry::Retry;
use crate::rows::schema;
use crate::services::powerbi::client;
use crate::services::powerbi::{self, Allowance, CLOUDS, Cloud, IfExists, check_name, check_table_name, is_id};

/// One sign-in to one service.
#[pyclass(frozen, module = "powerbi_push._core")]
pub(super) struct Client {
    recipe: Recipe,
    current: PerProcess<Arc<client::Client>>,
    closed: AtomicBool,
}

/// What a client is made from.
struct Recipe {
    root: Url,
    credential: Credential,
    /// Only an event loop can ask it.
    needs_loop: bool,
    settings: Settings,
    retry: Retry,
    quotas: Allowance,
    clock: Clock,
    audience: Audience,
}

impl Recipe {
    /// A credential of the user's is asked by the callback thread; a forked child needs one of its own.
    fn start_callback_thread(&self, py: Python<'_>) -> PyResult<()> {
        let asks = match &self.credential {
            Credential::Token(_) => false,
            Credential::Fetch(_) => true,
            Credential::SignIn(sign_in) => sign_in.needs_person(),
        };
        if asks { callback_thread::start(py, callback_thread::CallbackThread::Users) } else { Ok(()) }
    }

    fn make(&self) -> Result<Arc<client::Client>> {
        let (root, credential) = (self.root.clone(), self.credential.clone());
        let (clock, audience) = (self.clock.clone(), Some(self.audience.clone()));
        client::Client::new(root, credential, &self.settings, self.retry, self.quotas, clock, audience).map(Arc::new)
    }
}

impl Client {
    pub(super) fn open(&self, py: Python<'_>) -> PyResult<Arc<client::Client>> {
        if self.closed.load(Ordering::Acquire) {
            return Err(errors::to_py(py, &Error::new(Kind::Closed, "the client is closed")));
        }
        self.recipe.start_callback_thread(py)?;
        self.current.get(py, || self.recipe.make())
    }

    /// Whether its credential can only be asked by an event loop.
    pub(super) fn needs_loop(&self) -> bool {
        self.recipe.needs_loop
    }

    /// The same, for what is sent: not beside an emulator, where the client was made for somebody else.
    pub(super) fn open_to_send(&self, py: Python<'_>) -> PyResult<Arc<client::Client>> {
        raise(py, check_emulated("the client", &self.recipe.root))?;
        self.open(py)
    }

    pub(super) fn request<T: Serialize + Send + 'static, W: Future<Output = Result<T>> + Send + 'static>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(Arc<client::Client>) -> W,
    ) -> PyResult<Operation> {
        door::through(py, || {
            let client = self.open_to_send(py)?;
            let watched = |watch| work(Arc::new(client.watched(watch)));
            Operation::watched(self.recipe.needs_loop, "Power BI", &self.recipe.clock, watched)
        })
    }
}

#[pymethods]
impl Client {
    #[new]
    fn new(
        credential: &Bound<'_, PyAny>,
        cloud: &Bound<'_, PyAny>,
        base_url: &Bound<'_, PyAny>,
        timeout: &Bound<'_, PyAny>,
        retry: &Bound<'_, PyAny>,
        quotas: &Bound<'_, PyAny>,
        proxy: &Bound<'_, PyAny>,
        ca_bundle: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let py = credential.py();
        door::through(py, || {
            let clock = Clock::of_process();
            let cloud = raise(py, Cloud::named(&text("cloud", cloud)?))?;
            let root = optional("base_url", base_url)?;
            let root = raise(py, powerbi::base_url(root.as_deref().unwrap_or(cloud.base_url)))?;
            raise(py, check_emulated("base_url", &root))?;
            let settings = options::settings(timeout, proxy, ca_bundle)?;
            let (retry, quotas) = (options::retry(retry)?, self::quotas(quotas)?);
            let needs_loop = credential::is_async(credential)?;
            let credential = credential::read(credential, cloud.scope, &clock)?;
            // The address counts for more than the name: that is where the token goes.
            let here = CLOUDS.into_iter().find(|known| Url::parse(known.base_url).is_ok_and(|url| url == root));
            let meant = here.unwrap_or(cloud);
            let is_local = transport::is_loopback(&root);
            let audience =
                Audience { service: &powerbi::SERVICE, cloud: meant.name.into(), scope: meant.scope.into(), is_local };
            // Building the pool reads certificates; nobody needs the GIL for that.
            let made = Self {
                recipe: Recipe { root, credential, needs_loop, settings, retry, quotas, clock, audience },
                current: PerProcess::new(),
                closed: AtomicBool::new(false),
            };
            // Made here and now, so that a wrong argument is told where it was given.
            made.current.get(py, || made.recipe.make())?;
            Ok(made)
        })
    }

    /// Scheme and host of the service.
    #[getter]
    fn base_url(&self) -> String {
        self.recipe.root.as_str().trim_end_matches('/').to_owned()
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    fn create_dataset(
        &self,
        workspace: Option<String>,
        spec: &Bound<'_, PyAny>,
        if_exists: &Bound<'_, PyAny>,
    ) -> PyResult<Operation> {
        let py = spec.py();
        door::through(py, || {
            let choices = [("fail", IfExists::Fail), ("reuse", IfExists::Reuse), ("recreate", IfExists::Recreate)];
            let if_exists = options::choice("if_exists", if_exists, &choices)?;
            let dataset = raise(py, schema::read_dataset_for(&pythonize::depythonize(spec)?, &powerbi::TARGET))?;
            self.request(
                py,
                |client| async move { client.api().create_if(workspace.as_deref(), &dataset, if_exists).await },
            )
        })
    }

    /// What the token tells about itself; never the token.
    fn told_by_token(&self, py: Python<'_>) -> PyResult<Operation> {
        self.request(py, |client| async move { client.tokens().tell().await })
    }

    fn workspaces(&self, filter: &Bound<'_, PyAny>) -> PyResult<Operation> {
        let py = filter.py();
        door::through(py, || {
            let filter = optional("filter", filter)?;
            self.request(py, |client| async move { client.api().workspaces(filter.as_deref()).await })
        })
    }

    fn workspace(&self, name_or_id: &Bound<'_, PyAny>) -> PyResult<Operation> {
        let py = name_or_id.py();
        door::through(py, || {
            let name_or_id = name("name_or_id", name_or_id)?;
            self.request(py, |client| async move { client.api().find_workspace(&name_or_id).await })
        })
    }

    fn datasets(&self, py: Python<'_>, workspace: Option<String>) -> PyResult<Operation> {
        self.request(py, |client| async move { client.api().datasets(workspace.as_deref()).await })
    }

    fn dataset(&self, workspace: Option<String>, name_or_id: &Bound<'_, PyAny>) -> PyResult<Operation> {
        let py = name_or_id.py();
        door::through(py, || {
            let name_or_id = name("name_or_id", name_or_id)?;
            self.request(py, |client| async move { client.api().find_dataset(workspace.as_deref(), &name_or_id).await })
        })
    }

    fn delete_dataset(&self, py: Python<'_>, workspace: Option<String>, id: String) -> PyResult<Operation> {
        self.request(py, |client| async move { client.api().delete_dataset(workspace.as_deref(), &id).await })
    }

    fn tables(&self, py: Python<'_>, workspace: Option<String>, dataset: String) -> PyResult<Operation> {
        self.request(py, |client| async move { client.api().tables(workspace.as_deref(), &dataset).await })
    }

    fn query(&self, workspace: Option<String>, dataset: String, dax: &Bound<'_, PyAny>) -> PyResult<Operation> {
        let py = dax.py();
        door::through(py, || {
            let dax = text("dax", dax)?;
            self.request(py, |client| async move {
                client.api().query(workspace.as_deref(), &dataset, &dax, client.quotas()).await
            })
        })
    }

    /// Whether it is text of the shape of an id.
    #[staticmethod]
    fn is_id(text: &Bound<'_, PyAny>) -> PyResult<bool> {
        door::through(text.py(), || Ok(text.cast::<PyString>().is_ok_and(|text| text.to_str().is_ok_and(is_id))))
    }

    /// The name of a table, unless it can be none.
    #[staticmethod]
    fn table_name(table: &Bound<'_, PyAny>) -> PyResult<String> {
        door::through(table.py(), || {
            let name = name("name", table)?;
            raise(table.py(), check_table_name(&name))?;
            Ok(name)
        })
    }

    /// The clouds that there are.
    #[staticmethod]
    fn clouds(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        door::through(py, || Ok(pythonize::pythonize(py, &CLOUDS)?))
    }
}

/// An argument that has to be the name or the id of something.
fn name(name: &str, given: &Bound<'_, PyAny>) -> PyResult<String> {
    let text = text(name, given)?;
    raise(given.py(), check_name(&format!("`{name}`"), &text))?;
    Ok(text)
}

/// Whether a URL leads to this machine.
#[pyfunction]
pub(super) fn is_loopback(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| transport::is_loopback(&url))
}

/// Where the emulator is that this process is to use.
#[pyfunction]
pub(super) fn emulator_url(py: Python<'_>) -> PyResult<Option<String>> {
    door::through(py, || raise(py, transport::emulator_url()))
}
