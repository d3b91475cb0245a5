//! Rows that were written as arrays, as records with the names of their columns.

use super::datasets::TableInfo;
use crate::rows::encode::cells_of;

/// What is known of the columns of a table.
#[derive(Debug)]
pub(super) struct Columns {
    /// `"name":` of each.
    names: Vec<Vec<u8>>,
}

impl Columns {
    pub(super) fn of(table: &TableInfo) -> Self {
        let name = |name: &String| format!("{}:", serde_json::Value::from(name.as_str())).into_bytes();
        Self { names: table.columns.iter().map(|column| name(&column.name)).collect() }
    }

    /// How much longer a row is as a record.
    pub(super) fn bytes_of_names(&self) -> usize {
        self.names.iter().map(Vec::len).sum()
    }

    /// Appends the row as a record to `out`.
    pub(super) fn put_record(&self, row: &[u8], out: &mut Vec<u8>) {
        out.push(b'{');
        for (place, (cell, name)) in cells_of(row).zip(&self.names).enumerate() {
            if place > 0 {
                out.push(b',');
            }
            out.extend_from_slice(name);
            out.extend_from_slice(cell);
        }
        out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::schema::{Column, DataType};

    fn columns(names: &[&str]) -> Columns {
        let columns = names.iter().map(|name| Column::new(*name, DataType::String)).collect();
        Columns::of(&TableInfo { name: "T".into(), columns, keys: Vec::new() })
    }

    #[test]
    fn a_record_has_the_names_and_is_as_much_longer_as_it_says() {
        let (columns, mut out) = (columns(&["id", "x y"]), Vec::new());
        let row = br#"[null,"a\",b"]"#;
        columns.put_record(row, &mut out);
        assert_eq!(str::from_utf8(&out).unwrap(), r#"{"id":null,"x y":"a\",b"}"#);
        assert_eq!(out.len(), row.len() + columns.bytes_of_names());
    }
}
