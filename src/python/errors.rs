//! Failures of the core as Python's exceptions: one match, and the row errors of a validation.

use std::error::Error as _;

use pyo3::exceptions::{PyException, PyGeneratorExit};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyModule};

use crate::error::{Error, Kind, Result, without_keys};
use crate::rows::encode::{Problems, Seen};

fn class_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Configuration => "ConfigurationError",
        Kind::Validation => "ValidationError",
        Kind::Source => "SourceError",
        Kind::Service => "ServiceError",
        Kind::Authentication => "AuthenticationError",
        Kind::PermissionDenied => "PermissionDeniedError",
        Kind::NotFound => "NotFoundError",
        Kind::RateLimited => "RateLimitedError",
        Kind::PayloadTooLarge => "PayloadTooLargeError",
        Kind::FeatureRetired => "FeatureRetiredError",
        Kind::Transport => "TransportError",
        Kind::TransportTimeout => "TransportTimeoutError",
        Kind::Deadline => "DeadlineError",
        Kind::InDoubt => "InDoubtError",
        Kind::SequenceConflict => "SequenceConflictError",
        Kind::Undelivered => "UndeliveredError",
        Kind::Outbox => "OutboxError",
        Kind::OutboxFull => "OutboxFullError",
        Kind::Closed => "ClosedError",
        Kind::Bug => "PowerBIPushError",
    }
}

fn is_service(kind: Kind) -> bool {
    use Kind::{
        Authentication, FeatureRetired, NotFound, PayloadTooLarge, PermissionDenied, RateLimited, SequenceConflict,
        Service,
    };
    matches!(
        kind,
        Service
            | Authentication
            | PermissionDenied
            | NotFound
            | RateLimited
            | PayloadTooLarge
            | FeatureRetired
            | SequenceConflict
    )
}

/// The exception that ends a call: what `error` wraps is itself where it is to end more than the call.
pub(super) fn ending(py: Python<'_>, error: &Error) -> PyErr {
    let mut below = error.source();
    while let Some(source) = below {
        match source.downcast_ref::<PyErr>() {
            Some(raised) if leaves(py, raised) => return raised.clone_ref(py),
            _ => below = source.source(),
        }
    }
    to_py(py, error)
}

/// Whether an exception is no failure: Ctrl-C, a cancellation, the end of the program. `GeneratorExit` is one here, since
/// nobody throws it but at a generator.
fn leaves(py: Python<'_>, raised: &PyErr) -> bool {
    !raised.is_instance_of::<PyException>(py) && !raised.is_instance_of::<PyGeneratorExit>(py)
}

/// A module of the Python half, imported once.
pub(super) fn face<'py>(py: Python<'py>, name: &'static str) -> PyResult<Bound<'py, PyModule>> {
    py.import(format!("powerbi_push.{name}"))
}

/// The exception for `error`.
pub(super) fn to_py(py: Python<'_>, error: &Error) -> PyErr {
    build(py, error).unwrap_or_else(|failure| failure)
}

/// Whether an exception is one of this package's own.
pub(super) fn is_ours(py: Python<'_>, raised: &PyErr) -> bool {
    is_a(py, raised, "PowerBIPushError")
}

/// Whether an exception is of this class of the package's own.
pub(super) fn is_a(py: Python<'_>, raised: &PyErr, class: &str) -> bool {
    let class = face(py, "exceptions").and_then(|exceptions| exceptions.getattr(class));
    class.is_ok_and(|class| raised.matches(py, class).unwrap_or(false))
}

/// The result as Python has it.
pub(super) fn raise<T>(py: Python<'_>, result: Result<T>) -> PyResult<T> {
    result.map_err(|error| to_py(py, &error))
}

fn build(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    static EXCEPTIONS: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let exceptions = EXCEPTIONS.get_or_try_init(py, || face(py, "exceptions").map(Bound::unbind))?.bind(py);
    let arguments = PyDict::new(py);
    arguments.set_item("hint", error.hint.as_deref())?;
    if is_service(error.kind) {
        let answer = &error.answer;
        arguments.set_item("status", answer.status)?;
        arguments.set_item("code", answer.code.as_deref())?;
        arguments.set_item("request_id", answer.request_id.as_deref())?;
        arguments.set_item("retry_after", answer.retry_after.map(|wait| wait.as_secs_f64()))?;
    }
    if error.kind == Kind::RateLimited {
        arguments.set_item("bound_by", error.answer.bound_by.as_deref())?;
    }
    if error.kind == Kind::Bug {
        face(py, "delivery.notices")?.getattr("log_bug")?.call1((error.message.as_str(),))?;
    }
    let class = exceptions.getattr(class_name(error.kind))?;
    let exception = PyErr::from_value(class.call((without_keys(&error.message),), Some(&arguments))?);
    exception.set_cause(py, cause(py, error));
    Ok(exception)
}

fn cause(py: Python<'_>, error: &Error) -> Option<PyErr> {
    let source = error.source()?;
    if let Some(raised) = source.downcast_ref::<PyErr>() {
        return Some(raised.clone_ref(py));
    }
    source.downcast_ref::<Error>().map(|inner| to_py(py, inner))
}

/// `ValidationError` with its row errors.
pub(super) fn validation(py: Python<'_>, problems: &Problems, seen: Seen) -> PyResult<PyErr> {
    let arguments = PyDict::new(py);
    arguments.set_item("message", problems.message(seen))?;
    arguments.set_item("errors", pythonize::pythonize(py, problems.errors())?)?;
    arguments.set_item("error_count", problems.count())?;
    arguments.set_item("hint", problems.advice(seen))?;
    Ok(PyErr::from_value(face(py, "exceptions")?.getattr("validation_error")?.call((), Some(&arguments))?))
}

/// `SourceError` around what reading the rows raised.
pub(super) fn source(py: Python<'_>, raised: PyErr, row: u64) -> PyErr {
    let message = format!("reading the rows failed at row {row}: {}", describe(py, &raised));
    let error = Error::new(Kind::Source, message).with_hint("the original exception is the cause of this one");
    to_py(py, &error.caused_by(raised))
}

/// The exception for what nobody but us can have brought about.
pub(super) fn bug(py: Python<'_>, what: &str) -> PyErr {
    to_py(py, &Error::bug(what))
}

/// Type and text of an exception on one line.
pub(super) fn describe(py: Python<'_>, raised: &PyErr) -> String {
    let name = raised.get_type(py).name().map_or_else(|_| "an exception".into(), |name| name.to_string());
    let text = raised.value(py).str().map(|text| text.to_string_lossy().into_owned()).unwrap_or_default();
    if text.is_empty() { name } else { without_keys(&format!("{name}: {text}")) }
}
