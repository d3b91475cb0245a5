//! An outbox on the disk, looked into and cleared up from Python.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::SystemTime;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::door;
use super::errors::{raise, to_py};
use crate::clock::Clock;
use crate::delivery::queue::{DiskQueue, Part, Reader, Settings};
use crate::error::{Error, Kind, Result};

/// The file of an outbox; each verb opens it anew.
#[pyclass(frozen, module = "powerbi_push._core")]
pub(super) struct Outbox {
    path: PathBuf,
}

#[pymethods]
impl Outbox {
    #[new]
    fn new(path: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = path.py();
        door::through(py, || {
            let outbox = Self { path: path.extract()? };
            raise(py, door::away(py, || outbox.read().map(drop)))?;
            Ok(outbox)
        })
    }

    /// The rows that are accepted and not settled.
    fn pending(&self, py: Python<'_>) -> PyResult<u64> {
        door::through(py, || raise(py, door::away(py, || self.read()?.pending().map(|level| level.rows))))
    }

    /// The rows of the dead letters: the JSON of each, and what is known of it.
    fn rejected<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        door::through(py, || self.told(py))
    }

    /// Puts the dead letters behind the rows that wait; answers how many rows that were.
    fn retry(&self, py: Python<'_>) -> PyResult<u64> {
        door::through(py, || raise(py, door::away(py, || self.write()?.retry())))
    }

    /// Deletes the dead letters; answers how many rows that were.
    fn drop(&self, py: Python<'_>) -> PyResult<u64> {
        door::through(py, || raise(py, door::away(py, || self.write()?.drop_dead_letters())))
    }

    /// Writes rows by `write`, one JSON object a line; answers how many.
    fn export(&self, py: Python<'_>, pending: bool, rejected: bool, write: Py<PyAny>) -> PyResult<u64> {
        door::through(py, || self.write_out(py, pending, rejected, write))
    }
}

impl Outbox {
    fn told<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let mut rows = Vec::new();
        for (letter, stored) in raise(py, door::away(py, || self.read()?.dead_letters()))? {
            let at = letter.at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
            let error = to_py(py, &letter.error()).into_value(py);
            for row in stored.iter() {
                let told = PyDict::new(py);
                told.set_item("row", String::from_utf8_lossy(row))?;
                told.set_item("error", &error)?;
                told.set_item("in_doubt", letter.in_doubt)?;
                told.set_item("at", at)?;
                rows.push(told);
            }
        }
        Ok(rows)
    }

    fn write_out(&self, py: Python<'_>, pending: bool, rejected: bool, write: Py<PyAny>) -> PyResult<u64> {
        let mut lines = Lines { write, raised: None };
        let mut export = || -> Result<u64> {
            let parts = [(pending, Part::Pending), (rejected, Part::DeadLetter)].into_iter();
            let parts: Vec<Part> = parts.filter(|(asked, _)| *asked).map(|(_, part)| part).collect();
            let mut out = io::BufWriter::with_capacity(1 << 16, &mut lines);
            let written = self.read()?.export(&parts, &mut out);
            // What can be read is written though some is missing.
            out.flush().map_err(|error| Error::new(Kind::Outbox, format!("writing rows: {error}")))?;
            written
        };
        let exported = door::away(py, &mut export);
        match lines.raised {
            Some(raised) => Err(raised),
            None => raise(py, exported),
        }
    }

    fn read(&self) -> Result<Reader> {
        Reader::open(&self.path, Clock::of_process())
    }

    fn write(&self) -> Result<DiskQueue> {
        DiskQueue::open(Settings {
            path: self.path.clone(),
            destination: None,
            capacity: u64::MAX,
            forced: false,
            clock: Clock::of_process(),
        })
    }
}

/// A Python function that takes text.
struct Lines {
    write: Py<PyAny>,
    /// What it raised.
    raised: Option<PyErr>,
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let write = |py: Python<'_>| {
            if door::is_closed() {
                return Err(door::farewell());
            }
            self.write.call1(py, (bytes,)).map(drop)
        };
        door::back(write).unwrap_or_else(|| Err(door::farewell())).map(|()| bytes.len()).map_err(|raised| {
            self.raised = Some(raised);
            io::Error::other("the file raised")
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
