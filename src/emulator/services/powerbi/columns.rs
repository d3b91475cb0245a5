//! The columns of a table: their names and data types, and what becomes of a row when they change.

use std::collections::HashMap;
use std::sync::Arc;

use super::data_type::DataType;
use crate::emulator::row::Row;

/// A column, as far as rows are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: Arc<str>,
    pub(super) data_type: DataType,
}

/// The columns of a table.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) list: Vec<Column>,
    index: HashMap<Arc<str>, usize>,
}

impl Columns {
    pub(super) fn new(list: Vec<Column>) -> Self {
        let index = list.iter().enumerate().map(|(at, column)| (Arc::clone(&column.name), at)).collect();
        Self { list, index }
    }

    /// These columns and more; one that is there already stays as it is.
    pub(super) fn and(&self, more: Vec<Column>) -> Self {
        let new = more.into_iter().filter(|column| !self.has(&column.name));
        Self::new(self.list.iter().cloned().chain(new).collect())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.index.contains_key(name)
    }

    /// The place of the column of this name.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// A row of a table that had the columns `before` and has these now: cells without a column of their name and type
    /// are gone.
    pub(super) fn take_over(&self, row: &Row, before: &Self) -> Row {
        let kept = |name: &str| {
            let column = &self.list[self.place(name)?];
            let was = &before.list[before.place(name)?];
            (column.data_type == was.data_type).then(|| Arc::clone(&column.name))
        };
        let cells = row.cells().filter_map(|(name, cell)| Some((kept(name)?, cell.clone())));
        let (names, cells): (Vec<_>, Vec<_>) = cells.unzip();
        Row::new(names.into(), cells.into())
    }
}
