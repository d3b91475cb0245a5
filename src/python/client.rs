//! The client as Python's half uses it: plain values in, plain values out.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};
use reqwest::Url;
use serde::Serialize;

use super::door;
use super::errors::{self, raise};
use super::operation::Operation;
use super::runtime::PerProcess;
use super::schema::TableSchema;
use super::sender::Sender;
use super::text::{name, optional, text};
use super::{credential, options, plan, porter, push};
use crate::auth::{Audience, Credential};
use crate::clock::Clock;
use crate::delivery::worker::AskNumber;
use crate::error::{Error, Kind, Result};
use crate::http::transport::{self, Settings, check_emulated};
use crate::rate_limit::Quotas;
use crate::retry::Retry;
use crate::rows::schema;
use crate::services::powerbi::client;
use crate::services::powerbi::{self, CLOUDS, Cloud, IfExists, MOST_ROWS, check_table_name, is_id};

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
    quotas: Quotas,
    clock: Clock,
    audience: Audience,
}

impl Recipe {
    /// A credential of the user's is asked by the porter; a forked child needs one of its own.
    fn summon_porter(&self, py: Python<'_>) -> PyResult<()> {
        let asks = match &self.credential {
            Credential::Token(_) => false,
            Credential::Fetch(_) => true,
            Credential::SignIn(sign_in) => sign_in.needs_person(),
        };
        if asks { porter::start(py, porter::Porter::Users) } else { Ok(()) }
    }

    fn make(&self) -> Result<Arc<client::Client>> {
        let (root, credential) = (self.root.clone(), self.credential.clone());
        let (clock, audience) = (self.clock.clone(), Some(self.audience.clone()));
        client::Client::meant_for(root, credential, &self.settings, self.retry, self.quotas, clock, audience)
            .map(Arc::new)
    }
}

impl Client {
    fn open(&self, py: Python<'_>) -> PyResult<Arc<client::Client>> {
        if self.closed.load(Ordering::Acquire) {
            return Err(errors::to_py(py, &Error::new(Kind::Closed, "the client is closed")));
        }
        self.recipe.summon_porter(py)?;
        self.current.get(py, || self.recipe.make())
    }

    /// The same, for what is sent: not beside an emulator, where the client was made for somebody else.
    fn open_to_send(&self, py: Python<'_>) -> PyResult<Arc<client::Client>> {
        raise(py, check_emulated("the client", &self.recipe.root))?;
        self.open(py)
    }

    fn target(
        &self,
        py: Python<'_>,
        client: &client::Client,
        workspace: Option<&str>,
        dataset: &str,
        table: &str,
        schema: Option<&TableSchema>,
        ordered: bool,
    ) -> PyResult<push::Target> {
        let route = raise(py, client.route(workspace, dataset, table))?;
        let schema = schema.map(|known| Arc::clone(&known.schema));
        Ok(push::Target { route, schema, ordered, needs_loop: self.recipe.needs_loop })
    }

    fn request<T: Serialize + Send + 'static, W: Future<Output = Result<T>> + Send + 'static>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(Arc<client::Client>) -> W,
    ) -> PyResult<Operation> {
        door::through(py, || {
            let client = self.open_to_send(py)?;
            let watched = |watch| work(Arc::new(client.watched(watch)));
            Operation::watched(self.recipe.needs_loop, &self.recipe.clock, watched)
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
            let (retry, quotas) = (options::retry(retry)?, options::quotas(quotas)?);
            let needs_loop = credential::is_async(credential)?;
            let credential = credential::read(credential, cloud.scope, &clock)?;
            // The address counts for more than the name: that is where the token goes.
            let here = CLOUDS.into_iter().find(|known| Url::parse(known.base_url).is_ok_and(|url| url == root));
            let meant = here.unwrap_or(cloud);
            let is_local = transport::is_loopback(&root);
            let audience = Audience { cloud: meant.name.into(), scope: meant.scope.into(), is_local };
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
            let dataset = raise(py, schema::read_dataset(&pythonize::depythonize(spec)?))?;
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

    fn delete_rows(
        &self,
        py: Python<'_>,
        workspace: Option<String>,
        dataset: String,
        table: String,
    ) -> PyResult<Operation> {
        self.request(py, |client| async move { client.api().delete_rows(workspace.as_deref(), &dataset, &table).await })
    }

    fn update_schema(
        &self,
        workspace: Option<String>,
        dataset: String,
        table: String,
        spec: &Bound<'_, PyAny>,
        may_lose_rows: bool,
    ) -> PyResult<Operation> {
        let py = spec.py();
        door::through(py, || {
            let schema = raise(py, schema::read_table(&pythonize::depythonize(spec)?))?;
            self.request(py, |client| async move {
                client.api().update_schema(workspace.as_deref(), &dataset, &table, &schema, may_lose_rows).await
            })
        })
    }

    fn sequence_numbers(
        &self,
        py: Python<'_>,
        workspace: Option<String>,
        dataset: String,
        table: String,
    ) -> PyResult<Operation> {
        self.request(
            py,
            |client| async move { client.api().sequence_numbers(workspace.as_deref(), &dataset, &table).await },
        )
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

    fn count(&self, py: Python<'_>, workspace: Option<String>, dataset: String, table: String) -> PyResult<Operation> {
        self.request(py, |client| async move {
            client.api().count(workspace.as_deref(), &dataset, &table, client.quotas()).await
        })
    }

    fn head(
        &self,
        workspace: Option<String>,
        dataset: String,
        table: String,
        n: &Bound<'_, PyAny>,
    ) -> PyResult<Operation> {
        let Some(most) = n.extract::<u32>().ok().filter(|most| *most <= MOST_ROWS && !n.is_instance_of::<PyBool>())
        else {
            let message = format!("`n` takes a whole number from 0 to {MOST_ROWS}: a query gives no more rows");
            return options::wrong(n, message);
        };
        self.request(n.py(), |client| async move {
            client.api().head(workspace.as_deref(), &dataset, &table, most, client.quotas()).await
        })
    }

    fn push_rows(
        &self,
        workspace: Option<String>,
        dataset: String,
        table: String,
        schema: Option<&TableSchema>,
        ordered: bool,
        sequence: bool,
        rows: &Bound<'_, PyAny>,
        options: &Bound<'_, PyDict>,
        replace: bool,
    ) -> PyResult<Operation> {
        let py = rows.py();
        door::through(py, || {
            let client = self.open_to_send(py)?;
            let ordered = ordered || sequence;
            let target = self.target(py, &client, workspace.as_deref(), &dataset, &table, schema, ordered)?;
            let last_number = sequence.then(|| -> push::Asking<u64> {
                let ask = last_number(&client, workspace.as_deref(), &dataset, &table);
                Box::new(move |watch| ask(watch))
            });
            let emptying = replace.then(|| -> push::Asking<()> {
                Box::new(|watch| {
                    Box::pin(async move {
                        client.api().watched(watch).delete_rows(workspace.as_deref(), &dataset, &table).await
                    })
                })
            });
            push::push(target, rows, options, push::First { emptying, last_number })
        })
    }

    fn sender(
        &self,
        py: Python<'_>,
        workspace: Option<&str>,
        dataset: &str,
        table: &str,
        schema: Option<&TableSchema>,
        ordered: bool,
        sequence: bool,
        options: &Bound<'_, PyDict>,
    ) -> PyResult<Sender> {
        door::through(py, || {
            let client = self.open_to_send(py)?;
            let target = self.target(py, &client, workspace, dataset, table, schema, ordered)?;
            let ask = sequence.then(|| last_number(&client, workspace, dataset, table));
            Sender::start(py, target, ask, options)
        })
    }

    /// What a push of rows, or of so many, would take.
    fn plan<'py>(
        &self,
        workspace: Option<&str>,
        dataset: &str,
        table: &str,
        schema: Option<&TableSchema>,
        rows_or_count: &Bound<'py, PyAny>,
        rows_in_table: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = rows_or_count.py();
        door::through(py, || {
            let client = self.open(py)?;
            let target = self.target(py, &client, workspace, dataset, table, schema, false)?;
            Ok(pythonize::pythonize(py, &plan::plan(&target, rows_or_count, rows_in_table)?)?)
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

/// Asks for the last sequence number of a table, as often as it is called.
fn last_number(client: &Arc<client::Client>, workspace: Option<&str>, dataset: &str, table: &str) -> AskNumber {
    let (client, workspace) = (Arc::clone(client), workspace.map(str::to_owned));
    let (dataset, table) = (dataset.to_owned(), table.to_owned());
    Box::new(move |watch| {
        let (client, workspace) = (Arc::clone(&client), workspace.clone());
        let (dataset, table) = (dataset.clone(), table.clone());
        Box::pin(async move {
            let api = client.api().watched(watch);
            let numbers = api.sequence_numbers(workspace.as_deref(), &dataset, &table).await?;
            Ok(numbers.into_values().max().unwrap_or_default())
        })
    })
}
