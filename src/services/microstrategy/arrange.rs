//! Rows as the encoder writes them, put into the order of a table's columns: arrays for chunks, records for one request.
//! What a row lacks is null. On the way its key is taken.

use std::hash::{DefaultHasher, Hasher};
use std::ops::Range;

use crate::error::{Error, Result};

/// How a row is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `[1,"a"]`.
    Array,
    /// `{"id":1,"name":"a"}`.
    Record,
}

/// Puts rows into order.
#[derive(Debug)]
pub(super) struct Arranger {
    /// `"name":` of each column.
    names: Vec<Vec<u8>>,
    /// Where the columns are that make the key.
    key: Vec<usize>,
    /// Where in the row at hand the value of each column is.
    spans: Vec<Range<usize>>,
}

impl Arranger {
    /// For rows of these columns; `key` are the names of those that make the key.
    pub(super) fn new<'c>(columns: impl Iterator<Item = &'c str>, key: &[String]) -> Self {
        let (mut names, mut places) = (Vec::new(), Vec::new());
        for (place, column) in columns.enumerate() {
            names.push(format!("{}:", serde_json::Value::from(column)).into_bytes());
            if key.iter().any(|known| known == column) {
                places.push(place);
            }
        }
        Self { spans: vec![0..0; names.len()], names, key: places }
    }

    /// Whether rows have a key.
    pub(super) fn has_key(&self) -> bool {
        !self.key.is_empty()
    }

    /// Appends the row `object` to `out`; answers a number that rows of one key have in common.
    pub(super) fn put(&mut self, object: &[u8], form: Form, out: &mut Vec<u8>) -> Result<u64> {
        self.find(object).ok_or_else(|| Error::bug("an encoded row has an unknown column"))?;
        let (opening, closing) = if form == Form::Array { (b'[', b']') } else { (b'{', b'}') };
        out.push(opening);
        for (place, span) in self.spans.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            if form == Form::Record {
                out.extend_from_slice(&self.names[place]);
            }
            out.extend_from_slice(value(object, span));
        }
        out.push(closing);
        Ok(self.key_of(object))
    }

    fn key_of(&self, object: &[u8]) -> u64 {
        let mut hasher = DefaultHasher::new();
        for place in &self.key {
            hasher.write(value(object, &self.spans[*place]));
            hasher.write_u8(b',');
        }
        hasher.finish()
    }

    /// Finds where each value is.
    fn find(&mut self, object: &[u8]) -> Option<()> {
        self.spans.fill(0..0);
        let (mut at, mut guess) = (1, 0);
        while object.get(at) == Some(&b'"') {
            let rest = &object[at..];
            let is_there = |place: &usize| self.names[*place..].first().is_some_and(|name| rest.starts_with(name));
            let place = Some(guess).filter(|place| *place < self.names.len() && is_there(place));
            let place = place.or_else(|| (0..self.names.len()).find(is_there))?;
            let start = at + self.names[place].len();
            let end = value_end(object, start)?;
            self.spans[place] = start..end;
            guess = place + 1;
            at = end + 1;
        }
        Some(())
    }
}

fn value<'o>(object: &'o [u8], span: &Range<usize>) -> &'o [u8] {
    if span.is_empty() { b"null" } else { &object[span.clone()] }
}

/// Where the value ends that begins at `start`; values hold no others.
fn value_end(object: &[u8], start: usize) -> Option<usize> {
    let bytes = object.get(start..)?;
    if bytes.first() != Some(&b'"') {
        return Some(start + bytes.iter().position(|byte| matches!(byte, b',' | b'}'))?);
    }
    let mut at = 1;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        if bytes[at] == b'"' {
            return Some(start + at + 1);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrange(object: &str, form: Form) -> String {
        let mut arranger = Arranger::new(["id", "na", "x y"].into_iter(), &["id".into()]);
        let mut out = Vec::new();
        arranger.put(object.as_bytes(), form, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_stand_in_the_order_of_the_columns() {
        for (object, array) in [
            (r#"{"id":1,"na":"a","x y":2.5}"#, r#"[1,"a",2.5]"#),
            (r#"{"x y":true,"id":1}"#, "[1,null,true]"),
            (r#"{"na":"\",\"id\":7}","id":null}"#, r#"[null,"\",\"id\":7}",null]"#),
            (r#"{"na":"\\","id":-1e5}"#, r#"[-1e5,"\\",null]"#),
            ("{}", "[null,null,null]"),
        ] {
            assert_eq!(arrange(object, Form::Array), array);
        }
        assert_eq!(arrange(r#"{"na":"a"}"#, Form::Record), r#"{"id":null,"na":"a","x y":null}"#);
    }

    #[test]
    fn rows_of_one_key_have_a_number_in_common() {
        let mut arranger = Arranger::new(["a", "b", "m"].into_iter(), &["a".into(), "b".into()]);
        let mut key = |object: &str| arranger.put(object.as_bytes(), Form::Array, &mut Vec::new()).unwrap();
        let one = key(r#"{"a":"x","b":1,"m":1}"#);
        assert_eq!(key(r#"{"m":2,"b":1,"a":"x"}"#), one);
        assert_ne!(key(r#"{"a":"x","b":2,"m":1}"#), one);
        assert_ne!(key(r#"{"a":"x,1","m":1}"#), one);
    }
}
