//! Few bytes copied as blocks of a fixed size: a call that copies any number of bytes costs more than the bytes.

/// How many bytes are looked at and copied at once.
pub(super) const BLOCK: usize = 16;

/// Appends what is probably short: digits, a name.
#[inline]
pub(super) fn put_short(out: &mut Vec<u8>, bytes: &[u8]) {
    match (bytes.first_chunk::<BLOCK>(), bytes.last_chunk::<BLOCK>()) {
        (Some(first), Some(last)) if bytes.len() <= 2 * BLOCK => {
            let overlap = 2 * BLOCK - bytes.len();
            out.extend_from_slice(first);
            out.truncate(out.len() - overlap);
            out.extend_from_slice(last);
        }
        (None, _) => {
            put_start(out, bytes, |_| true);
        }
        _ => out.extend_from_slice(bytes),
    }
}

/// Appends fewer bytes than a block, unless `takes` refuses them with spaces behind them.
#[inline]
pub(super) fn put_start(out: &mut Vec<u8>, bytes: &[u8], takes: impl Fn(&[u8; BLOCK]) -> bool) -> bool {
    let block = padded(bytes);
    let plain = takes(&block);
    if plain {
        let end = out.len() + bytes.len();
        out.extend_from_slice(&block);
        out.truncate(end);
    }
    plain
}

/// A block that begins with `bytes`, of which there are fewer; the rest are spaces. Read as two numbers that overlap.
#[inline]
fn padded(bytes: &[u8]) -> [u8; BLOCK] {
    const SPACES: u128 = u128::from_le_bytes([b' '; BLOCK]);
    let bits = |bytes: usize| 8 * bytes;
    let length = bytes.len();
    let value = if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        let last = u128::from(u64::from_le_bytes(*last));
        u128::from(u64::from_le_bytes(*first)) | last << bits(length - 8)
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let last = u64::from(u32::from_le_bytes(*last));
        u128::from(u64::from(u32::from_le_bytes(*first)) | last << bits(length - 4))
    } else if let [first, .., last] = *bytes {
        let middle = bytes[length / 2];
        let (middle, last) = (u32::from(middle) << bits(length / 2), u32::from(last) << bits(length - 1));
        u128::from(u32::from(first) | middle | last)
    } else {
        bytes.first().map_or(0, |&only| only.into())
    };
    (value | SPACES << bits(length)).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_bytes_is_appended_as_it_is() {
        let bytes: Vec<u8> = (1..=70).collect();
        for length in 0..bytes.len() {
            let mut out = vec![0];
            put_short(&mut out, &bytes[..length]);
            assert_eq!(out[1..], bytes[..length], "{length}");
        }
    }

    #[test]
    fn what_is_looked_at_ends_with_spaces() {
        for length in 0..BLOCK {
            let seen = |block: &[u8; BLOCK]| *block == *format!("{:<16}", "x".repeat(length)).as_bytes();
            assert!(put_start(&mut Vec::new(), &vec![b'x'; length], seen), "{length}");
        }
        let mut out = Vec::new();
        assert!(!put_start(&mut out, b"ab", |_| false));
        assert_eq!(out, b"");
    }
}
