//! Bodies without a service: rows filled into requests for whoever wants to see them, or to know whether they fit.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::input::{Rest, Source};
use super::options::RowOptions;
use super::{door, errors, notices, results};
use crate::delivery::queue::Ledger;
use crate::delivery::report::{Meter, Report};
use crate::rows::encode::{Checked, CheckedRows, Encoder, FREE_MEMORY, Filled, Run, Seen, Share};

/// The same encoder, in memory that earlier ones have left.
pub(super) fn in_kept_memory(mut encoder: Encoder) -> Encoder {
    encoder.reuse(std::mem::take(&mut MEMORY.lock().unwrap_or_else(PoisonError::into_inner)));
    encoder
}

/// The next request's rows.
pub(super) fn fill(py: Python<'_>, encoder: &mut Encoder, source: &mut Source<'_>) -> PyResult<Filled> {
    py.check_signals()?;
    let filled = match source.arrow() {
        Some(rows) => door::away(py, || encoder.fill_in_slices(rows)),
        None => encoder.fill(source),
    };
    let filled = filled.map_err(|failure| failure.into_py(py, encoder.rows_read()))?;
    notices::old_date(py, encoder.take_old_date().as_ref())?;
    Ok(filled)
}

/// Checks all rows, and keeps what a push would keep of them.
fn check(py: Python<'_>, encoder: &mut Encoder, source: &mut Source<'_>) -> PyResult<CheckedRows> {
    let mut kept = CheckedRows::new(&FREE_MEMORY, encoder);
    loop {
        let filled = fill(py, encoder, source)?;
        let (ended, invalid) = (filled.ended, encoder.problems().count() > 0);
        kept.take(filled, encoder, invalid);
        if ended {
            return refuse_invalid(py, encoder, true, true).map(|()| kept);
        }
    }
}

/// Whether a push of `rows` would check all of them before the first request, as far as that is known before asking what
/// they are: that may take them out of where they are.
pub(super) fn is_checked_ahead(rows: &Bound<'_, PyAny>, options: &RowOptions) -> PyResult<bool> {
    Ok(rows.hasattr("__len__")? && !options.skip_invalid && options.check_all)
}

/// Checks rows that can be read twice; raises as a push would, with nothing sent.
pub(super) fn check_ahead(py: Python<'_>, mut source: Source<'_>, mut encoder: Encoder) -> PyResult<()> {
    encoder.only_check();
    while !fill(py, &mut encoder, &mut source)?.ended {}
    let Err(raised) = refuse_invalid(py, &encoder, true, true) else { return Ok(()) };
    let (nothing, meter) = (Ledger::default(), Meter::default());
    let report =
        Report::new(encoder.rows_read(), encoder.problems(), false, 0, &nothing, &meter, std::time::Duration::ZERO);
    raised.value(py).setattr("result", results::push_result(py, &report, false)?)?;
    Err(raised)
}

/// Raises all that does not fit, if anything.
pub(super) fn refuse_invalid(py: Python<'_>, encoder: &Encoder, ended: bool, can_skip: bool) -> PyResult<()> {
    let problems = encoder.problems();
    match problems.count() {
        0 => Ok(()),
        _ => Err(errors::validation(py, problems, Seen { rows: encoder.rows_read(), ended, can_skip })?),
    }
}

/// What bodies are made in, from one call to the next: the system takes its time to give memory.
static MEMORY: Mutex<Vec<u8>> = Mutex::new(Vec::new());
/// The most that is kept of it.
const KEPT: usize = 8 << 20;

fn keep_memory(encoder: Encoder) {
    let memory = encoder.into_memory();
    if memory.capacity() <= KEPT {
        *MEMORY.lock().unwrap_or_else(PoisonError::into_inner) = memory;
    }
}

/// Bodies, made as they are asked for.
#[pyclass(frozen, module = "powerbi_push._core")]
pub(super) struct Payloads {
    reading: Mutex<Option<Reading>>,
}

struct Reading {
    /// Made when the rows were checked.
    checked: VecDeque<Run>,
    /// The room that they take.
    _share: Option<Share>,
    /// Whether there are no others.
    ended: bool,
    rows: Rest,
    encoder: Encoder,
    raises: bool,
}

impl Payloads {
    /// The bodies of `source`, of which all is checked here and now where the options ask for it.
    pub(super) fn new(
        py: Python<'_>,
        mut source: Source<'_>,
        mut encoder: Encoder,
        options: &RowOptions,
    ) -> PyResult<Self> {
        let raises = !options.skip_invalid;
        let (mut checked, mut room, mut ended) = (VecDeque::new(), None, false);
        if raises && options.check_all && source.is_sized() {
            let Checked { runs, again, share } = check(py, &mut encoder, &mut source)?.into_checked(&mut encoder);
            (checked, room, ended) = (runs.into(), Some(share), again.is_none());
            if let Some(row) = again {
                source.rewind(row).map_err(|failure| failure.into_py(py, row))?;
            }
        }
        let reading = Reading { checked, _share: room, ended, rows: source.into_rest(), encoder, raises };
        Ok(Self { reading: Mutex::new(Some(reading)) })
    }
}

impl Drop for Payloads {
    fn drop(&mut self) {
        door::let_go(self.reading.get_mut().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Payloads {
    /// The next body; `None` once there is none.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        // Taken out while rows are read, since reading them may run code that comes back here.
        let taken = self.reading.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut reading) = taken else { return Ok(None) };
        let mut source = Source::resume(py, reading.rows);
        loop {
            let filled = match reading.checked.pop_front() {
                None if !reading.ended => fill(py, &mut reading.encoder, &mut source)?,
                run => Filled { run, ended: reading.ended && reading.checked.is_empty() },
            };
            if reading.raises {
                refuse_invalid(py, &reading.encoder, filled.ended, true)?;
            }
            let body = filled.run.map(|run| {
                let body = PyBytes::new(py, &run.body(0..run.rows()));
                reading.encoder.reuse(run.into_memory());
                body
            });
            if !filled.ended && body.is_none() {
                continue;
            }
            if filled.ended {
                keep_memory(reading.encoder);
            } else {
                reading.rows = source.into_rest();
                *self.reading.lock().unwrap_or_else(PoisonError::into_inner) = Some(reading);
            }
            return Ok(body);
        }
    }
}

#[pymethods]
impl Payloads {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        door::through(py, || self.next(py))
    }
}

/// Lets bodies that are kept from a check take at most so many bytes of all pushes together, but for the least of each.
#[pyfunction]
pub(super) fn keep_at_most(bytes: usize) {
    FREE_MEMORY.limit(bytes);
}
