//! Options that come as words: each read once, a wrong one answered with the words there are.

use std::time::Duration;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::deadline::Deadline;
use super::errors;
use crate::encode::{Naive, Options};
use crate::error::Error;
use crate::limit::{IN_FLIGHT, Quotas};
use crate::retry::Retry;

/// Everything that a verb which takes rows may be told, with the defaults.
pub(super) struct RowOptions {
    /// How cells are judged.
    pub(super) cells: Options,
    /// Send what is valid and report the rest.
    pub(super) skip_invalid: bool,
    /// Check a sized input whole before the first request.
    pub(super) check_all: bool,
    /// Send rows in doubt again.
    pub(super) resend_doubt: bool,
    /// The time limit of the whole call.
    pub(super) timeout: Option<Duration>,
    /// How many row errors are kept.
    pub(super) max_errors: usize,
    /// What to call with the result so far.
    pub(super) progress: Option<Py<PyAny>>,
}

impl RowOptions {
    /// Reads the keyword arguments; what nobody knows is a `TypeError`, as Python itself would raise.
    pub(super) fn read(given: &Bound<'_, PyDict>) -> PyResult<Self> {
        let mut options = Self {
            cells: Options::default(),
            skip_invalid: false,
            check_all: true,
            resend_doubt: true,
            timeout: None,
            max_errors: 1_000,
            progress: None,
        };
        for (name, value) in given.iter() {
            options.set(name.extract::<String>()?.as_str(), &value)?;
        }
        Ok(options)
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
            "strings" => self.cells.parse_strings = choice(name, value, &[("strict", false), ("parse", true)])?,
            "on_invalid" => self.skip_invalid = choice(name, value, &[("raise", false), ("skip", true)])?,
            "check" => self.check_all = choice(name, value, &[("all", true), ("batch", false)])?,
            "on_doubt" => self.resend_doubt = choice(name, value, &[("resend", true), ("raise", false)])?,
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
            "progress" if value.is_none() || value.is_callable() => {
                self.progress = (!value.is_none()).then(|| value.clone().unbind());
            }
            "progress" => return wrong(value, "`progress` takes a callable or None".into()),
            _ => return Err(PyTypeError::new_err(format!("unexpected keyword argument '{name}'"))),
        }
        Ok(())
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
    let pause = |name: &str| delay(&format!("Retry.{name}"), &value.getattr(name)?);
    match attempts.extract::<u32>() {
        Ok(attempts @ 1..) => {
            Ok(Retry { attempts, first_delay: pause("first_delay")?, max_delay: pause("max_delay")? })
        }
        _ => wrong(value, "`Retry.attempts` takes a whole number from 1".into()),
    }
}

/// `"pro"`, `"free"`, `None`, or an object with the fields of `Quotas`.
pub(super) fn quotas(value: &Bound<'_, PyAny>) -> PyResult<Quotas> {
    if value.is_none() {
        return Ok(Quotas::NONE);
    }
    if !value.hasattr("requests_per_minute")? {
        let words = "`quotas` takes \"pro\" or \"free\", a Quotas or None";
        return choice("quotas", value, &[("pro", Quotas::PRO), ("free", Quotas::FREE)])
            .or_else(|_| wrong(value, words.into()));
    }
    let limit = |name: &str| match value.getattr(name)?.extract::<Option<u64>>() {
        Ok(limit @ (None | Some(1..))) => Ok(limit),
        _ => wrong(value, format!("`Quotas.{name}` takes a whole number from 1, or None")),
    };
    let Ok(in_flight @ 1..=IN_FLIGHT) = value.getattr("in_flight")?.extract::<usize>() else {
        return wrong(value, format!("`Quotas.in_flight` takes a whole number from 1 to {IN_FLIGHT}"));
    };
    Ok(Quotas {
        in_flight,
        requests_per_second: limit("requests_per_second")?,
        requests_per_minute: limit("requests_per_minute")?,
        rows_per_hour: limit("rows_per_hour")?,
        large_table_requests_per_hour: limit("large_table_requests_per_hour")?,
        ..Quotas::PRO
    })
}

pub(super) fn wrong<T>(value: &Bound<'_, PyAny>, message: String) -> PyResult<T> {
    Err(errors::to_py(value.py(), &Error::configuration(message)))
}
