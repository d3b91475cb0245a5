//! Rows that are looked at for the types of their columns, and not encoded.
//!
//! ```text
//!  window ─ column by column ─┬─▶ all as those before ──▶ nothing to be told
//!                             └─▶ else value by value ─┐
//!  row ────────────────────────────────────────────────┴─▶ kind ─▶ Inference
//! ```

use super::fitting::{WHOLE_DOUBLES, longest};
use super::kinds::{example, kind_of};
use super::numbers::is_double;
use super::options::Options;
use super::row::no_row;
use crate::error::{self, Error};
use crate::rows::cell::{Cell, CellKind, Row, Rows, Texts, Values, Window};
use crate::rows::schema::{DataType, Inference, Inferred, Kind, Looks};

/// Looks at rows for the types of their columns.
#[derive(Debug)]
pub struct Watching {
    inference: Inference,
    cells: Options,
    types: &'static [DataType],
    /// The number of the row that is being looked at.
    row: usize,
    /// Why that one is none.
    not_rows: Option<String>,
}

impl Watching {
    /// Nothing seen yet; `types` are those that there are.
    #[must_use]
    pub fn new(inference: Inference, cells: Options, types: &'static [DataType]) -> Self {
        Self { inference, cells, types, row: 0, not_rows: None }
    }

    /// Looks at all rows, or until one is none.
    pub fn watch<R: Rows>(&mut self, rows: &mut R) -> Result<(), R::Failure> {
        rows.begin();
        while !self.is_over() {
            let seen = rows.window(usize::MAX)?.map(|window| self.see_window(window));
            match seen {
                Some(count) => rows.pass(count),
                None if rows.visit(self)? && !self.is_over() => self.end_rows(1),
                None => break,
            }
        }
        Ok(())
    }

    /// The number of the row that is being looked at.
    #[must_use]
    pub fn row(&self) -> u64 {
        self.row as u64
    }

    /// The columns, or why there are none.
    pub fn finish(self) -> error::Result<Inferred> {
        match self.not_rows {
            Some(why) => Err(Error::configuration(format!("row {}: {why}", self.row))),
            None => self.inference.finish(),
        }
    }

    fn is_over(&self) -> bool {
        self.not_rows.is_some() || self.inference.is_full()
    }

    fn end_rows(&mut self, count: usize) {
        self.inference.end_rows(count);
        self.row += count;
    }

    /// Looks at neighbouring rows by their columns; answers how many there are.
    fn see_window(&mut self, window: Window<'_>) -> usize {
        for (name, values) in window.columns {
            let place = self.inference.place(name);
            if !self.knows(place, &values.kind) {
                self.see_values(place, values, window.rows);
            }
        }
        self.end_rows(window.rows);
        window.rows
    }

    /// Whether none of these values tells anything of its column that others have not told. What stands in the place of a
    /// missing one counts here.
    fn knows(&self, place: usize, held: &CellKind<'_>) -> bool {
        let knows = |kind| self.inference.knows(place, kind);
        match held {
            CellKind::Bool(_) => knows(Kind::Type(DataType::Boolean)),
            CellKind::Int(values) => {
                // No less than the greatest of them, whatever its sign: all are looked at together.
                let all = |all: i64, value: &i64| all | (value ^ (value >> 63));
                let most = values.iter().fold(0, all).unsigned_abs();
                knows(Kind::Type(DataType::Int64)) && most < WHOLE_DOUBLES
            }
            CellKind::Float(values) => {
                let all = |is: fn(f64) -> bool| values.iter().fold(true, |all, value| all & is(*value));
                let with_nan = || knows(Kind::NaN) && all(|value| is_double(value) | value.is_nan());
                knows(Kind::Type(DataType::Double)) && (all(is_double) || with_nan())
            }
            CellKind::Text(texts) => {
                let fit = || longest(texts) <= self.cells.values.max_text && texts.are_utf8();
                knows(Kind::Text(Looks::SETTLED)) && fit()
            }
            CellKind::DateTime(_) | CellKind::Other(_) => false,
        }
    }

    fn see_values(&mut self, place: usize, values: Values<'_>, rows: usize) {
        let Values { kind, there } = values;
        let here = (0..rows).filter(|row| there.is_none_or(|there| there.at(*row)));
        match kind {
            CellKind::Bool(bits) => here.for_each(|row| self.see(place, row, Cell::Bool(bits.at(row)))),
            CellKind::Int(values) => here.for_each(|row| self.see(place, row, Cell::Int(values[row]))),
            CellKind::Float(values) => here.for_each(|row| self.see(place, row, Cell::Float(values[row]))),
            CellKind::DateTime(values) => here.for_each(|row| self.see(place, row, Cell::DateTime(values[row]))),
            CellKind::Text(texts) => self.see_texts(place, &texts, here),
            CellKind::Other(mut show) => {
                (0..rows).for_each(|row| show(row, &mut |cell| self.see(place, row, cell)));
            }
        }
    }

    /// A text that repeats tells nothing the second time.
    fn see_texts(&mut self, place: usize, texts: &Texts<'_>, rows: impl Iterator<Item = usize>) {
        let mut last = None;
        for row in rows {
            let bytes = &texts.bytes[texts.bounds[row]..texts.bounds[row + 1]];
            if last != Some(bytes) {
                self.see(place, row, str::from_utf8(bytes).map_or(Cell::BrokenText, Cell::Text));
                last = Some(bytes);
            }
        }
    }

    /// One value, so many rows behind the one that is being looked at.
    #[inline]
    fn see(&mut self, place: usize, behind: usize, cell: Cell<'_>) {
        let kind = kind_of(&cell, self.cells, self.types, self.inference.looks(place));
        let (row, hide_values) = (self.row + behind, self.cells.hide_values);
        self.inference.see(place, kind, || example(&cell, row, hide_values));
    }
}

impl Row for Watching {
    fn place(&mut self, column: &str) -> Option<usize> {
        (!self.inference.is_full()).then(|| self.inference.place(column))
    }

    fn is_full(&self) -> bool {
        self.inference.is_full()
    }

    fn cell(&mut self, place: usize, cell: Cell<'_>) {
        self.see(place, 0, cell);
    }

    fn cell_without_place(&mut self, column: &str, cell: Cell<'_>) {
        if let Some(place) = self.place(column) {
            self.cell(place, cell);
        }
    }

    fn bad_key(&mut self, why: &str) {
        self.not_rows.get_or_insert_with(|| why.to_owned());
    }

    fn not_a_mapping(&mut self, type_name: &str, advice: Option<&str>) {
        self.not_rows.get_or_insert_with(|| no_row(type_name, advice));
    }
}
