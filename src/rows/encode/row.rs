//! One row on its way into the body: its cells judged and written as they come.

use super::buffer::Buffer;
use super::digits::{write_finite, write_integer};
use super::numbers::{is_double, is_int64, is_small_double};
use super::problems::{Code, RowError};
use super::refusal::Refusal;
use super::shown::Value;
use super::strings::{Key, put_long, put_string, write_ascii, write_short};
use super::value::{own_type, put_value, write_bool, write_null};
use super::{Encoder, datetimes};
use crate::rows::cell::{Cell, DateTime, Row};
use crate::rows::schema::DataType;

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
            match encoder.framing.separator {
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

    /// Whether the column at `place` takes values of the type `own` as they are.
    #[inline(always)]
    pub(super) fn takes(&self, place: usize, own: DataType) -> bool {
        self.encoder.columns.at(place).data_type.is_none_or(|wanted| wanted == own)
    }

    #[inline(always)]
    pub(super) fn takes_text(&self, place: usize, text: &str) -> bool {
        match self.encoder.columns.at(place).data_type {
            Some(DataType::String) | None => text.len() <= self.encoder.options.values.max_text,
            Some(DataType::DateTime) => datetimes::is_as_sent(text, self.encoder.options),
            _ => false,
        }
    }

    #[inline(always)]
    pub(super) fn takes_int(&self, place: usize, value: i64) -> bool {
        match self.encoder.columns.at(place).data_type {
            Some(DataType::Int64) | None => is_int64(value),
            Some(DataType::Double) => is_small_double(value),
            _ => false,
        }
    }

    #[inline(always)]
    pub(super) fn takes_float(&self, place: usize, value: f64) -> bool {
        is_double(value) && self.takes(place, DataType::Double)
    }

    /// Whether `value` is in UTC, if the column takes it as it is.
    #[inline(always)]
    pub(super) fn takes_datetime(&self, place: usize, value: &DateTime) -> Option<bool> {
        let in_utc = datetimes::as_it_is(value, self.encoder.options);
        in_utc.filter(|_| self.takes(place, DataType::DateTime))
    }

    /// The name of the column at `place`, and the body.
    #[inline(always)]
    fn open(&mut self, place: usize) -> (&Key, &mut Buffer) {
        let Encoder { columns, body, .. } = &mut *self.encoder;
        (&columns.at(place).key, body)
    }

    fn refuse(&mut self, column: Option<&str>, type_name: &str, value: Value, refusal: Refusal) {
        self.refused = true;
        self.encoder.problems.report(RowError {
            row: self.encoder.row,
            column: column.map(str::to_owned),
            code: refusal.code,
            message: refusal.message,
            value_type: type_name.to_owned(),
            value: if self.encoder.options.hide_values { Value::None } else { value },
        });
    }

    #[inline(never)]
    fn refuse_cell(&mut self, column: &str, data_type: Option<DataType>, cell: Cell<'_>, refusal: Refusal) {
        let refusal = refusal.of(cell, column, data_type, self.encoder.options);
        self.refuse(Some(column), cell.type_name(), Value::of(&cell), refusal);
    }
}

impl Row for OpenRow<'_> {
    fn place(&mut self, column: &str) -> Option<usize> {
        self.encoder.columns.place(column)
    }

    #[inline(never)]
    fn cell(&mut self, place: usize, cell: Cell<'_>) {
        let Encoder { columns, body, options, problems, row, .. } = &mut *self.encoder;
        let column = columns.at(place);
        let _room = column.key.put(body);
        let (data_type, start) = (column.data_type, body.len());
        if let Err(refusal) = put_value(body, data_type, cell, *options) {
            let name = columns.name(place).to_owned();
            self.refuse_cell(&name, data_type, cell, refusal);
        } else if problems.wants_old_date()
            && data_type.or_else(|| own_type(&cell)) == Some(DataType::DateTime)
            && datetimes::is_old(&body.written()[start..])
        {
            problems.old_date(*row, columns.name(place));
        }
    }

    #[inline(always)]
    fn text(&mut self, place: usize, text: &str) {
        if !self.takes_text(place, text) {
            return self.cell(place, Cell::Text(text));
        }
        let (key, body) = self.open(place);
        match write_short(key.put_with_quote(body), text) {
            0 => put_long(body, text),
            written => body.wrote(written),
        }
    }

    #[inline(always)]
    fn utf8(&mut self, place: usize, bytes: &[u8]) {
        if self.takes(place, DataType::String) {
            let start = self.encoder.body.len();
            let (key, body) = self.open(place);
            match write_ascii(key.put_with_quote(body), bytes) {
                0 => body.truncate(start),
                written => return body.wrote(written),
            }
        }
        match str::from_utf8(bytes) {
            Ok(text) => self.text(place, text),
            Err(_) => self.cell(place, Cell::BrokenText),
        }
    }

    #[inline(always)]
    fn int(&mut self, place: usize, value: i64) {
        if !self.takes_int(place, value) {
            return self.cell(place, Cell::Int(value));
        }
        let (key, body) = self.open(place);
        let written = write_integer(key.put(body), value);
        body.wrote(written);
    }

    #[inline(always)]
    fn float(&mut self, place: usize, value: f64) {
        if !self.takes_float(place, value) {
            return self.cell(place, Cell::Float(value));
        }
        let (key, body) = self.open(place);
        let written = write_finite(key.put(body), value);
        body.wrote(written);
    }

    #[inline(always)]
    fn bool(&mut self, place: usize, value: bool) {
        if !self.takes(place, DataType::Boolean) {
            return self.cell(place, Cell::Bool(value));
        }
        let (key, body) = self.open(place);
        let written = write_bool(key.put(body), value);
        body.wrote(written);
    }

    #[inline(always)]
    fn null(&mut self, place: usize) {
        let (key, body) = self.open(place);
        let written = write_null(key.put(body));
        body.wrote(written);
    }

    #[inline(always)]
    fn datetime(&mut self, place: usize, value: &DateTime) {
        let Some(in_utc) = self.takes_datetime(place, value) else {
            return self.cell(place, Cell::DateTime(*value));
        };
        let (key, body) = self.open(place);
        let written = datetimes::write_as_it_is(key.put_with_quote(body), value, in_utc);
        body.wrote(written);
    }

    fn cell_without_place(&mut self, column: &str, cell: Cell<'_>) {
        let Encoder { columns, body, options, .. } = &mut *self.encoder;
        match columns.schema() {
            Some(_) if options.ignore_unknown_columns => {}
            Some(schema) => {
                let refusal = Refusal::unknown_column(column, &cell, schema);
                self.refuse(Some(column), cell.type_name(), Value::of(&cell), refusal);
            }
            None => {
                body.put_block(b",");
                put_string(body, column);
                body.put_block(b":");
                if let Err(refusal) = put_value(body, None, cell, *options) {
                    self.refuse_cell(column, None, cell, refusal);
                }
            }
        }
    }

    fn bad_key(&mut self, why: &str) {
        self.refuse(None, "dict", Value::None, Refusal::new(Code::UnknownColumn, why));
    }

    fn not_a_mapping(&mut self, type_name: &str, advice: Option<&str>) {
        let message = no_row(type_name, advice);
        self.refuse(None, type_name, Value::None, Refusal::new(Code::NotAMapping, message));
    }
}

/// What is said of a row that has no columns.
pub(super) fn no_row(type_name: &str, advice: Option<&str>) -> String {
    let advice = advice.map(|advice| format!("; {advice}")).unwrap_or_default();
    format!("a row must be a mapping such as a dict, not {type_name}{advice}")
}
