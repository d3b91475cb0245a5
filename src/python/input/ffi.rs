//! What belongs to others and is read in place, a dict's items, an int, an Arrow stream: one of the four files with `unsafe`.
//!
//! pyo3's own iterator panics where a dict changes under it, and a copy of the items would cost as much as the rest of
//! the input. An Arrow stream is a C struct that changes hands inside a capsule.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_int, c_uint};
use std::mem::offset_of;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::{ptr, slice, str};

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi_and_data_type};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{ArrayRef, make_array};
use arrow_schema::{ArrowError, DataType};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyCapsule, PyDict, PyInt, PyString, PyType};
use pyo3::{Bound, PyTypeInfo, ffi};

use super::column_index::Keys;
use super::tables::{LAID_OUT_SO, ask_for, simple_item};
use super::value::give_plain;
use crate::python::door::words;
use crate::rows::cell::Row;

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
        // SAFETY: `dict` is a live dict and we are attached to Python. Both ways look at the dict's current table on every
        // call, so that a dict that changed since the last call yields other items or none, never memory that is not its
        // own.
        let found = unsafe {
            let simple = keys.reads_tables && simple_item(dict.as_ptr(), position, &mut key, &mut value);
            position += isize::from(simple);
            simple || ffi::PyDict_Next(dict.as_ptr(), &raw mut position, &raw mut key, &raw mut value) != 0
        };
        if !found || !quiet && dict.len() != length {
            return Ok(None);
        }
        // SAFETY: there was an item, so that both are live, and stay so as long as nothing runs that could take
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
        if row.is_full() {
            return Ok(Some(()));
        }
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

/// A class as it was at one time.
pub(super) struct Version(c_uint);

impl Version {
    /// What `class` is now; `None` where Python does not keep count.
    pub(super) fn of(class: &Bound<'_, PyType>) -> Option<Self> {
        // SAFETY: `class` is a live type.
        Some(unsafe { (*class.as_type_ptr()).tp_version_tag }).filter(|tag| *tag != 0).map(Self)
    }

    /// Whether the class of `object`, or one that it inherits from, has not been touched since.
    #[inline]
    pub(super) fn is_still(&self, object: &Bound<'_, PyAny>) -> bool {
        // SAFETY: `object` is live, and so is its type.
        self.0 == unsafe { (*ffi::Py_TYPE(object.as_ptr())).tp_version_tag }
    }
}

/// Adds the values that the `__dict__` of `object` begins with, as long as their keys are `names`, in that order.
pub(super) fn own_values<'py>(
    object: &Bound<'py, PyAny>,
    names: &[Bound<'py, PyAny>],
    values: &mut Vec<Bound<'py, PyAny>>,
) -> PyResult<()> {
    let py = object.py();
    // SAFETY: `object` is live and we are attached to Python; the call answers a new reference, or null and raises.
    let dict =
        unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyObject_GenericGetDict(object.as_ptr(), ptr::null_mut()))? };
    let (mut position, mut key, mut value) = (0, ptr::null_mut(), ptr::null_mut());
    for name in names {
        // SAFETY: `dict` is a live dict, and nothing runs that could change it before we own the value.
        let value = unsafe {
            if ffi::PyDict_Next(dict.as_ptr(), &raw mut position, &raw mut key, &raw mut value) == 0
                || key != name.as_ptr()
            {
                break;
            }
            ask_for(value);
            Bound::from_borrowed_ptr(py, value)
        };
        values.push(value);
    }
    Ok(())
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
    if INTS_ARE_KNOWN.load(Ordering::Relaxed) {
        // SAFETY: `number` is a live int, and ints are laid out so.
        let value = unsafe { one_digit(number.as_ptr()) };
        if value.is_some() {
            return value;
        }
    }
    let mut overflow = 0;
    // SAFETY: `number` is a live int and we are attached to Python; for an int the call raises nothing.
    let value = unsafe { ffi::PyLong_AsLongLongAndOverflow(number.as_ptr(), &raw mut overflow) };
    (overflow == 0).then_some(value)
}

/// The head of an int, and the first of its digits of 30 bits.
#[repr(C)]
struct Int {
    head: ffi::PyObject,
    /// Up to 3.11 how many digits there are, negative where the int is. Since then eight times that number, and with it 1 in
    /// zero, 2 in a negative int.
    tag: isize,
    digit: u32,
}

/// An int of one digit; `None` for any other.
///
/// # Safety
///
/// `number` is a live int of our layout.
#[inline(always)]
unsafe fn one_digit(number: *mut ffi::PyObject) -> Option<i64> {
    let number = number.cast::<Int>();
    // SAFETY: there is room for one digit in any int, also in zero. There may be none behind it, so that no reference is made.
    let (tag, digit) = unsafe { ((*number).tag, (*number).digit) };
    let (is_one, sign) = if cfg!(Py_3_12) { (tag < 16, 1 - (tag & 3)) } else { (tag.unsigned_abs() <= 1, tag) };
    is_one.then_some(sign as i64 * i64::from(digit))
}

/// Whether ints are known to be laid out so.
static INTS_ARE_KNOWN: AtomicBool = AtomicBool::new(false);

/// Tries that once, on ints whose values are known.
pub(super) fn try_ints(py: Python<'_>) {
    static TRIED: PyOnceLock<()> = PyOnceLock::new();
    TRIED.get_or_init(py, || INTS_ARE_KNOWN.store(LAID_OUT_SO && are_laid_out_so(py), Ordering::Relaxed));
}

fn are_laid_out_so(py: Python<'_>) -> bool {
    let class = PyInt::type_object(py);
    // SAFETY: a live type; these are the sizes of an int's head and of one digit.
    let sizes = unsafe { ((*class.as_type_ptr()).tp_basicsize, (*class.as_type_ptr()).tp_itemsize) };
    let near = (0..62).map(|bits| 1_i64 << bits).flat_map(|size| [size - 1, size, size + 1]);
    sizes == (offset_of!(Int, digit).cast_signed(), size_of::<u32>().cast_signed())
        && near.flat_map(|value| [value, -value]).chain([i64::MAX, i64::MIN]).all(|value| {
            let number = PyInt::new(py, value);
            // SAFETY: a live int, whose head is as large as ours.
            let read = unsafe { one_digit(number.as_ptr()) };
            read == (value.unsigned_abs() < 1 << 30).then_some(value)
        })
}

/// The text as UTF-8; `None` where it holds a lone surrogate.
#[inline]
pub(super) fn utf8<'t>(text: &'t Bound<'_, PyString>) -> Option<&'t str> {
    #[cfg(not(Py_3_14))]
    if let Some(text) = ascii(text) {
        return Some(text);
    }
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

/// The text where it is ASCII, of which Python keeps the bytes in the object; from 3.14 on pyo3 does not say where.
#[cfg(not(Py_3_14))]
#[inline]
fn ascii<'t>(text: &'t Bound<'_, PyString>) -> Option<&'t str> {
    let text = text.as_ptr();
    // SAFETY: it is a live str. One that is compact and ASCII has so many bytes behind its head, all of them below 128;
    // they never change, and live as long as it does.
    unsafe {
        if ffi::PyUnicode_IS_COMPACT_ASCII(text) == 0 {
            return None;
        }
        let (bytes, length) = (ffi::PyUnicode_1BYTE_DATA(text), ffi::PyUnicode_GET_LENGTH(text));
        Some(str::from_utf8_unchecked(slice::from_raw_parts(bytes, length.cast_unsigned())))
    }
}

/// The bytes of a key that is ASCII text; `None` for any other, also where Python does not say where they are.
#[inline(always)]
pub(super) fn ascii_key<'k>(key: &'k Bound<'_, PyAny>) -> Option<&'k [u8]> {
    #[cfg(not(Py_3_14))]
    return ascii(exact::<PyString>(key)?).map(str::as_bytes);
    #[cfg(Py_3_14)]
    None
}

/// Whether two keys are texts of the same characters, by Python's own comparison; no Python runs. Objects of other types
/// are never the same here.
#[inline(never)]
pub(super) fn same_text(one: &Bound<'_, PyAny>, other: &Bound<'_, PyAny>) -> bool {
    let (Some(one), Some(other)) = (exact::<PyString>(one), exact::<PyString>(other)) else { return false };
    // SAFETY: both are live strs and we are attached to Python; for two strs the call raises nothing.
    unsafe { ffi::PyUnicode_Compare(one.as_ptr(), other.as_ptr()) == 0 }
}

/// The hash that Python keeps of a text; of a key of another type none is asked for.
#[inline]
pub(super) fn hash_of(key: &Bound<'_, PyAny>) -> isize {
    match exact::<PyString>(key) {
        // SAFETY: it is a live str and we are attached to Python; hashing one raises nothing and runs no Python.
        Some(text) => unsafe { ffi::PyObject_Hash(text.as_ptr()) },
        None => key.as_ptr().addr().cast_signed(),
    }
}

/// An Arrow stream in our hands. What it hands over is looked at before it is believed.
pub(super) struct ArrowStream {
    stream: FFI_ArrowArrayStream,
    data_type: DataType,
}

/// The most rows that an array may claim: so many of the widest type have an address.
const MOST_ROWS: usize = isize::MAX as usize / 64;

/// Takes the stream out of the capsule that `__arrow_c_stream__` answered; the capsule keeps one that was released.
pub(super) fn take_stream(capsule: &Bound<'_, PyCapsule>) -> PyResult<Result<ArrowStream, ArrowError>> {
    let stream = capsule.pointer_checked(Some(c"arrow_array_stream"))?.cast::<FFI_ArrowArrayStream>();
    // SAFETY: by the Arrow PyCapsule interface, a capsule of this name, which has just been checked, points to an
    // initialised `ArrowArrayStream`, and we are attached, so that nobody else moves it meanwhile. `from_raw` moves it
    // out and leaves one whose `release` is null, as the C data interface asks of a consumer: the capsule's own
    // destructor then has nothing to release. `open` refuses a stream that somebody else has taken before.
    Ok(ArrowStream::open(unsafe { FFI_ArrowArrayStream::from_raw(stream.as_ptr()) }))
}

impl ArrowStream {
    fn open(mut stream: FFI_ArrowArrayStream) -> Result<Self, ArrowError> {
        let get_schema = stream.release().and(stream.get_schema()).ok_or_else(|| broken("it was read before"))?;
        let mut schema = FFI_ArrowSchema::empty();
        // SAFETY: the stream was not released, so that its producer's callback takes it and a place for the schema.
        let code = unsafe { get_schema(&raw mut stream, &raw mut schema) };
        if code != 0 {
            return Err(last_error(&mut stream, code));
        }
        let data_type = catch_unwind(AssertUnwindSafe(|| DataType::try_from(&schema)));
        let data_type = data_type.unwrap_or_else(|panic| Err(broken(&words(panic.as_ref()))))?;
        Ok(Self { stream, data_type })
    }

    /// The type of its arrays.
    pub(super) fn data_type(&self) -> &DataType {
        &self.data_type
    }

    /// The next array; `None` once there is none.
    pub(super) fn next(&mut self) -> Result<Option<ArrayRef>, ArrowError> {
        let get_next = self.stream.get_next().ok_or_else(|| broken("it gives no arrays"))?;
        let mut array = FFI_ArrowArray::empty();
        // SAFETY: as for the schema; the stream is released when it is dropped, and not before.
        let code = unsafe { get_next(&raw mut self.stream, &raw mut array) };
        if code != 0 {
            return Err(last_error(&mut self.stream, code));
        }
        if array.is_released() {
            return Ok(None);
        }
        // What the array claims in vain, such as a child that is shorter than its parent, arrow-rs answers by a panic.
        let imported = catch_unwind(AssertUnwindSafe(|| {
            if !is_possible(&array) {
                return Err(broken("an array claims a length that cannot be"));
            }
            // SAFETY: the producer's word for the buffers behind the pointers is all that there is; lengths that would
            // wrap around have just been refused, and offsets are looked at before anything is read by them.
            unsafe { from_ffi_and_data_type(array, self.data_type.clone()) }.map(make_array)
        }));
        imported.unwrap_or_else(|panic| Err(broken(&words(panic.as_ref())))).map(Some)
    }
}

/// Whether lengths and offsets are numbers that can be calculated with.
fn is_possible(array: &FFI_ArrowArray) -> bool {
    let counts = [array.len(), array.offset(), array.num_children(), array.num_buffers()];
    counts.iter().all(|count| *count <= MOST_ROWS)
        && (0..array.num_children()).all(|child| is_possible(array.child(child)))
        && array.dictionary().is_none_or(is_possible)
}

/// What the producer says about a failure.
fn last_error(stream: &mut FFI_ArrowArrayStream, code: c_int) -> ArrowError {
    let unnamed = format!("the producer failed with code {code}");
    let Some(get_last_error) = stream.get_last_error() else { return ArrowError::CDataInterface(unnamed) };
    // SAFETY: the stream was not released, and its last call failed; the text is the producer's until the next call.
    let text = unsafe {
        let text = get_last_error(&raw mut *stream);
        (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
    };
    ArrowError::CDataInterface(text.unwrap_or(unnamed))
}

/// A producer that has broken its word.
fn broken(how: &str) -> ArrowError {
    ArrowError::CDataInterface(how.to_owned())
}
