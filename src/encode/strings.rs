//! Text as JSON strings, and its length as the service counts it.

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends `text` as a JSON string; everything that JSON allows stays as it is.
pub(super) fn put_string(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    out.push(b'"');
    let mut copied = 0;
    for (position, &byte) in bytes.iter().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[copied..position]);
        copied = position + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
        }
    }
    out.extend_from_slice(&bytes[copied..]);
    out.push(b'"');
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
