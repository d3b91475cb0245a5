//! The core of our own credentials: one class, made for each way to sign in.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use pyo3::prelude::*;
use secrecy::{ExposeSecret, SecretString};

use super::callback_thread::{self, Call};
use super::door;
use super::errors::{self, raise};
use super::operation::Operation;
use super::options::within;
use super::runtime::PerProcess;
use super::text::{check_path, optional};
use crate::auth::{
    self, AzureCli, Browser, Cache, Certificate, Chain, ClientSecret, Credential, DeviceCode, Link, Login,
    ManagedIdentity, Open, Prompt, SignIn, TokenSource, Tokens, Voucher, WorkloadIdentity,
};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::http::transport::{Settings, Transport, check_emulated};
use crate::retry::Retry;
use crate::services::powerbi::{Cloud, SERVICE};

/// How long whoever is asked may be silent, where no client says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Who signs in.
#[pyclass(frozen, module = "powerbi_push._core")]
pub(super) struct Account {
    who: Arc<auth::Account>,
    /// Where no client uses it.
    transport: PerProcess<Transport>,
    clock: Clock,
}

#[pymethods]
impl Account {
    /// An app with a secret.
    #[staticmethod]
    fn client_secret(
        tenant_id: &Bound<'_, PyAny>,
        client_id: &Bound<'_, PyAny>,
        client_secret: &Bound<'_, PyAny>,
        authority: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        made(tenant_id.py(), || {
            let tenant = given("tenant_id", tenant_id)?;
            let client = given("client_id", client_id)?;
            let secret = SecretString::from(given("client_secret", client_secret)?);
            let authority = optional("authority", authority)?;
            Ok(ClientSecret::new(&tenant, &client, secret.expose_secret(), authority.as_deref()))
        })
    }

    /// An app with a certificate.
    #[staticmethod]
    fn certificate(
        tenant_id: &Bound<'_, PyAny>,
        client_id: &Bound<'_, PyAny>,
        certificate_path: &Bound<'_, PyAny>,
        password: &Bound<'_, PyAny>,
        authority: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let py = tenant_id.py();
        made(py, || {
            let (tenant, client) = (given("tenant_id", tenant_id)?, given("client_id", client_id)?);
            let password = optional("password", password)?.map(SecretString::from);
            let authority = optional("authority", authority)?;
            let path = check_path("certificate_path", certificate_path)?;
            // Files may be slow.
            Ok(door::away(py, || Certificate::new(&tenant, &client, path, password, authority.as_deref())))
        })
    }

    /// A person who enters a code elsewhere; `prompt` is told of it in JSON.
    #[staticmethod]
    fn device_code(
        client_id: &Bound<'_, PyAny>,
        tenant_id: &Bound<'_, PyAny>,
        authority: &Bound<'_, PyAny>,
        cache: &Bound<'_, PyAny>,
        prompt: Py<PyAny>,
    ) -> PyResult<Self> {
        made(client_id.py(), || {
            let (client, tenant) = (given("client_id", client_id)?, given("tenant_id", tenant_id)?);
            let (authority, cache) = (optional("authority", authority)?, cache_at(cache)?);
            Ok(DeviceCode::new(&client, &tenant, authority.as_deref(), cache, prompt_of(prompt)))
        })
    }

    /// A person who signs in with the browser that `open` opens.
    #[staticmethod]
    fn browser(
        client_id: &Bound<'_, PyAny>,
        tenant_id: &Bound<'_, PyAny>,
        authority: &Bound<'_, PyAny>,
        cache: &Bound<'_, PyAny>,
        redirect_port: &Bound<'_, PyAny>,
        open: Py<PyAny>,
    ) -> PyResult<Self> {
        made(client_id.py(), || {
            let (client, tenant) = (given("client_id", client_id)?, given("tenant_id", tenant_id)?);
            let (authority, cache) = (optional("authority", authority)?, cache_at(cache)?);
            let port = within("redirect_port", redirect_port, 0..=usize::from(u16::MAX))?;
            let port = u16::try_from(port).unwrap_or_default();
            Ok(Browser::new(&client, &tenant, authority.as_deref(), cache, port, open_of(open)))
        })
    }

    /// Whoever has signed in before, and has left that in a cache.
    #[staticmethod]
    fn login(cache: &Bound<'_, PyAny>, authority: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = cache.py();
        made(py, || {
            let authority = optional("authority", authority)?;
            let path = check_path("cache", cache)?;
            Ok(Cache::new(&path).and_then(|cache| Login::new(cache, authority.as_deref())))
        })
    }

    /// The identity of this machine.
    #[staticmethod]
    fn managed_identity(client_id: &Bound<'_, PyAny>) -> PyResult<Self> {
        made(client_id.py(), || Ok(ManagedIdentity::new(optional("client_id", client_id)?.as_deref())))
    }

    /// An app that a token of another provider vouches for, in a file or at GitHub.
    #[staticmethod]
    fn workload_identity(
        tenant_id: &Bound<'_, PyAny>,
        client_id: &Bound<'_, PyAny>,
        token_file_path: &Bound<'_, PyAny>,
        github: Option<(String, String)>,
        authority: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        made(tenant_id.py(), || {
            let (tenant, client) = (given("tenant_id", tenant_id)?, given("client_id", client_id)?);
            let authority = optional("authority", authority)?;
            let voucher = match github {
                Some((url, token)) => Voucher::of_github(&url, &token),
                None => Ok(Voucher::File(check_path("token_file_path", token_file_path)?)),
            };
            Ok(voucher.and_then(|voucher| WorkloadIdentity::new(&tenant, &client, voucher, authority.as_deref())))
        })
    }

    /// Whoever is signed in to the Azure CLI.
    #[staticmethod]
    fn azure_cli(tenant_id: &Bound<'_, PyAny>) -> PyResult<Self> {
        made(tenant_id.py(), || Ok(AzureCli::new(optional("tenant_id", tenant_id)?.as_deref())))
    }

    /// One after the other: what it is called, how it signs in or why it cannot, and whether it decides.
    #[staticmethod]
    fn chain(py: Python<'_>, links: Vec<(String, Bound<'_, PyAny>, bool)>) -> PyResult<Self> {
        made(py, || {
            let links = links.into_iter().map(|(name, way, decides)| {
                let way = match way.cast::<Self>() {
                    Ok(account) => Ok(Arc::clone(&account.get().who)),
                    Err(_) => Err(way.extract()?),
                };
                Ok(Link { name, way, decides })
            });
            Ok(Ok(Chain::new(links.collect::<PyResult<_>>()?)))
        })
    }

    #[getter]
    fn tenant_id(&self) -> Option<&str> {
        self.who.source().tenant()
    }

    #[getter]
    fn client_id(&self) -> Option<&str> {
        self.who.source().client()
    }

    /// A token for `scope`, and the second since 1970 at which it ends; a new one where it has to have `claims`.
    fn get_token(&self, py: Python<'_>, scope: &str, claims: Option<String>) -> PyResult<Operation> {
        door::through(py, || {
            let settings = Settings { timeout: TIMEOUT, proxy: None, ca_bundle: None };
            let transport = self.transport.get(py, || Transport::new(&settings, self.clock.clone()))?;
            let sign_in = raise(py, self.sign_in(scope))?;
            for url in sign_in.asks() {
                raise(py, settings.check_way(&url))?;
                raise(py, check_emulated("the authority", &url))?;
            }
            let needs_person = sign_in.needs_person();
            if needs_person {
                callback_thread::start(py, callback_thread::CallbackThread::Users)?;
            }
            let tokens = Tokens::new(Credential::SignIn(sign_in), transport, Retry::default(), self.clock.clone());
            let fetching = async move {
                let token = match claims {
                    Some(claims) => tokens.demand(&claims).await?,
                    None => tokens.current().await?,
                };
                let access = token.access;
                let ends = access.expires.and_then(|expires| expires.duration_since(UNIX_EPOCH).ok());
                Ok((access.secret.expose_secret().to_owned(), ends.unwrap_or_default().as_secs()))
            };
            let operation = Operation::request(false, fetching)?;
            // Where it asks nobody who could be waiting for it, a function of the user's may use it as well.
            Ok(if needs_person { operation } else { operation.on_any_thread() })
        })
    }
}

impl Account {
    /// The core of a credential of ours, if it is one.
    pub(super) fn of<'py>(credential: &Bound<'py, PyAny>) -> Option<Bound<'py, Self>> {
        credential.getattr("_core").ok()?.cast_into().ok()
    }

    pub(super) fn sign_in(&self, scope: &str) -> Result<SignIn> {
        self.who.sign_in(Cloud::authority_for(scope), scope, &SERVICE)
    }
}

/// Whoever signs in by the source that `make` makes.
fn made<T: TokenSource + 'static>(py: Python<'_>, make: impl FnOnce() -> PyResult<Result<T>>) -> PyResult<Account> {
    door::through(py, || {
        let who = Arc::new(auth::Account::new(raise(py, make()?)?));
        Ok(Account { who, transport: PerProcess::new(), clock: Clock::of_process() })
    })
}

/// The cache at `path`, where one is named.
fn cache_at(path: &Bound<'_, PyAny>) -> PyResult<Option<Cache>> {
    if path.is_none() {
        return Ok(None);
    }
    raise(path.py(), Cache::new(&check_path("cache", path)?)).map(Some)
}

/// Clears the cache at `path`; whether a sign-in was in it.
#[pyfunction]
pub(super) fn logout(path: &Bound<'_, PyAny>) -> PyResult<bool> {
    door::through(path.py(), || {
        let path_given = check_path("cache", path)?;
        raise(path.py(), Cache::new(&path_given).and_then(|cache| cache.clear()))
    })
}

/// A text, or an empty one where there is none.
fn given(name: &str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    optional(name, value).map(Option::unwrap_or_default)
}

fn prompt_of(prompt: Py<PyAny>) -> Prompt {
    let call = Arc::new(Call { function: prompt, argument: None });
    Arc::new(move |code| {
        let call = Arc::clone(&call);
        Box::pin(async move {
            let told = serde_json::to_string(&code).unwrap_or_default();
            callback_thread::ask_with(call, told, |py, answered| {
                let hint = "the exception of `prompt` is the cause of this one";
                answered.map(drop).map_err(|raised| failed(py, "`prompt`", raised).with_hint(hint))
            })
            .await?
        })
    })
}

fn open_of(open: Py<PyAny>) -> Open {
    let call = Arc::new(Call { function: open, argument: None });
    Arc::new(move |page| {
        let call = Arc::clone(&call);
        Box::pin(async move {
            callback_thread::ask_with(call, page, |py, answered| {
                let opened = answered.and_then(|answer| answer.is_truthy());
                let hint = "set BROWSER to the command of one, or sign in on another device (DeviceCodeCredential)";
                opened.map_err(|raised| failed(py, "the browser", raised).with_hint(hint))
            })
            .await?
        })
    })
}

/// What becomes of a person's sign-in where the function that tells the person raises.
fn failed(py: Python<'_>, what: &str, raised: PyErr) -> Error {
    let message = format!("{what} of the sign-in failed: {}", errors::describe(py, &raised));
    Error::new(Kind::Authentication, message).caused_by(raised)
}
