//! Text as JSON strings, and its length as the service counts it. Up to sixteen bytes at a time are looked at and copied.

use super::buffer::{Buffer, START, Value};

const HEX: &[u8; 16] = b"0123456789abcdef";
/// How many bytes are looked at and copied at once.
pub(super) const BLOCK: usize = 16;

/// Appends `text` as a JSON string; everything that JSON allows stays as it is.
pub(super) fn put_string(out: &mut Buffer, text: &str) {
    out.put_block(b"\"");
    put_quoted(out, text);
}

/// The same behind a quote that is there already.
pub(super) fn put_quoted(out: &mut Buffer, text: &str) {
    match write_short(out.value(), text) {
        0 => put_long(out, text),
        written => out.wrote(written),
    }
}

/// Writes a text that is short and plain, and the quote behind it; answers how many bytes those are, or 0 for any other
/// text. Its first and its last bytes are looked at and copied as two blocks, which overlap where they must.
#[inline(always)]
pub(super) fn write_short(room: &mut Value, text: &str) -> usize {
    write_plain::<false>(room, text.as_bytes())
}

/// The same for bytes that are such a text and ASCII.
#[inline(always)]
pub(super) fn write_ascii(room: &mut Value, bytes: &[u8]) -> usize {
    write_plain::<true>(room, bytes)
}

#[inline(always)]
fn write_plain<const ASCII: bool>(room: &mut Value, bytes: &[u8]) -> usize {
    let plain = if let Some((first, last)) = write_ends::<BLOCK>(room, bytes) {
        is_plain(first) & is_plain(last) & !(ASCII && has_other([first, last].map(|half| u128::from_le_bytes(*half))))
    } else if let Some((first, last)) = write_ends::<8>(room, bytes) {
        let halves = [*first, *last].map(u64::from_le_bytes);
        !(has_special(halves[0]) | has_special(halves[1]) | (ASCII && has_other(halves.map(u128::from))))
    } else if let Some((first, last)) = write_ends::<4>(room, bytes) {
        let halves = [*first, *last].map(|half| u64::from(u32::from_le_bytes(half)));
        let both = halves[0] | halves[1] << 32;
        !(has_special(both) | (ASCII && has_other([both.into(); 2])))
    } else if let [first, .., last] | [first @ last] = *bytes
        && bytes.len() < 4
    {
        // The byte in the middle of three; of two the last one, and of one that one.
        let (middle, end) = (bytes.len() / 2, bytes.len() - 1);
        room[0] = first;
        room[middle] = bytes[middle];
        room[end] = last;
        let all = u64::from_le_bytes([first, bytes[middle], last, b' ', b' ', b' ', b' ', b' ']);
        !(has_special(all) | (ASCII && has_other([all.into(); 2])))
    } else {
        bytes.is_empty()
    };
    if !plain {
        return 0;
    }
    room[bytes.len() % room.len()] = b'"';
    bytes.len() + 1
}

/// Copies so many bytes and up to twice as many as two blocks, the first and the last; `None` for any other number.
#[inline(always)]
pub(super) fn write_ends<'b, const N: usize>(room: &mut Value, bytes: &'b [u8]) -> Option<(&'b [u8; N], &'b [u8; N])> {
    let (first, last) = (bytes.first_chunk::<N>()?, bytes.last_chunk::<N>()?);
    let rest = bytes.len() - N;
    if rest > N {
        return None;
    }
    room[..N].copy_from_slice(first);
    room[rest..rest + N].copy_from_slice(last);
    Some((first, last))
}

/// Any text, and the quote behind it: by blocks, of which the last one overlaps the one before it.
#[inline(never)]
pub(super) fn put_long(out: &mut Buffer, text: &str) {
    let bytes = text.as_bytes();
    let mut done = 0;
    while let Some(block) = bytes[done..].first_chunk().filter(|block| is_plain(block)) {
        out.put_block::<BLOCK>(block);
        done += BLOCK;
    }
    match bytes.last_chunk() {
        Some(last) if bytes.len() < done + BLOCK && is_plain(last) => {
            out.truncate(out.len() + bytes.len() - done - BLOCK);
            out.put_block::<BLOCK>(last);
            out.put_block(b"\"");
        }
        _ => put_escaped(out, &bytes[done..]),
    }
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

/// Whether one of the bytes has to be escaped. All are looked at, so that they are looked at together.
pub(super) fn has_special_byte(bytes: &[u8]) -> bool {
    bytes.iter().fold(false, |found, &byte| found | is_special(byte))
}

/// Whether JSON takes these bytes as they are. All are looked at, so that they are looked at together.
#[inline(always)]
fn is_plain(block: &[u8; BLOCK]) -> bool {
    block.iter().fold(0, |found, &byte| found | u8::from(is_special(byte))) == 0
}

/// Whether it has to be escaped: below a space, a quote, a backslash. One bit aside, a quote stands next to the first.
#[inline(always)]
#[allow(clippy::needless_bitwise_bool, reason = "sixteen at a time, without a branch")]
fn is_special(byte: u8) -> bool {
    (byte ^ QUOTE_BIT <= b' ') | (byte == b'\\')
}

/// The same for eight bytes at once: a byte that is less than another borrows from its highest bit.
#[inline(always)]
fn has_special(bytes: u64) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHEST: u64 = ONES << 7;
    let flip = |byte: u8| bytes ^ (ONES * u64::from(byte));
    let below = |bytes: u64, bound: u8| bytes.wrapping_sub(ONES * u64::from(bound));
    (below(flip(QUOTE_BIT), b' ' + 1) | below(flip(b'\\'), 1)) & !bytes & HIGHEST != 0
}

/// Whether any of the bytes is not ASCII.
#[inline(always)]
fn has_other(halves: [u128; 2]) -> bool {
    (halves[0] | halves[1]) & u128::from_le_bytes([0x80; 16]) != 0
}

const QUOTE_BIT: u8 = b'"' ^ b' ';

/// The name of a column, ready to be written before its value: `,"name":`, and the quote that may follow.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// Its first bytes, and what does not matter behind them.
    start: [u8; START],
    /// The same of those that follow.
    more: Box<[u8; START]>,
    /// All of it.
    whole: Box<[u8]>,
}

impl Key {
    pub(super) fn new(name: &str) -> Self {
        let mut key = Buffer::default();
        key.put_block(b",");
        put_string(&mut key, name);
        key.put_block(b":\"");
        Self::of(key.into_written())
    }

    fn of(whole: Vec<u8>) -> Self {
        let whole = whole.into_boxed_slice();
        let (mut start, mut more) = ([0; START], [0; START]);
        start.iter_mut().chain(&mut more).zip(&whole).for_each(|(place, byte)| *place = *byte);
        Self { start, more: Box::new(more), whole }
    }

    /// Appends it, and answers the room for its value.
    #[inline(always)]
    pub(super) fn put<'b>(&self, out: &'b mut Buffer) -> &'b mut Value {
        self.put_first(self.whole.len() - 1, out)
    }

    /// The same with a quote before the value.
    #[inline(always)]
    pub(super) fn put_with_quote<'b>(&self, out: &'b mut Buffer) -> &'b mut Value {
        self.put_first(self.whole.len(), out)
    }

    /// What stands before a value in an array.
    pub(super) fn nameless() -> Self {
        Self::of(b",\"".to_vec())
    }

    /// The same, of the first column of a row that has others before it, and begins with that bracket.
    pub(super) fn behind(&self, separator: &[u8], bracket: u8) -> Self {
        Self::of([separator, &[bracket], &self.whole[1..]].concat())
    }

    /// How many bytes it has, with the quote.
    pub(super) fn len(&self) -> usize {
        self.whole.len()
    }

    /// Writes its first `length` bytes at `start` of `line`; answers the room for a value, and where that begins. What
    /// stands in it may be anything.
    #[inline(always)]
    pub(super) fn write<'l>(&self, line: &'l mut [u8], start: usize, length: usize) -> (&'l mut Value, usize) {
        let room = &mut line[start..];
        match room.first_chunk_mut::<{ START + size_of::<Value>() }>() {
            Some(block) if length <= START => {
                block[..START].copy_from_slice(&self.start);
            }
            _ => room[..length].copy_from_slice(&self.whole[..length]),
        }
        (room[length..].first_chunk_mut().expect("room for a value"), start + length)
    }

    #[inline(always)]
    fn put_first<'b>(&self, length: usize, out: &'b mut Buffer) -> &'b mut Value {
        if length <= START {
            return out.put_start(&self.start, length);
        }
        if length <= 2 * START {
            out.put_block(&self.start);
            return out.put_start(&self.more, length - START);
        }
        out.put(&self.whole[..length]);
        out.value()
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
