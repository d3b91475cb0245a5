//! A frame as rows: what has an Arrow stream is read batch by batch without Python, everything else as lists.

use std::collections::HashSet;

use arrow_array::cast::AsArray;
use arrow_array::ffi_stream::ArrayStreamReader;
use arrow_array::{Array, ArrayReader, ArrayRef, StructArray};
use arrow_schema::{ArrowError, DataType, Fields};
use pyo3::exceptions::{PyRuntimeError, PyStopIteration, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyCapsule};

use super::columns::{Column, unsupported};
use super::listed::Listed;
use super::{Failure, borrowed, changed, pandas};
use crate::cell::{Row, Rows};
use crate::error::Error;
use crate::python::errors;
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
        if is_a(rows, "pandas", "DataFrame")? {
            return pandas::open(rows, only).map(Some);
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
        match import(&frame)? {
            Ok(reader) => Ok(Some(Self::Arrow(Box::new(ArrowRows::new(&frame, reader, only)?)))),
            Err(_) => Ok(Some(Self::Listed(Listed::polars(&frame, only)?))),
        }
    }

    /// Whether it can be read twice.
    pub(super) fn is_sized(&self) -> bool {
        match self {
            Self::Arrow(rows) => rows.again.is_some(),
            Self::Listed(_) => true,
        }
    }

    /// Starts again with the first row.
    pub(super) fn rewind(&mut self, py: Python<'_>) -> Result<(), Failure> {
        match self {
            Self::Arrow(rows) => rows.rewind(py)?,
            Self::Listed(rows) => rows.rewind(),
        }
        Ok(())
    }
}

/// Whether `rows` is a `class` of `module`; what was never imported made nothing.
pub(super) fn is_a(rows: &Bound<'_, PyAny>, module: &str, class: &str) -> PyResult<bool> {
    let modules = rows.py().import("sys")?.getattr("modules")?;
    let module = modules.call_method1("get", (module,))?;
    match module.getattr_opt(class)? {
        Some(class) => rows.is_instance(&class),
        None => Ok(false),
    }
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

fn one_column(rows: &Bound<'_, PyAny>) -> PyErr {
    let name = rows.get_type().name().map_or_else(|_| "column".into(), |name| name.to_string());
    let advice = "pass a frame, whose columns have names; if it is one row, wrap it in a list: push([row])";
    PyTypeError::new_err(format!("rows cannot be a {name}, which is one column: {advice}"))
}

/// Rows of an Arrow stream, read without Python.
pub(in crate::python) struct ArrowRows {
    stream: Stream,
    /// What makes the stream anew, unless it can be read only once.
    again: Option<Py<PyAny>>,
    fields: Fields,
    /// The columns that are read: their places and names.
    wanted: Vec<(usize, String)>,
    batch: Option<StructArray>,
    columns: Vec<Column>,
    row: usize,
    text: String,
}

enum Stream {
    /// The producer's own, called without the GIL, as pyarrow calls it: whoever needs Python takes the GIL itself.
    Producer(ArrayStreamReader),
    /// pyarrow's reader, asked in Python: what its source raises comes through it whole.
    Reader(Py<PyAny>),
}

/// The stream of `frame`, or why it cannot be read.
fn import(frame: &Bound<'_, PyAny>) -> PyResult<Result<ArrayStreamReader, ArrowError>> {
    let capsule = frame.call_method0(intern!(frame.py(), "__arrow_c_stream__"))?;
    borrowed::take_stream(capsule.cast::<PyCapsule>()?)
}

impl ArrowRows {
    /// The rows of `frame`, whose columns are judged here and now.
    pub(super) fn open(frame: &Bound<'_, PyAny>, only: Option<&TableSchema>) -> PyResult<Self> {
        let py = frame.py();
        if !is_a(frame, "pyarrow", "RecordBatchReader")? {
            let imported = import(frame).map_err(|raised| Failure::from(raised).into_py(py, 0))?;
            let reader = imported.map_err(|error| unreadable(frame, &error))?;
            return Self::new(frame, reader, only);
        }
        // The types alone: asked for its stream, the reader would give up its rows.
        let of_types = (frame.getattr(intern!(py, "schema"))?, ());
        let types = frame.get_type().call_method1(intern!(py, "from_batches"), of_types)?;
        let reader = import(&types)?.map_err(|error| unreadable(frame, &error))?;
        let stream = Stream::Reader(frame.clone().unbind());
        Ok(Self { stream, again: None, ..Self::new(frame, reader, only)? })
    }

    fn new(frame: &Bound<'_, PyAny>, reader: ArrayStreamReader, only: Option<&TableSchema>) -> PyResult<Self> {
        let py = frame.py();
        let DataType::Struct(fields) = reader.field().data_type().clone() else {
            return Err(one_column(frame));
        };
        check_distinct(py, fields.iter().map(|field| field.name().as_str()))?;
        let wanted = fields.iter().map(|field| field.name().clone()).enumerate();
        let wanted: Vec<_> = wanted.filter(|(_, name)| is_wanted(only, name)).collect();
        refuse_unsupported(py, &fields, &wanted)?;
        // What has a length is held whole, and hands out its stream as often as it is asked to.
        let again = frame.hasattr(intern!(py, "__len__"))?.then(|| frame.clone().unbind());
        let stream = Stream::Producer(reader);
        Ok(Self { stream, again, fields, wanted, batch: None, columns: Vec::new(), row: 0, text: String::new() })
    }

    fn rewind(&mut self, py: Python<'_>) -> PyResult<()> {
        let Some(frame) = &self.again else { return Ok(()) };
        let frame = frame.bind(py);
        let reader = import(frame)?.map_err(|error| unreadable(frame, &error))?;
        if reader.field().data_type() != &DataType::Struct(self.fields.clone()) {
            return Err(changed());
        }
        (self.stream, self.batch, self.row) = (Stream::Producer(reader), None, 0);
        self.columns.clear();
        Ok(())
    }

    /// Makes the next batch the current one; `false` once there is none.
    fn next_batch(&mut self) -> PyResult<bool> {
        Python::attach(|py| {
            // Let go with Python at hand: its owner may be a Python object.
            (self.batch, self.row) = (None, 0);
            self.columns.clear();
            let Some(batch) = self.stream.next(py)? else { return Ok(false) };
            let batch = batch.as_struct_opt().ok_or_else(changed)?.clone();
            for (place, _) in &self.wanted {
                let column = Column::new(&self.fields[*place], batch.column(*place)).ok_or_else(changed)?;
                self.columns.push(column);
            }
            self.batch = Some(batch);
            Ok(true)
        })
    }
}

impl Stream {
    fn next(&mut self, py: Python<'_>) -> PyResult<Option<ArrayRef>> {
        let failed = |error: ArrowError| PyRuntimeError::new_err(error.to_string());
        match self {
            Self::Producer(reader) => py.detach(|| reader.next()).transpose().map_err(failed),
            Self::Reader(reader) => loop {
                let batch = match reader.bind(py).call_method0(intern!(py, "read_next_batch")) {
                    Err(raised) if raised.is_instance_of::<PyStopIteration>(py) => return Ok(None),
                    batch => batch?,
                };
                let mut rows = import(&batch)?.map_err(failed)?;
                if let Some(array) = rows.next() {
                    return array.map(Some).map_err(failed);
                }
            },
        }
    }
}

impl Rows for ArrowRows {
    type Failure = Failure;

    fn visit(&mut self, row: &mut impl Row) -> Result<bool, Failure> {
        while self.row >= self.batch.as_ref().map_or(0, Array::len) {
            if !self.next_batch()? {
                return Ok(false);
            }
        }
        let Some(batch) = &self.batch else { return Ok(false) };
        if batch.is_null(self.row) {
            row.not_a_mapping("None");
        } else {
            for ((_, name), column) in self.wanted.iter().zip(&self.columns) {
                row.cell(name, column.cell(self.row, &mut self.text));
            }
        }
        self.row += 1;
        Ok(true)
    }
}

/// Whether a column called `name` is read at all.
pub(super) fn is_wanted(only: Option<&TableSchema>, name: &str) -> bool {
    only.is_none_or(|schema| schema.position(name, 0).is_some())
}

fn unreadable(frame: &Bound<'_, PyAny>, error: &ArrowError) -> PyErr {
    let name = frame.get_type().name().map_or_else(|_| "frame".into(), |name| name.to_string());
    let error = Error::configuration(format!("the Arrow stream of the {name} cannot be read: {error}"));
    errors::to_py(
        frame.py(),
        &error.with_hint("cast the column of that type, or pass the rows as dicts; a stream is read once"),
    )
}

/// One error for all columns that no column type takes, before any row is read.
fn refuse_unsupported(py: Python<'_>, fields: &Fields, wanted: &[(usize, String)]) -> PyResult<()> {
    let refused = wanted.iter().filter_map(|(place, name)| Some((name.clone(), unsupported(&fields[*place])?)));
    refuse_types(py, &refused.collect::<Vec<_>>())
}

/// The error for columns with the types that they have; none for none.
pub(super) fn refuse_types(py: Python<'_>, refused: &[(String, String)]) -> PyResult<()> {
    if refused.is_empty() {
        return Ok(());
    }
    let list: Vec<_> = refused.iter().map(|(name, data_type)| format!("`{name}` is {data_type}")).collect();
    let error = Error::configuration(format!("the frame has columns that no column type takes: {}", list.join(", ")));
    let hint = "cast them to text, numbers or datetimes, unnest structs and lists, or drop them";
    Err(errors::to_py(py, &error.with_hint(hint)))
}
