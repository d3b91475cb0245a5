//! Rows that were written as arrays: their keys, and the same rows as records with the names of their columns.

use super::datasets::TableInfo;
use crate::rows::encode::cells_of;

/// What is known of the columns of a table.
#[derive(Debug)]
pub(super) struct Columns {
    /// `"name":` of each.
    names: Vec<Vec<u8>>,
    /// Whether each of them is of the key, as far as the last one that is.
    key: Vec<bool>,
}

impl Columns {
    pub(super) fn of(table: &TableInfo) -> Self {
        let name = |name: &String| format!("{}:", serde_json::Value::from(name.as_str())).into_bytes();
        let names = table.columns.iter().map(|column| name(&column.name)).collect();
        let mut key: Vec<_> = table.columns.iter().map(|column| table.keys.contains(&column.name)).collect();
        key.truncate(key.iter().rposition(|is_key| *is_key).map_or(0, |last| last + 1));
        Self { names, key }
    }

    /// Whether rows have a key.
    pub(super) fn have_key(&self) -> bool {
        !self.key.is_empty()
    }

    /// How much longer a row is as a record.
    pub(super) fn bytes_of_names(&self) -> usize {
        self.names.iter().map(Vec::len).sum()
    }

    /// A number that rows of one key have in common.
    pub(super) fn key_of(&self, row: &[u8]) -> u64 {
        let keys = cells_of(row).zip(&self.key).filter(|(_, is_key)| **is_key);
        keys.fold(0, |number, (cell, _)| numbered(number, cell))
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

/// A number for `cell` and for those before it, of which that is one already: others have another one, but by chance.
#[inline]
fn numbered(number: u64, cell: &[u8]) -> u64 {
    let (blocks, rest) = cell.as_chunks::<8>();
    let rest = rest.iter().fold(cell.len() as u64, |word, byte| word << 8 | u64::from(*byte));
    let words = blocks.iter().map(|block| u64::from_le_bytes(*block));
    words.chain([rest]).fold(number, mixed)
}

/// Any bit of the two changes half of the answer's: both halves of a product with an odd number.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "the other half is there too")]
fn mixed(number: u64, word: u64) -> u64 {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let product = u128::from(number ^ word ^ ODD.rotate_left(32)) * u128::from(ODD);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::schema::{Column, DataType};

    fn columns(names: &[&str], keys: &[&str]) -> Columns {
        let columns = names.iter().map(|name| Column::new(*name, DataType::String)).collect();
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        Columns::of(&TableInfo { name: "T".into(), columns, keys })
    }

    #[test]
    fn a_record_has_the_names_and_is_as_much_longer_as_it_says() {
        let (columns, mut out) = (columns(&["id", "x y"], &[]), Vec::new());
        let row = br#"[null,"a\",b"]"#;
        columns.put_record(row, &mut out);
        assert_eq!(str::from_utf8(&out).unwrap(), r#"{"id":null,"x y":"a\",b"}"#);
        assert_eq!(out.len(), row.len() + columns.bytes_of_names());
        assert!(!columns.have_key());
    }

    #[test]
    fn rows_of_one_key_have_a_number_in_common() {
        let columns = columns(&["a", "m", "b"], &["a", "b"]);
        let one = columns.key_of(br#"["x",1,1]"#);
        assert_eq!(columns.key_of(br#"["x",2,1]"#), one);
        assert_ne!(columns.key_of(br#"["x",1,2]"#), one);
        assert_ne!(columns.key_of(br#"["x,1",1,null]"#), one);
    }
}
