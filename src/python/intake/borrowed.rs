//! What belongs to others and is read in place, a dict's items and an Arrow stream: the one file with `unsafe`.
//!
//! pyo3's own iterator panics where a dict changes under it, and a copy of the items would cost as much as the rest of
//! the intake. An Arrow stream is a C struct that changes hands inside a capsule.
#![allow(unsafe_code)]

use std::ptr;

use arrow_array::ffi_stream::{ArrayStreamReader, FFI_ArrowArrayStream};
use arrow_schema::ArrowError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};
use pyo3::{Bound, ffi};

/// Where an object is: it is that object as long as somebody holds it.
#[derive(Clone, Copy)]
pub(super) struct Address(*const ffi::PyObject);

impl Address {
    /// Whether `object` is there.
    #[inline]
    pub(super) fn is(self, object: &Bound<'_, PyAny>) -> bool {
        ptr::eq(self.0, object.as_ptr())
    }
}

/// Walks a dict.
pub(super) struct DictItems<'a, 'py> {
    dict: &'a Bound<'py, PyDict>,
    position: ffi::Py_ssize_t,
    left: usize,
    length: usize,
}

/// What a dict holds next.
pub(super) enum Item<'py, K> {
    /// A value whose key is known.
    Known(K, Bound<'py, PyAny>),
    /// A key and its value.
    Other(Bound<'py, PyAny>, Bound<'py, PyAny>),
    /// Nothing: all has been visited.
    End,
    /// Nothing: the dict is another than it was.
    Changed,
}

impl<'a, 'py> DictItems<'a, 'py> {
    #[inline]
    pub(super) fn new(dict: &'a Bound<'py, PyDict>) -> Self {
        let length = dict.len();
        Self { dict, position: 0, left: length, length }
    }

    /// The next item; `know` says what is known of the key at an address.
    #[inline]
    pub(super) fn next<K>(&mut self, know: impl FnOnce(Address) -> Option<K>) -> Item<'py, K> {
        let (mut key, mut value) = (ptr::null_mut(), ptr::null_mut());
        if self.dict.len() != self.length {
            return Item::Changed;
        }
        // SAFETY: `dict` is a live dict and we are attached to Python. `PyDict_Next` checks `position` against the
        // dict's current table on every call, so that a dict that changed since the last call yields other items or
        // none, never memory that is not its own. It leaves `key` and `value` as they are when it returns 0.
        let found =
            unsafe { ffi::PyDict_Next(self.dict.as_ptr(), &raw mut self.position, &raw mut key, &raw mut value) } != 0;
        match (found, self.left) {
            (false, 0) => Item::End,
            (true, 1..) => {
                self.left -= 1;
                let py = self.dict.py();
                // SAFETY: `PyDict_Next` returned 1, so that `value` is a borrowed reference to a live object; nothing
                // ran in between that could have released it, and from here on we own a reference of our own.
                let value = unsafe { Bound::from_borrowed_ptr(py, value) };
                match know(Address(key)) {
                    Some(known) => Item::Known(known, value),
                    // SAFETY: as above; `know` had nothing but an address, and no access to Python through it.
                    None => Item::Other(unsafe { Bound::from_borrowed_ptr(py, key) }, value),
                }
            }
            // As many items as before, but not the same ones.
            _ => Item::Changed,
        }
    }
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
