//! Where columns stand in the rows that are made: asked for by name as seldom as possible.

use pyo3::prelude::*;

/// The places of columns that every row of a source has, in the source's order: none where a name has none.
#[derive(Default)]
pub(super) struct Places(Option<Vec<Option<usize>>>);

impl Places {
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

/// The keys of dicts, in the order of the last row: nearly always the next row has the very same objects.
#[derive(Default)]
pub(super) struct Keys<'py> {
    known: Vec<Key<'py>>,
    /// Where the next key probably stands: behind the one before it.
    pub(super) next: usize,
}

struct Key<'py> {
    /// Held, so that no other object can have its address.
    key: Bound<'py, PyAny>,
    place: usize,
}

/// The same between two calls from Python.
#[derive(Default)]
pub(in crate::python) struct KeptKeys(Vec<(Py<PyAny>, usize)>);

impl KeptKeys {
    pub(super) fn resume(self, py: Python<'_>) -> Keys<'_> {
        let known = self.0.into_iter().map(|(key, place)| Key { key: key.into_bound(py), place }).collect();
        Keys { known, next: 0 }
    }
}

impl<'py> Keys<'py> {
    pub(super) fn keep(self) -> KeptKeys {
        KeptKeys(self.known.into_iter().map(|Key { key, place }| (key.unbind(), place)).collect())
    }

    /// The place of the column that `key` names, if that very object has been met as the one that stands at `next`.
    #[inline(always)]
    pub(super) fn expected(&self, next: usize, key: &Bound<'_, PyAny>) -> Option<usize> {
        self.known.get(next).filter(|known| known.key.is(key)).map(|known| known.place)
    }

    /// The same, wherever it stands: rows may lack columns.
    #[inline(never)]
    pub(super) fn look(&mut self, key: &Bound<'_, PyAny>) -> Option<usize> {
        let (before, behind) = self.known.split_at(self.next.min(self.known.len()));
        let met = |known: &Key<'_>| known.key.is(key);
        let found =
            behind.iter().position(met).map(|found| found + before.len()).or_else(|| before.iter().position(met))?;
        self.next = found + 1;
        Some(self.known[found].place)
    }

    /// Takes note of another key; one key for each place.
    pub(super) fn learn(&mut self, key: Bound<'py, PyAny>, place: usize) {
        if let Some(found) = self.known.iter().position(|known| known.place == place) {
            self.known[found].key = key;
            self.next = found + 1;
        } else {
            self.next = self.next.min(self.known.len());
            self.known.insert(self.next, Key { key, place });
            self.next += 1;
        }
    }
}
