//! What people push in place of rows, and how to make rows of it.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyList, PyString, PyTuple, PyType};

use super::row;

/// Refuses a single row, text, and what holds rows in another form than one after the other.
pub(super) fn refuse_single(rows: &Bound<'_, PyAny>) -> PyResult<()> {
    let name = rows.get_type().name()?;
    if rows.hasattr("__dataframe__")? {
        let message = format!("a {name} without an Arrow stream cannot be read: pass its rows as dicts");
        return Err(PyTypeError::new_err(message));
    }
    if let Some(advice) = advice(rows)? {
        let message = format!("rows must be a list or another iterable of mappings, not a {name}; {advice}");
        return Err(PyTypeError::new_err(message));
    }
    if !rows.is_instance_of::<PyType>() && (rows.hasattr("__iter__")? || rows.hasattr("__getitem__")?) {
        return Ok(());
    }
    Err(PyTypeError::new_err(format!(
        "rows must be an iterable of mappings, not {name}; wrap it in a list: push([row])"
    )))
}

fn advice(rows: &Bound<'_, PyAny>) -> PyResult<Option<&'static str>> {
    const WRAP: &str = "wrap it in a list: push([row])";
    if rows.is_instance_of::<PyString>() || rows.is_instance_of::<PyBytes>() || rows.is_instance_of::<PyByteArray>() {
        return Ok(Some(
            "JSON text becomes rows with json.loads(text), lines of a CSV with csv.DictReader(lines); if it is one row, \
             wrap it in a list: push([row])",
        ));
    }
    let Ok(dict) = rows.cast::<PyDict>() else {
        return Ok((rows.hasattr("keys")? || row::is_row(rows)?).then_some(WRAP));
    };
    if dict.len() == 1
        && let Some(inner) = dict.get_item("rows")?
        && is_list(&inner)
    {
        return Ok(Some("push what is in it: push(body[\"rows\"])"));
    }
    if !dict.is_empty() && dict.values().iter().all(|column| is_list(&column)) {
        return Ok(Some(
            "columns become rows with pandas.DataFrame(columns), or with [dict(zip(columns, row)) for row in \
             zip(*columns.values())]",
        ));
    }
    Ok(Some(WRAP))
}

/// Whether it holds several values, as a column does.
fn is_list(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyList>()
        || value.is_instance_of::<PyTuple>()
        || ["__array__", "__len__"].iter().all(|name| value.hasattr(*name).is_ok_and(|has| has))
}
