//! Rows that were written as objects, put into the order of the columns: arrays of all cells. What a row lacks is null.

use std::ops::Range;

use super::Encoder;
use super::columns::Columns;
use crate::rows::json::end_of_scalar;

impl Encoder {
    /// Puts the row that begins at `start`, and was written as an object, into order.
    pub(super) fn arrange(&mut self, start: usize) {
        let start = start + if self.ends.is_empty() { 0 } else { self.framing.separator.len() };
        let arranger = self.arranger.get_or_insert_with(|| Arranger::of(&self.columns));
        let mut row = std::mem::take(&mut arranger.row);
        row.clear();
        arranger.put(&self.body.written()[start..], &mut row);
        self.body.truncate(start);
        self.body.put(&row);
        arranger.row = row;
        self.note_key(start);
    }
}

/// Puts rows into order.
#[derive(Debug)]
pub(super) struct Arranger {
    /// `"name":` of each column.
    names: Vec<Vec<u8>>,
    /// Where in the row at hand the cell of each column is.
    spans: Vec<Range<usize>>,
    /// The memory of the row that was arranged last.
    row: Vec<u8>,
}

impl Arranger {
    fn of(columns: &Columns) -> Self {
        Self::new((0..columns.len()).map(|place| columns.name(place)))
    }

    fn new<'c>(columns: impl Iterator<Item = &'c str>) -> Self {
        let names: Vec<_> =
            columns.map(|column| format!("{}:", serde_json::Value::from(column)).into_bytes()).collect();
        Self { spans: vec![0..0; names.len()], names, row: Vec::new() }
    }

    /// Appends the row `object` to `out`, as an array.
    fn put(&mut self, object: &[u8], out: &mut Vec<u8>) {
        self.find(object);
        out.push(b'[');
        for (place, span) in self.spans.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            out.extend_from_slice(if span.is_empty() { b"null" } else { &object[span.clone()] });
        }
        out.push(b']');
    }

    /// Finds where each cell is: the encoder has written the row, under these names.
    fn find(&mut self, object: &[u8]) {
        self.spans.fill(0..0);
        let (mut at, mut guess) = (1, 0);
        while object.get(at) == Some(&b'"') {
            let rest = &object[at..];
            let is_there = |place: &usize| self.names[*place..].first().is_some_and(|name| rest.starts_with(name));
            let place = Some(guess).filter(|place| *place < self.names.len() && is_there(place));
            let Some(place) = place.or_else(|| (0..self.names.len()).find(is_there)) else { return };
            let start = at + self.names[place].len();
            let end = end_of_scalar(object, start);
            self.spans[place] = start..end;
            guess = place + 1;
            at = end + 1;
        }
    }
}

/// The cells of a row that was written as an array.
pub fn cells_of(array: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = 1;
    std::iter::from_fn(move || {
        let end = end_of_scalar(array, at);
        let cell = array.get(at..end).filter(|cell| !cell.is_empty())?;
        at = end + 1;
        Some(cell)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_in_the_order_of_the_columns() {
        for (object, array) in [
            (r#"{"id":1,"na":"a","x y":2.5}"#, r#"[1,"a",2.5]"#),
            (r#"{"x y":true,"id":1}"#, "[1,null,true]"),
            (r#"{"na":"\",\"id\":7}","id":null}"#, r#"[null,"\",\"id\":7}",null]"#),
            (r#"{"na":"\\","id":-1e5}"#, r#"[-1e5,"\\",null]"#),
            ("{}", "[null,null,null]"),
        ] {
            let mut out = Vec::new();
            Arranger::new(["id", "na", "x y"].into_iter()).put(object.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), array);
            let cells: Vec<_> = cells_of(array.as_bytes()).map(|cell| str::from_utf8(cell).unwrap()).collect();
            assert_eq!(format!("[{}]", cells.join(",")), array);
            assert_eq!(cells.len(), 3);
        }
    }
}
