//! What people push in place of rows or of one row, and how to make rows of it.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyIterator, PyList, PyMapping, PyString, PyTuple, PyType};

use super::row;
use crate::python::door;

const WRAP: &str = "wrap it in a list: push([row])";
const TEXT: &str = "JSON text becomes rows with json.loads(text), lines of a CSV with csv.DictReader(lines), a file with \
                    pandas.read_csv(path); if it is one row, wrap it in a list: push([row])";
const COLUMNS: &str = "columns become rows with pandas.DataFrame(columns), or with [dict(zip(columns, row)) for row in \
                       zip(*columns.values())]";

/// Refuses a single row, text, and what holds rows in another form than one after the other.
pub(super) fn refuse_single(rows: &Bound<'_, PyAny>) -> PyResult<()> {
    let name = rows.get_type().name()?;
    if rows.hasattr("__dataframe__")? {
        let message = format!("a {name} without an Arrow stream cannot be read: pass its rows as dicts");
        return Err(PyTypeError::new_err(message));
    }
    if let Some(advice) = advice(rows, &name)? {
        let message = format!("rows must be a list or another iterable of mappings, not a {name}; {advice}");
        return Err(PyTypeError::new_err(message));
    }
    if !rows.is_instance_of::<PyType>() && (rows.hasattr("__iter__")? || rows.hasattr("__getitem__")?) {
        return Ok(());
    }
    Err(no_iterable(rows, &name))
}

/// The iterator of what looks like an iterable; a number of numpy does, and is none.
pub(super) fn iterator<'py>(rows: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyIterator>> {
    door::once(rows).map_err(|raised| match rows.get_type().name() {
        Ok(name) if raised.is_instance_of::<PyTypeError>(rows.py()) && !rows.hasattr("__iter__").unwrap_or(true) => {
            no_iterable(rows, &name)
        }
        _ => raised,
    })
}

fn no_iterable(rows: &Bound<'_, PyAny>, name: &Bound<'_, PyString>) -> PyErr {
    let advice = if rows.hasattr("__fspath__").unwrap_or(false) {
        "read the file first: csv.DictReader(file), json.load(file) or pandas.read_csv(path)"
    } else if rows.is_none() {
        "where a function was to answer them, it may lack its `return`; if it is one row, wrap it in a list: push([row])"
    } else if rows.is_callable() {
        "call it, and push what it answers"
    } else {
        WRAP
    };
    PyTypeError::new_err(format!("rows must be an iterable of mappings, not {name}; {advice}"))
}

fn advice(rows: &Bound<'_, PyAny>, name: &Bound<'_, PyString>) -> PyResult<Option<String>> {
    if is_text(rows) {
        return Ok(Some(TEXT.into()));
    }
    let Ok(dict) = rows.cast::<PyDict>() else {
        if name.to_string_lossy().ends_with("GroupBy") {
            return Ok(Some("push what is made of the groups, such as groups.sum()".into()));
        }
        return Ok((rows.hasattr("keys")? || row::is_row(rows)?).then(|| WRAP.into()));
    };
    Ok(Some(within(dict)))
}

/// How to get at the rows that a dict holds, or that it is made of.
fn within(dict: &Bound<'_, PyDict>) -> String {
    let has = |key: &str| dict.contains(key).unwrap_or(false);
    let all = |is: fn(&Bound<'_, PyAny>) -> bool| !dict.is_empty() && dict.values().iter().all(|value| is(&value));
    if let Some(key) = key_of_rows(dict) {
        format!("push what is in it: push(body[{key:?}])")
    } else if has("columns") && has("data") {
        "its rows are [dict(zip(body[\"columns\"], row)) for row in body[\"data\"]]".into()
    } else if all(is_data_type) {
        "data types are a schema: TableSchema(name, types)".into()
    } else if all(is_mapping) {
        "columns become rows with pandas.DataFrame(columns), rows under their numbers or names with \
         list(rows.values())"
            .into()
    } else if all(is_list) {
        COLUMNS.into()
    } else {
        WRAP.into()
    }
}

/// Under which key a body of the service's, or of another one, has its rows.
fn key_of_rows(dict: &Bound<'_, PyDict>) -> Option<String> {
    const USUAL: [&str; 5] = ["rows", "value", "data", "records", "results"];
    dict.iter().find_map(|(key, value)| {
        let key = key.extract::<String>().ok()?;
        let is_only = dict.len() == 1;
        let is_body = is_only && key == "rows" && is_list(&value)
            || (is_only || USUAL.contains(&key.as_str())) && first(&value).is_some_and(|first| is_mapping(&first));
        is_body.then_some(key)
    })
}

/// How to make a row of what was given as one.
pub(super) fn advice_for_row(row: &Bound<'_, PyAny>) -> &'static str {
    const TUPLES: &str = "rows of a database become mappings with [dict(zip(names, row)) for row in rows], where names = \
                          [column[0] for column in cursor.description]";
    const LISTS: &str = "rows of a database become mappings with [dict(zip(names, row)) for row in rows], where names = \
                         [column[0] for column in cursor.description], lines of a CSV with csv.DictReader(lines)";
    if is_text(row) {
        return "JSON text becomes a row with json.loads(line), lines of a CSV become rows with csv.DictReader(lines)";
    }
    if is_of(row, "numpy") {
        return "an array becomes rows with pandas.DataFrame(array, columns=names)";
    }
    let is_list = row.is_instance_of::<PyList>();
    if !is_list && !row.is_instance_of::<PyTuple>() {
        return if row.is_none() { "leave it out" } else { "a value alone becomes one with {\"column\": value}" };
    }
    if first(row).is_some_and(|first| is_mapping(&first)) {
        return "it holds rows itself: push it alone, a sender takes send_many(rows)";
    }
    // A label and a row, from `iterrows()`; a name and a column, from `items()`.
    if row.get_item(1).is_ok_and(|second| is_of(&second, "pandas")) {
        return "push the frame itself";
    }
    if is_list { LISTS } else { TUPLES }
}

fn is_text(given: &Bound<'_, PyAny>) -> bool {
    given.is_instance_of::<PyString>() || given.is_instance_of::<PyBytes>() || given.is_instance_of::<PyByteArray>()
}

/// Whether its class was made by a `module`.
fn is_of(given: &Bound<'_, PyAny>, module: &str) -> bool {
    let name = given.get_type().getattr("__module__").and_then(|name| name.extract::<String>());
    name.is_ok_and(|name| name.starts_with(module))
}

fn is_mapping(given: &Bound<'_, PyAny>) -> bool {
    given.is_instance_of::<PyDict>() || given.cast::<PyMapping>().is_ok()
}

/// Whether it is a data type, as schemas take them.
fn is_data_type(given: &Bound<'_, PyAny>) -> bool {
    let name = || given.py().import("powerbi_push.schema.data_types")?.call_method1("name_of", (given,));
    // numpy takes its numbers for their types.
    let is_value = given.is_instance_of::<PyString>()
        || !given.is_instance_of::<PyType>() && given.hasattr("dtype").unwrap_or(true);
    !is_value && !is_list(given) && name().is_ok_and(|name| !name.is_none())
}

/// The first of a list's values.
fn first<'py>(given: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    let is_list = given.is_instance_of::<PyList>() || given.is_instance_of::<PyTuple>();
    if is_list { given.get_item(0).ok() } else { None }
}

/// Whether it holds several values, as a column does.
fn is_list(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyList>()
        || value.is_instance_of::<PyTuple>()
        || ["__array__", "__len__"].iter().all(|name| value.hasattr(*name).is_ok_and(|has| has))
}
