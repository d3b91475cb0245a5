//! One row on its way into the body: its cells judged and written as they come.

use super::buffer::Buffer;
use super::numbers::{is_double, is_int64, write_finite, write_integer};
use super::problems::{Code, RowError};
use super::refusal::Refusal;
use super::strings::{Key, put_long, put_string, write_short};
use super::value::{MAX_TEXT, own_type, put_value, write_bool, write_null};
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
    #[inline(always)]
    pub(super) fn begin(encoder: &'e mut Encoder) -> Self {
        if !encoder.ends.is_empty() {
            match encoder.dialect.separator {
                [only] => encoder.body.put_block(&[*only]),
                separator => encoder.body.put(separator),
            }
        }
        Self { start: encoder.body.len(), encoder, refused: false }
    }

    /// Closes the row; answers whether it was refused.
    #[inline(always)]
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
    #[inline(always)]
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

impl Row for OpenRow<'_> {
    fn place(&mut self, column: &str) -> Option<usize> {
        self.encoder.columns.place(column)
    }

    #[inline(never)]
    fn cell(&mut self, place: usize, cell: Cell<'_>) {
        let Encoder { columns, body, options, .. } = &mut *self.encoder;
        let column = columns.at(place);
        let _room = column.key.put(body);
        if let Err(refusal) = put_value(body, column.data_type.or_else(|| own_type(&cell)), cell, *options) {
            let name = columns.name(place).to_owned();
            self.refuse_cell(&name, cell, refusal);
        }
    }

    #[inline(always)]
    fn text(&mut self, place: usize, text: &str) {
        let Encoder { columns, body, options, .. } = &mut *self.encoder;
        let column = columns.at(place);
        let fits = match column.data_type {
            Some(DataType::String) | None => text.len() <= MAX_TEXT,
            Some(DataType::DateTime) => datetimes::is_as_sent(text, options.naive_datetimes),
            _ => false,
        };
        if !fits {
            return self.cell(place, Cell::Text(text));
        }
        match write_short(column.key.put_with_quote(body), text) {
            0 => put_long(body, text),
            written => body.wrote(written),
        }
    }

    #[inline(always)]
    fn int(&mut self, place: usize, value: i64) {
        let Some((key, body)) = self.open(place, DataType::Int64, is_int64(value)) else {
            return self.cell(place, Cell::Int(value));
        };
        let written = write_integer(key.put(body), value);
        body.wrote(written);
    }

    #[inline(always)]
    fn float(&mut self, place: usize, value: f64) {
        let Some((key, body)) = self.open(place, DataType::Double, is_double(value)) else {
            return self.cell(place, Cell::Float(value));
        };
        let written = write_finite(key.put(body), value);
        body.wrote(written);
    }

    #[inline(always)]
    fn bool(&mut self, place: usize, value: bool) {
        let Some((key, body)) = self.open(place, DataType::Boolean, true) else {
            return self.cell(place, Cell::Bool(value));
        };
        let written = write_bool(key.put(body), value);
        body.wrote(written);
    }

    #[inline(always)]
    fn null(&mut self, place: usize) {
        let Encoder { columns, body, .. } = &mut *self.encoder;
        let written = write_null(columns.at(place).key.put(body));
        body.wrote(written);
    }

    #[inline(always)]
    fn datetime(&mut self, place: usize, value: &DateTime) {
        let as_it_is = datetimes::as_it_is(value, self.encoder.options.naive_datetimes);
        let Some((key, body)) = self.open(place, DataType::DateTime, as_it_is.is_some()) else {
            return self.cell(place, Cell::DateTime(*value));
        };
        let written = datetimes::write_as_it_is(key.put_with_quote(body), value, as_it_is == Some(true));
        body.wrote(written);
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
