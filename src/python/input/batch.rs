//! The rows of one batch, each slice of them read by whichever thread has it.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, StructArray};
use arrow_schema::Fields;

use super::Failure;
use super::column_index::ColumnIndex;
use super::columns::{Column, Scratch, TimeReading};
use super::vetting::vet;
use crate::rows::cell::{Row, Rows, Slices, Window};

/// Rows for which the columns are opened at once: checked so many at a time, nobody waits for a large batch.
const WINDOW: usize = 1_024;

/// One batch of an Arrow stream.
pub(super) struct Batch {
    rows: StructArray,
    fields: Fields,
    /// The columns that are read: their places and names.
    wanted: Arc<[(usize, String)]>,
    reading: TimeReading,
    /// For each of those, the values that its rows share, such as a dictionary's.
    shared: Vec<Option<Arc<Column>>>,
}

impl Batch {
    /// A batch without rows.
    fn none() -> Self {
        let rows = StructArray::new_empty_fields(0, None);
        Self {
            rows,
            fields: Fields::empty(),
            wanted: Arc::default(),
            reading: TimeReading::default(),
            shared: Vec::new(),
        }
    }

    /// A batch of such fields; refuses one that has others, or whose values are not where it says.
    pub(super) fn new(
        fields: &Fields,
        wanted: Arc<[(usize, String)]>,
        reading: TimeReading,
        rows: &ArrayRef,
    ) -> Result<Self, String> {
        let other = || "its batches are not of the types that it named".to_owned();
        let rows = rows.as_struct_opt().ok_or_else(other)?.clone();
        let shared = wanted.iter().map(|(place, name)| {
            let column = rows.column(*place);
            vet(column).map_err(|how| format!("column `{name}` {how}"))?;
            Column::new(&fields[*place], &column.slice(0, 0), reading, None).ok_or_else(other)?;
            Ok(Column::shared(column, reading))
        });
        Ok(Self { shared: shared.collect::<Result<_, String>>()?, fields: fields.clone(), wanted, reading, rows })
    }

    /// Its columns in some of its rows.
    fn columns(&self, rows: &Range<usize>) -> Vec<Column> {
        let wanted = self.wanted.iter().zip(&self.shared).filter_map(|((place, _), shared)| {
            let array = self.rows.column(*place).slice(rows.start, rows.len());
            Column::new(&self.fields[*place], &array, self.reading, shared.as_ref())
        });
        wanted.collect()
    }
}

/// Rows of one batch.
pub(in crate::python) struct BatchRows {
    batch: Arc<Batch>,
    /// Those that have not been visited.
    left: Range<usize>,
    /// Those that the columns show.
    window: Range<usize>,
    columns: Vec<Column>,
    places: ColumnIndex,
    scratch: Scratch,
}

impl Default for BatchRows {
    fn default() -> Self {
        Self::all(Batch::none())
    }
}

impl BatchRows {
    /// All rows of a batch.
    pub(super) fn all(batch: Batch) -> Self {
        let rows = 0..batch.rows.len();
        Self::some(Arc::new(batch), rows)
    }

    fn some(batch: Arc<Batch>, left: Range<usize>) -> Self {
        let (places, scratch) = (ColumnIndex::default(), Scratch::default());
        Self { batch, left, window: 0..0, columns: Vec::new(), places, scratch }
    }

    /// How many have not been visited.
    pub(super) fn left(&self) -> usize {
        self.left.len()
    }

    /// Opens the columns for the rows from the next one on.
    #[cold]
    fn open(&mut self) {
        self.window = self.left.start..self.left.end.min(self.left.start + WINDOW);
        self.columns = self.batch.columns(&self.window);
    }
}

impl Rows for BatchRows {
    type Failure = Failure;

    fn begin(&mut self) {
        self.places = ColumnIndex::default();
    }

    #[inline]
    fn visit(&mut self, row: &mut impl Row) -> Result<bool, Failure> {
        let number = self.left.start;
        if !self.window.contains(&number) {
            if self.left.is_empty() {
                return Ok(false);
            }
            self.open();
        }
        self.left.start += 1;
        let Self { batch, window, columns, places, scratch, .. } = self;
        if batch.rows.is_null(number) {
            row.not_a_mapping("None", None);
            return Ok(true);
        }
        places.ask(|| batch.wanted.iter().map(|(_, name)| row.place(name)).collect());
        for ((column, place), (_, name)) in columns.iter().zip(places.known()).zip(&*batch.wanted) {
            match place {
                Some(place) => column.give(number - window.start, *place, row, scratch),
                None => row.cell_without_place(name, column.cell(number - window.start, scratch)),
            }
        }
        Ok(true)
    }

    fn window(&mut self, most: usize) -> Result<Option<Window<'_>>, Failure> {
        if self.left.is_empty() || self.batch.rows.null_count() > 0 {
            return Ok(None);
        }
        if !self.window.contains(&self.left.start) {
            self.open();
        }
        let rows = self.left.start - self.window.start..self.window.len();
        let rows = rows.start..rows.end.min(rows.start.saturating_add(most));
        let names = self.batch.wanted.iter().map(|(_, name)| name.as_str());
        let columns = names.zip(self.columns.iter().map(|column| column.values(rows.clone()))).collect();
        Ok(Some(Window { rows: rows.len(), columns }))
    }

    fn pass(&mut self, rows: usize) {
        self.left.start += rows;
    }
}

impl Slices for BatchRows {
    type Slice = Self;

    fn at_hand(&mut self) -> Result<usize, Failure> {
        Ok(self.left())
    }

    fn slice(&self, rows: Range<usize>) -> Self {
        Self::some(Arc::clone(&self.batch), self.left.start + rows.start..self.left.start + rows.end)
    }

    fn until(&self, slice: &Self) -> Option<usize> {
        Arc::ptr_eq(&self.batch, &slice.batch).then(|| slice.left.end.checked_sub(self.left.start)).flatten()
    }

    fn skip(&mut self, rows: usize) {
        self.left.start += rows;
    }
}
