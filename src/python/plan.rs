//! Plans: what a push of rows, or of so many of them, would take.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict};

use super::input::{Source, Wanted};
use super::options::{RowOptions, count, wrong};
use super::payloads::{fill, refuse_invalid};
use super::push::{PushSink, encoder};
use crate::rate_limit::Plan;

/// The plan of a push to `sink`; rows are checked and measured, and nothing is sent.
pub(super) fn plan(
    sink: &PushSink,
    rows_or_count: &Bound<'_, PyAny>,
    rows_in_table: &Bound<'_, PyAny>,
) -> PyResult<Plan> {
    let rows_in_table = count("rows_in_table", rows_in_table)?;
    // An int, or a number of numpy's.
    if rows_or_count.get_type().hasattr("__index__")? && !rows_or_count.is_instance_of::<PyBool>() {
        return of_count(sink, rows_or_count, rows_in_table);
    }
    let requests = measured(sink, rows_or_count)?;
    let rows_of = |number: u64| usize::try_from(number).ok().and_then(|at| requests.get(at)).copied().unwrap_or(0);
    Ok(sink.route.plan(requests.len() as u64, rows_of, rows_in_table))
}

fn of_count(sink: &PushSink, rows: &Bound<'_, PyAny>, rows_in_table: Option<u64>) -> PyResult<Plan> {
    let Ok(count) = rows.extract::<u64>() else {
        return wrong(rows, "`rows_or_count` takes rows, or a whole number from 0".into());
    };
    let limits = sink.route.sink.limits();
    let full = limits.max_rows as u64;
    let rows_of = |number: u64| full.min(count - number * full);
    let mut plan = sink.route.plan(count.div_ceil(full), rows_of, rows_in_table);
    let bytes = limits.max_bytes / limits.max_rows;
    plan.assumes.push(format!("a row takes {bytes} bytes at most, so that {full} fit into one request"));
    Ok(plan)
}

/// How many rows each request would carry.
fn measured(sink: &PushSink, rows: &Bound<'_, PyAny>) -> PyResult<Vec<u64>> {
    let py = rows.py();
    let mut source = Source::new(rows, Wanted::default().at_most(&sink.target.counts))?;
    if !source.is_sized() {
        let message =
            "`rows_or_count` that can be read only once cannot be planned: give a list, a frame, or the number of rows";
        return Err(PyTypeError::new_err(message));
    }
    let options = RowOptions::read(&PyDict::new(py))?;
    let mut encoder = encoder(sink, options.cells, options.max_errors);
    let mut requests = Vec::new();
    loop {
        let filled = fill(py, &mut encoder, &mut source)?;
        requests.extend(filled.run.map(|run| run.rows() as u64));
        if filled.ended {
            refuse_invalid(py, &encoder, true, false)?;
            return Ok(requests);
        }
    }
}
