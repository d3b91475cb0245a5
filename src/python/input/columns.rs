//! One Arrow column as cells: which Arrow types map to ours, and how each of their values is read.

use std::fmt::Write;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, DecimalType, Int16Type, Int32Type, Int64Type, RunEndIndexType, Time32MillisecondType,
    Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BinaryViewArray, BooleanArray, Date32Array, Date64Array, Decimal32Array,
    Decimal64Array, Decimal128Array, Decimal256Array, FixedSizeBinaryArray, Float16Array, Float32Array, Float64Array,
    Int8Array, Int16Array, Int32Array, Int64Array, LargeBinaryArray, PrimitiveArray, RunArray, UInt8Array, UInt16Array,
    UInt32Array, UInt64Array, new_empty_array,
};
use arrow_schema::{DataType, Field, TimeUnit};

use super::timestamps::Calendar;
use super::zones::Zone;
use crate::rows::cell::{Cell, Row};

const MILLISECONDS_OF_A_DAY: i64 = 86_400_000;

/// What values are made in that are not stored as they are handed over.
#[derive(Default)]
pub(super) struct Scratch {
    text: String,
    pub(super) calendar: Calendar,
}

/// How values are read.
#[derive(Clone, Copy, Default)]
pub(super) struct TimeReading {
    /// Moments that have a zone, as its clocks show them.
    pub(super) wall: bool,
    /// Times of day, where there is a use for them.
    pub(super) times: bool,
}

/// The values of one column in some rows of one batch.
pub(super) enum Column {
    /// Nothing but missing values.
    Missing,
    Bool(BooleanArray),
    Int8(Int8Array),
    Int16(Int16Array),
    Int32(Int32Array),
    Int64(Int64Array),
    UInt8(UInt8Array),
    UInt16(UInt16Array),
    UInt32(UInt32Array),
    UInt64(UInt64Array),
    Float16(Float16Array),
    Float32(Float32Array),
    Float64(Float64Array),
    Decimal32(Decimal32Array),
    Decimal64(Decimal64Array),
    Decimal128(Decimal128Array),
    Decimal256(Decimal256Array),
    /// Text as bytes: a producer may break its word that they are UTF-8.
    Text(BinaryArray),
    LargeText(LargeBinaryArray),
    TextView(BinaryViewArray),
    Uuid(FixedSizeBinaryArray),
    Date32(Date32Array),
    Date64(Date64Array),
    /// Ticks since 1970, in UTC where there is a zone, whatever its name.
    Moment {
        ticks: Int64Array,
        unit: TimeUnit,
        has_zone: bool,
    },
    /// Ticks since 1970, and the zone whose clocks are looked at.
    Wall {
        ticks: Int64Array,
        unit: TimeUnit,
        zone: Arc<Zone>,
    },
    /// Ticks since midnight.
    Time {
        ticks: Int64Array,
        unit: TimeUnit,
    },
    /// A dictionary: where in `values` each value stands.
    Coded {
        codes: Box<Column>,
        values: Arc<Column>,
    },
    /// Runs of equal values: which run a row is in.
    Runs {
        run_of: Box<dyn Fn(usize) -> usize + Send + Sync>,
        values: Arc<Column>,
    },
}

/// What a column of `field`'s type is called where it cannot be read; `None` where it can.
pub(super) fn unsupported(field: &Field, reading: TimeReading) -> Option<String> {
    match Column::new(field, &new_empty_array(field.data_type()), reading, None) {
        Some(_) => None,
        None => Some(match field.extension_type_name() {
            Some(name) => format!("{name} ({})", field.data_type()),
            None => field.data_type().to_string(),
        }),
    }
}

impl Column {
    /// A reader of `array`, whose `shared` values may have been opened before; `None` for a type that maps to none of
    /// ours.
    pub(super) fn new(
        field: &Field,
        array: &ArrayRef,
        reading: TimeReading,
        shared: Option<&Arc<Self>>,
    ) -> Option<Self> {
        match (field.extension_type_name(), array.data_type()) {
            // Text of which nobody says that it is UTF-8.
            (None, DataType::Binary) if field.data_type() == &DataType::Utf8 => {
                Some(Self::Text(array.as_binary().clone()))
            }
            (None | Some("arrow.json"), _) => Self::plain(array, reading, shared),
            (Some("arrow.uuid"), DataType::FixedSizeBinary(16)) => {
                Some(Self::Uuid(array.as_fixed_size_binary().clone()))
            }
            // Its storage may look like one of ours and mean something else: a period is an integer.
            _ => None,
        }
    }

    /// The values that `array` has for all of its rows at once, where it is of a type that has such.
    pub(super) fn shared(array: &ArrayRef, reading: TimeReading) -> Option<Arc<Self>> {
        let values = match array.data_type() {
            DataType::Dictionary(..) => array.as_any_dictionary().values(),
            DataType::RunEndEncoded(ends, _) => match ends.data_type() {
                DataType::Int16 => array.as_run::<Int16Type>().values(),
                DataType::Int32 => array.as_run::<Int32Type>().values(),
                _ => array.as_run::<Int64Type>().values(),
            },
            _ => return None,
        };
        Self::plain(values, reading, None).map(Arc::new)
    }

    fn plain(array: &ArrayRef, reading: TimeReading, shared: Option<&Arc<Self>>) -> Option<Self> {
        let values = || shared.cloned().or_else(|| Self::shared(array, reading));
        Some(match array.data_type() {
            DataType::Null => Self::Missing,
            DataType::Boolean => Self::Bool(array.as_boolean().clone()),
            DataType::Int8 => Self::Int8(array.as_primitive().clone()),
            DataType::Int16 => Self::Int16(array.as_primitive().clone()),
            DataType::Int32 => Self::Int32(array.as_primitive().clone()),
            DataType::Int64 => Self::Int64(array.as_primitive().clone()),
            DataType::UInt8 => Self::UInt8(array.as_primitive().clone()),
            DataType::UInt16 => Self::UInt16(array.as_primitive().clone()),
            DataType::UInt32 => Self::UInt32(array.as_primitive().clone()),
            DataType::UInt64 => Self::UInt64(array.as_primitive().clone()),
            DataType::Float16 => Self::Float16(array.as_primitive().clone()),
            DataType::Float32 => Self::Float32(array.as_primitive().clone()),
            DataType::Float64 => Self::Float64(array.as_primitive().clone()),
            DataType::Decimal32(..) => Self::Decimal32(array.as_primitive().clone()),
            DataType::Decimal64(..) => Self::Decimal64(array.as_primitive().clone()),
            DataType::Decimal128(..) => Self::Decimal128(array.as_primitive().clone()),
            DataType::Decimal256(..) => Self::Decimal256(array.as_primitive().clone()),
            DataType::Utf8 => Self::Text(array.as_string::<i32>().clone().into()),
            DataType::LargeUtf8 => Self::LargeText(array.as_string::<i64>().clone().into()),
            DataType::Utf8View => Self::TextView(array.as_string_view().clone().to_binary_view()),
            DataType::Date32 => Self::Date32(array.as_primitive().clone()),
            DataType::Date64 => Self::Date64(array.as_primitive().clone()),
            DataType::Timestamp(unit, Some(zone)) if reading.wall => {
                Self::Wall { ticks: moments(array, *unit), unit: *unit, zone: Zone::called(zone)? }
            }
            DataType::Timestamp(unit, zone) => {
                Self::Moment { ticks: moments(array, *unit), unit: *unit, has_zone: zone.is_some() }
            }
            DataType::Time32(unit) | DataType::Time64(unit) if reading.times => {
                Self::Time { ticks: times(array, *unit), unit: *unit }
            }
            DataType::Dictionary(..) => {
                let codes = array.as_any_dictionary().keys().slice(0, array.len());
                Self::Coded { codes: Box::new(Self::plain(&codes, reading, None)?), values: values()? }
            }
            DataType::RunEndEncoded(ends, _) => match ends.data_type() {
                DataType::Int16 => Self::runs(array.as_run::<Int16Type>(), values()?),
                DataType::Int32 => Self::runs(array.as_run::<Int32Type>(), values()?),
                _ => Self::runs(array.as_run::<Int64Type>(), values()?),
            },
            _ => return None,
        })
    }

    fn runs<R: RunEndIndexType>(array: &RunArray<R>, values: Arc<Self>) -> Self {
        let ends = array.run_ends().clone();
        Self::Runs { run_of: Box::new(move |row| ends.get_physical_index(row)), values }
    }

    /// Hands the value in `row_number` to `row`, for the column at `place`.
    #[inline(always)]
    pub(super) fn give(&self, row_number: usize, place: usize, row: &mut impl Row, scratch: &mut Scratch) {
        match self {
            Self::Bool(array) if array.is_valid(row_number) => row.bool(place, array.value(row_number)),
            Self::Int64(array) if array.is_valid(row_number) => row.int(place, array.value(row_number)),
            Self::Float64(array) if array.is_valid(row_number) => row.float(place, array.value(row_number)),
            Self::Text(array) if array.is_valid(row_number) => row.utf8(place, array.value(row_number)),
            Self::LargeText(array) if array.is_valid(row_number) => row.utf8(place, array.value(row_number)),
            Self::TextView(array) if array.is_valid(row_number) => row.utf8(place, array.value(row_number)),
            Self::Moment { ticks, unit, has_zone } if ticks.is_valid(row_number) => {
                row.datetime(place, &scratch.calendar.moment(ticks.value(row_number), *unit, *has_zone));
            }
            Self::Wall { ticks, unit, zone } if ticks.is_valid(row_number) => {
                row.datetime(place, &scratch.calendar.wall(ticks.value(row_number), *unit, zone));
            }
            _ => row.cell(place, self.cell(row_number, scratch)),
        }
    }

    /// The value in `row`.
    pub(super) fn cell<'a>(&'a self, row: usize, scratch: &'a mut Scratch) -> Cell<'a> {
        match self {
            Self::Missing => Cell::Null,
            Self::Bool(array) => there(array, row).map_or(Cell::Null, |row| Cell::Bool(array.value(row))),
            Self::Int8(array) => int(array, row),
            Self::Int16(array) => int(array, row),
            Self::Int32(array) => int(array, row),
            Self::Int64(array) => int(array, row),
            Self::UInt8(array) => int(array, row),
            Self::UInt16(array) => int(array, row),
            Self::UInt32(array) => int(array, row),
            Self::UInt64(array) => value(array, row).map_or(Cell::Null, |number| wide_int(number, &mut scratch.text)),
            Self::Float16(array) => float(array, row),
            Self::Float32(array) => float(array, row),
            Self::Float64(array) => float(array, row),
            Self::Decimal32(array) => decimal(array, row, &mut scratch.text),
            Self::Decimal64(array) => decimal(array, row, &mut scratch.text),
            Self::Decimal128(array) => decimal(array, row, &mut scratch.text),
            Self::Decimal256(array) => decimal(array, row, &mut scratch.text),
            Self::Text(array) => there(array, row).map_or(Cell::Null, |row| utf8(array.value(row))),
            Self::LargeText(array) => there(array, row).map_or(Cell::Null, |row| utf8(array.value(row))),
            Self::TextView(array) => there(array, row).map_or(Cell::Null, |row| utf8(array.value(row))),
            Self::Uuid(array) => there(array, row).map_or(Cell::Null, |row| uuid(array.value(row), &mut scratch.text)),
            Self::Date32(array) => {
                value(array, row).map_or(Cell::Null, |days| Cell::Date(scratch.calendar.date(days.into())))
            }
            Self::Date64(array) => {
                let day = |milliseconds: i64| milliseconds.div_euclid(MILLISECONDS_OF_A_DAY);
                value(array, row)
                    .map_or(Cell::Null, |milliseconds| Cell::Date(scratch.calendar.date(day(milliseconds))))
            }
            Self::Moment { ticks, unit, has_zone } => {
                let moment = |ticks| Cell::DateTime(scratch.calendar.moment(ticks, *unit, *has_zone));
                value(ticks, row).map_or(Cell::Null, moment)
            }
            Self::Wall { ticks, unit, zone } => {
                let moment = |ticks| Cell::DateTime(scratch.calendar.wall(ticks, *unit, zone));
                value(ticks, row).map_or(Cell::Null, moment)
            }
            Self::Time { ticks, unit } => {
                let time = |ticks| Cell::Time(scratch.calendar.moment(ticks, *unit, false).into());
                value(ticks, row).map_or(Cell::Null, time)
            }
            Self::Coded { codes, values } => match codes.cell(row, &mut Scratch::default()) {
                Cell::Int(code) => values.cell(usize::try_from(code).unwrap_or(usize::MAX), scratch),
                _ => Cell::Null,
            },
            Self::Runs { run_of, values } => values.cell(run_of(row), scratch),
        }
    }
}

/// The ticks of moments.
fn moments(array: &ArrayRef, unit: TimeUnit) -> Int64Array {
    match unit {
        TimeUnit::Second => array.as_primitive::<TimestampSecondType>().reinterpret_cast(),
        TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().reinterpret_cast(),
        TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().reinterpret_cast(),
        TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().reinterpret_cast(),
    }
}

/// The ticks of times of day; the coarser ones are stored in half the space.
fn times(array: &ArrayRef, unit: TimeUnit) -> Int64Array {
    let wide = |ticks: Int32Array| ticks.unary(i64::from);
    match unit {
        TimeUnit::Second => wide(array.as_primitive::<Time32SecondType>().reinterpret_cast()),
        TimeUnit::Millisecond => wide(array.as_primitive::<Time32MillisecondType>().reinterpret_cast()),
        TimeUnit::Microsecond => array.as_primitive::<Time64MicrosecondType>().reinterpret_cast(),
        TimeUnit::Nanosecond => array.as_primitive::<Time64NanosecondType>().reinterpret_cast(),
    }
}

/// The row, if it holds a value.
fn there(array: &impl Array, row: usize) -> Option<usize> {
    array.is_valid(row).then_some(row)
}

fn value<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, row: usize) -> Option<T::Native> {
    there(array, row).map(|row| array.value(row))
}

fn int<'a, T: ArrowPrimitiveType<Native: Into<i64>>>(array: &PrimitiveArray<T>, row: usize) -> Cell<'a> {
    value(array, row).map_or(Cell::Null, |number| Cell::Int(number.into()))
}

fn wide_int(number: u64, text: &mut String) -> Cell<'_> {
    i64::try_from(number).map_or_else(|_| Cell::WideInt(spell(text, &number)), Cell::Int)
}

/// Narrow floats widen as they do in numpy: to the number that they are, not to the one they look like.
fn float<'a, T: ArrowPrimitiveType<Native: Into<f64>>>(array: &PrimitiveArray<T>, row: usize) -> Cell<'a> {
    value(array, row).map_or(Cell::Null, |number| Cell::Float(number.into()))
}

fn decimal<'a, T: DecimalType>(array: &PrimitiveArray<T>, row: usize, text: &'a mut String) -> Cell<'a> {
    there(array, row).map_or(Cell::Null, |row| Cell::Decimal(spell(text, &array.value_as_string(row))))
}

fn utf8(bytes: &[u8]) -> Cell<'_> {
    std::str::from_utf8(bytes).map_or(Cell::BrokenText, Cell::Text)
}

fn uuid<'a>(bytes: &[u8], text: &'a mut String) -> Cell<'a> {
    text.clear();
    for (place, byte) in bytes.iter().enumerate() {
        let dash = if matches!(place, 4 | 6 | 8 | 10) { "-" } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(text, "{dash}{byte:02x}");
    }
    Cell::Uuid(text)
}

fn spell<'a>(text: &'a mut String, value: &impl ToString) -> &'a str {
    *text = value.to_string();
    text
}
