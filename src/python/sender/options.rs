//! What a sender may be told, with the defaults.

use std::path::PathBuf;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::python::options::{RowOptions, choice, delay, required_seconds, whole, wrong};
use crate::rows::encode::Limits;

/// What happens to rows for which there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnFull {
    /// The caller waits.
    Block,
    /// The caller is told.
    Error,
    /// The oldest rows go.
    DropOldest,
}

/// The options of a sender beside those of rows.
pub(super) struct SenderOptions {
    max_rows: Option<usize>,
    max_bytes: Option<usize>,
    pub(super) max_delay: Duration,
    pub(super) buffer_bytes: usize,
    /// The file where rows wait; `None` keeps them in memory.
    pub(super) outbox: Option<PathBuf>,
    pub(super) outbox_bytes: usize,
    pub(super) on_full: OnFull,
    pub(super) full_timeout: Duration,
    pub(super) on_error: Option<Py<PyAny>>,
    pub(super) close_timeout: Duration,
}

impl SenderOptions {
    /// Takes a sender's own options out of the keyword arguments; the others are those of rows.
    pub(super) fn read(given: &Bound<'_, PyDict>) -> PyResult<(Self, RowOptions)> {
        let mut options = Self {
            max_rows: None,
            max_bytes: None,
            max_delay: Duration::from_secs(1),
            buffer_bytes: 64_000_000,
            outbox: None,
            outbox_bytes: 1_000_000_000,
            on_full: OnFull::Block,
            full_timeout: Duration::from_secs(30),
            on_error: None,
            close_timeout: Duration::from_secs(5),
        };
        let rest = given.copy()?;
        for (name, value) in given.iter() {
            if options.set(name.extract::<String>()?.as_str(), &value)? {
                rest.del_item(name)?;
            }
        }
        let mut rows = RowOptions::read(&rest)?;
        // Nobody waits for the outcome of a request: the rows at fault alone are refused, unless somebody says otherwise.
        rows.isolate |= !given.contains("on_refused")?;
        Ok((options, rows))
    }

    fn set(&mut self, name: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        match name {
            "max_rows" => self.max_rows = Some(whole(name, value)?),
            "max_bytes" if value.is_none() => self.max_bytes = None,
            "max_bytes" => self.max_bytes = Some(whole(name, value)?),
            "max_delay" => self.max_delay = delay(name, value)?,
            "outbox" if value.is_none() => self.outbox = None,
            "outbox" => {
                let path =
                    value.extract().or_else(|_| wrong(value, "`outbox` takes the path of a file, or None".into()));
                self.outbox = Some(path?);
            }
            "outbox_bytes" => self.outbox_bytes = whole(name, value)?,
            "buffer_bytes" => self.buffer_bytes = whole(name, value)?,
            "on_full" => {
                let choices = [("block", OnFull::Block), ("error", OnFull::Error), ("drop_oldest", OnFull::DropOldest)];
                self.on_full = choice(name, value, &choices)?;
            }
            "full_timeout" => self.full_timeout = required_seconds(name, value)?,
            "close_timeout" => self.close_timeout = required_seconds(name, value)?,
            "on_error" if value.is_none() || value.is_callable() => {
                self.on_error = (!value.is_none()).then(|| value.clone().unbind());
            }
            "on_error" => return wrong(value, "`on_error` takes a callable or None".into()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The largest request: what the caller wants, and never more than the service takes.
    pub(super) fn full_request(&self, most: Limits) -> Limits {
        Limits {
            max_rows: self.max_rows.unwrap_or(most.max_rows).min(most.max_rows),
            max_bytes: self.max_bytes.unwrap_or(most.max_bytes).min(most.max_bytes),
        }
    }
}
