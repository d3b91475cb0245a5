//! A frame as rows: what has an Arrow stream is read batch by batch without Python, everything else as lists.

use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::IntoPyDict;

use super::arrow::{self, ArrowRows};
use super::column_lists::ColumnLists;
use super::labels::{check_no_nul, check_width, is_a, one_column};
use super::{Failure, Wanted, pandas};
use crate::python::door;
use crate::rows::cell::Rows;
use crate::rows::schema::DataType;

/// A frame, by how it is read.
pub(super) enum Frame {
    Arrow(Box<ArrowRows>),
    ColumnLists(ColumnLists),
}

impl Frame {
    /// The frame that `rows` is; `None` where it is none. Columns that are not wanted are left unread.
    pub(super) fn recognise(rows: &Bound<'_, PyAny>, wanted: Wanted<'_>) -> PyResult<Option<Self>> {
        let py = rows.py();
        if let Some(rows) = ArrowRows::csv(rows, wanted)? {
            return Ok(Some(Self::Arrow(Box::new(rows))));
        }
        for (module, class) in [
            ("pandas", "DataFrame"),
            ("polars", "DataFrame"),
            ("pyarrow", "Table"),
            ("pyarrow", "RecordBatch"),
            ("pyarrow", "RecordBatchReader"),
        ] {
            if !is_a(rows, module, class)? {
                continue;
            }
            if let Some(counts) = wanted.counts.filter(|_| wanted.is_all()) {
                check_width(rows, counts)?;
            }
            check_no_nul(rows, module)?;
        }
        if is_a(rows, "pandas", "DataFrame")? {
            return Ok(Some(match pandas::open(rows, wanted)? {
                Ok(rows) => Self::Arrow(Box::new(rows)),
                Err(lists) => Self::ColumnLists(lists),
            }));
        }
        if is_a(rows, "polars", "LazyFrame")? {
            return Err(PyTypeError::new_err("rows cannot be a LazyFrame, which has none yet: collect() it first"));
        }
        if is_a(rows, "pandas", "Series")? {
            return Err(one_column(rows));
        }
        if !rows.hasattr(intern!(py, "__arrow_c_stream__"))? {
            return Ok(None);
        }
        if !is_a(rows, "polars", "DataFrame")? {
            return Ok(Some(Self::Arrow(Box::new(ArrowRows::open(rows, wanted)?))));
        }
        // Two of polars' types do not pass through Arrow: Null exports a buffer too many, Int128 is its own invention.
        let polars = py.import(intern!(py, "polars"))?;
        let null = polars.getattr(intern!(py, "Null"))?;
        let untyped = untyped(rows, &null)?;
        // Whoever changes the frame meanwhile changes another one.
        let frame = if untyped.is_empty() {
            rows.call_method0(intern!(py, "clone"))?
        } else {
            let types = [(&null, polars.getattr(intern!(py, "Boolean"))?)];
            rows.call_method1(intern!(py, "cast"), (types.into_py_dict(py)?,))?
        };
        match arrow::import(&frame)? {
            Ok(reader) => {
                Ok(Some(Self::Arrow(Box::new(ArrowRows::new(&frame, reader, wanted)?.without_types(untyped)))))
            }
            Err(_) => Ok(Some(Self::ColumnLists(ColumnLists::polars(&frame, wanted)?))),
        }
    }

    /// Its columns, and the types that it says they have.
    pub(super) fn declared(&self, py: Python<'_>) -> PyResult<Vec<(String, Option<DataType>)>> {
        match self {
            Self::Arrow(rows) => Ok(rows.declared()),
            Self::ColumnLists(rows) => rows.declared(py),
        }
    }

    /// Whether it can be read twice.
    pub(super) fn is_sized(&self) -> bool {
        match self {
            Self::Arrow(rows) => rows.is_sized(),
            Self::ColumnLists(_) => true,
        }
    }

    /// The rows to come are for another `row` than those before.
    pub(super) fn begin(&mut self) {
        match self {
            Self::Arrow(rows) => rows.begin(),
            Self::ColumnLists(rows) => rows.begin(),
        }
    }

    /// Goes back to row number `row`.
    pub(super) fn rewind(&mut self, py: Python<'_>, row: usize) -> Result<(), Failure> {
        match self {
            Self::Arrow(rows) => rows.rewind(py, row)?,
            Self::ColumnLists(rows) => rows.rewind(row),
        }
        Ok(())
    }
}

/// The columns of polars that are of no type.
fn untyped(frame: &Bound<'_, PyAny>, null: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    let py = frame.py();
    let (names, types) = (frame.getattr(intern!(py, "columns"))?, frame.getattr(intern!(py, "dtypes"))?);
    let mut untyped = Vec::new();
    for (name, data_type) in door::each(&names)?.zip(door::each(&types)?) {
        if data_type?.eq(null)? {
            untyped.push(name?.extract()?);
        }
    }
    Ok(untyped)
}
