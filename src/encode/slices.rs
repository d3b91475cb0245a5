//! Rows of which many are at hand: each core encodes a slice of them, and together they are what one encoder makes.
//!
//! ```text
//!            ┌─▶ this thread, behind the rows that the body has ─┐
//! at hand ───┼─▶ a thread of its own ────────────────────────────┼─▶ one body, its problems in order
//!            └─▶ a thread of its own ────────────────────────────┘
//! ```
//!
//! The threads end with the call: those of a pool would be missing in a forked child.

use std::num::NonZero;
use std::ops::Range;
use std::panic::resume_unwind;
use std::thread::{self, Builder, Scope, ScopedJoinHandle};

use super::{Encoder, Filled, Limits, position};
use crate::cell::{Rows, Slices};

/// Fewer rows are not worth a thread.
const LEAST: usize = 1_000;
/// More slices would wait for memory more than they encode.
const MOST: usize = 4;
/// Slices are never cut: their rows move into a body that is.
const UNCUT: Limits = Limits { max_rows: usize::MAX, max_bytes: usize::MAX };

/// How rows are cut into slices.
#[derive(Debug)]
pub(super) struct Slicing {
    /// How many slices there are at most; the machine is asked when it first matters.
    most: Option<usize>,
    /// How many rows each of them has at least.
    least: usize,
    /// Rows visited for the last body, and its bytes.
    last: Option<(usize, usize)>,
    /// Memory for slices to come.
    spare: Vec<Vec<u8>>,
}

impl Default for Slicing {
    fn default() -> Self {
        Self { most: None, least: LEAST, last: None, spare: Vec::new() }
    }
}

impl Slicing {
    /// A body of so many visited rows is done.
    pub(super) fn sealed(&mut self, visited: usize, bytes: usize) {
        self.last = Some((visited, bytes));
    }

    /// How many slices so many rows are cut into.
    fn slices(&mut self, rows: usize) -> usize {
        if rows < 2 * self.least {
            return 1;
        }
        let cores = || thread::available_parallelism().map_or(1, NonZero::get).min(MOST);
        (*self.most.get_or_insert_with(cores)).min(rows / self.least)
    }
}

/// A slice for another thread.
struct Work<S> {
    encoder: Encoder,
    slice: S,
    rows: usize,
    /// Bytes behind which no row would be needed.
    enough: usize,
}

/// What became of it.
struct Done<F> {
    encoder: Encoder,
    /// Why not all of its rows were visited, unless there were enough bytes.
    failure: Option<F>,
    whole: bool,
}

impl<S: Rows> Work<S> {
    fn visit(self) -> Done<S::Failure> {
        let Self { mut encoder, mut slice, rows, enough } = self;
        encoder.begin(&mut slice);
        let mut failure = None;
        while encoder.visited < rows && encoder.body.len() < enough && failure.is_none() {
            failure = encoder.visit(&mut slice, encoder.visited + 1).err();
        }
        Done { whole: encoder.visited == rows, failure, encoder }
    }
}

impl Encoder {
    /// Has rows cut into so many slices, each of so many rows at least, instead of one for each core.
    #[must_use]
    pub fn with_slices(mut self, most: usize, least: usize) -> Self {
        self.slicing = Slicing { most: Some(most), least: least.max(1), ..self.slicing };
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
            let visited = match self.slicing.slices(together) {
                0 | 1 => self.visit(&mut rows.slice(0..at_hand), self.visited + at_hand),
                slices => self.visit_together(rows, together, slices),
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
        let here = (self.visited >= self.slicing.least).then_some((self.visited, self.body.len()));
        let Some((rows, bytes)) = here.or(self.slicing.last) else { return usize::MAX };
        self.room().saturating_mul(rows) / bytes.max(1)
    }

    /// How many more bytes this body takes.
    fn room(&self) -> usize {
        self.limits.max_bytes.saturating_sub(self.body.len())
    }

    /// Visits so many of the rows at hand, the first slice of them on this thread.
    fn visit_together<R: Slices>(
        &mut self,
        rows: &R,
        count: usize,
        slices: usize,
    ) -> Result<Option<Filled>, R::Failure> {
        let each = count.div_ceil(slices);
        let mut first = rows.slice(0..each);
        let rest = (each..count).step_by(each).map(|start| start..count.min(start + each));
        let work: Vec<_> = rest.map(|range| self.work(rows, range, slices)).collect();
        thread::scope(|scope| {
            let running: Vec<_> = work.into_iter().map_while(|work| begin(scope, work)).collect();
            let mut visited = self.visit(&mut first, self.visited + each);
            // Whether the next row is the one that the next slice begins with.
            let mut next = matches!(visited, Ok(None));
            for slice in running {
                let Done { mut encoder, failure, whole } = slice.join().unwrap_or_else(|panic| resume_unwind(panic));
                next = next && self.append(&mut encoder);
                self.slicing.spare.push(encoder.into_memory());
                if let Some(failure) = failure.filter(|_| next) {
                    visited = Err(failure);
                }
                next = next && whole;
            }
            visited
        })
    }

    /// What another thread needs for a slice.
    fn work<R: Slices>(&mut self, rows: &R, range: Range<usize>, slices: usize) -> Work<R::Slice> {
        let mut encoder = Self::new(self.dialect, None, self.options, UNCUT, 0);
        encoder.columns = self.columns.clone();
        encoder.checks = self.checks;
        encoder.problems = self.problems.anew();
        encoder.row = self.row + range.start as u64;
        encoder.spare = self.slicing.spare.pop().unwrap_or_default();
        Work { encoder, rows: range.len(), enough: 2 * self.room() / slices, slice: rows.slice(range) }
    }

    /// Appends the rows of a slice as far as they fit; answers whether all of them did.
    fn append(&mut self, slice: &mut Self) -> bool {
        let separator = if self.ends.is_empty() { &[] } else { self.dialect.separator };
        let (prefix, start) = (self.dialect.prefix.len(), self.body.len() + separator.len());
        let room = self.room().saturating_sub(separator.len() + self.dialect.suffix.len());
        let fitting = slice.ends.partition_point(|&end| end as usize <= prefix + room);
        let all = fitting == slice.ends.len();
        // Problems do not say how many of them come before the row that does not fit.
        if !all && slice.problems.count() > 0 {
            return false;
        }
        if let Some(&end) = slice.ends[..fitting].last() {
            self.body.put(separator);
            self.body.put(&slice.body.written()[prefix..end as usize]);
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

/// Starts a thread; `None` where the system has none to give, so that its rows are left to this one.
fn begin<'scope, S>(
    scope: &'scope Scope<'scope, '_>,
    work: Work<S>,
) -> Option<ScopedJoinHandle<'scope, Done<S::Failure>>>
where
    S: Rows<Failure: Send> + Send + 'scope,
{
    Builder::new().spawn_scoped(scope, move || work.visit()).ok()
}

/// How many rows have these numbers: never more than were at hand.
fn length(rows: Range<u64>) -> usize {
    usize::try_from(rows.end - rows.start).expect("rows at hand are in memory")
}
