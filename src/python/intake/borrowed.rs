//! What belongs to others and is read in place, a dict's items and an Arrow stream: the one file with `unsafe`.
//!
//! pyo3's own iterator panics where a dict changes under it, and a copy of the items would cost as much as the rest of
//! the intake. An Arrow stream is a C struct that changes hands inside a capsule.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
use std::{ptr, slice, str};

use arrow_array::ffi_stream::{ArrayStreamReader, FFI_ArrowArrayStream};
use arrow_schema::ArrowError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyInt, PyList, PyListMethods, PyString};
use pyo3::{Bound, PyTypeInfo, ffi};

use super::places::Keys;
use super::value::give_plain;
use crate::cell::Row;

/// What visiting a dict does with an item that is not as simple as most.
type Visit<'py, R> = fn(Bound<'py, PyAny>, &Bound<'py, PyAny>, &mut Keys<'py>, &mut R) -> PyResult<()>;

/// Hands the items of `dict` to `row`; `other` gets those whose key is new or whose value is not of an everyday type.
/// `None` says that the dict changed meanwhile.
#[inline(always)]
pub(super) fn visit_dict<'py, R: Row>(
    dict: &Bound<'py, PyDict>,
    keys: &mut Keys<'py>,
    row: &mut R,
    other: Visit<'py, R>,
) -> PyResult<Option<()>> {
    let (py, length) = (dict.py(), dict.len());
    let (mut key, mut value) = (ptr::null_mut(), ptr::null_mut());
    let (mut position, mut next, mut quiet) = (0, 0, true);
    for _ in 0..length {
        // SAFETY: `dict` is a live dict and we are attached to Python. `PyDict_Next` checks `position` against the
        // dict's current table on every call, so that a dict that changed since the last call yields other items or
        // none, never memory that is not its own.
        let found = unsafe { ffi::PyDict_Next(dict.as_ptr(), &raw mut position, &raw mut key, &raw mut value) } != 0;
        if !found || !quiet && dict.len() != length {
            return Ok(None);
        }
        // SAFETY: `PyDict_Next` returned 1, so that both are live, and stay so as long as nothing runs that could take
        // them out of the dict. Nothing does before we own them: `expected` and `look` compare addresses, `give_plain`
        // runs no Python and nor does a `Row`, and `other` is only called with references of our own.
        let (key, value) = unsafe { (Bound::ref_from_ptr(py, &key), Bound::ref_from_ptr(py, &value)) };
        let mut place = keys.expected(next, key);
        if place.is_some() {
            next += 1;
        } else {
            keys.next = next;
            place = keys.look(key);
            next = keys.next;
        }
        if place.is_some_and(|place| give_plain(value, place, row)) {
            continue;
        }
        (quiet, keys.next) = (false, next);
        other(key.clone(), &value.clone(), keys, row)?;
        next = keys.next;
    }
    if quiet {
        return Ok(Some(()));
    }
    // As many items as before may still be others.
    // SAFETY: as above.
    let more = unsafe { ffi::PyDict_Next(dict.as_ptr(), &raw mut position, &raw mut key, &raw mut value) } != 0;
    Ok((dict.len() == length && !more).then_some(()))
}

/// How many items ahead of its use an item is asked of memory.
#[cfg(target_arch = "x86_64")]
const AHEAD: usize = 4;

/// The item at `index`; `None` behind the last one.
#[inline]
pub(super) fn item<'py>(list: &Bound<'py, PyList>, index: usize) -> Option<Bound<'py, PyAny>> {
    #[cfg(target_arch = "x86_64")]
    if index + AHEAD < list.len() {
        // SAFETY: there is such an item, of which the address alone is used: a prefetch reads nothing.
        unsafe {
            let later = ffi::PyList_GET_ITEM(list.as_ptr(), (index + AHEAD).cast_signed());
            _mm_prefetch::<_MM_HINT_T0>(later.cast());
        }
    }
    // SAFETY: there is such an item, and we are attached to Python, so that nobody takes it out before we own it.
    (index < list.len()).then(|| unsafe { list.get_item_unchecked(index) })
}

/// `value` as a `T`, and not a subclass. pyo3's own cast prepares its refusal, which costs more than the question.
#[inline]
pub(super) fn exact<'v, 'py, T: PyTypeInfo>(value: &'v Bound<'py, PyAny>) -> Option<&'v Bound<'py, T>> {
    // SAFETY: the cast happens only where the type is just that.
    value.is_exact_instance_of::<T>().then(|| unsafe { value.cast_unchecked() })
}

/// The number, if 64 bits hold it.
#[inline]
pub(super) fn small_int(number: &Bound<'_, PyInt>) -> Option<i64> {
    let mut overflow = 0;
    // SAFETY: `number` is a live int and we are attached to Python; for an int the call raises nothing.
    let value = unsafe { ffi::PyLong_AsLongLongAndOverflow(number.as_ptr(), &raw mut overflow) };
    (overflow == 0).then_some(value)
}

/// The text as UTF-8; `None` where it holds a lone surrogate.
#[inline]
pub(super) fn utf8<'t>(text: &'t Bound<'_, PyString>) -> Option<&'t str> {
    let mut length = 0;
    // SAFETY: `text` is a live str and we are attached to Python.
    let bytes = unsafe { ffi::PyUnicode_AsUTF8AndSize(text.as_ptr(), &raw mut length) }.cast::<u8>();
    if bytes.is_null() {
        drop(PyErr::take(text.py()));
        return None;
    }
    // SAFETY: the call answered where so many bytes of valid UTF-8 begin; they belong to `text`, never change, and live
    // as long as it does.
    Some(unsafe { str::from_utf8_unchecked(slice::from_raw_parts(bytes, length.cast_unsigned())) })
}

/// Takes the stream out of the capsule that `__arrow_c_stream__` answered; the capsule keeps one that was released.
pub(super) fn take_stream(capsule: &Bound<'_, PyCapsule>) -> PyResult<Result<ArrayStreamReader, ArrowError>> {
    let stream = capsule.pointer_checked(Some(c"arrow_array_stream"))?.cast::<FFI_ArrowArrayStream>();
    // SAFETY: by the Arrow PyCapsule interface, a capsule of this name, which has just been checked, points to an
    // initialised `ArrowArrayStream`, and we are attached, so that nobody else moves it meanwhile. `from_raw` moves it
    // out and leaves one whose `release` is null, as the C data interface asks of a consumer: the capsule's own
    // destructor then has nothing to release. `try_new` refuses a stream that somebody else has taken before.
    Ok(ArrayStreamReader::try_new(unsafe { FFI_ArrowArrayStream::from_raw(stream.as_ptr()) }))
}
