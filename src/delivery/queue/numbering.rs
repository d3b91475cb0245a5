//! Sequence numbers: each batch gets the next one once, before it is sent, and keeps it.

/// The last sequence number given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Numbering {
    pub(super) last: u64,
    started: bool,
}

impl Numbering {
    /// Nothing is numbered yet; `last` was given by an earlier process.
    pub(super) fn resume(last: u64) -> Self {
        Self { last, started: false }
    }

    /// From now on batches are numbered, from behind the greater of `last` and our own last.
    pub(super) fn start(&mut self, last: u64) {
        *self = Self { last: self.last.max(last), started: true };
    }

    /// Whether batches are given sequence numbers.
    pub(super) fn is_started(self) -> bool {
        self.started
    }

    /// From now on batches are numbered from behind `last`, whatever sequence numbers there were.
    pub(super) fn forget(&mut self, last: u64) {
        *self = Self { last, started: true };
    }

    /// A sequence number that no batch has had; `None` where batches are not numbered.
    pub(super) fn next(&mut self) -> Option<u64> {
        if !self.started {
            return None;
        }
        self.last += 1;
        Some(self.last)
    }
}
