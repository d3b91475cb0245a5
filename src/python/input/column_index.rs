//! Where columns stand in the rows that are made: asked for by name as seldom as possible.

use pyo3::prelude::*;

use super::ffi::{ascii_key, hash_of, same_text};
use super::tables::tables_are_known;

/// The places of columns that every row of a source has, in the source's order: none where a name has none.
#[derive(Default)]
pub(super) struct ColumnIndex(Option<Vec<Option<usize>>>);

impl ColumnIndex {
    /// Asks for the places, unless they are known.
    #[inline]
    pub(super) fn ask(&mut self, ask: impl FnOnce() -> Vec<Option<usize>>) {
        self.0.get_or_insert_with(ask);
    }

    /// What is known.
    #[inline]
    pub(super) fn known(&self) -> &[Option<usize>] {
        self.0.as_deref().unwrap_or_default()
    }
}

/// The keys of dicts, in the order of the last row. The next row nearly always has the very same objects, or, where each
/// row was parsed by itself, other objects of the same texts.
#[derive(Default)]
pub(super) struct Keys<'py> {
    known: Vec<Key<'py>>,
    /// The hashes of the known keys, as Python has computed them.
    hashes: Vec<isize>,
    /// Whether keys have come as other objects of the same texts: then more will.
    fresh: bool,
    /// Where the next key probably stands: behind the one before it.
    pub(super) next: usize,
    /// Whether the items of dicts are read where they lie.
    pub(super) reads_tables: bool,
}

struct Key<'py> {
    /// Held, so that no other object can have its address.
    object: Bound<'py, PyAny>,
    /// What a short name is known by, where it is ASCII, and a long one.
    ends: Ends,
    text: Box<[u8]>,
    place: usize,
}

impl<'py> Key<'py> {
    fn new(object: Bound<'py, PyAny>, place: usize) -> Self {
        let name = ascii_key(&object);
        let (ends, text) = (name.and_then(Ends::of).unwrap_or(Ends::UNKNOWN), name.unwrap_or_default().into());
        Self { object, ends, text, place }
    }

    /// Whether `other` is the same object or the same text.
    #[inline(always)]
    fn is(&self, other: &Bound<'_, PyAny>) -> bool {
        self.object.is(other)
            || match ascii_key(other) {
                Some(name) => match Ends::of(name) {
                    Some(ends) => ends == self.ends,
                    None => is_same(name, &self.text),
                },
                None => same_text(&self.object, other),
            }
    }
}

/// All of a name of up to sixteen bytes: its length, and its first and last bytes, which overlap where they must.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Ends {
    length: usize,
    first: u64,
    last: u64,
}

impl Ends {
    /// No name's.
    const UNKNOWN: Self = Self { length: usize::MAX, first: 0, last: 0 };

    #[inline(always)]
    fn of(name: &[u8]) -> Option<Self> {
        let length = name.len();
        let (first, last) = if let (Some(first), Some(last)) = (name.first_chunk::<8>(), name.last_chunk::<8>()) {
            (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
        } else if let (Some(first), Some(last)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
            (u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into())
        } else {
            match *name {
                [] => (0, 0),
                [one] => (one.into(), 0),
                [one, .., last] => (u64::from(one) | u64::from(name[1]) << 8, last.into()),
            }
        };
        (length <= 16).then_some(Self { length, first, last })
    }
}

/// Whether two names of more than sixteen bytes are the same. Few have more than twice as many.
#[inline(always)]
fn is_same(name: &[u8], other: &[u8]) -> bool {
    const HALF: usize = 16;
    let ends = |name: &[u8]| {
        Some([name.first_chunk::<HALF>()?, name.last_chunk::<HALF>()?].map(|half| u128::from_le_bytes(*half)))
    };
    name.len() == other.len() && ends(name) == ends(other) && (name.len() <= 2 * HALF || name == other)
}

/// The same between two calls from Python.
#[derive(Default)]
pub(in crate::python) struct KeptKeys(Vec<(Py<PyAny>, usize)>);

impl KeptKeys {
    pub(super) fn resume(self, py: Python<'_>) -> Keys<'_> {
        let known: Vec<_> = self.0.into_iter().map(|(key, place)| Key::new(key.into_bound(py), place)).collect();
        Keys {
            hashes: known.iter().map(|known| hash_of(&known.object)).collect(),
            known,
            fresh: false,
            next: 0,
            reads_tables: tables_are_known(py),
        }
    }
}

impl<'py> Keys<'py> {
    /// Forgets all keys.
    pub(super) fn forget(&mut self) {
        *self = Self { reads_tables: self.reads_tables, ..Self::default() };
    }

    pub(super) fn keep(self) -> KeptKeys {
        KeptKeys(self.known.into_iter().map(|Key { object, place, .. }| (object.unbind(), place)).collect())
    }

    /// The place of the column that `key` names, if that key has been met as the one that stands at `next`.
    #[inline(always)]
    pub(super) fn expected(&self, next: usize, key: &Bound<'_, PyAny>) -> Option<usize> {
        let known = self.known.get(next)?;
        (known.object.is(key) || self.fresh && known.is(key)).then_some(known.place)
    }

    /// The same, wherever it stands: rows may lack columns.
    #[inline(never)]
    pub(super) fn look(&mut self, key: &Bound<'_, PyAny>) -> Option<usize> {
        let found = if self.fresh { None } else { self.around(|at| self.known[at].object.is(key)) };
        let found = found.or_else(|| self.look_by_text(key))?;
        self.next = found + 1;
        Some(self.known[found].place)
    }

    /// Equal texts have equal hashes.
    #[inline(never)]
    fn look_by_text(&mut self, key: &Bound<'_, PyAny>) -> Option<usize> {
        let hash = hash_of(key);
        let found = self.around(|at| self.hashes[at] == hash).filter(|at| self.known[*at].is(key))?;
        self.fresh = true;
        Some(found)
    }

    /// The first of the keys that is the one, from the next one on.
    #[inline(always)]
    fn around(&self, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        let next = self.next.min(self.known.len());
        (next..self.known.len()).find(|at| is_it(*at)).or_else(|| (0..next).find(|at| is_it(*at)))
    }

    /// Takes note of another key; one key for each place.
    pub(super) fn learn(&mut self, key: Bound<'py, PyAny>, place: usize) {
        let hash = hash_of(&key);
        if let Some(found) = self.known.iter().position(|known| known.place == place) {
            (self.known[found], self.hashes[found]) = (Key::new(key, place), hash);
            self.next = found + 1;
        } else {
            self.next = self.next.min(self.known.len());
            self.known.insert(self.next, Key::new(key, place));
            self.hashes.insert(self.next, hash);
            self.next += 1;
        }
    }
}
