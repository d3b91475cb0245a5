//! JSON that has been read already, looked at once more.

/// How many keys stand in `text`, which is valid JSON: a reader that keeps one of two that are alike has fewer.
#[must_use]
pub fn keys(text: &str) -> usize {
    let mut rest = text.as_bytes();
    let mut count = 0;
    while let Some(start) = rest.iter().position(|byte| *byte == b'"') {
        rest = behind_string(&rest[start + 1..]);
        let next = rest.iter().find(|byte| !byte.is_ascii_whitespace());
        count += usize::from(next == Some(&b':'));
    }
    count
}

/// What follows behind the quote that ends a string.
fn behind_string(mut rest: &[u8]) -> &[u8] {
    while let Some(place) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
        if rest[place] == b'"' {
            return &rest[place + 1..];
        }
        rest = rest.get(place + 2..).unwrap_or_default();
    }
    &[]
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
