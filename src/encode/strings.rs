//! Text as JSON strings, and its length as the service counts it. Sixteen bytes at a time are looked at and copied.

use super::blocks::{BLOCK, put_start};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends `text` as a JSON string; everything that JSON allows stays as it is.
#[inline]
pub(super) fn put_string(out: &mut Vec<u8>, text: &str) {
    let (blocks, rest) = text.as_bytes().as_chunks::<BLOCK>();
    out.push(b'"');
    for (number, block) in blocks.iter().enumerate() {
        if !is_plain(block) {
            return put_rest(out, &text.as_bytes()[number * BLOCK..]);
        }
        out.extend_from_slice(block);
    }
    if !put_start(out, rest, is_plain) {
        return put_rest(out, rest);
    }
    out.push(b'"');
}

/// The same from where something has to be escaped to the end.
#[inline(never)]
fn put_rest(out: &mut Vec<u8>, bytes: &[u8]) {
    for block in bytes.chunks(BLOCK) {
        match block.try_into() {
            Ok(whole) if is_plain(whole) => out.extend_from_slice(block),
            _ => block.iter().for_each(|&byte| put_byte(out, byte)),
        }
    }
    out.push(b'"');
}

fn put_byte(out: &mut Vec<u8>, byte: u8) {
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        0..b' ' => {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
        }
        _ => out.push(byte),
    }
}

/// Whether JSON takes these bytes as they are.
#[inline]
#[allow(clippy::needless_bitwise_bool, reason = "sixteen at a time, without a branch")]
fn is_plain(block: &[u8; BLOCK]) -> bool {
    !block.iter().fold(false, |found, &byte| found | (byte < b' ') | (byte == b'"') | (byte == b'\\'))
}

/// The name of a column, ready to be written before its value: `,"name":`.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// Its first bytes, and what does not matter behind them.
    start: [u8; Self::START],
    length: usize,
    /// All of it, where it is longer.
    whole: Option<Box<[u8]>>,
}

impl Key {
    const START: usize = 2 * BLOCK;

    pub(super) fn new(name: &str) -> Self {
        let mut bytes = vec![b','];
        put_string(&mut bytes, name);
        bytes.push(b':');
        let mut start = [0; Self::START];
        let length = bytes.len();
        let whole = match start.get_mut(..length) {
            Some(place) => {
                place.copy_from_slice(&bytes);
                None
            }
            None => Some(bytes.into()),
        };
        Self { start, length, whole }
    }

    #[inline]
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        if let Some(whole) = &self.whole {
            return out.extend_from_slice(whole);
        }
        let end = out.len() + self.length;
        out.extend_from_slice(&self.start);
        out.truncate(end);
    }
}

/// How much of `text` fits into `max` UTF-16 units, never half of a character; `None` where all of it does.
pub(super) fn cut_at(text: &str, max: usize) -> Option<&str> {
    if text.len() <= max {
        return None;
    }
    let mut units = 0;
    for (position, character) in text.char_indices() {
        units += character.len_utf16();
        if units > max {
            return Some(&text[..position]);
        }
    }
    None
}

/// The length of `text` in UTF-16 units, which is how .NET counts characters.
pub(super) fn utf16_length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_survives_a_json_parser() {
        let text: String = ('\0'..='\u{2FF}').chain(['\u{2028}', '\u{FFFF}', '😀']).collect();
        let mut out = Vec::new();
        put_string(&mut out, &text);
        assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
    }

    #[test]
    fn a_character_of_two_units_is_never_cut_in_half() {
        assert_eq!(cut_at("ab😀c", 4), Some("ab😀"));
        assert_eq!(cut_at("ab😀c", 3), Some("ab"));
        assert_eq!(cut_at("ab😀c", 5), None);
        assert_eq!(utf16_length("ab😀c"), 5);
    }
}
