//! Columns of pandas that numpy holds as plain numbers, read out of its buffers: no Python object for any value.

use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{ArrowPrimitiveType, BooleanArray, Int64Array, PrimitiveArray};
use arrow_schema::TimeUnit;
use pyo3::buffer::{Element, PyBuffer};
use pyo3::intern;
use pyo3::prelude::*;

use super::columns::Column;

/// What numpy's datetimes, and those of pandas, hold for a missing one.
const NOT_A_TIME: i64 = i64::MIN;

/// The values of a `Series` of so many `rows` that holds plain numbers, truth values or moments, as this machine has them;
/// `None` for any other, and for moments with a zone where what its clocks show (`wall`) is wanted.
pub(super) fn numbers(series: &Bound<'_, PyAny>, rows: usize, wall: bool) -> PyResult<Option<Column>> {
    let py = series.py();
    let dtype = series.getattr(intern!(py, "dtype"))?;
    let kind: String = dtype.getattr(intern!(py, "kind"))?.extract()?;
    if kind == "M" {
        return moments(series, rows, wall);
    }
    // pyo3 takes the byte order of another machine for ours.
    if !is_numpy(&dtype)? || !dtype.getattr(intern!(py, "isnative"))?.extract::<bool>()? {
        return Ok(None);
    }
    let values = series.call_method0(intern!(py, "to_numpy"))?;
    let size: usize = dtype.getattr(intern!(py, "itemsize"))?.extract()?;
    Ok(match (kind.as_str(), size) {
        ("b", _) => truths(&values, rows)?,
        ("i", 1) => held::<Int8Type>(&values, rows).map(Column::Int8),
        ("i", 2) => held::<Int16Type>(&values, rows).map(Column::Int16),
        ("i", 4) => held::<Int32Type>(&values, rows).map(Column::Int32),
        ("i", 8) => held::<Int64Type>(&values, rows).map(Column::Int64),
        ("u", 1) => held::<UInt8Type>(&values, rows).map(Column::UInt8),
        ("u", 2) => held::<UInt16Type>(&values, rows).map(Column::UInt16),
        ("u", 4) => held::<UInt32Type>(&values, rows).map(Column::UInt32),
        ("u", 8) => held::<UInt64Type>(&values, rows).map(Column::UInt64),
        ("f", 4) => held::<Float32Type>(&values, rows).map(Column::Float32),
        ("f", 8) => held::<Float64Type>(&values, rows).map(Column::Float64),
        _ => None,
    })
}

/// Whether a column's type is one of numpy's own.
pub(super) fn is_numpy(dtype: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = dtype.py();
    dtype.is_instance(&py.import(intern!(py, "numpy"))?.getattr(intern!(py, "dtype"))?)
}

fn held<T: ArrowPrimitiveType<Native: Element>>(values: &Bound<'_, PyAny>, rows: usize) -> Option<PrimitiveArray<T>> {
    vector(values, rows).map(|numbers| PrimitiveArray::new(numbers.into(), None))
}

/// So many values, and no others: what shows fewer is read one by one, and told.
fn vector<T: Element>(values: &Bound<'_, PyAny>, rows: usize) -> Option<Vec<T>> {
    let numbers = PyBuffer::get(values).and_then(|buffer| buffer.to_vec(values.py())).ok();
    numbers.filter(|numbers| numbers.len() == rows)
}

fn truths(values: &Bound<'_, PyAny>, rows: usize) -> PyResult<Option<Column>> {
    let py = values.py();
    let bytes = values.call_method1(intern!(py, "view"), (intern!(py, "uint8"),))?;
    let truths = |bytes: Vec<u8>| bytes.into_iter().map(|byte| byte != 0).collect::<Vec<_>>();
    Ok(vector(&bytes, rows).map(|bytes| Column::Bool(BooleanArray::from(truths(bytes)))))
}

/// Moments, which pandas counts in UTC where they have a zone; `None` for a pandas that does not say in which unit.
fn moments(series: &Bound<'_, PyAny>, rows: usize, wall: bool) -> PyResult<Option<Column>> {
    let py = series.py();
    let array = series.getattr(intern!(py, "array"))?;
    let (Some(ticks), Some(unit)) = (array.getattr_opt(intern!(py, "asi8"))?, array.getattr_opt(intern!(py, "unit"))?)
    else {
        return Ok(None);
    };
    let unit = match unit.extract::<&str>()? {
        "s" => TimeUnit::Second,
        "ms" => TimeUnit::Millisecond,
        "us" => TimeUnit::Microsecond,
        "ns" => TimeUnit::Nanosecond,
        _ => return Ok(None),
    };
    let has_zone = array.getattr_opt(intern!(py, "tz"))?.is_some_and(|zone| !zone.is_none());
    if has_zone && wall {
        return Ok(None);
    }
    let there = |ticks: Vec<i64>| -> Int64Array {
        ticks.into_iter().map(|ticks| (ticks != NOT_A_TIME).then_some(ticks)).collect()
    };
    Ok(vector(&ticks, rows).map(|ticks| Column::Moment { ticks: there(ticks), unit, has_zone }))
}
