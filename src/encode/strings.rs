//! Text as JSON strings, and its length as the service counts it. Up to sixteen bytes at a time are looked at and copied.

use super::buffer::Buffer;

const HEX: &[u8; 16] = b"0123456789abcdef";
/// How many bytes are looked at and copied at once.
const BLOCK: usize = 16;

/// Appends `text` as a JSON string; everything that JSON allows stays as it is.
pub(super) fn put_string(out: &mut Buffer, text: &str) {
    out.put_block(b"\"");
    put_quoted(out, text);
}

/// The same behind a quote that is there already. Each way ends with a piece that overlaps the one before it, and the
/// quote behind it.
#[inline]
pub(super) fn put_quoted(out: &mut Buffer, text: &str) {
    let bytes = text.as_bytes();
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        put_blocks(out, bytes, first, last);
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        put_pair(out, bytes, *first, *last);
    } else {
        put_few(out, bytes);
    }
}

/// A text of at least a block.
#[inline]
fn put_blocks(out: &mut Buffer, bytes: &[u8], first: &[u8; BLOCK], last: &[u8; BLOCK]) {
    let (mut block, mut done) = (first, 0);
    while is_plain(block) {
        out.put_block(block);
        done += BLOCK;
        match bytes[done..].first_chunk() {
            Some(next) => block = next,
            None if is_plain(last) => {
                out.truncate(out.len() - (done + BLOCK - bytes.len()));
                return out.put_block(&quoted::<BLOCK, { BLOCK + 1 }>(last));
            }
            None => break,
        }
    }
    put_escaped(out, &bytes[done..]);
}

/// A text of 8 to 15 bytes.
#[inline]
fn put_pair(out: &mut Buffer, bytes: &[u8], first: [u8; 8], last: [u8; 8]) {
    if has_special(u64::from_le_bytes(first)) || has_special(u64::from_le_bytes(last)) {
        return put_escaped(out, bytes);
    }
    out.put_part(&first, bytes.len() - 8);
    out.put_block(&quoted::<8, 9>(&last));
}

/// A text of up to 7 bytes: all of it as one number.
#[inline]
fn put_few(out: &mut Buffer, bytes: &[u8]) {
    const SPACES: u64 = u64::from_le_bytes([b' '; 8]);
    const QUOTE: u64 = b'"' as u64;
    let (length, bits) = (bytes.len(), 8 * bytes.len());
    let number = if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << (bits - 32)
    } else if let [first, .., last] = *bytes {
        u64::from(first) | u64::from(bytes[1]) << 8 | u64::from(last) << (bits - 8)
    } else {
        bytes.first().map_or(0, |&only| only.into())
    };
    if has_special(number | SPACES << bits) {
        return put_escaped(out, bytes);
    }
    out.put_part(&(number | QUOTE << bits).to_le_bytes(), length + 1);
}

/// A piece of text and the quote behind it.
#[inline]
fn quoted<const N: usize, const M: usize>(last: &[u8; N]) -> [u8; M] {
    let mut quoted = [b'"'; M];
    quoted[..N].copy_from_slice(last);
    quoted
}

/// What has to be escaped somewhere, and the quote behind it.
#[inline(never)]
fn put_escaped(out: &mut Buffer, bytes: &[u8]) {
    for block in bytes.chunks(BLOCK) {
        match block.try_into() {
            Ok(whole) if is_plain(whole) => out.put_block(whole),
            _ => block.iter().for_each(|&byte| put_byte(out, byte)),
        }
    }
    out.put_block(b"\"");
}

fn put_byte(out: &mut Buffer, byte: u8) {
    match byte {
        b'"' => out.put_block(b"\\\""),
        b'\\' => out.put_block(b"\\\\"),
        b'\n' => out.put_block(b"\\n"),
        b'\r' => out.put_block(b"\\r"),
        b'\t' => out.put_block(b"\\t"),
        0..b' ' => {
            out.put_block(b"\\u00");
            out.put_block(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
        _ => out.put_block(&[byte]),
    }
}

/// Whether JSON takes these bytes as they are. All are looked at, so that they are looked at together.
#[inline]
fn is_plain(block: &[u8; BLOCK]) -> bool {
    block.iter().fold(0, |found, &byte| found | u8::from(is_special(byte))) == 0
}

#[inline]
fn is_special(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

/// The same for eight bytes at once: a byte that is less than another borrows from its highest bit.
#[inline]
fn has_special(bytes: u64) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHEST: u64 = ONES << 7;
    let below = |bytes: u64, bound: u8| bytes.wrapping_sub(ONES * u64::from(bound)) & !bytes;
    let is = |byte: u8| below(bytes ^ (ONES * u64::from(byte)), 1);
    (below(bytes, b' ') | is(b'"') | is(b'\\')) & HIGHEST != 0
}

/// The name of a column, ready to be written before its value: `,"name":`, and the quote that may follow.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// Its first bytes, and what does not matter behind them.
    start: [u8; Self::START],
    /// All of it.
    whole: Box<[u8]>,
}

impl Key {
    const START: usize = 32;

    pub(super) fn new(name: &str) -> Self {
        let mut key = Buffer::default();
        key.put_block(b",");
        put_string(&mut key, name);
        key.put_block(b":\"");
        let whole = key.into_written().into_boxed_slice();
        let mut start = [0; Self::START];
        start.iter_mut().zip(&whole).for_each(|(place, byte)| *place = *byte);
        Self { start, whole }
    }

    /// Appends it, without the quote.
    #[inline]
    pub(super) fn put(&self, out: &mut Buffer) {
        self.put_first(out, self.whole.len() - 1);
    }

    /// Appends it with the quote.
    #[inline]
    pub(super) fn put_with_quote(&self, out: &mut Buffer) {
        self.put_first(out, self.whole.len());
    }

    #[inline]
    fn put_first(&self, out: &mut Buffer, length: usize) {
        if length <= Self::START {
            out.put_part(&self.start, length);
        } else {
            out.put(&self.whole[..length]);
        }
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
        let mut out = Buffer::default();
        put_string(&mut out, &text);
        assert_eq!(serde_json::from_slice::<String>(out.written()).unwrap(), text);
    }

    #[test]
    fn a_special_byte_is_escaped_wherever_it_stands() {
        for length in 1..40 {
            for place in 0..length {
                for byte in [b'"', b'\\', b'\n', 0, 0x1F] {
                    let mut text = vec![b'~'; length];
                    text[place] = byte;
                    let text = String::from_utf8(text).unwrap();
                    let mut out = Buffer::default();
                    put_string(&mut out, &text);
                    assert_eq!(out.written(), serde_json::to_vec(&text).unwrap(), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn a_character_of_two_units_is_never_cut_in_half() {
        assert_eq!(cut_at("ab😀c", 4), Some("ab😀"));
        assert_eq!(cut_at("ab😀c", 3), Some("ab"));
        assert_eq!(cut_at("ab😀c", 5), None);
        assert_eq!(utf16_length("ab😀c"), 5);
    }
}
