//! A frame whose columns Arrow cannot hold: a slice of every column at a time, in row order, as a Python list, or out of
//! numpy's buffer.

use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PySlice};

use super::column_index::ColumnIndex;
use super::columns::{Column, Scratch};
use super::declared::listed_type;
use super::labels::is_a;
use super::numpy::{is_numpy, numbers};
use super::value;
use super::{Wanted, changed};
use crate::python::door;
use crate::rows::cell::Row;
use crate::rows::schema::DataType;

/// Rows of one slice: more would hold a large frame a second time, as Python objects.
const SLICE: usize = 10_000;

/// The rows of such a frame.
pub(super) struct ColumnLists {
    frame: Py<PyAny>,
    made_by: Library,
    /// Whether what the clocks of zones show is wanted.
    wall: bool,
    /// The columns that are read: their places and names.
    wanted: Vec<(usize, String)>,
    rows: usize,
    slice: Vec<Values>,
    next: usize,
    places: ColumnIndex,
    scratch: Scratch,
}

/// The values of one column in a slice.
enum Values {
    List(Py<PyList>),
    Numbers(Column),
}

#[derive(Clone, Copy)]
enum Library {
    Pandas,
    Polars,
}

impl Library {
    /// How many rows there are; a subclass may call itself of another length.
    fn rows(self, frame: &Bound<'_, PyAny>) -> PyResult<usize> {
        match self {
            Self::Pandas => frame.getattr(intern!(frame.py(), "index"))?.len(),
            Self::Polars => frame.getattr(intern!(frame.py(), "height"))?.extract(),
        }
    }
}

impl ColumnLists {
    /// A `DataFrame` of pandas whose labels are `names`.
    pub(super) fn pandas(frame: &Bound<'_, PyAny>, names: &[String], wanted: Wanted<'_>) -> PyResult<Self> {
        Self::new(frame, Library::Pandas, names, wanted)
    }

    /// A `DataFrame` of polars.
    pub(super) fn polars(frame: &Bound<'_, PyAny>, wanted: Wanted<'_>) -> PyResult<Self> {
        let names: Vec<String> = frame.getattr(intern!(frame.py(), "columns"))?.extract()?;
        Self::new(frame, Library::Polars, &names, wanted)
    }

    fn new(frame: &Bound<'_, PyAny>, made_by: Library, names: &[String], wanted: Wanted<'_>) -> PyResult<Self> {
        let wall = wanted.wall;
        let wanted = names.iter().cloned().enumerate().filter(|(_, name)| wanted.has(name)).collect();
        // Without columns there are no rows, as in a frame that comes through Arrow.
        let rows = if names.is_empty() { 0 } else { made_by.rows(frame)? };
        Ok(Self {
            frame: frame.clone().unbind(),
            made_by,
            wall,
            wanted,
            rows,
            slice: Vec::new(),
            next: 0,
            places: ColumnIndex::default(),
            scratch: Scratch::default(),
        })
    }

    /// The columns that are read, and the types that the frame says they have.
    pub(super) fn declared(&self, py: Python<'_>) -> PyResult<Vec<(String, Option<DataType>)>> {
        let types = self.frame.bind(py).getattr(intern!(py, "dtypes"))?;
        let types: Vec<_> = door::each(&types)?.collect::<PyResult<_>>()?;
        self.wanted.iter().map(|(place, name)| Ok((name.clone(), listed_type(&types[*place])?))).collect()
    }

    /// The rows to come are for another `row` than those before.
    pub(super) fn begin(&mut self) {
        self.places = ColumnIndex::default();
    }

    /// Goes back to row number `row`.
    pub(super) fn rewind(&mut self, row: usize) {
        self.next = row;
        self.slice.clear();
    }

    /// Visits the next row; `false` once there is none.
    pub(super) fn visit(&mut self, py: Python<'_>, row: &mut impl Row) -> PyResult<bool> {
        if self.next >= self.rows {
            return Ok(false);
        }
        if self.slice.is_empty() || self.next.is_multiple_of(SLICE) {
            let columns = self.wanted.iter().map(|(place, _)| self.column(py, *place));
            self.slice = columns.collect::<PyResult<_>>()?;
        }
        let Self { wanted, places, scratch, slice, .. } = self;
        places.ask(|| wanted.iter().map(|(_, name)| row.place(name)).collect());
        let at = self.next % SLICE;
        for (((_, name), values), place) in wanted.iter().zip(slice).zip(places.known()) {
            match (values, place) {
                (Values::Numbers(column), Some(place)) => column.give(at, *place, row, scratch),
                (Values::Numbers(column), None) => row.cell_without_place(name, column.cell(at, scratch)),
                (Values::List(list), Some(place)) => value::give(&list.bind(py).get_item(at)?, *place, row)?,
                (Values::List(list), None) => {
                    value::visit(&list.bind(py).get_item(at)?, &mut |cell| row.cell_without_place(name, cell))?;
                }
            }
        }
        self.next += 1;
        Ok(true)
    }

    /// The values of one column in the slice that holds the next row.
    fn column(&self, py: Python<'_>, place: usize) -> PyResult<Values> {
        let frame = self.frame.bind(py);
        let start = self.next / SLICE * SLICE;
        let rows = SLICE.min(self.rows - start);
        let list = match self.made_by {
            Library::Polars => {
                let slice = frame.call_method1(intern!(py, "slice"), (start, SLICE))?;
                slice.call_method1(intern!(py, "to_series"), (place,))?.call_method0(intern!(py, "to_list"))?
            }
            Library::Pandas => {
                let (start, stop) = (start.cast_signed(), (start + SLICE).cast_signed());
                let slice = (PySlice::new(py, start, stop, 1), place);
                let column = frame.getattr(intern!(py, "iloc"))?.get_item(slice)?;
                if let Some(column) = numbers(&column, rows, self.wall)? {
                    return Ok(Values::Numbers(column));
                }
                check_codes(&column)?;
                missing_as_none(&column)?.call_method0(intern!(py, "tolist"))?
            }
        };
        let list = list.cast_into::<PyList>()?;
        // Another thread may have taken rows out, and a subclass may show more or fewer than there are.
        if list.len() == rows { Ok(Values::List(list.unbind())) } else { Err(changed()) }
    }
}

/// Codes of categories there are: pandas believes them, and reads behind the end of its memory.
fn check_codes(column: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = column.py();
    let dtype = column.getattr(intern!(py, "dtype"))?;
    if !is_a(&dtype, "pandas", "CategoricalDtype")? {
        return Ok(());
    }
    let codes = column.getattr(intern!(py, "array"))?.getattr(intern!(py, "codes"))?;
    check_known(&codes, &dtype.getattr(intern!(py, "categories"))?, "a column")
}

/// Fails where `codes` of pandas are none of so many `values`; -1 stands for a missing one.
pub(super) fn check_known(codes: &Bound<'_, PyAny>, values: &Bound<'_, PyAny>, whose: &str) -> PyResult<()> {
    if codes.len()? == 0 {
        return Ok(());
    }
    let [least, most] = ["min", "max"].map(|which| codes.call_method0(which)?.extract::<i64>());
    if least? >= -1 && most? < i64::try_from(values.len()?).unwrap_or(i64::MAX) {
        return Ok(());
    }
    Err(PyRuntimeError::new_err(format!("{whose} of pandas has codes that its categories do not know")))
}

/// What is missing in an extension type, such as text, is None, whatever the type shows in its place: only floats and
/// objects can hold NaN.
fn missing_as_none<'py>(column: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = column.py();
    if is_numpy(&column.getattr(intern!(py, "dtype"))?)? {
        return Ok(column.clone());
    }
    let there = column.call_method0(intern!(py, "notna"))?;
    let objects = column.call_method1(intern!(py, "astype"), (intern!(py, "object"),))?;
    objects.call_method1(intern!(py, "where"), (there, py.None()))
}
