//! Whether bytes are UTF-8, asked of sixteen at a time: what a byte has to be follows from the three before it.

/// How many bytes before one say what it has to be.
const BEFORE: usize = 3;

/// The same answer as `str::from_utf8` gives. All bytes are looked at, so that they are looked at together.
pub(super) fn is_utf8(bytes: &[u8]) -> bool {
    let (Some(first), Some(last)) = (bytes.first_chunk::<BEFORE>(), bytes.last_chunk::<BEFORE>()) else {
        return str::from_utf8(bytes).is_ok();
    };
    // No character goes on at the start, and none may at the end.
    let (mut start, mut end) = ([0; 2 * BEFORE], [0; 2 * BEFORE]);
    start[BEFORE..].copy_from_slice(first);
    end[..BEFORE].copy_from_slice(last);
    !(has_wrong(&start) | has_wrong(bytes) | has_wrong(&end))
}

/// Whether a byte is wrong behind the three before it. Those have three of their own.
#[inline(always)]
fn has_wrong(bytes: &[u8]) -> bool {
    let behind = |count: usize| &bytes[BEFORE - count..bytes.len() - count];
    let before = behind(3).iter().zip(behind(2)).zip(behind(1));
    before
        .zip(behind(0))
        .fold(false, |wrong, (((third, second), first), byte)| wrong | is_wrong([*third, *second, *first], *byte))
}

#[inline(always)]
#[allow(clippy::needless_bitwise_bool, reason = "sixteen at a time, without a branch")]
fn is_wrong([third, second, first]: [u8; BEFORE], byte: u8) -> bool {
    let goes_on = byte & 0xC0 == 0x80;
    let is_to_go_on = (first >= 0xC0) | (second >= 0xE0) | (third >= 0xF0);
    // Too long a spelling, half of a pair, or no character at all.
    let too_long = ((first == 0xE0) & (byte < 0xA0)) | ((first == 0xF0) & (byte < 0x90)) | (byte & 0xFE == 0xC0);
    let too_large = ((first == 0xED) & (byte >= 0xA0)) | ((first == 0xF4) & (byte >= 0x90)) | (byte >= 0xF5);
    (goes_on != is_to_go_on) | too_long | too_large
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes on either side of each bound.
    const BYTES: [u8; 24] = [
        0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
        0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF,
    ];

    #[test]
    fn every_four_bytes_are_judged_as_by_the_standard_library() {
        for number in 0..BYTES.len().pow(4) {
            let four = [0, 1, 2, 3].map(|place| BYTES[number / BYTES.len().pow(place) % BYTES.len()]);
            for length in 0..=4 {
                let bytes = &four[..length];
                assert_eq!(is_utf8(bytes), str::from_utf8(bytes).is_ok(), "{bytes:x?}");
            }
            let within = [b"Z\xC3\xBCrich, a".as_slice(), &four, "東京 and what is behind".as_bytes()].concat();
            assert_eq!(is_utf8(&within), str::from_utf8(&within).is_ok(), "{four:x?}");
        }
    }
}
