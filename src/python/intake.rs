//! Where rows enter: Python objects become cells, one row at a time, nothing copied that need not be.

mod dict_items;
mod value;

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyIterator, PyList, PyMapping, PySet, PyString, PyTuple};

use self::dict_items::DictItems;
use crate::cell::{Row, Rows};

/// The caller's rows.
pub(super) struct Source<'py> {
    rows: Kind<'py>,
    next: usize,
}

enum Kind<'py> {
    /// Can be read twice; its length must not change meanwhile.
    List(Bound<'py, PyList>, usize),
    Tuple(Bound<'py, PyTuple>),
    /// Can be read once.
    Once(Bound<'py, PyIterator>),
}

impl<'py> Source<'py> {
    /// Recognises what holds rows; a single row, text and bytes do not.
    pub(super) fn new(rows: &Bound<'py, PyAny>) -> PyResult<Self> {
        let kind = if let Ok(list) = rows.cast_exact::<PyList>() {
            Kind::List(list.clone(), list.len())
        } else if rows.is_instance_of::<PyList>() {
            // A list that may show other rows than it holds: what it shows counts.
            let list = rows.try_iter()?.collect::<PyResult<Vec<_>>>()?;
            Kind::List(PyList::new(rows.py(), &list)?, list.len())
        } else if let Ok(tuple) = rows.cast_exact::<PyTuple>() {
            Kind::Tuple(tuple.clone())
        } else {
            refuse_single(rows)?;
            Kind::Once(rows.try_iter()?)
        };
        Ok(Self { rows: kind, next: 0 })
    }

    /// Rows that can be read once.
    pub(super) fn once(rows: Bound<'py, PyIterator>) -> Self {
        Self { rows: Kind::Once(rows), next: 0 }
    }

    /// Whether the rows can be checked whole before any is sent.
    pub(super) fn is_sized(&self) -> bool {
        !matches!(self.rows, Kind::Once(_))
    }

    /// Starts again with the first row of a sized source.
    pub(super) fn rewind(&mut self) {
        self.next = 0;
    }

    fn next_object(&mut self) -> PyResult<Option<Bound<'py, PyAny>>> {
        let next = self.next;
        self.next += 1;
        match &mut self.rows {
            Kind::List(list, length) => {
                if list.len() != *length {
                    return Err(changed());
                }
                (next < *length).then(|| list.get_item(next)).transpose()
            }
            Kind::Tuple(tuple) => (next < tuple.len()).then(|| tuple.get_item(next)).transpose(),
            Kind::Once(rows) => rows.next().transpose(),
        }
    }
}

/// What `push(row)` instead of `push([row])` looks like, and what is no rows at all.
fn refuse_single(rows: &Bound<'_, PyAny>) -> PyResult<()> {
    let name = rows.get_type().name()?;
    if rows.hasattr("__arrow_c_stream__")? || rows.hasattr("__dataframe__")? {
        let message = format!("rows cannot be a {name} yet: pass its rows as dicts, df.to_dict(\"records\") in pandas");
        return Err(PyTypeError::new_err(message));
    }
    let text =
        rows.is_instance_of::<PyString>() || rows.is_instance_of::<PyBytes>() || rows.is_instance_of::<PyByteArray>();
    if text || rows.cast::<PyMapping>().is_ok() || rows.hasattr("keys")? {
        let message = format!(
            "rows must be a list or another iterable of mappings, not a {name}; wrap it in a list: push([row])"
        );
        return Err(PyTypeError::new_err(message));
    }
    if rows.hasattr("__iter__")? || rows.hasattr("__getitem__")? {
        return Ok(());
    }
    Err(PyTypeError::new_err(format!(
        "rows must be an iterable of mappings, not {name}; wrap it in a list: push([row])"
    )))
}

fn changed() -> PyErr {
    PyRuntimeError::new_err("the rows changed while they were being read")
}

impl Rows for Source<'_> {
    type Failure = PyErr;

    fn visit(&mut self, row: &mut impl Row) -> PyResult<bool> {
        let Some(object) = self.next_object()? else { return Ok(false) };
        if let Ok(dict) = object.cast_exact::<PyDict>() {
            visit_dict(dict, row)?;
        } else if object.hasattr("keys")? && object.hasattr("__getitem__")? {
            visit_mapping(&object, row)?;
        } else {
            row.not_a_mapping(&value::type_name(&object));
        }
        Ok(true)
    }
}

fn visit_dict(dict: &Bound<'_, PyDict>, row: &mut impl Row) -> PyResult<()> {
    for item in DictItems::new(dict) {
        let (key, value) = item.ok_or_else(changed)?;
        visit_cell(&key, &value, row)?;
    }
    Ok(())
}

fn visit_mapping(mapping: &Bound<'_, PyAny>, row: &mut impl Row) -> PyResult<()> {
    let seen = PySet::empty(mapping.py())?;
    for key in mapping.call_method0("keys")?.try_iter()? {
        let key = key?;
        if seen.contains(&key)? {
            // `SELECT 1 AS Id, 2 AS Id`: one of the two values would be lost.
            row.bad_key(&format!("two values are called {}", key.repr()?.to_string_lossy()));
            continue;
        }
        seen.add(&key)?;
        let value = mapping.get_item(&key)?;
        visit_cell(&key, &value, row)?;
    }
    Ok(())
}

fn visit_cell(key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>, row: &mut impl Row) -> PyResult<()> {
    let Ok(name) = key.cast::<PyString>() else {
        row.bad_key(&format!("a column's name must be a str, not {}", value::type_name(key)));
        return Ok(());
    };
    let Ok(name) = name.to_str() else {
        row.bad_key("a column's name holds a lone surrogate, which is no valid Unicode");
        return Ok(());
    };
    value::visit(value, &mut |cell| row.cell(name, cell))
}
