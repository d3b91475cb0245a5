//! Rows of which many are at hand: each core encodes slices of them, which join into what one encoder makes.
//!
//! ```text
//!            ┌─▶ this thread, from the first slice on, behind the rows that the body has ─┐
//! at hand ───┼─▶ a thread of its own, from the last slice back ───────────────────────────┼─▶ one body,
//!            └─▶ a thread of its own, from the last slice back ───────────────────────────┘   problems in order
//! ```
//!
//! Slices are short, so that nobody waits long for who began late. The threads end with the call: those of a pool would
//! be missing in a forked child.

use std::num::NonZero;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Builder};

use super::{Encoder, Filled, Limits, position};
use crate::rows::cell::Slices;

/// Threads at most: more would wait for memory more than they encode.
const THREADS: usize = 4;
/// Rows for each thread: fewer are not worth one.
const WORTH: usize = 1_000;
/// Bytes of a body for each thread: to begin one takes as long as to write that many by columns.
const WORTH_BYTES: usize = 160 * 1024;
/// Rows of a slice.
const SLICE: usize = 500;
/// Rows of a slice that say how long the others are.
const FIRST: usize = 16;
/// The most that is kept of a slice's memory.
const KEPT: usize = 1 << 20;
/// Slices are never cut: their rows move into a body that is.
const UNCUT: Limits = Limits { max_rows: usize::MAX, max_bytes: usize::MAX };

/// How rows are shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// Threads at most, this one among them.
    pub threads: usize,
    /// Rows of a slice; a thread is worth its while for two of them.
    pub slice: usize,
    /// Slices that this thread takes at most while others take the rest, and one at least.
    pub own: usize,
}

impl Shares {
    /// As many threads as there are cores.
    fn of_this_machine() -> Self {
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(THREADS);
        Self { threads, slice: SLICE, own: usize::MAX }
    }
}

/// What an encoder remembers of its slices.
#[derive(Debug, Default)]
pub(super) struct Slicing {
    /// What was asked for.
    wanted: Option<Shares>,
    /// What this machine has, asked when it first matters.
    machine: Option<Shares>,
    /// Rows visited for the last body, and its bytes.
    last: Option<(usize, usize)>,
    /// Memory for slices to come.
    spare: Vec<Vec<u8>>,
}

impl Slicing {
    /// A body of so many visited rows is done.
    pub(super) fn sealed(&mut self, visited: usize, bytes: usize) {
        self.last = Some((visited, bytes));
    }

    /// How so many rows are shared out, if they are.
    fn shares(&mut self, rows: usize) -> Option<Shares> {
        let most = match self.wanted {
            Some(shares) => rows / (2 * shares.slice),
            None => (rows / WORTH).min(self.bytes(rows) / WORTH_BYTES),
        };
        if most < 2 {
            return None;
        }
        let shares = self.wanted.unwrap_or_else(|| *self.machine.get_or_insert_with(Shares::of_this_machine));
        let threads = shares.threads.min(most);
        (threads > 1).then_some(Shares { threads, ..shares })
    }

    /// How many bytes so many rows take, going by the last body.
    fn bytes(&self, rows: usize) -> usize {
        self.last.map_or(usize::MAX, |(visited, bytes)| rows.saturating_mul(bytes) / visited.max(1))
    }
}

/// Rows cut into slices, of which everybody takes the next one.
struct Cut {
    rows: usize,
    slice: usize,
    /// The slices that nobody has taken.
    left: Mutex<Range<usize>>,
    spare: Mutex<Vec<Vec<u8>>>,
}

impl Cut {
    fn left(&self) -> MutexGuard<'_, Range<usize>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rows of a slice.
    fn range(&self, slice: usize) -> Range<usize> {
        slice * self.slice..self.rows.min((slice + 1) * self.slice)
    }
}

/// What another thread made of a slice.
struct Done {
    slice: usize,
    encoder: Encoder,
    /// Whether all of its rows were visited. Where one could not be, this thread will find out why.
    whole: bool,
}

/// What another thread works with.
struct Helper<'c, S> {
    cut: &'c Cut,
    rows: S,
    /// What slices are encoded as.
    encoder: Encoder,
    /// Bytes behind which no row would be needed.
    enough: usize,
}

impl<S: Slices<Slice = S>> Helper<'_, S> {
    /// Takes slices from the last one back, until none is left or there are enough.
    fn run(mut self) -> Vec<Done> {
        let mut done: Vec<Done> = Vec::new();
        while done.last().is_none_or(|done| done.whole) {
            let Some(slice) = self.cut.left().next_back() else { break };
            done.push(self.visit(slice));
        }
        done
    }

    fn visit(&mut self, slice: usize) -> Done {
        let range = self.cut.range(slice);
        let mut encoder = self.encoder.beside(range.start, self.cut.spare().pop().unwrap_or_default());
        let mut rows = self.rows.slice(range.clone());
        encoder.begin(&mut rows);
        let start = encoder.body.len();
        let mut fails = false;
        while encoder.visited < range.len() && encoder.body.len() - start < self.enough && !fails {
            let until = encoder.visited.saturating_add(self.step(&encoder, encoder.body.len() - start));
            fails = encoder.visit(&mut rows, until.min(range.len())).is_err();
        }
        self.enough = self.enough.saturating_sub(encoder.body.len() - start);
        Done { slice, whole: encoder.visited == range.len(), encoder }
    }

    /// How many rows of a slice are visited together: not many more than there would be need of, going by those before them,
    /// which have so many bytes.
    fn step(&self, encoder: &Encoder, bytes: usize) -> usize {
        match encoder.visited {
            _ if encoder.checks => usize::MAX,
            0 => FIRST,
            visited => (self.enough - bytes).saturating_mul(visited).div_ceil(bytes.max(1)).max(1),
        }
    }
}

impl Encoder {
    /// Has rows shared out like this, instead of to all cores.
    #[must_use]
    pub fn with_shares(mut self, shares: Shares) -> Self {
        self.slicing.wanted = Some(shares);
        self
    }

    /// The same as [`Encoder::fill`], on all cores.
    pub fn fill_in_slices<R: Slices>(&mut self, rows: &mut R) -> Result<Filled, R::Failure> {
        self.begin(rows);
        while self.visited < self.limits.max_rows {
            let at_hand = rows.at_hand()?.min(self.limits.max_rows - self.visited);
            if at_hand == 0 {
                return Ok(Filled { run: self.seal(), ended: true });
            }
            let together = at_hand.min(self.likely());
            let before = self.row;
            let visited = match self.slicing.shares(together) {
                Some(shares) => self.visit_together(rows, together, shares),
                None => self.visit(&mut rows.slice(0..at_hand), self.visited + at_hand),
            };
            rows.skip(length(before..self.row));
            if let Some(filled) = visited? {
                return Ok(filled);
            }
        }
        Ok(self.full())
    }

    /// How many more rows this body takes, going by what rows took so far.
    fn likely(&self) -> usize {
        let here = (self.visited >= SLICE).then_some((self.visited, self.body.len()));
        let Some((rows, bytes)) = here.or(self.slicing.last) else { return usize::MAX };
        self.room().saturating_mul(rows) / bytes.max(1)
    }

    /// How many more bytes this body takes.
    fn room(&self) -> usize {
        self.limits.max_bytes.saturating_sub(self.body.len())
    }

    /// Visits so many of the rows at hand with the help of other threads.
    fn visit_together<R: Slices>(
        &mut self,
        rows: &R,
        count: usize,
        shares: Shares,
    ) -> Result<Option<Filled>, R::Failure> {
        let left = Mutex::new(0..count.div_ceil(shares.slice));
        let spare = Mutex::new(std::mem::take(&mut self.slicing.spare));
        let cut = Cut { rows: count, slice: shares.slice, left, spare };
        let (mut own, before) = (rows.slice(0..count), self.row);
        let (visited, done) = thread::scope(|scope| {
            let helpers = (1..shares.threads).map_while(|_| {
                let encoder = self.beside(0, Vec::new());
                let enough = (self.room() / shares.threads).saturating_mul(2);
                let helper = Helper { cut: &cut, rows: rows.slice(0..count), encoder, enough };
                // Where the system has no thread to give, its slices are left to this one.
                Builder::new().spawn_scoped(scope, move || helper.run()).ok()
            });
            let helpers: Vec<_> = helpers.collect();
            let visited = self.visit_own(&mut own, &cut, shares.own);
            let done =
                helpers.into_iter().flat_map(|helper| helper.join().unwrap_or_else(|panic| resume_unwind(panic)));
            (visited, done.collect())
        });
        self.slicing.spare = cut.spare.into_inner().unwrap_or_else(PoisonError::into_inner);
        let next = length(before..self.row).div_ceil(shares.slice);
        self.join(matches!(visited, Ok(None)).then_some(next), done);
        visited
    }

    /// Takes slices from the first one on, until none is left.
    fn visit_own<S: Slices>(&mut self, rows: &mut S, cut: &Cut, most: usize) -> Result<Option<Filled>, S::Failure> {
        for _ in 0..most.max(1) {
            let Some(slice) = cut.left().next() else { break };
            let visited = self.visit(rows, self.visited + cut.range(slice).len());
            if !matches!(visited, Ok(None)) {
                *cut.left() = 0..0;
                return visited;
            }
        }
        Ok(None)
    }

    /// Takes in what others made of the slices from the `next` one on, as far as it is what this encoder would have made.
    fn join(&mut self, mut next: Option<usize>, mut done: Vec<Done>) {
        done.sort_unstable_by_key(|done| done.slice);
        for Done { slice, mut encoder, whole } in done {
            if next == Some(slice) {
                next = (self.append(&mut encoder) && whole).then_some(slice + 1);
            }
            let memory = encoder.into_memory();
            if memory.capacity() <= KEPT {
                self.slicing.spare.push(memory);
            }
        }
    }

    /// An encoder for rows that begin so many behind those visited.
    fn beside(&self, rows: usize, memory: Vec<u8>) -> Self {
        let mut encoder = Self::new(self.framing, None, self.options, UNCUT, 0);
        encoder.columns = self.columns.clone();
        encoder.checks = self.checks;
        encoder.key = Arc::clone(&self.key);
        encoder.problems = self.problems.anew();
        encoder.row = self.row + rows as u64;
        encoder.spare = memory;
        encoder
    }

    /// Appends the rows of a slice as far as they fit; answers whether all of them did.
    fn append(&mut self, slice: &mut Self) -> bool {
        let separator = if self.ends.is_empty() { &[] } else { self.framing.separator };
        let (prefix, start) = (self.framing.prefix.len(), self.body.len() + separator.len());
        let room = self.room().saturating_sub(separator.len() + self.framing.suffix.len());
        let fitting = slice.ends.partition_point(|&end| end as usize <= prefix + room);
        let all = fitting == slice.ends.len();
        // Problems do not say how many of them come before the row that does not fit.
        if !all && slice.problems.count() > 0 {
            return false;
        }
        if let Some(&end) = slice.ends[..fitting].last() {
            self.body.put(separator);
            self.body.put(&slice.body.written()[prefix..end as usize]);
            self.keys.extend(slice.keys.iter().take(fitting));
            self.ends.extend(slice.ends[..fitting].iter().map(|&end| position(start - prefix + end as usize)));
        }
        let visited = if all { slice.visited } else { fitting };
        self.visited += visited;
        self.row += visited as u64;
        self.problems.append(std::mem::take(&mut slice.problems));
        self.columns.meet(&slice.columns);
        all
    }
}

/// How many rows have these numbers: never more than were at hand.
fn length(rows: Range<u64>) -> usize {
    usize::try_from(rows.end - rows.start).expect("rows at hand are in memory")
}
