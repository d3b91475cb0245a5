//! A `DataFrame` of pandas: an Arrow table where every column can be one exactly, else lists. Named levels of its index
//! are columns; what has no name is not read.

use pyo3::exceptions::{PyException, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyList, PySlice, PyString};

use super::Wanted;
use super::arrow::ArrowRows;
use super::column_lists::{ColumnLists, check_known};
use super::labels::{check_distinct, is_a, refuse_types};
use super::numpy::is_numpy;
use crate::error::Error;
use crate::python::{door, errors};

/// The rows of `frame`, or its lists; columns that are not wanted are left unread.
pub(super) fn open(frame: &Bound<'_, PyAny>, wanted: Wanted<'_>) -> PyResult<Result<ArrowRows, ColumnLists>> {
    let py = frame.py();
    let frame = &with_index(frame)?;
    let names = labels(frame)?;
    match table(frame, &names) {
        Ok(table) => ArrowRows::open(&table, wanted).map(Ok),
        // No pyarrow, an old one, or values that it cannot hold: ours are judged one by one.
        Err(raised) if raised.is_instance_of::<PyException>(py) => {
            refuse_unsupported(frame, &names, wanted)?;
            ColumnLists::pandas(frame, &names, wanted).map(Err)
        }
        Err(raised) => Err(raised),
    }
}

/// The frame with the named levels of its index in front of its columns, as `reset_index()` makes them, and not a value
/// copied. The frame itself where there are none.
fn with_index<'py>(frame: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = frame.py();
    let index = frame.getattr(intern!(py, "index"))?;
    let (mut levels, is_multiple) = (Vec::new(), is_a(&index, "pandas", "MultiIndex")?);
    for (level, name) in door::each(&index.getattr(intern!(py, "names"))?)?.enumerate() {
        let name = name?;
        if !name.is_none() {
            if is_multiple {
                let [codes, values] = ["codes", "levels"].map(|of| index.getattr(of)?.get_item(level));
                check_known(&codes?, &values?, "the index")?;
            }
            levels.push((name, index.call_method1(intern!(py, "get_level_values"), (level,))?));
        }
    }
    if levels.is_empty() {
        return Ok(frame.clone());
    }
    let shallow = frame.call_method(intern!(py, "copy"), (), Some(&[("deep", false)].into_py_dict(py)?))?;
    // A name that a column has too is refused with the other labels.
    let options = [("allow_duplicates", true)].into_py_dict(py)?;
    for (place, (name, values)) in levels.into_iter().enumerate() {
        shallow.call_method(intern!(py, "insert"), (place, name, values), Some(&options))?;
    }
    Ok(shallow)
}

/// The names of the columns: distinct strings.
fn labels(frame: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    let py = frame.py();
    let (mut names, mut others) = (Vec::new(), Vec::new());
    for label in door::each(&frame.getattr(intern!(py, "columns"))?)? {
        let label = label?;
        match label.cast::<PyString>().ok().and_then(|name| name.to_str().ok()) {
            Some(name) => names.push(name.to_owned()),
            None => others.push(label.repr()?.to_string()),
        }
    }
    if !others.is_empty() {
        let message = format!("column labels must be strings; these are not: {}", others.join(", "));
        let hint =
            "name the columns: df.columns = [...]; several levels are joined first, and a named index is a column";
        return Err(errors::to_py(py, &Error::configuration(message).with_hint(hint)));
    }
    check_distinct(py, names.iter().map(String::as_str))?;
    Ok(names)
}

/// The columns as a table of pyarrow. Without an index of no name, which pandas' own conversion would add.
fn table<'py>(frame: &Bound<'py, PyAny>, names: &[String]) -> PyResult<Bound<'py, PyAny>> {
    let py = frame.py();
    let pyarrow = py.import(intern!(py, "pyarrow"))?;
    let positions = frame.getattr(intern!(py, "iloc"))?;
    let arrays = PyList::empty(py);
    for place in 0..names.len() {
        let column = positions.get_item((PySlice::full(py), place))?;
        arrays.append(array(&pyarrow, &column)?)?;
    }
    pyarrow.getattr(intern!(py, "Table"))?.call_method1(intern!(py, "from_arrays"), (arrays, names))
}

/// A column as an array of pyarrow that holds the same values, NaN included.
fn array<'py>(pyarrow: &Bound<'py, PyModule>, column: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = column.py();
    let dtype = column.getattr(intern!(py, "dtype"))?;
    let kind: String = dtype.getattr(intern!(py, "kind"))?.extract()?;
    let is_numpy = is_numpy(&dtype)?;
    // NaN in a float column is a value; what an extension type shows as NaN is a missing one.
    let options = [("from_pandas", !(is_numpy && matches!(kind.as_str(), "f" | "O")))].into_py_dict(py)?;
    if is_numpy && kind == "O" {
        // Objects may be anything. Arrow would make numbers of one kind, or text of bytes: only text is sure.
        let types = py.import(intern!(py, "pandas"))?.getattr("api")?.getattr("types")?;
        let found: String = types.call_method1("infer_dtype", (column,))?.extract()?;
        if !matches!(found.as_str(), "string" | "empty") {
            return Err(PyValueError::new_err("objects that are not all text"));
        }
        // What holds nothing but missing values says nothing of what it is for.
        let kind = if found == "empty" { "null" } else { "large_string" };
        options.set_item("type", pyarrow.call_method0(kind)?)?;
    }
    pyarrow.call_method(intern!(py, "array"), (column,), Some(&options))
}

/// The same refusal as for Arrow types, where the values do not come through Arrow.
fn refuse_unsupported(frame: &Bound<'_, PyAny>, names: &[String], wanted: Wanted<'_>) -> PyResult<()> {
    let mut refused = Vec::new();
    for (name, dtype) in names.iter().zip(door::each(&frame.getattr("dtypes")?)?) {
        let dtype = dtype?;
        let (kind, spelled) = (dtype.getattr("kind")?.extract::<String>()?, dtype.str()?.to_string());
        let is_span = spelled.starts_with("period[") || spelled.starts_with("interval[");
        if (is_span || matches!(kind.as_str(), "m" | "c")) && wanted.has(name) {
            refused.push((name.clone(), spelled));
        }
    }
    refuse_types(frame.py(), &refused)
}
