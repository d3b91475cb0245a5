//! What one value tells about the column that it is from.

use super::buffer::Buffer;
use super::date_text;
use super::numbers::{is_double, is_int64, is_whole_double, read};
use super::options::Options;
use super::refusal::unsupported_advice;
use super::shown::shown;
use super::value::{is_nan, own_type, put_value};
use crate::rows::cell::Cell;
use crate::rows::schema::{DataType, Kind, Looks, NoType};

/// Digits that any Double tells apart.
const SURE_DIGITS: usize = 15;

/// What `cell` tells about its column, for a target that has these `types`, where values are converted or not. What text
/// reads as is asked as far as it is `open`.
pub(super) fn kind_of(cell: &Cell<'_>, options: Options, types: &[DataType], open: Looks) -> Kind {
    let has = |data_type| types.contains(&data_type);
    match *cell {
        Cell::Null => return Kind::Missing,
        _ if is_nan(cell) => return Kind::NaN,
        Cell::Time(_) if has(DataType::Time) => {}
        Cell::Time(_) if options.convert => return Kind::Type(DataType::String),
        _ => {}
    }
    let own = match cell {
        Cell::Date(_) if has(DataType::Date) => Some(DataType::Date),
        Cell::Time(_) if has(DataType::Time) => Some(DataType::Time),
        _ => own_type(cell),
    };
    let by_default = Options { values: options.values, ..Options::default() };
    if !fits_plainly(cell, by_default)
        && (own.is_none() || put_value(&mut Buffer::default(), own, *cell, by_default).is_err())
    {
        // Text that is too long is text: the check of its row says where it stands, or cuts it.
        let is_text = matches!(cell, Cell::Text(_));
        return if is_text { Kind::Text(Looks::SETTLED) } else { Kind::Unsupported(no_type(cell, by_default)) };
    }
    match (*cell, own) {
        (Cell::Int(value), _) if !is_whole_double(value) => Kind::WideInt,
        (Cell::Text(text), _) => Kind::Text(looks(text, open)),
        (_, Some(own)) => Kind::Type(own),
        (_, None) => Kind::Missing,
    }
}

/// Whether it surely is a value of its own type: what most values are need not be written to say so.
fn fits_plainly(cell: &Cell<'_>, options: Options) -> bool {
    match *cell {
        Cell::Bool(_) => true,
        Cell::Int(value) => is_int64(value),
        Cell::Float(value) => is_double(value),
        Cell::Text(text) => text.len() <= options.values.max_text,
        _ => false,
    }
}

/// What the value is called where something is said of it: its type, and the value unless that is to be hidden.
pub(super) fn example(cell: &Cell<'_>, row: usize, hide_values: bool) -> String {
    let place = format!("{} in row {row}", cell.type_name());
    match shown(cell).filter(|_| !hide_values) {
        Some(value) => format!("{place} (`{value}`)"),
        None => place,
    }
}

/// Why no column takes the value, and what to do.
fn no_type(cell: &Cell<'_>, options: Options) -> NoType {
    let (why, data_type, advice) = match *cell {
        Cell::Float(value) if value.is_infinite() => ("an infinite number", None, "put None in its place"),
        Cell::Decimal(text) if text.contains("Inf") => ("an infinite number", None, "put None in its place"),
        Cell::Float(_) => ("a number at Double's own limit", None, "put None in its place"),
        Cell::Int(_) | Cell::WideInt(_) if takes_decimal(cell, options) => {
            ("a whole number that is too large for Int64", Some("Decimal"), "takes {digits} digits")
        }
        Cell::Int(_) | Cell::WideInt(_) => (
            "a whole number that is too large for Int64",
            Some("str"),
            "takes it as text when rows are pushed with convert=True",
        ),
        Cell::Decimal(_) if takes_decimal(cell, Options { round_decimals: true, ..options }) => (
            "a Decimal with more than {scale} places",
            Some("Decimal"),
            "takes it when rows are pushed with decimals=\"round\", and float takes all places",
        ),
        Cell::Decimal(_) => ("a Decimal with more than {digits} digits", Some("float"), "takes the nearest Double"),
        Cell::BrokenText => ("text with a lone surrogate, which is no valid Unicode", None, "mend the text"),
        Cell::Time(_) => (
            "a time of day",
            Some("str"),
            "takes it as text when rows are pushed with convert=True, and infer(convert=True) infers that",
        ),
        Cell::Unsupported(name) => ("a value that no type takes", None, unsupported_advice(name)),
        _ => ("a value that no type takes", None, unsupported_advice("")),
    };
    NoType { why, data_type, advice }
}

fn takes_decimal(cell: &Cell<'_>, options: Options) -> bool {
    put_value(&mut Buffer::default(), Some(DataType::Decimal), *cell, options).is_ok()
}

/// What text reads as, without losing a thing: zeros in front make a number a code, and so does a plus sign.
/// What it may not read as anyhow is not asked.
fn looks(text: &str, open: Looks) -> Looks {
    if open == Looks::SETTLED {
        return open;
    }
    let text = text.trim();
    if text.is_empty() {
        return Looks::BLANK;
    }
    if text.eq_ignore_ascii_case("nan") {
        return Looks { whole: true, number: true, ..Looks::NOTHING };
    }
    let (whole, number) = if open.whole || open.number { number(text) } else { (false, false) };
    let truth = open.truth && (text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false"));
    let moment = open.moment && (date_text::read_plain(text).is_some() || date_text::read(text).is_ok());
    Looks { says: true, whole, number, truth, moment }
}

/// Whether an Int64 holds the number that a text is, and whether a Double does.
fn number(text: &str) -> (bool, bool) {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_code = digits.starts_with('+') || digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    let Some(value) = read(text).filter(|_| !is_code) else { return (false, false) };
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let whole = text.parse::<i64>().ok().filter(|value| is_int64(*value));
        return (whole.is_some(), whole.is_some_and(is_whole_double));
    }
    // Names of things look like `12e4`; numbers have a point or a sign there.
    let is_number = digits.contains(['.', '+', '-']);
    let mantissa = digits.split(['e', 'E']).next().unwrap_or_default();
    let sure = mantissa.bytes().filter(u8::is_ascii_digit).skip_while(|digit| *digit == b'0').count() <= SURE_DIGITS;
    (false, is_number && sure && is_double(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_looks_like_what_it_can_become_without_a_loss() {
        let number = Looks { says: true, number: true, ..Looks::NOTHING };
        let exact = Looks { whole: true, ..number };
        let truth = Looks { says: true, truth: true, ..Looks::NOTHING };
        let moment = Looks { says: true, moment: true, ..Looks::NOTHING };
        let nothing = Looks { says: true, ..Looks::NOTHING };
        for (text, expected) in [
            ("", Looks::BLANK),
            (" ", Looks::BLANK),
            ("nan", Looks { whole: true, number: true, ..Looks::NOTHING }),
            ("5", exact),
            (" -5 ", exact),
            ("0", exact),
            ("9007199254740993", Looks { number: false, ..exact }),
            ("9223372036854775807", nothing),
            ("1.50", number),
            ("-0.5", number),
            (".5", number),
            ("1e-5", number),
            ("1.2345678901234567", nothing),
            ("1e400", nothing),
            ("12e4", nothing),
            ("007", nothing),
            ("-01", nothing),
            ("+49", nothing),
            ("1,000", nothing),
            ("five", nothing),
            ("True", truth),
            ("1", exact),
            ("2014-07-30", moment),
            ("07/30/2014 10:11", moment),
            ("2014-02-30", nothing),
            ("20140730", Looks { moment: true, ..exact }),
        ] {
            assert_eq!(looks(text, Looks::BLANK), expected, "{text}");
        }
    }
}
