//! What a user may pass as `credential`: a token, something to call, or an object with `get_token`.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use secrecy::SecretString;

use super::{errors, porter};
use crate::auth::{AccessToken, Credential, Fetching};
use crate::clock::Clock;
use crate::error::{Error, Kind};

/// Reads `credential`; `scope` is what its `get_token` is asked for.
pub(super) fn read(credential: &Bound<'_, PyAny>, scope: &str, clock: &Clock) -> PyResult<Credential> {
    let py = credential.py();
    if let Ok(token) = credential.cast::<PyString>() {
        return Ok(Credential::Token(AccessToken::reading_expiry(token.to_str()?.trim().to_owned().into())));
    }
    if let Ok(answer) = credential.cast::<PyDict>() {
        return msal_result(answer, clock);
    }
    let asks_for_scope = credential.hasattr("get_token")?;
    if !asks_for_scope && !credential.is_callable() {
        let name = credential.get_type().name()?;
        let error = Error::configuration(format!("`credential` cannot be of type {name}"))
            .with_hint("pass a token string, a callable that returns one, or an object with get_token(scope)");
        return Err(errors::to_py(py, &error));
    }
    porter::start(py)?;
    let source = Arc::new((credential.clone().unbind(), asks_for_scope.then(|| scope.to_owned())));
    Ok(Credential::Fetch(Arc::new(move || fetching(Arc::clone(&source)))))
}

type Source = (Py<PyAny>, Option<String>);

fn fetching(source: Arc<Source>) -> Fetching {
    Box::pin(async move {
        let asked = porter::ask(move |py| {
            fetch(py, &source).map_err(|raised| {
                let message = format!("the credential gave no token: {}", errors::describe(py, &raised));
                Error::new(Kind::Authentication, message).caused_by(raised)
            })
        });
        asked.await?
    })
}

fn fetch(py: Python<'_>, (credential, scope): &Source) -> PyResult<AccessToken> {
    let answer = match scope {
        Some(scope) => credential.bind(py).call_method1("get_token", (scope,))?,
        None => credential.bind(py).call0()?,
    };
    // azure-core's AccessToken is a named tuple of token and expires_on; callables may return the same pair.
    let pair: Option<(String, f64)> = match answer.cast::<PyTuple>() {
        Ok(tuple) if tuple.len() >= 2 => Some((tuple.get_item(0)?.extract()?, tuple.get_item(1)?.extract()?)),
        _ if answer.hasattr("token")? && answer.hasattr("expires_on")? => {
            Some((answer.getattr("token")?.extract()?, answer.getattr("expires_on")?.extract()?))
        }
        _ => None,
    };
    if let Some((token, expires_on)) = pair {
        let expires = Duration::try_from_secs_f64(expires_on).ok().and_then(|since| UNIX_EPOCH.checked_add(since));
        return Ok(AccessToken { secret: token.into(), expires });
    }
    let token = answer.cast::<PyString>().map_err(|_| {
        let name = answer.get_type().name().map_or_else(|_| "?".into(), |name| name.to_string());
        PyTypeError::new_err(format!("a token must be a str or (str, expires_on), not {name}"))
    })?;
    Ok(AccessToken::reading_expiry(token.to_str()?.trim().to_owned().into()))
}

/// What msal's `acquire_token_...` returns: a dict with the token, or with an error.
fn msal_result(answer: &Bound<'_, PyDict>, clock: &Clock) -> PyResult<Credential> {
    let py = answer.py();
    let text = |key: &str| answer.get_item(key).ok().flatten().and_then(|value| value.extract::<String>().ok());
    let Some(token) = text("access_token") else {
        let why =
            text("error_description").or_else(|| text("error")).unwrap_or_else(|| "it has no `access_token`".into());
        let error = Error::new(Kind::Authentication, format!("the sign-in result holds no token: {why}"));
        return Err(errors::to_py(py, &error));
    };
    let secret = SecretString::from(token);
    let lifetime = answer.get_item("expires_in")?.and_then(|value| value.extract::<u64>().ok());
    Ok(Credential::Token(match lifetime {
        Some(seconds) => AccessToken { secret, expires: Some(clock.wall() + Duration::from_secs(seconds)) },
        None => AccessToken::reading_expiry(secret),
    }))
}
