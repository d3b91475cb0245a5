//! A dict's items read from its table, and asked of memory before they are needed: one of the four files with `unsafe`.
//!
//! `PyDict_Next` takes 50 instructions for each item, as many as most values.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
use std::ptr;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyListMethods};

/// The head of a dict's table, as Python has laid it out since 3.11. Behind it stand the index, and then the items.
#[repr(C)]
struct Table {
    references: isize,
    log2_size: u8,
    log2_index_bytes: u8,
    kind: u8,
    version: u32,
    usable: isize,
    items: isize,
}

/// The kind of a table whose keys are all texts: its items are pairs of a key and a value.
const TEXTS: u8 = 1;

/// The item at `position`, as `PyDict_Next` would answer it for a tenth of the price; `false` where the dict is not of the
/// simplest kind, or has no item there.
///
/// # Safety
///
/// `dict` is a live dict, we are attached to Python, and [`tables_are_known`].
#[inline(always)]
pub(super) unsafe fn simple_item(
    dict: *mut ffi::PyObject,
    position: isize,
    key: &mut *mut ffi::PyObject,
    value: &mut *mut ffi::PyObject,
) -> bool {
    // SAFETY: as above; there are so many pairs.
    unsafe {
        let (pairs, items) = pairs(dict);
        if position >= items {
            return false;
        }
        let pair = pairs.offset(position);
        [*key, *value] = *pair;
        let later = position + ITEMS_AHEAD.cast_signed();
        if later < items {
            let [key, value] = *pair.add(ITEMS_AHEAD);
            ask_for(key);
            ask_for(value);
        }
        !value.is_null()
    }
}

/// A key and its value, which is null where the item was taken out.
type Pair = [*mut ffi::PyObject; 2];

/// The pairs of a dict and how many there are: none where it is not of the simplest kind.
///
/// # Safety
///
/// As of [`simple_item`].
#[inline(always)]
#[allow(clippy::cast_ptr_alignment, reason = "an index has eight bytes, or a power of two more")]
unsafe fn pairs(dict: *mut ffi::PyObject) -> (*const Pair, isize) {
    // SAFETY: a live dict has a table. One of this kind, whose values are not elsewhere, has so many pairs behind its index.
    unsafe {
        let dict = dict.cast::<ffi::PyDictObject>();
        let table = (*dict).ma_keys.cast::<Table>();
        if !(*dict).ma_values.is_null() || (*table).kind != TEXTS {
            return (ptr::null(), 0);
        }
        let index = table.add(1).cast::<u8>();
        (index.add(1 << (*table).log2_index_bytes).cast(), (*table).items)
    }
}

/// Whether dicts are laid out as `simple_item` takes them to be: tried once on dicts whose items are known.
pub(super) fn tables_are_known(py: Python<'_>) -> bool {
    static KNOWN: PyOnceLock<bool> = PyOnceLock::new();
    *KNOWN.get_or_init(py, || LAID_OUT_SO && [1, 5, 6, 200, 40_000].into_iter().all(|items| is_laid_out_so(py, items)))
}

/// Without the GIL, tables and ints have other heads; elsewhere nobody has looked.
pub(super) const LAID_OUT_SO: bool = cfg!(all(Py_3_11, not(Py_GIL_DISABLED), target_pointer_width = "64"));

fn is_laid_out_so(py: Python<'_>, items: usize) -> bool {
    let dict = PyDict::new(py);
    let filled = (0..items).try_for_each(|item| dict.set_item(item.to_string(), item));
    // SAFETY: a new dict of texts is live and has a table, whose head is as large as ours whatever is in it.
    let table = unsafe { &*(*dict.as_ptr().cast::<ffi::PyDictObject>()).ma_keys.cast::<Table>() };
    // What is read by these figures is the dict's own only if they are what they are taken to be.
    let (index, least) = (1_usize << (table.log2_index_bytes & 31), 1_usize << (table.log2_size & 31));
    let plausible = table.kind == TEXTS
        && table.items == items.cast_signed()
        && table.usable >= 0
        && least >= items
        && [1, 2, 4].contains(&(index / least));
    let (mut at, mut key, mut value) = (0, ptr::null_mut(), ptr::null_mut());
    let same = |position: isize| {
        let (mut simple_key, mut simple_value) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: a live dict that nobody else knows, and we are attached to Python; the layout has just been found plausible.
        unsafe {
            ffi::PyDict_Next(dict.as_ptr(), &raw mut at, &raw mut key, &raw mut value) != 0
                && simple_item(dict.as_ptr(), position, &mut simple_key, &mut simple_value)
                && (simple_key, simple_value) == (key, value)
        }
    };
    filled.is_ok() && plausible && (0..items.cast_signed()).all(same)
}

/// Asks memory for what is at `address`, without waiting for it.
#[inline(always)]
pub(super) fn ask_for<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing and faults nowhere, whatever the address.
    unsafe {
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// How many items ahead of its use an item is asked of memory.
const AHEAD: usize = 8;
/// How many items ahead a dict's table is; by then the dict itself has come.
const TABLE_AHEAD: usize = 4;
/// What is asked for of a table: its head and its index, and then four items at a time.
const TABLE_STEP: usize = 64;
/// Items of a table for which memory is asked at most: more than most tables have columns.
const ITEMS: usize = 56;
/// How many items ahead of their use a key and its value are asked for, in their own dict or in the one before it.
const ITEMS_AHEAD: usize = 16;
/// How many items of the row after the next one are: enough for two such stretches.
const NEXT_ITEMS: isize = 32;

/// The item at `index`; `None` behind the last one.
#[inline]
pub(super) fn item<'py>(list: &Bound<'py, PyList>, index: usize, reads_tables: bool) -> Option<Bound<'py, PyAny>> {
    if index + AHEAD < list.len() {
        // SAFETY: there are such items, live as long as nothing runs that could take them out of the list, and nothing
        // does here. Of the first one the address alone is used; the second one is looked into where it is a dict.
        unsafe {
            ask_for(ffi::PyList_GET_ITEM(list.as_ptr(), (index + AHEAD).cast_signed()));
            let sooner = ffi::PyList_GET_ITEM(list.as_ptr(), (index + TABLE_AHEAD).cast_signed());
            if ffi::PyDict_CheckExact(sooner) != 0 {
                let dict = sooner.cast::<ffi::PyDictObject>();
                let (table, items) = ((*dict).ma_keys.cast::<u8>(), (*dict).ma_used.cast_unsigned().min(ITEMS));
                for step in 0..items / 4 + 2 {
                    ask_for(table.wrapping_add(step * TABLE_STEP));
                }
            }
            let next = ffi::PyList_GET_ITEM(list.as_ptr(), (index + 2).cast_signed());
            if reads_tables && ffi::PyDict_CheckExact(next) != 0 {
                let (pairs, items) = pairs(next);
                for position in 0..items.min(NEXT_ITEMS) {
                    let [key, value] = *pairs.offset(position);
                    ask_for(key);
                    ask_for(value);
                }
            }
        }
    }
    // SAFETY: there is such an item, and we are attached to Python, so that nobody takes it out before we own it.
    (index < list.len()).then(|| unsafe { list.get_item_unchecked(index) })
}
