//! Numbers for the keys of rows that are arrays: rows of one key have the same one, others another one but by chance.

use std::borrow::Cow;

use super::Encoder;
use super::arrange::cells_of;
use super::plain::Plain;

impl Encoder {
    /// Has each run say the numbers of its rows' keys; `key` says of each column whether it is of the key.
    #[must_use]
    pub fn with_key(mut self, key: impl IntoIterator<Item = bool>) -> Self {
        self.key = key.into_iter().collect();
        self
    }

    /// Takes note of the key of the last row, which begins at `start`.
    pub(super) fn note_key(&mut self, start: usize) {
        if self.key.contains(&true) {
            let cells = cells_of(&self.body.written()[start..]).zip(&*self.key);
            let key = cells.filter(|(_, is_key)| **is_key).fold(0, |number, (cell, _)| numbered(number, cell));
            self.keys.push(key);
        }
    }
}

/// A number for `cell` and for those before it, of which that is one already.
#[inline]
pub(super) fn numbered(number: u64, cell: &[u8]) -> u64 {
    let cell = &*alike(cell);
    let (blocks, rest) = cell.as_chunks::<8>();
    let rest = rest.iter().fold(cell.len() as u64, |word, byte| word << 8 | u64::from(*byte));
    let words = blocks.iter().map(|block| u64::from_le_bytes(*block));
    words.chain([rest]).fold(number, mixed)
}

/// A cell as all cells of its value are written: `1.0`, `1.00` and `1e0` are the number 1.
#[inline]
fn alike(cell: &[u8]) -> Cow<'_, [u8]> {
    let is_number = cell.first().is_some_and(|first| matches!(first, b'0'..=b'9' | b'-'));
    if !is_number || !cell.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        return Cow::Borrowed(cell);
    }
    let text = str::from_utf8(cell).unwrap_or_default();
    let plain = if text.contains(['e', 'E']) { Plain::read(text) } else { None };
    let text = plain.map_or(Cow::Borrowed(text), |plain| Cow::Owned(plain.to_string()));
    let short = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    match (short, &text) {
        ("-0", _) => Cow::Borrowed(b"0"),
        (_, Cow::Borrowed(text)) => Cow::Borrowed(&text.as_bytes()[..short.len()]),
        (short, Cow::Owned(_)) => Cow::Owned(short.as_bytes().to_vec()),
    }
}

/// Any bit of the two changes half of the answer's: both halves of a product with an odd number.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "the other half is there too")]
fn mixed(number: u64, word: u64) -> u64 {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let product = u128::from(number ^ word ^ ODD.rotate_left(32)) * u128::from(ODD);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn cells_of_one_value_have_one_number() {
        for cells in [
            ["1", "1.0", "1.00", "1e0"],
            ["-120", "-120.0", "-1.2e2", "-12E1"],
            ["0.5", "0.50", "5e-1", "0.05e1"],
            ["0", "0.0", "0e9", "-0.0"],
        ] {
            let numbers: HashSet<_> = cells.iter().map(|cell| numbered(0, cell.as_bytes())).collect();
            assert_eq!(numbers.len(), 1, "{cells:?}");
        }
        let texts: HashSet<_> =
            [r#""1.0""#, r#""1""#, "1", "10"].iter().map(|cell| numbered(0, cell.as_bytes())).collect();
        assert_eq!(texts.len(), 4);
    }

    #[test]
    fn other_cells_have_other_numbers() {
        let cells = (0..50_000).flat_map(|number: u32| {
            let text = number.to_string();
            [text.clone(), format!("\"{text}\""), format!("\"{text:0>12}\""), "x".repeat(text.len()) + &text]
        });
        let cells: HashSet<_> = cells.collect();
        let numbers: HashSet<_> = cells.iter().map(|cell| numbered(0, cell.as_bytes())).collect();
        assert_eq!(numbers.len(), cells.len());
        let [one, two] = ["1", "12"].map(|cell| numbered(0, cell.as_bytes()));
        assert_ne!(numbered(one, b"23"), numbered(two, b"3"));
    }
}
