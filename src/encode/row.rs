//! One row on its way into the body: its cells judged and written as they come.

use super::buffer::Buffer;
use super::numbers::{is_double, is_int64, put_finite, put_integer};
use super::problems::{Code, RowError};
use super::refusal::Refusal;
use super::strings::{Key, put_quoted, put_string};
use super::value::{MAX_TEXT, own_type, put_bool, put_null, put_value};
use super::{Encoder, datetimes};
use crate::cell::{Cell, DateTime, Row};
use crate::schema::DataType;

/// The row being visited.
pub(super) struct OpenRow<'e> {
    encoder: &'e mut Encoder,
    /// Where it begins. Each cell begins with a comma; the first one becomes the bracket.
    start: usize,
    refused: bool,
}

impl<'e> OpenRow<'e> {
    pub(super) fn begin(encoder: &'e mut Encoder) -> Self {
        if !encoder.ends.is_empty() {
            encoder.body.put_short(encoder.dialect.separator);
        }
        Self { start: encoder.body.len(), encoder, refused: false }
    }

    /// Closes the row; answers whether it was refused.
    pub(super) fn end(self) -> bool {
        let body = &mut self.encoder.body;
        if body.len() == self.start {
            body.put_block(b"{}");
        } else {
            body.set(self.start, b'{');
            body.put_block(b"}");
        }
        self.refused
    }

    /// The column at `place` and the body, if the value fits there as it is.
    #[inline]
    fn open(&mut self, place: usize, own: DataType, fits: bool) -> Option<(&Key, &mut Buffer)> {
        let Encoder { columns, body, .. } = &mut *self.encoder;
        let column = columns.at(place);
        let fits = fits && column.data_type.is_none_or(|wanted| wanted == own);
        fits.then_some((&column.key, body))
    }

    fn refuse(&mut self, column: Option<&str>, type_name: &str, refusal: Refusal) {
        self.refused = true;
        self.encoder.problems.report(RowError {
            row: self.encoder.row,
            column: column.map(str::to_owned),
            code: refusal.code,
            message: refusal.message,
            value_type: type_name.to_owned(),
        });
    }

    #[inline(never)]
    fn refuse_cell(&mut self, column: &str, cell: Cell<'_>, refusal: Refusal) {
        self.refuse(Some(column), cell.type_name(), refusal.in_column(column));
    }
}

#[allow(clippy::inline_always, reason = "the loops over cells are few and hot, and a call costs as much as a cell")]
impl Row for OpenRow<'_> {
    fn place(&mut self, column: &str) -> Option<usize> {
        self.encoder.columns.place(column)
    }

    #[inline(never)]
    fn cell(&mut self, place: usize, cell: Cell<'_>) {
        let Encoder { columns, body, options, .. } = &mut *self.encoder;
        let column = columns.at(place);
        column.key.put(body);
        if let Err(refusal) = put_value(body, column.data_type.or_else(|| own_type(&cell)), cell, *options) {
            let name = columns.name(place).to_owned();
            self.refuse_cell(&name, cell, refusal);
        }
    }

    #[inline(always)]
    fn text(&mut self, place: usize, text: &str) {
        match self.open(place, DataType::String, text.len() <= MAX_TEXT) {
            Some((key, body)) => {
                key.put_with_quote(body);
                put_quoted(body, text);
            }
            None => self.cell(place, Cell::Text(text)),
        }
    }

    #[inline(always)]
    fn int(&mut self, place: usize, value: i64) {
        match self.open(place, DataType::Int64, is_int64(value)) {
            Some((key, body)) => {
                key.put(body);
                put_integer(body, value);
            }
            None => self.cell(place, Cell::Int(value)),
        }
    }

    #[inline(always)]
    fn float(&mut self, place: usize, value: f64) {
        match self.open(place, DataType::Double, is_double(value)) {
            Some((key, body)) => {
                key.put(body);
                put_finite(body, value);
            }
            None => self.cell(place, Cell::Float(value)),
        }
    }

    #[inline(always)]
    fn bool(&mut self, place: usize, value: bool) {
        match self.open(place, DataType::Boolean, true) {
            Some((key, body)) => {
                key.put(body);
                put_bool(body, value);
            }
            None => self.cell(place, Cell::Bool(value)),
        }
    }

    #[inline(always)]
    fn null(&mut self, place: usize) {
        let Encoder { columns, body, .. } = &mut *self.encoder;
        columns.at(place).key.put(body);
        put_null(body);
    }

    #[inline(always)]
    fn datetime(&mut self, place: usize, value: &DateTime) {
        let as_it_is = datetimes::as_it_is(value, self.encoder.options.naive_datetimes);
        match self.open(place, DataType::DateTime, as_it_is.is_some()) {
            Some((key, body)) => {
                key.put_with_quote(body);
                datetimes::put_as_it_is(body, value, as_it_is == Some(true));
            }
            None => self.cell(place, Cell::DateTime(*value)),
        }
    }

    fn cell_without_place(&mut self, column: &str, cell: Cell<'_>) {
        let Encoder { columns, body, options, .. } = &mut *self.encoder;
        match columns.schema() {
            Some(_) if options.ignore_unknown_columns => {}
            Some(schema) => {
                let refusal = Refusal::unknown_column(column, schema);
                self.refuse(Some(column), cell.type_name(), refusal);
            }
            None => {
                body.put_block(b",");
                put_string(body, column);
                body.put_block(b":");
                if let Err(refusal) = put_value(body, own_type(&cell), cell, *options) {
                    self.refuse_cell(column, cell, refusal);
                }
            }
        }
    }

    fn bad_key(&mut self, why: &str) {
        self.refuse(None, "dict", Refusal { code: Code::UnknownColumn, message: why.to_owned() });
    }

    fn not_a_mapping(&mut self, type_name: &str) {
        let message = format!("a row must be a mapping such as a dict, not {type_name}");
        self.refuse(None, type_name, Refusal { code: Code::NotAMapping, message });
    }
}
