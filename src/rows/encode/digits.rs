//! The digits of numbers, made and written a register at a time.

use super::buffer::Value;
use super::strings::{BLOCK, write_ends};

/// Writes a whole number. Few have more than six digits, fewer more than eight, and those are made in one register.
#[inline(always)]
pub(super) fn write_integer(room: &mut Value, value: i64) -> usize {
    match value {
        0..1_000_000 => write_below_million(room, value),
        1_000_000..100_000_000 => write_below_hundred_million(room, value),
        _ => write_text(room, itoa::Buffer::new().format(value)),
    }
}

/// Writes a whole number from 0 on, below 1,000,000.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "32 bits hold it")]
pub(super) fn write_below_million(room: &mut Value, value: i64) -> usize {
    write_stripped::<6>(room, 0, six_digits(value as u32))
}

/// Writes a whole number from 0 on, below 100,000,000.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "32 bits hold it")]
pub(super) fn write_below_hundred_million(room: &mut Value, value: i64) -> usize {
    write_stripped::<8>(room, 0, eight_digits(value as u32))
}

/// So many digits without the zeros before them, written at `start`; the first one is in the lowest byte. Answers where
/// they end.
#[inline(always)]
fn write_stripped<const WIDTH: usize>(room: &mut Value, start: usize, digits: u64) -> usize {
    let last = 1 << (8 * (WIDTH - 1));
    let zeros = (digits & !ZEROS | last).trailing_zeros() as usize / 8;
    room[start..start + 8].copy_from_slice(&(digits >> (8 * zeros)).to_le_bytes());
    start + WIDTH - zeros
}

/// `00000000` as a number.
const ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);

/// The two digits of each number below 100.
pub(super) static PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number as usize] = [b'0' + number / 10, b'0' + number % 10];
        number += 1;
    }
    pairs
};

/// The three digits of each number below 1,000, in the lower bytes; room for as many as ten bits count.
static TRIPLES: [u32; 1 << 10] = {
    let mut triples = [0; _];
    let mut number = 0;
    while number < 1_000 {
        let [tens, ones] = PAIRS[number % 100];
        triples[number] = u32::from_le_bytes([PAIRS[number / 100][1], tens, ones, 0]);
        number += 1;
    }
    triples
};

/// The digits of a number below 1,000.
#[inline(always)]
fn three_digits(number: u32) -> u64 {
    u64::from(TRIPLES[number as usize % TRIPLES.len()])
}

/// The digits of a number below 1,000,000.
#[inline(always)]
fn six_digits(number: u32) -> u64 {
    three_digits(number / 1_000) | three_digits(number % 1_000) << 24
}

/// The digits of a number below 100,000,000.
#[inline(always)]
fn eight_digits(number: u32) -> u64 {
    three_digits(number / 1_000_000) >> 8 | six_digits(number % 1_000_000) << 16
}

/// Writes a number that is neither infinite nor NaN, in the fewest digits that read as it.
#[inline(always)]
pub(super) fn write_finite(room: &mut Value, value: f64) -> usize {
    match parts(value.abs()) {
        Some(parts) => write_parts(room, value.is_sign_negative(), parts),
        None => write_text(room, zmij::Buffer::new().format_finite(value)),
    }
}

/// Whether it has more digits than are made in registers.
#[inline(always)]
pub(super) fn has_many_digits(value: f64) -> bool {
    parts(value.abs()).is_none()
}

/// Writes out several numbers, and `null` for what is none, before any of them is copied: a processor that reads what it
/// has just written waits for it.
#[inline(always)]
pub(super) fn written_out<const N: usize>(
    room: &mut [zmij::Buffer; N],
    values: impl Iterator<Item = Option<f64>>,
) -> [&str; N] {
    let mut texts = [""; N];
    for ((buffer, text), value) in room.iter_mut().zip(&mut texts).zip(values) {
        *text = value.filter(|value| !value.is_nan()).map_or("null", |value| buffer.format_finite(value));
    }
    texts
}

/// Whether it has no fraction and is between -1,000,000 and 1,000,000; -0.0 is not.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "what is lost is seen")]
pub(super) fn is_small_and_whole(value: f64) -> bool {
    (f64::from(value as i32).to_bits() == value.to_bits()) & (value.abs() < 1e6)
}

/// Writes such a number.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "32 bits hold it")]
pub(super) fn write_small_and_whole(room: &mut Value, value: f64) -> usize {
    let value = value as i32;
    room[0] = b'-';
    let point = write_stripped::<6>(room, usize::from(value < 0), six_digits(value.unsigned_abs()));
    room[point..point + 2].copy_from_slice(b".0");
    point + 2
}

/// What numbers of few digits are counted in: parts of eight digits after the point.
const PARTS: u32 = 100_000_000;

/// How many parts `value` is, if it is what so many of them read as. They have 15 digits at most, and no two numbers
/// of that many digits read as the same one: any other digits that read as `value` are more.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "below 2^50")]
#[allow(clippy::float_cmp, reason = "all of its bits count")]
fn parts(value: f64) -> Option<u64> {
    let parts = (value * f64::from(PARTS) + 0.5) as i64;
    let exact = (1e-3..1e7).contains(&value) && parts as f64 / f64::from(PARTS) == value;
    exact.then_some(parts.cast_unsigned())
}

/// Writes a number of so many parts, without the zeros behind its last digit; one stays behind the point.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "both are below 100,000,000")]
fn write_parts(room: &mut Value, negative: bool, parts: u64) -> usize {
    room[0] = b'-';
    let whole = eight_digits((parts / u64::from(PARTS)) as u32);
    let point = write_stripped::<8>(room, usize::from(negative), whole);
    let rest = eight_digits((parts % u64::from(PARTS)) as u32);
    let zeros = (rest & !ZEROS | 1).leading_zeros() as usize / 8;
    room[point] = b'.';
    room[point + 1..point + 9].copy_from_slice(&rest.to_le_bytes());
    point + 9 - zeros
}

/// A number that somebody else has written out.
#[inline(always)]
pub(super) fn write_text(room: &mut Value, text: &str) -> usize {
    let bytes = text.as_bytes();
    let written = write_ends::<BLOCK>(room, bytes).is_some()
        || write_ends::<8>(room, bytes).is_some()
        || write_ends::<4>(room, bytes).is_some();
    if !written {
        room.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integer(value: i64) -> String {
        let mut room = [0; _];
        let written = write_integer(&mut room, value);
        String::from_utf8(room[..written].to_vec()).unwrap()
    }

    fn finite(value: f64) -> String {
        let mut room = [0; _];
        let written = write_finite(&mut room, value);
        String::from_utf8(room[..written].to_vec()).unwrap()
    }

    #[test]
    fn whole_numbers_are_written_as_they_are() {
        let near = (0..19).map(|power| 10_i64.pow(power)).flat_map(|size| [size - 1, size, size + 1, 7 * size / 3]);
        for value in near.flat_map(|size| [size, -size]).chain([i64::MAX, i64::MIN]).chain(-10_000..=10_000) {
            assert_eq!(integer(value), value.to_string());
        }
    }

    #[test]
    fn floats_are_written_in_the_fewest_digits_that_read_as_them() {
        let mut random = 1_u64;
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            random >> 11
        };
        for round in 0..300_000 {
            let size = 10_f64.powi(round % 20);
            #[allow(clippy::cast_precision_loss, reason = "any number will do")]
            let value = next() as f64 % size / 10_f64.powi(round % 11);
            for value in [value, -value, value.next_up(), value.next_down(), value.round()] {
                assert_eq!(finite(value), zmij::Buffer::new().format_finite(value));
            }
        }
    }

    #[test]
    fn small_floats_without_a_fraction_are_written_as_they_read() {
        for value in (-1_100_000..1_100_000).step_by(7).chain([-999_999, 999_999, -1, 0, 1]).map(f64::from) {
            assert_eq!(is_small_and_whole(value), value.abs() < 1e6);
            let mut room = [0; _];
            if is_small_and_whole(value) {
                let written = write_small_and_whole(&mut room, value);
                assert_eq!(str::from_utf8(&room[..written]).unwrap(), zmij::Buffer::new().format_finite(value));
            }
        }
        for value in [-0.0, 0.5, 999_999.5, f64::NAN, f64::INFINITY, 5e9, f64::from(i32::MIN)] {
            assert!(!is_small_and_whole(value));
        }
    }

    #[test]
    fn floats_of_few_digits_are_written_as_they_read() {
        for text in [
            "0.0",
            "-0.0",
            "0.5",
            "-0.5",
            "1.0",
            "-1.0",
            "0.001",
            "0.00099999",
            "9999999.99999999",
            "-9999999.99999999",
            "10000000.0",
            "9999999.999999998",
            "1234567.0",
            "0.1",
            "0.12345678",
            "0.123456789",
            "0.30000000000000004",
            "100.0",
            "1000000.5",
            "1234.50000001",
        ] {
            assert_eq!(finite(text.parse().unwrap()), text);
        }
    }
}
