//! The rows of an Arrow stream, or of CSV, read batch by batch without Python.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_schema::{ArrowError, DataType, Fields};
use pyo3::exceptions::{PyRuntimeError, PyStopIteration};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyIterator};

use super::batch::{Batch, BatchRows};
use super::columns::{TimeReading, unsupported};
use super::csv::{CsvBatch, CsvRows};
use super::declared::arrow_type;
use super::ffi::ArrowStream;
use super::labels::{check_distinct, is_a, one_column, refuse_types};
use super::{Failure, Wanted, changed, ffi, may_go_on};
use crate::error::Error;
use crate::python::{door, errors};
use crate::rows::cell::{Row, Rows, Slices, Window};
use crate::rows::schema;

/// Rows of an Arrow stream, read without Python.
pub(in crate::python) struct ArrowRows {
    stream: Stream,
    /// What makes the stream anew, unless it can be read only once.
    again: Option<Py<PyAny>>,
    fields: Fields,
    /// The columns that are read: their places and names.
    wanted: Arc<[(usize, String)]>,
    reading: TimeReading,
    /// Columns whose types say nothing.
    untyped: Vec<String>,
    /// What is left of the current batch.
    batch: BatchRows,
}

enum Stream {
    /// The producer's own, called without the GIL, as pyarrow calls it: whoever needs Python takes the GIL itself.
    Producer(ArrowStream),
    /// pyarrow's reader, asked in Python: what its source raises comes through it whole.
    Reader(Py<PyAny>),
    /// Batches of CSV: the next one, and those behind it.
    Csv(Option<Py<CsvBatch>>, Option<Py<PyIterator>>),
}

/// The stream of `frame`, or why it cannot be read.
pub(super) fn import(frame: &Bound<'_, PyAny>) -> PyResult<Result<ArrowStream, ArrowError>> {
    let capsule = frame.call_method0(intern!(frame.py(), "__arrow_c_stream__"))?;
    ffi::take_stream(capsule.cast::<PyCapsule>()?)
}

impl ArrowRows {
    /// The rows of `frame`, whose columns are judged here and now.
    pub(super) fn open(frame: &Bound<'_, PyAny>, wanted: Wanted<'_>) -> PyResult<Self> {
        let py = frame.py();
        if !is_a(frame, "pyarrow", "RecordBatchReader")? {
            let imported = import(frame).map_err(|raised| Failure::from(raised).into_py(py, 0))?;
            let reader = imported.map_err(|error| unreadable(frame, &error))?;
            return Self::new(frame, reader, wanted);
        }
        // The types alone: asked for its stream, the reader would give up its rows.
        let of_types = (frame.getattr(intern!(py, "schema"))?, ());
        let types = frame.get_type().call_method1(intern!(py, "from_batches"), of_types)?;
        let reader = import(&types)?.map_err(|error| unreadable(frame, &error))?;
        let stream = Stream::Reader(frame.clone().unbind());
        Ok(Self { stream, again: None, ..Self::new(frame, reader, wanted)? })
    }

    /// The rows of `frame` behind the stream that it gave.
    pub(super) fn new(frame: &Bound<'_, PyAny>, reader: ArrowStream, wanted: Wanted<'_>) -> PyResult<Self> {
        let py = frame.py();
        let DataType::Struct(fields) = reader.data_type().clone() else {
            return Err(one_column(frame));
        };
        // What has a length is held whole, and hands out its stream as often as it is asked to.
        let again = frame.hasattr(intern!(py, "__len__"))?.then(|| frame.clone().unbind());
        Self::of(py, fields, Stream::Producer(reader), again, wanted)
    }

    fn of(
        py: Python<'_>,
        fields: Fields,
        stream: Stream,
        again: Option<Py<PyAny>>,
        wanted: Wanted<'_>,
    ) -> PyResult<Self> {
        check_distinct(py, fields.iter().map(|field| field.name().as_str()))?;
        let names = fields.iter().map(|field| field.name().clone()).enumerate();
        let reading = TimeReading { wall: wanted.wall, times: wanted.times };
        let wanted: Vec<_> = names.filter(|(_, name)| wanted.has(name)).collect();
        refuse_unsupported(py, &fields, &wanted, reading)?;
        Ok(Self {
            stream,
            again,
            fields,
            wanted: wanted.into(),
            reading,
            untyped: Vec::new(),
            batch: BatchRows::default(),
        })
    }

    /// The rows of CSV that `rows` is, in one batch or many; `None` where it is none.
    pub(super) fn csv(rows: &Bound<'_, PyAny>, wanted: Wanted<'_>) -> PyResult<Option<Self>> {
        let py = rows.py();
        let (first, rest) = if let Ok(batch) = rows.cast::<CsvBatch>() {
            (batch.clone().unbind(), None)
        } else if let Ok(rows) = rows.cast::<CsvRows>() {
            let rows = rows.get();
            (rows.first.clone_ref(py), Some(rows.batches.clone_ref(py)))
        } else {
            return Ok(None);
        };
        let fields = first.get().fields();
        Self::of(py, fields, Stream::Csv(Some(first), rest), None, wanted).map(Some)
    }

    /// The columns that are read, and the types that the stream says they have.
    pub(super) fn declared(&self) -> Vec<(String, Option<schema::DataType>)> {
        let declared = |(place, name): &(usize, String)| {
            let declared = arrow_type(self.fields[*place].data_type());
            (name.clone(), declared.filter(|_| !self.untyped.contains(name)))
        };
        self.wanted.iter().map(declared).collect()
    }

    /// The same, of which some columns have their types from us.
    pub(super) fn without_types(self, untyped: Vec<String>) -> Self {
        Self { untyped, ..self }
    }

    /// Whether they can be read twice.
    pub(super) fn is_sized(&self) -> bool {
        self.again.is_some()
    }

    /// Goes back to row number `row`.
    pub(super) fn rewind(&mut self, py: Python<'_>, mut row: usize) -> PyResult<()> {
        let Some(frame) = &self.again else { return Ok(()) };
        let frame = frame.bind(py);
        let reader = import(frame)?.map_err(|error| unreadable(frame, &error))?;
        if reader.data_type() != &DataType::Struct(self.fields.clone()) {
            return Err(changed());
        }
        (self.stream, self.batch) = (Stream::Producer(reader), BatchRows::default());
        while row > 0 && self.next_batch()? {
            let before = row.min(self.batch.left());
            self.batch.skip(before);
            row -= before;
        }
        Ok(())
    }

    /// Makes the next batch the current one; `false` once there is none.
    fn next_batch(&mut self) -> PyResult<bool> {
        let next = door::back(|py| {
            // Let go with Python at hand: its owner may be a Python object.
            self.batch = BatchRows::default();
            let Some(batch) = self.stream.next(py)? else { return Ok(false) };
            let batch = Batch::new(&self.fields, Arc::clone(&self.wanted), self.reading, &batch);
            let batch = batch.map_err(|how| broken(&how))?;
            self.batch = BatchRows::all(batch);
            Ok(true)
        });
        next.unwrap_or_else(|| Err(door::farewell()))
    }
}

impl Stream {
    fn next(&mut self, py: Python<'_>) -> PyResult<Option<ArrayRef>> {
        let failed = |error: ArrowError| PyRuntimeError::new_err(error.to_string());
        match self {
            Self::Csv(first, rest) => {
                if let Some(batch) = first.take() {
                    return Ok(Some(batch.get().array()));
                }
                let next = rest.as_ref().and_then(|rest| rest.bind(py).clone().next()).transpose()?;
                next.map(|batch| Ok(batch.cast::<CsvBatch>()?.get().array())).transpose()
            }
            Self::Producer(reader) => door::away(py, || reader.next()).map_err(failed),
            Self::Reader(reader) => loop {
                let batch = match reader.bind(py).call_method0(intern!(py, "read_next_batch")) {
                    Err(raised) if raised.is_instance_of::<PyStopIteration>(py) => return Ok(None),
                    batch => batch?,
                };
                let mut rows = import(&batch)?.map_err(failed)?;
                if let Some(array) = rows.next().map_err(failed)? {
                    return Ok(Some(array));
                }
            },
        }
    }
}

impl Rows for ArrowRows {
    type Failure = Failure;

    fn begin(&mut self) {
        self.batch.begin();
    }

    fn visit(&mut self, row: &mut impl Row) -> Result<bool, Failure> {
        Ok(self.at_hand()? > 0 && self.batch.visit(row)?)
    }

    fn window(&mut self, most: usize) -> Result<Option<Window<'_>>, Failure> {
        if self.at_hand()? == 0 {
            return Ok(None);
        }
        self.batch.window(most)
    }

    fn pass(&mut self, rows: usize) {
        self.batch.pass(rows);
    }
}

impl Slices for ArrowRows {
    type Slice = BatchRows;

    fn at_hand(&mut self) -> Result<usize, Failure> {
        may_go_on()?;
        while self.batch.left() == 0 {
            if !self.next_batch()? {
                return Ok(0);
            }
        }
        Ok(self.batch.left())
    }

    fn slice(&self, rows: Range<usize>) -> BatchRows {
        self.batch.slice(rows)
    }

    fn until(&self, slice: &BatchRows) -> Option<usize> {
        self.batch.until(slice)
    }

    fn skip(&mut self, rows: usize) {
        self.batch.skip(rows);
    }
}

/// What is raised for arrays that are not what their stream has promised.
fn broken(how: &str) -> PyErr {
    PyRuntimeError::new_err(format!("the Arrow stream broke its word: {how}"))
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
fn refuse_unsupported(
    py: Python<'_>,
    fields: &Fields,
    wanted: &[(usize, String)],
    reading: TimeReading,
) -> PyResult<()> {
    let refused =
        wanted.iter().filter_map(|(place, name)| Some((name.clone(), unsupported(&fields[*place], reading)?)));
    refuse_types(py, &refused.collect::<Vec<_>>())
}
