//! Why one value cannot go where it should, in words for people: what is wrong, the value, and what would mend it.

use super::Buffer;
use super::date_text;
use super::options::{Naive, Options};
use super::problems::Code;
use super::shown::shown;
use super::value::put_value;
use crate::rows::cell::Cell;
use crate::rows::schema::{DataType, TableSchema};

/// Why a value was refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: Code,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The same about `cell` in `column`, with the value unless it is to be hidden, and what would mend it.
    pub(super) fn of(self, cell: Cell<'_>, column: &str, data_type: Option<DataType>, options: Options) -> Self {
        let mut message = format!("column `{column}` {}", self.message);
        // Values stand between backticks, where whoever groups messages leaves them out.
        if let Some(value) = shown(&cell).filter(|_| !options.hide_values) {
            message = format!("{message}: `{value}`");
        }
        if let Some(cure) = cure(self.code, cell, data_type, options) {
            message = format!("{message}; {cure}");
        }
        Self { message, ..self }
    }

    pub(super) fn unknown_column(name: &str, cell: &Cell<'_>, schema: &TableSchema) -> Self {
        let mut message = format!("column `{name}` is not in table `{}`", schema.name());
        if let Some(nearest) = schema.nearest(name) {
            message = format!("{message}; did you mean `{nearest}`?");
        } else if matches!(cell, Cell::Unsupported("list")) {
            message = format!("{message}; where its list holds the rows, push that: push(body[{name:?}])");
        }
        Self::new(Code::UnknownColumn, message)
    }

    /// A value that no column takes, where `expected` was.
    pub(super) fn unsupported(expected: &str, name: &str) -> Self {
        let advice = unsupported_advice(name);
        Self::new(Code::WrongType, format!("takes {expected}, not {name}; {advice}"))
    }

    pub(super) fn wrong_type(data_type: DataType, cell: &Cell<'_>) -> Self {
        Self::new(Code::WrongType, format!("takes {data_type}, not {}", cell.type_name()))
    }
}

/// A change of the options, and what it does; numbers of the rules are left open.
type Cure = (fn(Options) -> Options, &'static str);

const CONVERT: Cure = (|options| Options { convert: true, ..options }, "convert=True converts it");
const ROUND: Cure =
    (|options| Options { round_decimals: true, ..options }, "decimals=\"round\" rounds it to {scale} places");
const TRUNCATE: Cure = (|options| Options { truncate: true, ..options }, "too_long=\"truncate\" cuts it");
const NAN: Cure = (|options| Options { refuse_nan: false, ..options }, "nan=\"null\" sends it as a missing value");
const KEEP: Cure = (
    |options| Options { naive_datetimes: Naive::Keep, ..options },
    "naive_datetimes=\"keep\", \"utc\" or \"local\" says how to take it",
);
const WALL: Cure =
    (|options| Options { wall: true, ..options }, "aware_datetimes=\"wall\" sends what its own clock shows");

/// What would mend a refusal: the first option that does when it is tried, or two of them together.
fn cure(code: Code, cell: Cell<'_>, data_type: Option<DataType>, options: Options) -> Option<String> {
    let cures: &[Cure] = match code {
        Code::WrongType => &[CONVERT, ROUND, TRUNCATE, NAN, KEEP],
        Code::OutOfRange => &[CONVERT, ROUND, WALL],
        Code::BadDatetime => &[CONVERT, KEEP],
        Code::TooLong => &[TRUNCATE],
        Code::NotFinite => &[NAN],
        _ => &[],
    };
    let mends = |options| put_value(&mut Buffer::default(), data_type, cell, options).is_ok();
    if let Some((_, words)) = cures.iter().find(|(change, _)| mends(change(options))) {
        return Some(options.values.said(words));
    }
    let (convert, words) = CONVERT;
    let converted = convert(options);
    let second = cures.iter().find(|(change, _)| converted != options && mends(change(converted)));
    second
        .map(|(_, second)| options.values.said(&format!("{words}, and {second}")))
        .or_else(|| by_hand(code, cell, data_type).map(|words| options.values.said(words)))
}

/// What to do about a value that no option mends.
fn by_hand(code: Code, cell: Cell<'_>, data_type: Option<DataType>) -> Option<&'static str> {
    Some(match (code, cell, data_type) {
        (Code::NotFinite, ..) => "put None in its place",
        (Code::NotUtf8, ..) => "text.encode(\"utf-8\", \"replace\").decode() mends it",
        (Code::OutOfRange, Cell::Int(_) | Cell::WideInt(_), Some(DataType::Int64)) => {
            "a Decimal column takes {digits} digits"
        }
        (_, Cell::Text(_), Some(DataType::Boolean)) => "put True, False or None in its place",
        (_, Cell::Text(_), Some(DataType::Int64 | DataType::Double | DataType::Decimal)) => {
            "a number is digits, sign and point alone, and None is a missing value"
        }
        (Code::BadDatetime, Cell::Text(text), _) if !date_text::says_how(text) => {
            "datetime.strptime(text, format) reads other forms, and None is a missing value"
        }
        (_, Cell::Float(_) | Cell::Decimal(_), Some(DataType::Int64)) => "round it, or make the column Double",
        (_, Cell::Int(_) | Cell::WideInt(_) | Cell::Float(_) | Cell::Decimal(_), Some(DataType::DateTime)) => {
            "datetime.fromtimestamp(seconds, timezone.utc) makes a date of it"
        }
        (_, Cell::Time(_), Some(DataType::DateTime)) => "datetime.combine(day, time) makes a date of it",
        (_, Cell::Time(_), None) => "str(time) makes text of it",
        _ => return None,
    })
}

/// What to do about a value of a type that no column takes.
pub(super) fn unsupported_advice(name: &str) -> &'static str {
    match name {
        "dict" => "nested values become columns with pandas.json_normalize(rows)",
        "list" | "tuple" | "set" | "frozenset" | "numpy.ndarray" => {
            "nested values become columns with pandas.json_normalize(rows), and lists rows with DataFrame.explode(column)"
        }
        "bytes" | "bytearray" | "memoryview" => "decode it: value.decode()",
        "datetime.timedelta" => "value.total_seconds() makes a number of it",
        _ => "make it text or a number, or leave the column out",
    }
}
