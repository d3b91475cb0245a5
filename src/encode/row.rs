//! One row on its way into the body: its cells judged and written as they come.

use super::Encoder;
use super::problems::{Code, RowError};
use super::refusal::Refusal;
use super::strings::put_string;
use super::value::{own_type, put_value};
use crate::cell::{Cell, Row};

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
            encoder.body.extend_from_slice(encoder.dialect.separator);
        }
        Self { start: encoder.body.len(), encoder, refused: false }
    }

    /// Closes the row; answers whether it was refused.
    pub(super) fn end(self) -> bool {
        let body = &mut self.encoder.body;
        match body.get_mut(self.start) {
            Some(first) => *first = b'{',
            None => body.push(b'{'),
        }
        body.push(b'}');
        self.refused
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

    #[inline]
    fn cell(&mut self, place: usize, cell: Cell<'_>) {
        let Encoder { columns, body, options, .. } = &mut *self.encoder;
        let column = columns.at(place);
        column.key.put(body);
        if let Err(refusal) = put_value(body, column.data_type.or_else(|| own_type(&cell)), cell, *options) {
            let name = columns.name(place).to_owned();
            self.refuse_cell(&name, cell, refusal);
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
                body.push(b',');
                put_string(body, column);
                body.push(b':');
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
