//! Options that come as words: each read once, a wrong one answered with the words there are.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use pyo3::exceptions::{PyTypeError, PyUnicodeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyString};

use super::deadline::Deadline;
use super::errors;
use super::text::{optional, wrong_type};
use crate::error::{Error, shown};
use crate::http::transport::Settings;
use crate::retry::Retry;
use crate::rows::encode::{Naive, Options};

/// Everything that a verb which takes rows may be told, with the defaults.
#[allow(clippy::struct_excessive_bools, reason = "each is an option of its own, as the caller names it")]
pub(super) struct RowOptions {
    /// How cells are judged; what a value may be is up to the schema, or whom the rows are for.
    pub(super) cells: Options,
    /// Send what is valid and report the rest.
    pub(super) skip_invalid: bool,
    /// Check a sized input whole before the first request.
    pub(super) check_all: bool,
    /// Send rows in doubt again.
    pub(super) resend_doubt: bool,
    /// Find the rows that the service refuses, and go on without them.
    pub(super) isolate: bool,
    /// The time limit of the whole call.
    pub(super) timeout: Option<Duration>,
    /// How many row errors are kept.
    pub(super) max_errors: usize,
    /// Who is shown how far it has come.
    pub(super) progress: Progress,
}

impl RowOptions {
    /// Reads the keyword arguments; what nobody knows is a `TypeError`, as Python itself would raise.
    pub(super) fn read(given: &Bound<'_, PyDict>) -> PyResult<Self> {
        let mut options = Self {
            cells: Options { hide_values: hides_values(), ..Options::default() },
            skip_invalid: false,
            check_all: true,
            resend_doubt: true,
            isolate: false,
            timeout: None,
            max_errors: 1_000,
            progress: Progress::WhereWatched,
        };
        for (name, value) in given.iter() {
            options.set(name.extract::<String>()?.as_str(), &value)?;
        }
        Ok(options)
    }

    /// Refuses what has no effect where no schema says which columns there are.
    pub(super) fn refuse_without_schema(&self, py: Python<'_>) -> PyResult<()> {
        let options = [
            ("unknown_columns=\"ignore\"", self.cells.ignore_unknown_columns),
            ("convert=True", self.cells.convert),
            ("decimals=\"round\"", self.cells.round_decimals),
        ];
        match options.iter().find(|(_, is_set)| *is_set) {
            None => Ok(()),
            Some((option, _)) => {
                let error = Error::configuration(format!("`{option}` needs schema=: without one it has no effect"));
                Err(errors::to_py(py, &error.with_hint("say what the rows look like, or leave the option out")))
            }
        }
    }

    fn set(&mut self, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        use Naive::{Error, Keep, Local, Utc};
        match name {
            "naive_datetimes" => {
                let choices = [("keep", Keep), ("utc", Utc), ("local", Local), ("error", Error)];
                self.cells.naive_datetimes = choice(name, value, &choices)?;
            }
            "too_long" => self.cells.truncate = choice(name, value, &[("error", false), ("truncate", true)])?,
            "nan" => self.cells.refuse_nan = choice(name, value, &[("null", false), ("error", true)])?,
            "unknown_columns" => {
                self.cells.ignore_unknown_columns = choice(name, value, &[("error", false), ("ignore", true)])?;
            }
            "aware_datetimes" => self.cells.wall = choice(name, value, &[("utc", false), ("wall", true)])?,
            "decimals" => self.cells.round_decimals = choice(name, value, &[("error", false), ("round", true)])?,
            "convert" => self.cells.convert = truth(name, value)?,
            "on_invalid" => self.skip_invalid = choice(name, value, &[("raise", false), ("skip", true)])?,
            "check" => self.check_all = choice(name, value, &[("all", true), ("batch", false)])?,
            "on_doubt" => self.resend_doubt = choice(name, value, &[("resend", true), ("raise", false)])?,
            "on_refused" => self.isolate = choice(name, value, &[("raise", false), ("isolate", true)])?,
            "timeout" => {
                self.timeout = match value.cast::<Deadline>() {
                    Ok(begun) => Some(begun.get().left()),
                    Err(_) => seconds(name, value)?,
                }
            }
            "max_errors" => {
                let count = value.extract::<usize>();
                self.max_errors = count.or_else(|_| wrong(value, "`max_errors` takes a whole number from 0".into()))?;
            }
            "progress" => self.progress = Progress::read(value)?,
            _ => return Err(PyTypeError::new_err(format!("unexpected keyword argument '{name}'"))),
        }
        Ok(())
    }
}

/// Who is shown how far a push has come.
pub(super) enum Progress {
    /// A person who watches a terminal or a notebook.
    WhereWatched,
    /// Whoever reads stderr.
    Always,
    /// Nobody.
    Never,
    /// The caller's own function.
    Function(Py<PyAny>),
}

impl Progress {
    fn read(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(match value.extract::<bool>() {
            Ok(true) => Self::Always,
            Ok(false) => Self::Never,
            Err(_) if value.is_none() => Self::WhereWatched,
            Err(_) if value.is_callable() => Self::Function(value.clone().unbind()),
            Err(_) => return wrong(value, "`progress` takes True, False, a callable or None".into()),
        })
    }
}

/// Whether the environment asks that messages show no values.
pub(super) fn hides_values() -> bool {
    std::env::var_os("POWERBI_PUSH_HIDE_VALUES").is_some_and(|value| !value.is_empty() && value != "0")
}

/// True or False.
pub(super) fn truth(name: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    match value.cast::<PyBool>() {
        Ok(flag) => Ok(flag.is_true()),
        Err(_) => wrong(value, format!("`{name}` takes True or False")),
    }
}

/// The option that one of a few words stands for.
pub(super) fn choice<T: Copy>(name: &str, value: &Bound<'_, PyAny>, choices: &[(&str, T)]) -> PyResult<T> {
    let word: Option<String> = value.extract().ok();
    if let Some((_, chosen)) = choices.iter().find(|(known, _)| Some(*known) == word.as_deref()) {
        return Ok(*chosen);
    }
    let words: Vec<_> = choices.iter().map(|(known, _)| format!("\"{known}\"")).collect();
    wrong(value, format!("`{name}` takes {}", words.join(" or ")))
}

/// A whole number from 1.
pub(super) fn whole(name: &str, value: &Bound<'_, PyAny>) -> PyResult<usize> {
    match value.extract::<usize>() {
        Ok(number @ 1..) => Ok(number),
        _ => wrong(value, format!("`{name}` takes a whole number from 1")),
    }
}

/// A whole number that is neither too small nor too large.
pub(super) fn within(name: &str, value: &Bound<'_, PyAny>, range: RangeInclusive<usize>) -> PyResult<usize> {
    match value.extract() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => wrong(value, format!("`{name}` takes a whole number from {} to {}", range.start(), range.end())),
    }
}

/// A time limit in seconds; `None` is none.
pub(super) fn seconds(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<Duration>> {
    if value.is_none() {
        return Ok(None);
    }
    match value.extract::<f64>().ok().map(Duration::try_from_secs_f64) {
        Some(Ok(duration)) if !duration.is_zero() => Ok(Some(duration)),
        _ => wrong(value, format!("`{name}` takes a number of seconds above 0, or None")),
    }
}

/// A time limit that there must be.
pub(super) fn required_seconds(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    match seconds(name, value)? {
        Some(duration) => Ok(duration),
        None => wrong(value, format!("`{name}` takes a number of seconds above 0")),
    }
}

/// How long something waits, which may be no time at all.
pub(super) fn delay(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    match value.extract::<f64>().map(Duration::try_from_secs_f64) {
        Ok(Ok(delay)) => Ok(delay),
        _ => wrong(value, format!("`{name}` takes a number of seconds from 0")),
    }
}

/// What a user chooses about connections; where the proxy is, may be a secret.
pub(super) fn settings(
    timeout: &Bound<'_, PyAny>,
    proxy: &Bound<'_, PyAny>,
    ca_bundle: &Bound<'_, PyAny>,
) -> PyResult<Settings> {
    let timeout = required_seconds("timeout", timeout)?;
    let proxy = optional("proxy", proxy)?;
    let bundle = Some(ca_bundle).filter(|given| !given.is_none());
    let bundle = bundle.map(|given| path("ca_bundle", "the path of a file or None", given)).transpose()?;
    Ok(Settings { timeout, proxy, ca_bundle: bundle })
}

/// How many there are, where that is known.
pub(super) fn count(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<u64>> {
    let count = value.extract::<Option<u64>>();
    count.or_else(|_| wrong(value, format!("`{name}` takes a whole number from 0, or None")))
}

/// `"default"`, `None`, or an object with the fields of `Retry`.
pub(super) fn retry(value: &Bound<'_, PyAny>) -> PyResult<Retry> {
    if value.is_none() {
        return Ok(Retry::never());
    }
    if value.extract::<String>().is_ok_and(|word| word == "default") {
        return Ok(Retry::default());
    }
    let Ok(attempts) = value.getattr("attempts") else {
        return wrong(value, "`retry` takes \"default\", a Retry or None".into());
    };
    let pause = |name: &str| delay(&format!("Retry.{name}"), &field(value, name));
    match attempts.extract::<u32>() {
        Ok(attempts @ 1..) => {
            Ok(Retry { attempts, first_delay: pause("first_delay")?, max_delay: pause("max_delay")? })
        }
        _ => wrong(value, "`Retry.attempts` takes a whole number from 1".into()),
    }
}

/// What `value` has under `name`; what it has not, or does not give, is the value itself, which no field takes.
pub(super) fn field<'py>(value: &Bound<'py, PyAny>, name: &str) -> Bound<'py, PyAny> {
    value.getattr(name).unwrap_or_else(|_| value.clone())
}

pub(super) fn wrong<T>(value: &Bound<'_, PyAny>, mut message: String) -> PyResult<T> {
    message.push_str(", not ");
    message.push_str(&told(value));
    Err(errors::to_py(value.py(), &Error::configuration(message)))
}

/// A path; what it is instead is told by its type alone. What an object raises that is asked for its path, is its own.
pub(super) fn path(name: &str, what: &str, given: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    given.extract().map_err(|raised: PyErr| {
        let py = given.py();
        let is_none = raised.is_instance_of::<PyTypeError>(py) || raised.is_instance_of::<PyUnicodeError>(py);
        if is_none { wrong_type(name, what, given) } else { raised }
    })
}

/// A wrong value as a message can hold it: of what is no plain one, the type.
fn told(value: &Bound<'_, PyAny>) -> String {
    let plain = value.is_none()
        || value.is_exact_instance_of::<PyString>()
        || value.is_exact_instance_of::<PyBool>()
        || value.is_exact_instance_of::<PyInt>()
        || value.is_exact_instance_of::<PyFloat>();
    // A number may have more digits than Python writes.
    match value.repr() {
        Ok(written) if plain => shown(&written.to_string_lossy()),
        _ => value.get_type().name().map_or_else(|_| "this".into(), |name| name.to_string()),
    }
}
