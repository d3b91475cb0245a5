//! Decimal numbers in plain notation.

use std::fmt;

use super::buffer::Buffer;

/// The longest plain notation worth writing: the smallest Double has 1,074 digits after the point.
const MAX_PLAIN: usize = 1_100;

/// A decimal number in plain notation: digits and where the point stands.
#[derive(PartialEq, Eq)]
pub(super) struct Plain {
    negative: bool,
    /// Digits before the point, without leading zeros.
    whole: String,
    /// Digits after the point.
    fraction: String,
}

impl Plain {
    /// Reads `-12.30`, `1E+3`, `1e-7`; `None` for anything else, or where plain notation would get absurdly long.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent: i64 = exponent.parse().ok()?;
        let negative = mantissa.starts_with('-');
        let (whole, fraction) = mantissa
            .trim_start_matches(['-', '+'])
            .split_once('.')
            .unwrap_or((mantissa.trim_start_matches(['-', '+']), ""));
        let mut digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let is_zero = digits.bytes().all(|digit| digit == b'0');
        let mut point = i64::try_from(whole.len()).ok()?.saturating_add(exponent);
        if is_zero {
            // Zero with an exponent: its digits say nothing but its scale.
            point = point.min(1);
        }
        let limit = i64::try_from(MAX_PLAIN).ok()?;
        if point > limit || point < -limit || digits.len() > MAX_PLAIN {
            return None;
        }
        if point < 0 {
            digits.insert_str(0, &"0".repeat(usize::try_from(-point).ok()?));
            point = 0;
        }
        let point = usize::try_from(point).ok()?;
        if digits.len() < point {
            digits.push_str(&"0".repeat(point - digits.len()));
        }
        let fraction = digits.split_off(point);
        Some(Self { negative, whole: digits.trim_start_matches('0').to_owned(), fraction })
    }

    /// The same number with at most `scale` digits after the point, if that drops nothing but zeros.
    pub(super) fn with_scale(mut self, scale: usize) -> Option<Self> {
        if self.fraction.len() > scale {
            let dropped = self.fraction.split_off(scale);
            if dropped.bytes().any(|digit| digit != b'0') {
                return None;
            }
        }
        Some(self)
    }

    /// The number of so many digits after the point that is nearest, the even one of two; itself where it has no more.
    pub(super) fn rounded(mut self, scale: usize) -> Self {
        if self.fraction.len() <= scale {
            return self;
        }
        let dropped = self.fraction.split_off(scale);
        let (first, others) = dropped.as_bytes().split_first().expect("more digits than the scale");
        let mut digits = format!("0{}{}", self.whole, self.fraction).into_bytes();
        let is_odd = digits.last().is_some_and(|digit| digit % 2 == 1);
        let is_half = *first == b'5' && others.iter().all(|digit| *digit == b'0');
        if *first > b'5' || *first == b'5' && (!is_half || is_odd) {
            let nines = digits.iter().rev().take_while(|digit| **digit == b'9').count();
            let kept = digits.len() - nines;
            digits[kept - 1] += 1;
            digits[kept..].fill(b'0');
        }
        let mut whole: String = digits.into_iter().map(char::from).collect();
        self.fraction = whole.split_off(whole.len() - scale);
        whole.trim_start_matches('0').clone_into(&mut self.whole);
        self
    }

    /// The same number without zeros at the end of its fraction.
    pub(super) fn without_zeros(mut self) -> Self {
        let length = self.fraction.trim_end_matches('0').len();
        self.fraction.truncate(length);
        self
    }

    /// How many digits it has, those before the point without leading zeros.
    pub(super) fn digits(&self) -> usize {
        self.whole.len() + self.fraction.len()
    }

    pub(super) fn put(&self, out: &mut Buffer) {
        out.put(self.to_string().as_bytes());
    }
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.negative { "-" } else { "" };
        let whole = if self.whole.is_empty() { "0" } else { &self.whole };
        let point = if self.fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{}", self.fraction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Option<String> {
        let mut out = Buffer::default();
        Plain::read(text)?.put(&mut out);
        String::from_utf8(out.into_written()).ok()
    }

    #[test]
    fn decimals_are_written_in_plain_notation() {
        for (text, expected) in [
            ("1.50", "1.50"),
            ("-0.001", "-0.001"),
            ("1E+3", "1000"),
            ("1e22", "10000000000000000000000"),
            ("1.5e-7", "0.00000015"),
            ("0E+5", "0"),
            ("0E-3", "0.000"),
            ("-0", "-0"),
            ("007", "7"),
            ("1E-3", "0.001"),
            ("12.5E1", "125"),
        ] {
            assert_eq!(plain(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "-", ".", "1e", "abc", "1E+999999999", "1E-999999999"] {
            assert_eq!(plain(text), None, "{text}");
        }
    }

    #[test]
    fn rounding_goes_to_the_nearest_and_from_halves_to_the_even_one() {
        for (text, expected) in [
            ("1.00005", "1.0000"),
            ("1.00015", "1.0002"),
            ("1.00025", "1.0002"),
            ("1.000050001", "1.0001"),
            ("-1.00004999", "-1.0000"),
            ("0.00005", "0.0000"),
            ("0.99995", "1.0000"),
            ("9999.99999", "10000.0000"),
            ("-0.000051", "-0.0001"),
            ("1.5", "1.5"),
            ("1.50000", "1.5000"),
            ("7", "7"),
        ] {
            assert_eq!(
                Plain::read(text).map(|plain| plain.rounded(4).to_string()).as_deref(),
                Some(expected),
                "{text}"
            );
        }
    }
}
