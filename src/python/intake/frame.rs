//! A frame as rows: what has an Arrow stream is read batch by batch without Python, everything else as lists.

use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::IntoPyDict;

use super::arrow::{self, ArrowRows};
use super::labels::{check_width, is_a, one_column};
use super::listed::Listed;
use super::{Failure, pandas};
use crate::cell::Rows;
use crate::schema::TableSchema;

/// A frame, by how it is read.
pub(super) enum Frame {
    Arrow(Box<ArrowRows>),
    Listed(Listed),
}

impl Frame {
    /// The frame that `rows` is; `None` where it is none. Columns that are not in `only` are left unread.
    pub(super) fn recognise(rows: &Bound<'_, PyAny>, only: Option<&TableSchema>) -> PyResult<Option<Self>> {
        let py = rows.py();
        for (module, class) in
            [("pandas", "DataFrame"), ("polars", "DataFrame"), ("pyarrow", "Table"), ("pyarrow", "RecordBatch")]
        {
            if is_a(rows, module, class)? {
                check_width(rows, only)?;
            }
        }
        if is_a(rows, "pandas", "DataFrame")? {
            return Ok(Some(match pandas::open(rows, only)? {
                Ok(rows) => Self::Arrow(Box::new(rows)),
                Err(lists) => Self::Listed(lists),
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
            return Ok(Some(Self::Arrow(Box::new(ArrowRows::open(rows, only)?))));
        }
        // Two of polars' types do not pass through Arrow: Null exports a buffer too many, Int128 is its own invention.
        let polars = py.import(intern!(py, "polars"))?;
        let types = [(polars.getattr(intern!(py, "Null"))?, polars.getattr(intern!(py, "Boolean"))?)];
        let frame = rows.call_method1(intern!(py, "cast"), (types.into_py_dict(py)?,))?;
        match arrow::import(&frame)? {
            Ok(reader) => Ok(Some(Self::Arrow(Box::new(ArrowRows::new(&frame, reader, only)?)))),
            Err(_) => Ok(Some(Self::Listed(Listed::polars(&frame, only)?))),
        }
    }

    /// Whether it can be read twice.
    pub(super) fn is_sized(&self) -> bool {
        match self {
            Self::Arrow(rows) => rows.is_sized(),
            Self::Listed(_) => true,
        }
    }

    /// The rows to come are for another `row` than those before.
    pub(super) fn begin(&mut self) {
        match self {
            Self::Arrow(rows) => rows.begin(),
            Self::Listed(rows) => rows.begin(),
        }
    }

    /// Goes back to row number `row`.
    pub(super) fn rewind(&mut self, py: Python<'_>, row: usize) -> Result<(), Failure> {
        match self {
            Self::Arrow(rows) => rows.rewind(py, row)?,
            Self::Listed(rows) => rows.rewind(row),
        }
        Ok(())
    }
}
