//! Rows judged and not kept: a value that fits as it is need not be written to say so.

use super::row::OpenRow;
use super::{Encoder, Filled, Limits};
use crate::rows::cell::{Cell, DateTime, Row, Rows};
use crate::rows::schema::{Column, DataType, TableSchema};

/// The most bytes that one unit of text takes in a body: `\u001f`.
const SPELLED: usize = 6;
/// More than stands around a value and its name, or around a row.
const AROUND: usize = 32;

impl Encoder {
    /// The same as [`Encoder::visit`], for the problems alone.
    pub(super) fn check<R: Rows>(&mut self, rows: &mut R, until: usize) -> Result<Option<Filled>, R::Failure> {
        let start = self.body.len();
        let mut one_by_one = self.visited;
        while self.visited < until {
            if self.visited >= one_by_one {
                one_by_one = self.visit_columns(rows, until)?;
                continue;
            }
            let mut row = CheckedRow(OpenRow::begin(self));
            let visited = rows.visit(&mut row);
            let refused = row.0.end();
            self.body.truncate(start);
            if !visited? {
                return Ok(Some(Filled { run: self.seal(), ended: true }));
            }
            if refused {
                self.problems.invalid(self.row);
            }
            self.row += 1;
            self.visited += 1;
        }
        Ok(None)
    }
}

/// Whether one row of these columns fits into a body whatever its values are, so that none has to be measured.
pub(super) fn always_fits(schema: Option<&TableSchema>, limits: Limits) -> bool {
    schema.is_some_and(|schema| {
        let text = schema.values().max_text.saturating_mul(SPELLED);
        let most = |column: &Column| (SPELLED * column.name.len() + AROUND).saturating_add(text);
        schema.columns().iter().map(most).fold(AROUND, usize::saturating_add) <= limits.max_bytes
    })
}

/// A row of which only that is written which is not as simple as most.
struct CheckedRow<'e>(OpenRow<'e>);

impl Row for CheckedRow<'_> {
    fn place(&mut self, column: &str) -> Option<usize> {
        self.0.place(column)
    }

    fn cell(&mut self, place: usize, cell: Cell<'_>) {
        self.0.cell(place, cell);
    }

    #[inline(always)]
    fn text(&mut self, place: usize, text: &str) {
        if !self.0.takes_text(place, text) {
            self.0.cell(place, Cell::Text(text));
        }
    }

    #[inline(always)]
    fn int(&mut self, place: usize, value: i64) {
        if !self.0.takes_int(place, value) {
            self.0.cell(place, Cell::Int(value));
        }
    }

    #[inline(always)]
    fn float(&mut self, place: usize, value: f64) {
        if !self.0.takes_float(place, value) {
            self.0.cell(place, Cell::Float(value));
        }
    }

    #[inline(always)]
    fn bool(&mut self, place: usize, value: bool) {
        if !self.0.takes(place, DataType::Boolean) {
            self.0.cell(place, Cell::Bool(value));
        }
    }

    #[inline(always)]
    fn null(&mut self, _: usize) {}

    #[inline(always)]
    fn datetime(&mut self, place: usize, value: &DateTime) {
        if self.0.takes_datetime(place, value).is_none() {
            self.0.cell(place, Cell::DateTime(*value));
        }
    }

    fn cell_without_place(&mut self, column: &str, cell: Cell<'_>) {
        self.0.cell_without_place(column, cell);
    }

    fn bad_key(&mut self, why: &str) {
        self.0.bad_key(why);
    }

    fn not_a_mapping(&mut self, type_name: &str, advice: Option<&str>) {
        self.0.not_a_mapping(type_name, advice);
    }
}
