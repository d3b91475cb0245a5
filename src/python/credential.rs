//! What a user may pass as `credential`: a token, something to call, an object with `get_token`, or one of ours.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};
use secrecy::{ExposeSecret, SecretString};

use super::account::Account;
use super::callback_thread::{self, Call};
use super::errors::{self, raise};
use crate::auth::{AccessToken, Credential, Fetching, bare};
use crate::clock::Clock;
use crate::error::{Error, Kind, blotted, one_line};

/// Reads `credential`; `scope` is what its `get_token` is asked for.
pub(super) fn read(credential: &Bound<'_, PyAny>, scope: &str, clock: &Clock) -> PyResult<Credential> {
    let py = credential.py();
    if let Ok(token) = credential.cast::<PyString>() {
        let text = secret(token)?;
        // The Azure CLI's JSON, pasted or read from a file.
        if text.expose_secret().starts_with('{') {
            return az_json(py, text.expose_secret(), clock);
        }
        return given(py, AccessToken::reading_expiry(text));
    }
    if let Ok(answer) = credential.cast::<PyDict>() {
        return sign_in_result(answer, clock);
    }
    if let Some(ours) = Account::of(credential) {
        return raise(py, ours.get().sign_in(scope).map(Credential::SignIn));
    }
    let asks_for_scope = credential.hasattr("get_token").unwrap_or(false);
    if asks_for_scope && let Ok(class) = credential.cast::<PyType>() {
        let name = class.name()?;
        let error = Error::configuration(format!("`credential` is the class {name} itself"))
            .with_hint(format!("make one of it: {name}(...)"));
        return Err(errors::to_py(py, &error));
    }
    if !asks_for_scope && !credential.is_callable() {
        let name = credential.get_type().name()?;
        let error = Error::configuration(format!("`credential` cannot be of type {name}"))
            .with_hint("pass a token string, a callable that returns one, or an object with get_token(scope)");
        return Err(errors::to_py(py, &error));
    }
    let function = if asks_for_scope { credential.getattr("get_token")? } else { credential.clone() };
    let argument = asks_for_scope.then(|| PyString::new(py, scope).into_any().unbind());
    let challenged = match &argument {
        Some(scope) => {
            Some(errors::face(py, "calls.callback_threads")?.getattr("challenged")?.call1((&function, scope))?.unbind())
        }
        None => None,
    };
    let call = Arc::new(Call { function: function.unbind(), argument });
    let challenged = challenged.map(|function| Arc::new(Call { function, argument: None }));
    Ok(Credential::Fetch(Arc::new(move |claims| match (&challenged, claims) {
        (Some(challenged), Some(claims)) => fetching(Arc::clone(challenged), Some(claims.to_string())),
        _ => fetching(Arc::clone(&call), None),
    })))
}

/// Whether only an event loop can ask it: its function is a coroutine function.
pub(super) fn is_async<'py>(credential: &Bound<'py, PyAny>) -> PyResult<bool> {
    /// `inspect.CO_COROUTINE`.
    const COROUTINE: u32 = 0x80;
    let own = |object: &Bound<'py, PyAny>, name| object.getattr_opt(name).ok().flatten();
    let function = own(credential, "get_token").unwrap_or_else(|| credential.clone());
    let code = own(&function, "__code__");
    let flags = code.map(|code| code.getattr("co_flags")?.extract::<u32>()).transpose()?;
    Ok(flags.is_some_and(|flags| flags & COROUTINE != 0))
}

/// Asks the user's function for a token, where there are `claims` for one that has them.
fn fetching(call: Arc<Call>, claims: Option<String>) -> Fetching {
    Box::pin(async move {
        let read = |py: Python<'_>, answered: PyResult<Bound<'_, PyAny>>| {
            answered.and_then(|answer| access_token(&answer)).map_err(|raised| {
                let message = format!("the credential gave no token: {}", errors::describe(py, &raised));
                Error::new(Kind::Authentication, message).caused_by(raised)
            })
        };
        match claims {
            Some(claims) => callback_thread::ask_with(call, claims, read).await?,
            None => callback_thread::ask(call, read).await?,
        }
    })
}

/// A token's text; one that is no valid Unicode is refused without being shown.
fn secret(token: &Bound<'_, PyString>) -> PyResult<SecretString> {
    token.to_str().map(|text| bare(text).to_owned().into()).map_err(|_| {
        let error = Error::configuration("the access token of `credential` holds characters that are no valid Unicode");
        errors::to_py(token.py(), &error)
    })
}

fn access_token(answer: &Bound<'_, PyAny>) -> PyResult<AccessToken> {
    // azure-core's AccessToken is a named tuple of token and expires_on; callables may return the same pair.
    let pair = match answer.cast::<PyTuple>() {
        Ok(tuple) if tuple.len() >= 2 => Some((tuple.get_item(0)?, tuple.get_item(1)?)),
        _ if answer.hasattr("token")? && answer.hasattr("expires_on")? => {
            Some((answer.getattr("token")?, answer.getattr("expires_on")?))
        }
        _ => None,
    };
    let token = pair.as_ref().map_or(answer, |(token, _)| token).cast::<PyString>().map_err(|_| {
        let name = answer.get_type().name().map_or_else(|_| "?".into(), |name| name.to_string());
        PyTypeError::new_err(format!("a token must be a str or (str, expires_on), not {name}: return the token itself"))
    })?;
    let secret = secret(token)?;
    let Some((_, expires_on)) = &pair else { return Ok(AccessToken::reading_expiry(secret)) };
    let seconds = Duration::try_from_secs_f64(expires_on.extract()?).ok();
    Ok(AccessToken::new(secret, seconds.and_then(|since| UNIX_EPOCH.checked_add(since))))
}

/// A token that the caller has given, unless it cannot be one.
fn given(py: Python<'_>, token: AccessToken) -> PyResult<Credential> {
    raise(py, token.check(Kind::Configuration, "the access token"))?;
    Ok(Credential::Token(token))
}

/// What `az account get-access-token` prints.
fn az_json(py: Python<'_>, text: &str, clock: &Clock) -> PyResult<Credential> {
    let parsed = py.import("json")?.call_method1("loads", (text,));
    if let Some(answer) = parsed.ok().and_then(|parsed| parsed.cast_into::<PyDict>().ok()) {
        return sign_in_result(&answer, clock);
    }
    let error = Error::configuration("the access token begins as JSON does, and is none")
        .with_hint("pass the token itself, or what `az account get-access-token` prints, whole");
    Err(errors::to_py(py, &error))
}

/// What msal's `acquire_token_...` returns or the Azure CLI prints: a dict with the token, or with an error.
fn sign_in_result(answer: &Bound<'_, PyDict>, clock: &Clock) -> PyResult<Credential> {
    let py = answer.py();
    let text = |key: &str| answer.get_item(key).ok().flatten().and_then(|value| value.extract::<String>().ok());
    let Some(token) = text("access_token").or_else(|| text("accessToken")) else {
        let why = text("error_description").or_else(|| text("error")).and_then(|said| one_line(&said));
        let why = why.map_or_else(|| "it has no `access_token`".to_owned(), |said| blotted(&said, &[]));
        let error = Error::new(Kind::Authentication, format!("the sign-in result holds no token: {why}")).with_hint(
            "pass what msal's acquire_token_...() or `az account get-access-token` gave, or the token itself",
        );
        return Err(errors::to_py(py, &error));
    };
    let secret = SecretString::from(bare(&token));
    let number = |key: &str| answer.get_item(key).ok().flatten().and_then(|value| value.extract::<u64>().ok());
    let lifetime = number("expires_in").map(|seconds| clock.wall() + Duration::from_secs(seconds));
    let ends = lifetime.or_else(|| UNIX_EPOCH.checked_add(Duration::from_secs(number("expires_on")?)));
    given(
        py,
        match ends {
            Some(ends) => AccessToken::new(secret, Some(ends)),
            None => AccessToken::reading_expiry(secret),
        },
    )
}
