//! Stored rows: which cells were sent, in their order.

mod read;

use std::collections::HashMap;
use std::sync::Arc;

pub(super) use self::read::{Frame, read};
use super::data_type::DataType;
use super::value::Value;

/// A column, as far as rows are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) data_type: DataType,
}

/// The columns of a table; shared by its rows.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) list: Vec<Column>,
    index: HashMap<String, usize>,
}

impl Columns {
    pub(super) fn new(list: Vec<Column>) -> Self {
        let index = list.iter().enumerate().map(|(at, column)| (column.name.clone(), at)).collect();
        Self { list, index }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.index.contains_key(name)
    }
}

/// Which columns a row names, in its order; shared by the rows of a request that name the same.
#[derive(Debug)]
struct Shape {
    columns: Arc<Columns>,
    order: Vec<usize>,
}

/// A stored row: the cells that were sent, in the order in which they were sent. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Row {
    shape: Arc<Shape>,
    cells: Arc<[Value]>,
}

impl Row {
    /// The row after its table got these columns: what has no column of its name and type any more is gone.
    pub(super) fn within(&self, columns: &Arc<Columns>) -> Self {
        let was = |at: &usize| &self.shape.columns.list[*at];
        let place = |at: &usize| columns.index.get(&was(at).name).copied();
        let kept = |at: &usize| place(at).filter(|new| columns.list[*new].data_type == was(at).data_type);
        let cells = self.shape.order.iter().zip(self.cells.iter());
        let (order, cells) = cells.filter_map(|(at, cell)| Some((kept(at)?, cell.clone()))).unzip::<_, _, _, Vec<_>>();
        Self { shape: Arc::new(Shape { columns: Arc::clone(columns), order }), cells: cells.into() }
    }

    /// The names of the columns that were sent, each with its value.
    pub fn cells(&self) -> impl Iterator<Item = (&str, &Value)> {
        let names = self.shape.order.iter().map(|at| self.shape.columns.list[*at].name.as_str());
        names.zip(self.cells.iter())
    }

    /// The cell of `column`; `None` if the row did not name it.
    #[must_use]
    pub fn get(&self, column: &str) -> Option<&Value> {
        self.cells().find_map(|(name, value)| (name == column).then_some(value))
    }

    /// How many cells were sent.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether the row was `{}`.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }
}
