//! CSV for Python's half: bytes go in as they come, and out come batches of rows that no object of Python stands for.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BinaryArray, StructArray};
use arrow_schema::{DataType, Field, Fields};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyIterator, PyList, PyRange, PyString, PyTuple};

use crate::python::door;
use crate::rows::csv::{Failure, Found, Reader, Reason, Rows};

/// Reads CSV: records out of bytes, each of which is whole.
#[pyclass(frozen, module = "powerbi_push._core")]
pub(in crate::python) struct CsvReader {
    reader: Mutex<Reader>,
    delimiter: char,
}

impl CsvReader {
    fn reader(&self) -> MutexGuard<'_, Reader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn told(&self, failure: Failure) -> (u64, String) {
        let reason = match failure.reason {
            Reason::NoEnd => "a quote is opened that is never closed".into(),
            Reason::TooLong => "a cell is longer than 1,000,000 characters".into(),
            Reason::BehindQuote => {
                format!("a quote stands where none may: '{}' expected after '\"'", self.delimiter)
            }
        };
        (failure.line, reason)
    }
}

#[pymethods]
impl CsvReader {
    #[new]
    fn new(delimiter: char) -> Self {
        Self { reader: Mutex::new(Reader::new(delimiter)), delimiter }
    }

    /// Takes more bytes of UTF-8.
    fn feed(&self, bytes: &Bound<'_, PyBytes>) -> PyResult<()> {
        let py = bytes.py();
        door::through(py, || {
            let bytes = bytes.as_bytes();
            door::away(py, || self.reader().feed(bytes));
            Ok(())
        })
    }

    /// There are no more bytes.
    fn end(&self, py: Python<'_>) -> PyResult<()> {
        door::through(py, || {
            self.reader().end();
            Ok(())
        })
    }

    /// The next record, whatever its width: the header.
    fn record<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyList>>> {
        door::through(py, || {
            let record = self.reader().record();
            record.map(|cells| texts(py, cells.iter().map(Vec::as_slice))).transpose()
        })
    }

    /// All records that are whole: batches of those that have as many cells as there are names, and of each other one its
    /// line and cells, and what is wrong with it besides its width: on which line, and what.
    fn take<'py>(&self, py: Python<'py>, names: Vec<String>) -> PyResult<Bound<'py, PyList>> {
        door::through(py, || {
            let found = door::away(py, || {
                let found = self.reader().take(names.len());
                let fields = fields(names);
                found.into_iter().map(|found| Made::new(&fields, found)).collect::<Vec<_>>()
            });
            let list = PyList::empty(py);
            for made in found {
                match made {
                    Made::Batch(batch) => list.append(Bound::new(py, batch)?)?,
                    Made::Other(line, cells, failure) => {
                        let wrong = failure.map(|failure| self.told(failure));
                        list.append((line, texts(py, cells.iter().map(Vec::as_slice))?, wrong))?;
                    }
                }
            }
            Ok(list)
        })
    }

    /// The line on which the reading ended early, and why, if it did.
    #[getter]
    fn failure(&self, py: Python<'_>) -> PyResult<Option<(u64, String)>> {
        door::through(py, || {
            let failure = self.reader().failure();
            Ok(failure.map(|failure| self.told(failure)))
        })
    }

    /// How many lines have ended so far.
    #[getter]
    fn lines(&self) -> u64 {
        self.reader().lines()
    }

    /// How many bytes wait for the end of their record.
    #[getter]
    fn held(&self) -> usize {
        self.reader().held()
    }
}

/// What was found, as it is handed to Python.
enum Made {
    Batch(CsvBatch),
    Other(u64, Vec<Vec<u8>>, Option<Failure>),
}

impl Made {
    fn new(fields: &Fields, found: Found) -> Self {
        match found {
            Found::Rows(rows) => Self::Batch(CsvBatch::new(fields, &rows)),
            Found::Ragged(line, cells) => Self::Other(line, cells, None),
            Found::Wrong(line, cells, failure) => Self::Other(line, cells, Some(failure)),
        }
    }
}

/// Columns of text as Arrow has them, but that nobody says that they are UTF-8.
fn fields(names: Vec<String>) -> Fields {
    names.into_iter().map(|name| Field::new(name, DataType::Binary, false)).collect()
}

/// Neighbouring rows of CSV: columns of text.
#[pyclass(frozen, module = "powerbi_push._core")]
pub(in crate::python) struct CsvBatch {
    rows: StructArray,
    lines: Arc<[u64]>,
}

impl CsvBatch {
    fn new(fields: &Fields, rows: &Rows) -> Self {
        let width = fields.len();
        let bytes = |cell: &Range<u32>| &rows.bytes[cell.start as usize..cell.end as usize];
        let column = |place: usize| -> ArrayRef {
            let cells = rows.cells.iter().skip(place).step_by(width).map(bytes);
            Arc::new(BinaryArray::from_iter_values(cells))
        };
        let columns = (0..width).map(column).collect();
        let lines = rows.lines.as_slice().into();
        Self { rows: StructArray::new(fields.clone(), columns, None), lines }
    }

    /// Those of its rows that are wanted.
    fn only(&self, wanted: impl Fn(usize) -> bool) -> Self {
        let kept: Vec<_> = (0..self.rows.len()).filter(|row| wanted(*row)).collect();
        let column = |column: &ArrayRef| -> ArrayRef {
            let column = column.as_binary::<i32>();
            Arc::new(BinaryArray::from_iter_values(kept.iter().map(|row| column.value(*row))))
        };
        let columns = self.rows.columns().iter().map(column).collect();
        let lines = kept.iter().map(|row| self.lines[*row]).collect();
        Self { rows: StructArray::new(self.rows.fields().clone(), columns, None), lines }
    }

    /// Its rows as a batch of Arrow.
    pub(super) fn array(&self) -> ArrayRef {
        Arc::new(self.rows.clone())
    }

    /// Its columns as those of Arrow, of text.
    pub(super) fn fields(&self) -> Fields {
        self.rows.fields().iter().map(|field| Field::new(field.name(), DataType::Utf8, false)).collect()
    }

    fn dict<'py>(&self, names: &[Bound<'py, PyString>], py: Python<'py>, row: usize) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, column) in names.iter().zip(self.rows.columns()) {
            dict.set_item(name, text(py, column.as_binary::<i32>().value(row))?)?;
        }
        Ok(dict)
    }
}

#[pymethods]
impl CsvBatch {
    fn __len__(&self) -> usize {
        self.rows.len()
    }

    /// The lines on which its rows begin.
    #[getter]
    fn lines<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        door::through(py, || {
            let (Some(first), Some(last)) = (self.lines.first(), self.lines.last()) else {
                return Ok(PyTuple::empty(py).into_any());
            };
            if last - first + 1 == self.lines.len() as u64 {
                let (first, last) = (isize::try_from(*first)?, isize::try_from(*last)?);
                return Ok(PyRange::new(py, first, last + 1)?.into_any());
            }
            Ok(PyList::new(py, &*self.lines)?.into_any())
        })
    }

    /// Its rows as dicts.
    fn dicts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        door::through(py, || {
            let names: Vec<_> = self.rows.fields().iter().map(|field| PyString::new(py, field.name())).collect();
            let rows = (0..self.rows.len()).map(|row| self.dict(&names, py, row));
            PyList::new(py, rows.collect::<PyResult<Vec<_>>>()?)
        })
    }

    /// Its rows without some of them.
    fn without(&self, py: Python<'_>, rows: Vec<usize>) -> PyResult<Self> {
        door::through(py, || {
            let mut kept = vec![true; self.rows.len()];
            for row in rows {
                kept[row] = false;
            }
            Ok(self.only(|row| kept[row]))
        })
    }

    /// Its first rows.
    fn first(&self, py: Python<'_>, rows: usize) -> PyResult<Self> {
        door::through(py, || Ok(self.only(|row| row < rows)))
    }
}

/// Rows of CSV, batch by batch as Python hands them over, all with the columns of the first one.
#[pyclass(frozen, module = "powerbi_push._core")]
pub(in crate::python) struct CsvRows {
    pub(super) first: Py<CsvBatch>,
    pub(super) batches: Py<PyIterator>,
}

#[pymethods]
impl CsvRows {
    #[new]
    fn new(first: Py<CsvBatch>, batches: &Bound<'_, PyIterator>) -> PyResult<Self> {
        door::through(batches.py(), || Ok(Self { first, batches: batches.clone().unbind() }))
    }
}

fn texts<'py, 'a>(py: Python<'py>, cells: impl Iterator<Item = &'a [u8]>) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, cells.map(|cell| text(py, cell)).collect::<PyResult<Vec<_>>>()?)
}

/// A text; bytes that are no UTF-8 stay recognisable, as Python keeps them.
fn text<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyString>> {
    match str::from_utf8(bytes) {
        Ok(text) => Ok(PyString::new(py, text)),
        Err(_) => PyString::from_encoded_object(&PyBytes::new(py, bytes), Some(c"utf-8"), Some(c"surrogateescape")),
    }
}
