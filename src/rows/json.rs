//! JSON that has been read or written already, looked at once more.

/// How many keys stand in `text`, which is valid JSON: a reader that keeps one of two that are alike has fewer.
#[must_use]
pub fn keys(text: &str) -> usize {
    let text = text.as_bytes();
    let (mut at, mut count) = (0, 0);
    while let Some(ahead) = text[at..].iter().position(|byte| *byte == b'"') {
        at = end_of_scalar(text, at + ahead);
        let next = text[at..].iter().find(|byte| !byte.is_ascii_whitespace());
        count += usize::from(next == Some(&b':'));
    }
    count
}

/// Where the text, number or word ends that begins at `start`.
#[inline(always)]
#[allow(clippy::needless_bitwise_bool, reason = "two compares are faster than a branch")]
pub(super) fn end_of_scalar(text: &[u8], start: usize) -> usize {
    if text.get(start) != Some(&b'"') {
        // A bracket that closes is a brace, one bit aside.
        return find(
            text,
            start,
            |byte| (byte == b',') | (byte | 0x20 == b'}'),
            |bytes| is(bytes, b',') | is(bytes | (0x20 * ONES), b'}'),
        );
    }
    let mut at = start + 1;
    loop {
        at = find(text, at, |byte| (byte == b'"') | (byte == b'\\'), |bytes| is(bytes, b'"') | is(bytes, b'\\'));
        match text.get(at) {
            Some(b'"') => return at + 1,
            Some(_) => at += 2,
            None => return text.len(),
        }
    }
}

/// `01` in each byte.
const ONES: u64 = u64::from_le_bytes([1; 8]);

/// The highest bit of the first of these bytes that is `byte`, and perhaps of some behind it; 0 where none is.
#[inline(always)]
fn is(bytes: u64, byte: u8) -> u64 {
    let others = bytes ^ (ONES * u64::from(byte));
    others.wrapping_sub(ONES) & !others & (ONES << 7)
}

/// Where the first byte is that `is` asks for, from `at` on; eight are looked at together, by `are`.
#[inline(always)]
fn find(text: &[u8], mut at: usize, is: impl Fn(u8) -> bool, are: impl Fn(u64) -> u64) -> usize {
    while let Some(bytes) = text.get(at..).and_then(|rest| rest.first_chunk()) {
        match are(u64::from_le_bytes(*bytes)) {
            0 => at += 8,
            found => return at + found.trailing_zeros() as usize / 8,
        }
    }
    let rest = text.get(at..).unwrap_or_default();
    rest.iter().position(|byte| is(*byte)).map_or(text.len(), |found| at + found)
}

#[cfg(test)]
mod tests {
    use super::keys;

    #[test]
    fn keys_are_strings_in_front_of_a_colon() {
        for (text, count) in [
            ("", 0),
            (r#"{"a": 1, "a" : 2}"#, 2),
            (r#"{"a\"": "b\\", "c:": ":", "\\":{"d":["e:"]}}"#, 4),
            ("{}\n{\"a\"\t:1}\n[\"b\"]", 1),
            (r#"{"a": "b"#, 1),
        ] {
            assert_eq!(keys(text), count, "{text}");
        }
    }
}
