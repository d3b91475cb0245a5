//! Arguments that are text, and what Python's half has judged here. What is given instead is told by its type alone, since
//! it may be a secret that was put there by mistake; and a frame of Rust shows no variables in a traceback.

use std::path::PathBuf;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::door;
use super::errors;
use super::options::{self, RowOptions, choice, within};
use crate::error::{self, Error};
use crate::rows::json;

/// What is said of an argument that is no object of the kinds it takes.
pub(super) fn wrong_type(name: &str, what: &str, given: &Bound<'_, PyAny>) -> PyErr {
    let kind = given.get_type().name().map_or_else(|_| "?".into(), |name| name.to_string());
    PyTypeError::new_err(format!("`{name}` must be {what}, not {kind}"))
}

/// An argument that has to be text.
pub(super) fn text(name: &str, given: &Bound<'_, PyAny>) -> PyResult<String> {
    let text = given.cast::<PyString>().ok().and_then(|text| text.to_str().ok());
    text.map(str::to_owned).ok_or_else(|| {
        let kind = given.get_type().name().map_or_else(|_| "?".into(), |name| name.to_string());
        let what =
            if given.is_instance_of::<PyString>() { "valid Unicode".into() } else { format!("a str, not {kind}") };
        errors::to_py(given.py(), &Error::configuration(format!("`{name}` must be {what}")))
    })
}

/// An argument that may be text, or `None`.
pub(super) fn optional(name: &str, given: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    if given.is_none() { Ok(None) } else { text(name, given).map(Some) }
}

/// Text; of a subclass of `str` only what it says.
#[pyfunction]
pub(super) fn check_text(name: &str, given: &Bound<'_, PyAny>) -> PyResult<String> {
    door::through(given.py(), || text(name, given))
}

/// Text, or `None`.
#[pyfunction]
pub(super) fn check_optional_text(name: &str, given: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    door::through(given.py(), || optional(name, given))
}

/// One of a few words.
#[pyfunction]
pub(super) fn check_word(name: &str, given: &Bound<'_, PyAny>, words: Vec<String>) -> PyResult<String> {
    door::through(given.py(), || {
        let choices: Vec<_> = words.iter().enumerate().map(|(place, word)| (word.as_str(), place)).collect();
        let place = choice(name, given, &choices)?;
        Ok(words.into_iter().nth(place).unwrap_or_default())
    })
}

/// True or false, and nothing that is taken for one of them.
#[pyfunction]
pub(super) fn check_flag(name: &str, given: &Bound<'_, PyAny>) -> PyResult<bool> {
    door::through(given.py(), || given.extract().map_err(|_| wrong_type(name, "True or False", given)))
}

/// True, false, or `None`.
#[pyfunction]
pub(super) fn check_optional_flag(name: &str, given: &Bound<'_, PyAny>) -> PyResult<Option<bool>> {
    door::through(given.py(), || given.extract().map_err(|_| wrong_type(name, "True, False or None", given)))
}

/// The path of a file.
#[pyfunction]
pub(super) fn check_path(name: &str, given: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    door::through(given.py(), || {
        let path = options::path(name, "the path of a file", given)?;
        if path.as_os_str().as_encoded_bytes().contains(&0) {
            let error = Error::configuration(format!("`{name}` must be the path of a file, and holds a NUL"));
            return Err(errors::to_py(given.py(), &error));
        }
        Ok(path)
    })
}

/// A whole number that is neither too small nor too large.
#[pyfunction]
pub(super) fn check_whole(name: &str, given: &Bound<'_, PyAny>, least: usize, most: usize) -> PyResult<usize> {
    door::through(given.py(), || within(name, given, least..=most))
}

/// What a verb that takes rows is told; without a schema some of it would have no effect.
#[pyfunction]
pub(super) fn check_row_options(given: &Bound<'_, PyDict>, has_schema: bool) -> PyResult<()> {
    door::through(given.py(), || {
        let options = RowOptions::read(given)?;
        if has_schema { Ok(()) } else { options.refuse_without_schema(given.py()) }
    })
}

/// A `Retry` whose fields make sense.
#[pyfunction]
pub(super) fn check_retry(given: &Bound<'_, PyAny>) -> PyResult<()> {
    door::through(given.py(), || options::retry(given).map(drop))
}

/// Whether it is text that looks like an address with a key in it.
#[pyfunction]
pub(super) fn holds_key(given: &Bound<'_, PyAny>) -> PyResult<bool> {
    door::through(given.py(), || {
        Ok(given.cast::<PyString>().is_ok_and(|text| error::holds_key(&text.to_string_lossy())))
    })
}

/// How many keys stand in valid JSON.
#[pyfunction]
pub(super) fn json_keys(text: &Bound<'_, PyString>) -> PyResult<usize> {
    door::through(text.py(), || Ok(json::keys(&text.to_string_lossy())))
}

/// `text` with `***` for what may be a key.
#[pyfunction]
pub(super) fn without_keys(text: &Bound<'_, PyString>) -> PyResult<String> {
    door::through(text.py(), || Ok(error::without_keys(&text.to_string_lossy())))
}
