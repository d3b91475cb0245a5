//! An Arrow column's values in neighbouring rows, as they lie in memory where they can be had like that.

use std::borrow::Cow;
use std::ops::Range;

use arrow_array::types::{ArrowPrimitiveType, ByteArrayType};
use arrow_array::{Array, BinaryViewArray, BooleanArray, GenericByteArray, PrimitiveArray};

use super::columns::{Column, Scratch};
use super::vetting::INLINE;
use crate::rows::cell::{Bits, Cell, CellKind, Texts, Values};

impl Column {
    /// The values in the rows at `rows`.
    pub(super) fn values(&self, rows: Range<usize>) -> Values<'_> {
        match self {
            Self::Bool(array) => Values { kind: CellKind::Bool(bits(array, rows.start)), there: there(array, &rows) },
            Self::Int8(array) => ints(array, rows),
            Self::Int16(array) => ints(array, rows),
            Self::Int32(array) => ints(array, rows),
            Self::Int64(array) => {
                let values = Cow::Borrowed(&array.values()[rows.clone()]);
                Values { kind: CellKind::Int(values), there: there(array, &rows) }
            }
            Self::UInt8(array) => ints(array, rows),
            Self::UInt16(array) => ints(array, rows),
            Self::UInt32(array) => ints(array, rows),
            Self::Float16(array) => floats(array, rows),
            Self::Float32(array) => floats(array, rows),
            Self::Float64(array) => {
                let values = Cow::Borrowed(&array.values()[rows.clone()]);
                Values { kind: CellKind::Float(values), there: there(array, &rows) }
            }
            Self::Text(array) => texts(array, rows),
            Self::LargeText(array) => texts(array, rows),
            Self::TextView(array) => {
                Values { kind: CellKind::Text(views(array, rows.clone())), there: there(array, &rows) }
            }
            Self::Moment { ticks, unit, has_zone } => {
                let mut calendar = Scratch::default().calendar;
                let moments =
                    ticks.values()[rows.clone()].iter().map(|ticks| calendar.moment(*ticks, *unit, *has_zone));
                Values { kind: CellKind::DateTime(moments.collect()), there: there(ticks, &rows) }
            }
            other => {
                let mut scratch = Scratch::default();
                let show = move |row, see: &mut dyn FnMut(Cell<'_>)| see(other.cell(rows.start + row, &mut scratch));
                Values { kind: CellKind::Other(Box::new(show)), there: None }
            }
        }
    }
}

fn ints<T: ArrowPrimitiveType<Native: Into<i64>>>(array: &PrimitiveArray<T>, rows: Range<usize>) -> Values<'_> {
    let values = array.values()[rows.clone()].iter().map(|number| (*number).into());
    Values { kind: CellKind::Int(values.collect()), there: there(array, &rows) }
}

fn floats<T: ArrowPrimitiveType<Native: Into<f64>>>(array: &PrimitiveArray<T>, rows: Range<usize>) -> Values<'_> {
    let values = array.values()[rows.clone()].iter().map(|number| (*number).into());
    Values { kind: CellKind::Float(values.collect()), there: there(array, &rows) }
}

fn texts<T: ByteArrayType<Offset: TryInto<usize>>>(array: &GenericByteArray<T>, rows: Range<usize>) -> Values<'_> {
    let bounds = array.value_offsets()[rows.start..=rows.end].iter().map(|bound| (*bound).try_into().unwrap_or(0));
    let texts = Texts { bytes: array.value_data().into(), bounds: bounds.collect() };
    Values { kind: CellKind::Text(texts), there: there(array, &rows) }
}

/// Texts of views, one behind the other. A short one is in the view itself.
fn views(array: &BinaryViewArray, rows: Range<usize>) -> Texts<'static> {
    match array.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => views_of(array, rows, |_| true),
        // Whatever the view of a missing text says, it has none.
        Some(nulls) => views_of(array, rows, |row| nulls.is_valid(row)),
    }
}

/// The same where it is known which of them are there.
fn views_of(array: &BinaryViewArray, rows: Range<usize>, there: impl Fn(usize) -> bool) -> Texts<'static> {
    const VIEW: usize = size_of::<u128>();
    let length = |view: u128| usize::try_from(view & u128::from(u32::MAX)).unwrap_or(0);
    let views = || {
        let lengths = array.views()[rows.clone()].iter().zip(rows.clone());
        lengths.map(|(view, row)| (view, row, if there(row) { length(*view) } else { 0 }))
    };
    let long: usize = views().map(|(_, _, length)| if length > INLINE { length } else { 0 }).sum();
    let (mut bytes, mut bounds) = (vec![0; long + VIEW * rows.len()], Vec::with_capacity(rows.len() + 1));
    let mut end = 0;
    bounds.push(0);
    bounds.extend(views().map(|(view, row, length)| {
        if length <= INLINE {
            bytes[end..end + VIEW].copy_from_slice(&(view >> 32).to_le_bytes());
        } else {
            bytes[end..end + length].copy_from_slice(array.value(row));
        }
        end += length;
        end
    }));
    Texts { bytes: bytes.into(), bounds }
}

fn bits(array: &BooleanArray, row: usize) -> Bits<'_> {
    Bits::new(array.values().values(), array.values().offset() + row)
}

/// Which rows hold a value, unless all do.
fn there<'a>(array: &'a impl Array, rows: &Range<usize>) -> Option<Bits<'a>> {
    let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0)?;
    Some(Bits::new(nulls.validity(), nulls.offset() + rows.start))
}
