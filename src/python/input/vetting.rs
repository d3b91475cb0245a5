//! Whether the values of an Arrow column are where it says: looked at once for each batch, before any is read.
//!
//! Lengths of buffers are not part of what a producer hands over, so that a buffer shorter than its array is nothing that
//! anybody could see.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, BinaryViewType, ByteArrayType, Int8Type, Int16Type, Int32Type, Int64Type, RunEndIndexType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, GenericByteArray, GenericByteViewArray, PrimitiveArray, RunArray};
use arrow_schema::DataType;

/// The longest value that a view holds itself.
pub(super) const INLINE: usize = 12;

/// Says what is wrong with `array`, if anything.
pub(super) fn vet(array: &ArrayRef) -> Result<(), &'static str> {
    match array.data_type() {
        DataType::Utf8 => offsets(array.as_string::<i32>()),
        DataType::LargeUtf8 => offsets(array.as_string::<i64>()),
        DataType::Utf8View => views(&array.as_string_view().clone().to_binary_view()),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            codes(dictionary.keys(), dictionary.values().len())?;
            vet(dictionary.values())
        }
        DataType::RunEndEncoded(ends, _) => match ends.data_type() {
            DataType::Int16 => runs(array.as_run::<Int16Type>()),
            DataType::Int32 => runs(array.as_run::<Int32Type>()),
            _ => runs(array.as_run::<Int64Type>()),
        },
        _ => Ok(()),
    }
}

/// Offsets go up, and none lies behind the bytes.
fn offsets<T: ByteArrayType<Offset: TryInto<usize>>>(texts: &GenericByteArray<T>) -> Result<(), &'static str> {
    let offsets = texts.value_offsets();
    let rises = offsets.windows(2).all(|pair| pair[0] <= pair[1]);
    let inside = |end: &T::Offset| (*end).try_into().is_ok_and(|end: usize| end <= texts.value_data().len());
    // Where they go up, the first and the last one stand for all.
    if rises && offsets.first().is_none_or(inside) && offsets.last().is_none_or(inside) {
        return Ok(());
    }
    Err("has offsets that do not go up within its bytes")
}

/// Each view that points somewhere points into a buffer.
fn views(texts: &GenericByteViewArray<BinaryViewType>) -> Result<(), &'static str> {
    let buffers = texts.data_buffers();
    let inside = |view: &u128| {
        let [length, _, buffer, offset] = [0, 32, 64, 96].map(|shift| part(*view, shift));
        let end = u64::from(offset) + u64::from(length);
        length as usize <= INLINE || buffers.get(buffer as usize).is_some_and(|buffer| end <= buffer.len() as u64)
    };
    let possible = buffers.iter().all(|buffer| isize::try_from(buffer.len()).is_ok());
    let there = |row: usize| texts.is_null(row) || inside(&texts.views()[row]);
    if possible && (texts.views().iter().all(inside) || (0..texts.len()).all(there)) {
        return Ok(());
    }
    Err("has views that lie outside of its buffers")
}

#[allow(clippy::cast_possible_truncation, reason = "32 of its bits are asked for")]
fn part(view: u128, shift: u32) -> u32 {
    (view >> shift) as u32
}

/// Each code of a dictionary stands for one of `count` values.
fn codes(keys: &dyn Array, count: usize) -> Result<(), &'static str> {
    let fit = match keys.data_type() {
        DataType::Int8 => within(keys.as_primitive::<Int8Type>(), count),
        DataType::Int16 => within(keys.as_primitive::<Int16Type>(), count),
        DataType::Int32 => within(keys.as_primitive::<Int32Type>(), count),
        DataType::Int64 => within(keys.as_primitive::<Int64Type>(), count),
        DataType::UInt8 => within(keys.as_primitive::<UInt8Type>(), count),
        DataType::UInt16 => within(keys.as_primitive::<UInt16Type>(), count),
        DataType::UInt32 => within(keys.as_primitive::<UInt32Type>(), count),
        _ => within(keys.as_primitive::<UInt64Type>(), count),
    };
    if fit { Ok(()) } else { Err("has codes that its dictionary does not know") }
}

fn within<T: ArrowPrimitiveType<Native: TryInto<usize>>>(keys: &PrimitiveArray<T>, count: usize) -> bool {
    let fits = |key: T::Native| key.try_into().is_ok_and(|key: usize| key < count);
    keys.values().iter().all(|key| fits(*key)) || keys.iter().flatten().all(fits)
}

/// Runs end one behind the other, the last one not before the rows do, and each has a value.
fn runs<R: RunEndIndexType<Native: TryInto<usize>>>(array: &RunArray<R>) -> Result<(), &'static str> {
    let ends = array.run_ends();
    let rises = ends.values().windows(2).all(|pair| pair[0] < pair[1]);
    let number = |end: &R::Native| (*end).try_into().unwrap_or(0_usize);
    let first = ends.values().first().map_or(1, number);
    let last = ends.values().last().map_or(0, number);
    let reach = if array.is_empty() { 0 } else { ends.offset() + array.len() };
    if rises && first > 0 && last >= reach && ends.values().len() <= array.values().len() {
        return vet(array.values());
    }
    Err("has runs that do not cover its rows")
}
