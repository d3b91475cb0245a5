//! The parameters of a request: what follows the `?`, decoded.

/// Names and values in their order, or the first part that is not percent-encoded UTF-8. A `+` is a space, as in every
/// form: assumed.
pub(in crate::emulator) fn pairs(query: &str) -> Result<Vec<(String, String)>, &str> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts.map(|part| pair(part).ok_or(part)).collect()
}

fn pair(part: &str) -> Option<(String, String)> {
    let (name, value) = part.split_once('=').unwrap_or((part, ""));
    Some((decoded(&name.replace('+', " "))?, decoded(&value.replace('+', " "))?))
}

/// Undoes percent-encoding; `None` where it is broken.
pub(in crate::emulator) fn decoded(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let value = digit(rest.next())? * 16 + digit(rest.next())?;
            bytes.push(u8::try_from(value).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_decoded() {
        let expected = [("$filter", "name eq 'a&b+c'"), ("$top", "5"), ("x", ""), ("y", "=")];
        let found = pairs("%24filter=name+eq%20'a%26b%2Bc'&$top=5&&x&y==").unwrap();
        assert_eq!(found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>(), expected);
        assert_eq!(pairs("").unwrap(), []);
    }

    #[test]
    fn what_is_not_encoded_well_is_refused() {
        for query in ["$top=%", "$top=%4", "%GG=1", "x=%FF"] {
            assert!(pairs(query).is_err(), "{query}");
        }
    }
}
