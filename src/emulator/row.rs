//! Stored rows: which cells were sent, in their order.

use std::sync::Arc;

use super::value::Value;

/// A stored row: the cells that were sent, in the order in which they were sent. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Row {
    /// The columns that the row names; shared by the rows of a request that name the same.
    names: Arc<[Arc<str>]>,
    cells: Arc<[Value]>,
}

impl Row {
    /// A row with a cell for each name.
    pub(super) fn new(names: Arc<[Arc<str>]>, cells: Arc<[Value]>) -> Self {
        Self { names, cells }
    }

    /// The names of the columns that were sent, each with its value.
    pub fn cells(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.names.iter().map(|name| &**name).zip(self.cells.iter())
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
