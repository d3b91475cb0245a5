//! Reading a Decimal digit by digit, so that nothing is rounded.

use crate::emulator::services::powerbi::rules::{DECIMAL_PRECISION, DECIMAL_SCALE};

/// Larger exponents are not worth counting out.
const MAX_EXPONENT: i32 = 1_000;

const NOT_A_NUMBER: &str = "is not a decimal number";
const TOO_PRECISE: &str = "has more than 28 digits, or more than 4 after the point";

/// The plain notation of `text`, a number as JSON writes it.
pub(super) fn read(text: &str) -> Result<Box<str>, &'static str> {
    let (negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, digits(fraction)?),
        None => (mantissa, ""),
    };
    let exponent: i32 = exponent.parse().map_err(|_| NOT_A_NUMBER)?;
    let all = [digits(whole)?, fraction].concat();
    plain(negative, &all, exponent, fraction.len())
}

fn digits(text: &str) -> Result<&str, &'static str> {
    let only_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    only_digits.then_some(text).ok_or(NOT_A_NUMBER)
}

/// Writes `digits` with the point `fraction` places from their end, moved by `exponent`.
fn plain(negative: bool, digits: &str, exponent: i32, fraction: usize) -> Result<Box<str>, &'static str> {
    let trailing_zeros = digits.len() - digits.trim_end_matches('0').len();
    let kept = digits.trim_matches('0');
    if kept.is_empty() {
        return Ok("0".into());
    }
    let shift = i64::from(exponent) + i64::try_from(trailing_zeros).unwrap_or(i64::MAX)
        - i64::try_from(fraction).unwrap_or(i64::MAX);
    if exponent.abs() > MAX_EXPONENT || shift > i64::from(MAX_EXPONENT) {
        return Err(TOO_PRECISE);
    }
    let zeros = usize::try_from(shift).unwrap_or(0);
    let scale = usize::try_from(-shift).unwrap_or(0);
    if scale > DECIMAL_SCALE || kept.len() + zeros > DECIMAL_PRECISION {
        return Err(TOO_PRECISE);
    }
    let number = format!("{kept:0>width$}{:0<zeros$}", "", width = scale + 1);
    let (whole, fraction) = number.split_at(number.len() - scale);
    let sign = if negative { "-" } else { "" };
    let point = if scale > 0 { "." } else { "" };
    Ok(format!("{sign}{whole}{point}{fraction}").into())
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_decimal_is_exact_and_in_plain_notation() {
        for (sent, stored) in [
            ("0", "0"),
            ("-0.0", "0"),
            ("1.50", "1.5"),
            ("-0.0001", "-0.0001"),
            ("1e3", "1000"),
            ("12.5E-3", "0.0125"),
            ("1.2e+1", "12"),
            ("100", "100"),
            ("123456789012345678901234.5678", "123456789012345678901234.5678"),
            ("9999999999999999999999999999", "9999999999999999999999999999"),
        ] {
            assert_eq!(read(sent).as_deref(), Ok(stored), "{sent}");
        }
    }

    #[test]
    fn more_digits_than_a_decimal_has_are_refused() {
        for sent in ["0.00001", "1e28", "12345678901234567890123456789", "1e-5", "1e999999", "1e99999999999"] {
            assert!(read(sent).is_err(), "{sent}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for sent in ["", "-", "+1", "1.", ".5", "1e", "NaN", "1 ", "0x1", "1,5"] {
            assert!(read(sent).is_err(), "{sent}");
        }
    }
}
