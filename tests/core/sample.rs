//! Rows without Python: what the other tests push.

use powerbi_push::rows::cell::{Cell, Row, Rows};
use powerbi_push::rows::schema::{Column, DataType, Table};

/// Rows of one whole number and one text.
pub(crate) struct Sample {
    rows: Vec<(i64, String)>,
    next: usize,
}

impl Sample {
    pub(crate) fn new(rows: impl IntoIterator<Item = (i64, String)>) -> Self {
        Self { rows: rows.into_iter().collect(), next: 0 }
    }
}

impl Rows for Sample {
    type Failure = std::convert::Infallible;

    fn begin(&mut self) {}

    fn visit(&mut self, row: &mut impl Row) -> Result<bool, Self::Failure> {
        let Some((id, item)) = self.rows.get(self.next) else { return Ok(false) };
        self.next += 1;
        for (column, cell) in [("Id", Cell::Int(*id)), ("Item", Cell::Text(item))] {
            match row.place(column) {
                Some(place) => row.cell(place, cell),
                None => row.cell_without_place(column, cell),
            }
        }
        Ok(true)
    }
}

/// The table that takes them.
pub(crate) fn table() -> Table {
    let columns = vec![Column::new("Id", DataType::Int64), Column::new("Item", DataType::String)];
    Table { name: "Orders".into(), columns, measures: Vec::new(), description: None, is_hidden: None }
}
