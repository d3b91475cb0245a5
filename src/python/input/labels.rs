//! What a frame calls itself and its columns, and which of them cannot be pushed.

use std::collections::HashSet;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::error::{Error, shown};
use crate::python::{door, errors};
use crate::rows::schema::Counts;

/// Whether `rows` is a `class` of `module`; what was never imported made nothing.
pub(super) fn is_a(rows: &Bound<'_, PyAny>, module: &str, class: &str) -> PyResult<bool> {
    let modules = rows.py().import("sys")?.getattr("modules")?;
    let module = modules.call_method1("get", (module,))?;
    match module.getattr_opt(class)? {
        Some(class) => rows.is_instance(&class),
        None => Ok(false),
    }
}

/// What a single column given as rows is answered with.
pub(super) fn one_column(rows: &Bound<'_, PyAny>) -> PyErr {
    let name = rows.get_type().name().map_or_else(|_| "column".into(), |name| name.to_string());
    let advice = "pass a frame, whose columns have names; if it is one row, wrap it in a list: push([row])";
    PyTypeError::new_err(format!("rows cannot be a {name}, which is one column: {advice}"))
}

/// Refuses columns without names of their own: labels must be distinct.
pub(super) fn check_distinct<'n>(py: Python<'_>, names: impl Iterator<Item = &'n str>) -> PyResult<()> {
    let (mut seen, mut twice) = (HashSet::new(), Vec::new());
    for name in names {
        if !seen.insert(name) && !twice.contains(&name) {
            twice.push(name);
        }
    }
    if twice.is_empty() {
        return Ok(());
    }
    let message = format!("column labels must be distinct; more than once there are `{}`", twice.join("`, `"));
    Err(errors::to_py(py, &Error::configuration(message).with_hint("rename or drop all but one of each")))
}

/// Refuses a frame that is wider than any table, before it is read: no schema takes its columns.
pub(super) fn check_width(frame: &Bound<'_, PyAny>, most: &Counts) -> PyResult<()> {
    let shape = frame.getattr_opt("shape")?.and_then(|shape| shape.extract::<(usize, usize)>().ok());
    let Some(problem) = shape.and_then(|(_, columns)| most.far_too_many("the frame", "columns", columns, false)) else {
        return Ok(());
    };
    let hint = "unknown_columns=\"ignore\" reads those columns alone that the schema has";
    Err(errors::to_py(frame.py(), &Error::configuration(problem).with_hint(hint)))
}

/// Refuses names with a NUL, which ends a name in Arrow's C interface: pyarrow would cut the name there, and polars ends
/// the process, for a field of a struct as well.
pub(super) fn check_no_nul(frame: &Bound<'_, PyAny>, module: &str) -> PyResult<()> {
    let names = match module {
        "pyarrow" => frame.getattr("schema")?.getattr("names")?,
        _ => frame.getattr("columns")?,
    };
    for name in door::each(&names)? {
        if let Ok(name) = name?.cast::<PyString>() {
            refuse_nul(name, "\0", "column label")?;
        }
    }
    if module == "polars" {
        for data_type in door::each(&frame.getattr("dtypes")?)? {
            refuse_nul(&data_type?.repr()?, "\\x00", "a name in the type")?;
        }
    }
    Ok(())
}

fn refuse_nul(name: &Bound<'_, PyString>, nul: &str, what: &str) -> PyResult<()> {
    if !name.contains(nul)? {
        return Ok(());
    }
    let message = format!("{what} `{}` holds a NUL, which no frame can hand over", shown(&name.to_string_lossy()));
    Err(errors::to_py(name.py(), &Error::configuration(message).with_hint("rename it, or drop the column")))
}

/// The error for columns with the types that they have; none for none.
pub(super) fn refuse_types(py: Python<'_>, refused: &[(String, String)]) -> PyResult<()> {
    if refused.is_empty() {
        return Ok(());
    }
    let list: Vec<_> = refused.iter().map(|(name, data_type)| format!("`{name}` is {data_type}")).collect();
    let error = Error::configuration(format!("the frame has columns that no column type takes: {}", list.join(", ")));
    let hint = "cast them to text, numbers or datetimes, unnest structs and lists, or drop them";
    let is_time = |data_type: &str| data_type.starts_with("Time32") || data_type.starts_with("Time64");
    // Where these are converted they are not refused.
    let has_times = refused.iter().any(|(_, data_type)| is_time(data_type));
    let times = if has_times { "convert=True makes text of times; " } else { "" };
    Err(errors::to_py(py, &error.with_hint(format!("{times}{hint}"))))
}
