//! MicroStrategy as Python's half uses it: a session, models of datasets, and uploads.

mod accounts;
mod publishing;
mod waiting;
mod telling;
mod upload;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use reqwest::Url;
use serde::Serialize;

pub(in crate::python) use self::upload::LibraryUpload;
use super::door;
use super::errors::{self, raise};
use super::operation::Operation;
use super::options;
use super::runtime::PerProcess;
use super::text::{optional, text};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::http::transport::{Settings, check_emulated};
use crate::retry::Retry;
use crate::rows::schema;
use crate::services::microstrategy::{self, Client, Described, Model, Role, SignIn, TARGET};

/// What a client is made from.
struct Recipe {
    root: Url,
    way: &'static str,
    username: Option<String>,
    secret: secrecy::SecretString,
    project: Option<String>,
    settings: Settings,
    retry: Retry,
    clock: Clock,
    spool_dir: Option<std::path::PathBuf>,
}

impl Recipe {
    fn make(&self) -> Result<Arc<Client>> {
        let (username, secret) = (self.username.clone(), self.secret.clone());
        let sign_in = match self.way {
            "standard" => SignIn::Password { mode: 1, username: username.unwrap_or_default(), password: secret },
            "ldap" => SignIn::Password { mode: 16, username: username.unwrap_or_default(), password: secret },
            "api_token" => SignIn::ApiToken(secret),
            "oauth_token" => SignIn::OAuth(secret),
            _ => SignIn::Anonymous { username: username.unwrap_or_else(|| "guest".into()) },
        };
        let (project, clock) = (self.project.clone(), self.clock.clone());
        let (root, spool) = (self.root.clone(), self.spool_dir.clone());
        Client::new(root, sign_in, project, &self.settings, self.retry, clock, spool).map(Arc::new)
    }
}

/// One session with one Library.
#[pyclass(frozen, module = "powerbi_push._core")]
pub(super) struct Library {
    recipe: Recipe,
    current: PerProcess<Arc<Client>>,
    closed: AtomicBool,
}

impl Library {
    fn open(&self, py: Python<'_>) -> PyResult<Arc<Client>> {
        if self.closed.load(Ordering::Acquire) {
            return Err(errors::to_py(py, &Error::new(Kind::Closed, "the client is closed")));
        }
        raise(py, check_emulated("the client", &self.recipe.root))?;
        self.current.get(py, || self.recipe.make())
    }

    fn request<T: Serialize + Send + 'static, W: Future<Output = Result<T>> + Send + 'static>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(Arc<Client>) -> W,
    ) -> PyResult<Operation> {
        door::through(py, || {
            let client = self.open(py)?;
            let watched = |watch| work(Arc::new(client.watched(watch)));
            Operation::watched(false, "MicroStrategy", &self.recipe.clock, watched)
        })
    }
}

#[pymethods]
impl Library {
    #[new]
    fn new(
        base_url: &Bound<'_, PyAny>,
        way: &Bound<'_, PyAny>,
        username: &Bound<'_, PyAny>,
        secret: &Bound<'_, PyAny>,
        project: &Bound<'_, PyAny>,
        timeout: &Bound<'_, PyAny>,
        retry: &Bound<'_, PyAny>,
        proxy: &Bound<'_, PyAny>,
        ca_bundle: &Bound<'_, PyAny>,
        spool_dir: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let py = base_url.py();
        door::through(py, || {
            let root = raise(py, microstrategy::base_url(&text("base_url", base_url)?))?;
            raise(py, check_emulated("base_url", &root))?;
            let ways = ["standard", "ldap", "anonymous", "api_token", "oauth_token"].map(|way| (way, way));
            let spool_dir = Some(spool_dir).filter(|given| !given.is_none());
            let folder = "the path of a folder or None";
            let recipe = Recipe {
                root,
                way: options::choice("login_mode", way, &ways)?,
                username: optional("username", username)?,
                secret: optional("password", secret)?.unwrap_or_default().into(),
                project: optional("project", project)?,
                settings: options::settings(timeout, proxy, ca_bundle)?,
                retry: options::retry(retry)?,
                clock: Clock::of_process(),
                spool_dir: spool_dir.map(|given| options::path("spool_dir", folder, given)).transpose()?,
            };
            let made = Self { recipe, current: PerProcess::new(), closed: AtomicBool::new(false) };
            // Made here and now, so that a wrong argument is told where it was given.
            made.current.get(py, || made.recipe.make())?;
            Ok(made)
        })
    }

    /// The address of the Library.
    #[getter]
    fn base_url(&self) -> String {
        self.recipe.root.as_str().trim_end_matches('/').to_owned()
    }

    /// Refuses what comes after, and logs out.
    fn close(&self, py: Python<'_>) -> PyResult<Operation> {
        door::through(py, || {
            let client = self.current.get(py, || self.recipe.make())?;
            self.closed.store(true, Ordering::Release);
            Operation::request(false, async move { client.close().await })
        })
    }

    fn datasets(&self, py: Python<'_>) -> PyResult<Operation> {
        self.request(py, |client| async move { client.datasets(None).await })
    }

    fn dataset(&self, name_or_id: &Bound<'_, PyAny>) -> PyResult<Operation> {
        let py = name_or_id.py();
        door::through(py, || {
            let name_or_id = text("name_or_id", name_or_id)?;
            self.request(py, |client| async move { client.dataset(&name_or_id).await })
        })
    }

    /// Asks for the tables of a dataset, which `model` keeps; answers their names.
    fn describe(&self, py: Python<'_>, id: String, model: &LibraryModel) -> PyResult<Operation> {
        let known = Arc::clone(&model.described);
        self.request(py, |client| async move {
            let described = client.describe(&id).await?;
            let described = known.get_or_init(|| described);
            Ok(described.tables.iter().map(|table| table.name.clone()).collect::<Vec<_>>())
        })
    }

    fn define(&self, py: Python<'_>, model: &LibraryModel) -> PyResult<Operation> {
        let model = model.model.clone();
        self.request(py, |client| async move {
            let model = model.ok_or_else(|| Error::bug("a dataset of others is defined"))?;
            client.define(&model).await
        })
    }

    fn delete_dataset(&self, py: Python<'_>, id: String) -> PyResult<Operation> {
        self.request(py, |client| async move { client.delete_dataset(&id).await })
    }
}

/// A role as Python gives it: name, column, column of the DESC form.
type GivenRole = (String, String, Option<String>);

/// A table as Python takes it: name, columns with their types, names of the columns of its key.
type GivenTable = (String, Vec<(String, &'static str)>, Vec<String>);

/// The tables of a dataset: by a model of ours, or as the service tells them once it was asked.
#[pyclass(frozen, module = "powerbi_push._core")]
pub(super) struct LibraryModel {
    model: Option<Arc<Model>>,
    described: Arc<std::sync::OnceLock<Described>>,
}

#[pymethods]
impl LibraryModel {
    #[new]
    fn new(
        py: Python<'_>,
        spec: Option<&Bound<'_, PyAny>>,
        attributes: Vec<GivenRole>,
        metrics: Vec<GivenRole>,
        description: &Bound<'_, PyAny>,
        folder_id: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        door::through(py, || {
            let described = Arc::default();
            let Some(spec) = spec else { return Ok(Self { model: None, described }) };
            let dataset = raise(py, schema::read_dataset_for(&super::schema::specification(spec)?, &TARGET))?;
            let role = |(name, column, desc)| Role { name, column, desc };
            let (attributes, metrics) =
                (attributes.into_iter().map(role).collect(), metrics.into_iter().map(role).collect());
            let (description, folder_id) = (optional("description", description)?, optional("folder_id", folder_id)?);
            let model = raise(py, Model::new(dataset, attributes, metrics, description, folder_id))?;
            described.get_or_init(|| model.described());
            Ok(Self { model: Some(Arc::new(model)), described })
        })
    }

    /// The tables: names, columns with their types, and the names of those that make the key; `None` where they are not
    /// known yet.
    #[getter]
    fn tables(&self) -> Option<Vec<GivenTable>> {
        let tables = self.described.get()?.tables.iter().map(|table| {
            let columns = table.columns.iter().map(|column| (column.name.clone(), column.data_type.name()));
            (table.name.clone(), columns.collect(), table.keys.clone())
        });
        Some(tables.collect())
    }
}
