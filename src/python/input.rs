//! Where rows enter: Python objects and frames become cells, one row at a time, nothing copied that need not be.
//!
//! ```text
//!  list, tuple, iterator, fed ─▶ row ─▶ value ─▶ cells
//!  frame ─┬─ Arrow stream ─▶ batch ─▶ columns ─▶ cells   without Python, on all cores
//!   CSV ──┘
//!         └─ lists, numpy's buffers ─▶ value, columns ─▶ cells   what Arrow cannot hold
//! ```

mod arrow;
mod batch;
mod ffi;
mod columns;
mod csv;
mod declared;
mod async_rows;
mod frame;
mod labels;
mod column_lists;
mod timestamps;
mod no_rows;
mod numpy;
mod pandas;
mod column_index;
mod row;
mod tables;
mod together;
mod value;
mod vetting;
mod wanted;
mod zones;

use pyo3::exceptions::{PyException, PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyList, PyTuple};

pub(super) use self::arrow::ArrowRows;
use self::async_rows::AsyncRows;
pub(super) use self::column_index::KeptKeys;
pub(super) use self::csv::{CsvBatch, CsvReader, CsvRows};
use self::frame::Frame;
use self::no_rows::refuse_single;
pub(super) use self::row::RowReaders;
pub(super) use self::wanted::Wanted;
use super::operation::unreadable;
use super::{door, errors};
use crate::rows::cell::{Row, Rows};
use crate::rows::schema::DataType;

/// The caller's rows.
pub(super) struct Source<'py> {
    py: Python<'py>,
    rest: Rest,
    readers: RowReaders<'py>,
}

/// The rows not read yet, between two calls.
pub(super) struct Rest {
    rows: Kind,
    next: usize,
}

enum Kind {
    /// Can be read twice; its length must not change meanwhile.
    List(Py<PyList>, usize),
    Tuple(Py<PyTuple>),
    /// Can be read once.
    Once(Py<PyIterator>),
    /// Can be awaited once, by an event loop.
    AsyncRows(AsyncRows),
    Frame(Frame),
}

/// Why reading rows could not go on.
pub(super) enum Failure {
    /// They are nothing that rows can be read from; the exception says what to do and stays itself.
    NoRows(PyErr),
    /// Reading them raised.
    Raised(PyErr),
    /// Ctrl-C and its like: stays itself.
    Interrupted(PyErr),
    /// The next rows have to be awaited first.
    Dry,
}

impl From<PyErr> for Failure {
    fn from(raised: PyErr) -> Self {
        // While Python ends there is nothing to ask, and nobody to raise it for.
        if door::back(|py| raised.is_instance_of::<PyException>(py)).unwrap_or(false) {
            Self::Raised(raised)
        } else {
            Self::Interrupted(raised)
        }
    }
}

impl Failure {
    /// The exception for a failure at row number `row`.
    pub(super) fn into_py(self, py: Python<'_>, row: u64) -> PyErr {
        match self {
            Self::NoRows(raised) | Self::Interrupted(raised) => raised,
            Self::Raised(raised) => errors::source(py, raised, row),
            Self::Dry => unreadable(),
        }
    }
}

impl Rest {
    /// What an event loop must await to read them, if only it can.
    pub(super) fn awaited(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        match &self.rows {
            Kind::AsyncRows(rows) => Some(rows.iterator(py)),
            _ => None,
        }
    }

    /// Rows taken out of the caller's hands that no one has looked at yet.
    pub(super) fn left(&self, py: Python<'_>) -> usize {
        match &self.rows {
            Kind::AsyncRows(rows) => rows.left(py),
            _ => 0,
        }
    }

    /// Takes what was awaited.
    pub(super) fn feed(&mut self, more: Py<PyList>, ended: bool, raised: Option<PyErr>) {
        if let Kind::AsyncRows(rows) = &mut self.rows {
            rows.feed(more, ended, raised);
        }
    }
}

impl<'py> Source<'py> {
    /// Recognises what holds rows; a single row, text and bytes do not. Columns of a frame that are not wanted are left
    /// unread.
    pub(super) fn new(rows: &Bound<'py, PyAny>, wanted: Wanted<'_>) -> PyResult<Self> {
        Self::recognise(rows, wanted).map_err(|raised| {
            let py = rows.py();
            // What they are is told as it is; what they raise when they are looked at is theirs.
            let told = raised.is_instance_of::<PyTypeError>(py) || errors::is_ours(py, &raised);
            if told || !raised.is_instance_of::<PyException>(py) { raised } else { errors::source(py, raised, 0) }
        })
    }

    fn recognise(rows: &Bound<'py, PyAny>, wanted: Wanted<'_>) -> PyResult<Self> {
        let kind = if let Ok(list) = rows.cast_exact::<PyList>() {
            Kind::List(list.clone().unbind(), list.len())
        } else if rows.is_instance_of::<PyList>() {
            // A list that may show other rows than it holds: what it shows counts.
            let list = door::each(rows)?.collect::<PyResult<Vec<_>>>()?;
            Kind::List(PyList::new(rows.py(), &list)?.unbind(), list.len())
        } else if let Ok(tuple) = rows.cast_exact::<PyTuple>() {
            Kind::Tuple(tuple.clone().unbind())
        } else if let Some(frame) = Frame::recognise(rows, wanted)? {
            Kind::Frame(frame)
        } else if rows.hasattr("__aiter__")? {
            Kind::AsyncRows(AsyncRows::new(rows)?)
        } else {
            refuse_single(rows)?;
            Kind::Once(no_rows::iterator(rows)?.unbind())
        };
        Ok(Self::resume(rows.py(), Rest { rows: kind, next: 0 }))
    }

    /// Goes on with what another call left.
    pub(super) fn resume(py: Python<'py>, rest: Rest) -> Self {
        Self { py, rest, readers: RowReaders::resume(py, KeptKeys::default()) }
    }

    /// What is left for another call.
    pub(super) fn into_rest(self) -> Rest {
        self.rest
    }

    /// Whether the rows can be checked whole before any is sent.
    pub(super) fn is_sized(&self) -> bool {
        match &self.rest.rows {
            Kind::List(..) | Kind::Tuple(_) => true,
            Kind::Once(_) | Kind::AsyncRows(_) => false,
            Kind::Frame(frame) => frame.is_sized(),
        }
    }

    /// Goes back to row number `row` of a sized source.
    pub(super) fn rewind(&mut self, row: u64) -> Result<(), Failure> {
        let row = usize::try_from(row).map_err(|_| changed())?;
        self.rest.next = row;
        match &mut self.rest.rows {
            Kind::Frame(frame) => frame.rewind(self.py, row),
            _ => Ok(()),
        }
    }

    /// The columns of a frame, and the types that it says they have.
    pub(super) fn declared(&self) -> PyResult<Vec<(String, Option<DataType>)>> {
        match &self.rest.rows {
            Kind::Frame(frame) => frame.declared(self.py),
            _ => Ok(Vec::new()),
        }
    }

    /// The rows where they can be read without Python.
    pub(super) fn arrow(&mut self) -> Option<&mut ArrowRows> {
        match &mut self.rest.rows {
            Kind::Frame(Frame::Arrow(rows)) => Some(rows),
            _ => None,
        }
    }

    #[inline]
    fn next_object(&mut self) -> Result<Option<Bound<'py, PyAny>>, Failure> {
        let next = self.rest.next;
        self.rest.next += 1;
        let Kind::List(list, length) = &self.rest.rows else { return self.next_unlisted(next) };
        let list = list.bind(self.py);
        if list.len() != *length {
            return Err(changed().into());
        }
        Ok(tables::item(list, next, self.readers.reads_tables()))
    }

    #[inline(never)]
    fn next_unlisted(&mut self, next: usize) -> Result<Option<Bound<'py, PyAny>>, Failure> {
        Ok(match &mut self.rest.rows {
            Kind::Tuple(tuple) => {
                let tuple = tuple.bind(self.py);
                (next < tuple.len()).then(|| tuple.get_item(next)).transpose()?
            }
            Kind::Once(rows) => rows.bind(self.py).clone().next().transpose()?,
            Kind::AsyncRows(rows) => rows.next(self.py)?,
            Kind::List(..) | Kind::Frame(_) => None,
        })
    }
}

/// Asked at every row: Python may be about to end.
#[inline]
fn may_go_on() -> Result<(), Failure> {
    if door::is_closed() { Err(Failure::Interrupted(door::farewell())) } else { Ok(()) }
}

fn changed() -> PyErr {
    PyRuntimeError::new_err("the rows changed while they were being read")
}

impl Rows for Source<'_> {
    type Failure = Failure;

    fn begin(&mut self) {
        self.readers.begin();
        if let Kind::Frame(frame) = &mut self.rest.rows {
            frame.begin();
        }
    }

    #[inline]
    fn visit(&mut self, row: &mut impl Row) -> Result<bool, Failure> {
        may_go_on()?;
        if let Kind::Frame(frame) = &mut self.rest.rows {
            return match frame {
                Frame::Arrow(rows) => rows.visit(row),
                Frame::ColumnLists(rows) => Ok(rows.visit(self.py, row)?),
            };
        }
        let Some(object) = self.next_object()? else { return Ok(false) };
        self.readers.visit(&object, row)?;
        Ok(true)
    }
}
