//! Rows of which many are at hand: each core encodes slices of them, which join into what one encoder makes.
//!
//! ```text
//!            ┌─▶ this thread: the first slice that nobody has ──────────────────────────────┐
//! at hand ───┤                                                                              ├─▶ one body,
//!            └─▶ helpers: the slices behind it, of the next body too, while this one is ────┘   problems in order
//!                handed over
//! ```
//!
//! Slices are short, so that nobody waits long for who began late, and few are made ahead, so that little memory is taken.

use std::any::Any;
use std::ops::Range;
use std::sync::Arc;

use super::cores::cores;
use super::team::{Done, Next, Team};
use super::{Encoder, Filled, Limits, position};
use crate::rows::cell::Slices;

/// Threads at most: more would wait for memory more than they encode.
const THREADS: usize = 4;
/// Rows for each thread: fewer are not worth one.
const WORTH: usize = 1_000;
/// Bytes for each thread: to begin one takes as long as to write that many by columns.
const WORTH_BYTES: usize = 160 * 1024;
/// Rows of a slice where it is not known how long they are.
const SLICE: usize = 500;
/// Rows of a slice at most.
const LONGEST: usize = 2_048;
/// Bytes of a slice, about.
const SLICE_BYTES: usize = 64 * 1024;
/// Slices on the board for each thread.
const AHEAD: usize = 8;
/// Rows of a slice that say how long the others are.
const FIRST: usize = 16;
/// Bytes behind which no more rows of a slice are visited, and the most that is kept of its memory.
const ENOUGH: usize = 1 << 20;
/// Slices are never cut: their rows move into a body that is.
const UNCUT: Limits = Limits { max_rows: usize::MAX, max_bytes: usize::MAX };

/// How rows are shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// Threads at most, this one among them.
    pub threads: usize,
    /// Rows of a slice; a thread is worth its while for two of them.
    pub slice: usize,
    /// Slices of a body that this thread takes at most while others take the rest, and one at least.
    pub own: usize,
}

impl Shares {
    /// As many threads as there are cores.
    fn of_this_machine() -> Self {
        Self { threads: cores().min(THREADS), slice: SLICE, own: usize::MAX }
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
    /// Slices that this thread has taken for this body.
    own: usize,
    team: Option<Team>,
}

impl Slicing {
    /// A body of so many visited rows is done.
    pub(super) fn sealed(&mut self, visited: usize, bytes: usize) {
        if visited > 0 {
            self.last = Some((visited, bytes));
        }
    }

    /// What was made ahead is not for this encoder any more.
    pub(super) fn forget(&mut self) {
        if let Some(team) = self.team() {
            team.forget();
        }
    }

    /// Puts back what a body had no room for.
    fn put_back(&self, rows: Range<u64>, done: Box<Done>) {
        if let Some(team) = &self.team {
            team.put_back(rows, done);
        }
    }

    /// Keeps the memory of a slice for others.
    fn keep(&self, memory: Vec<u8>) {
        if let Some(team) = self.team.as_ref().filter(|_| memory.capacity() <= ENOUGH) {
            team.keep(memory);
        }
    }

    /// Whether this thread makes bodies from now on. A forked child has no helpers.
    fn attend(&mut self, here: bool) {
        if let Some(team) = self.team() {
            team.attend(here);
        }
    }

    /// Whoever helps in this process.
    fn team(&mut self) -> Option<&mut Team> {
        if self.team.as_ref().is_some_and(Team::is_elsewhere) {
            self.team = None;
        }
        self.team.as_mut()
    }

    /// How so many rows at hand are shared out, if they are: with helpers that are there, or that are worth it.
    fn shares(&mut self, rows: usize) -> Option<Shares> {
        let most = match self.wanted {
            Some(shares) => rows / (2 * shares.slice),
            None => (rows / WORTH).min(self.bytes(rows) / WORTH_BYTES),
        };
        if most < 2 && self.team.is_none() {
            return None;
        }
        let shares = self.wanted.unwrap_or_else(|| *self.machine.get_or_insert_with(Shares::of_this_machine));
        let threads = shares.threads.min(most);
        if threads > 1 {
            self.team.get_or_insert_with(Team::new).grow(threads - 1);
        }
        self.team.as_ref().is_some_and(Team::is_there).then_some(shares)
    }

    /// How many bytes so many rows take, going by the last body.
    fn bytes(&self, rows: usize) -> usize {
        self.last.map_or(usize::MAX, |(visited, bytes)| rows.saturating_mul(bytes) / visited)
    }

    /// How many rows a slice has, going by so many rows of this body, or by the last one.
    fn slice(&self, shares: Shares, here: Option<(usize, usize)>) -> usize {
        match (self.wanted, here.or(self.last)) {
            (None, Some((visited, bytes))) => (SLICE_BYTES * visited / bytes.max(1)).clamp(FIRST, LONGEST),
            _ => shares.slice,
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
        self.slicing.own = 0;
        self.slicing.attend(true);
        let filled = self.fill_together(rows);
        self.slicing.attend(false);
        filled
    }

    fn fill_together<R: Slices>(&mut self, rows: &mut R) -> Result<Filled, R::Failure> {
        while self.visited < self.limits.max_rows {
            let at_hand = rows.at_hand()?;
            if at_hand == 0 {
                return Ok(Filled { run: self.seal(), ended: true });
            }
            let before = self.row;
            let visited = match self.slicing.shares(at_hand) {
                Some(shares) => self.visit_together(rows, at_hand, shares),
                None => self.visit_own(rows, 0..at_hand),
            };
            rows.skip(length(before..self.row));
            if let Some(filled) = visited? {
                return Ok(filled);
            }
        }
        Ok(self.full())
    }

    /// Visits the next slice of the rows at hand, or takes in what a helper made of it.
    fn visit_together<R: Slices>(
        &mut self,
        rows: &R,
        at_hand: usize,
        shares: Shares,
    ) -> Result<Option<Filled>, R::Failure> {
        let here = (self.visited >= FIRST && !self.checks).then_some((self.visited, self.body.len()));
        let (row, slice) = (self.row, self.slicing.slice(shares, here));
        let Some(team) = &self.slicing.team else { return self.visit_own(rows, 0..at_hand) };
        let pattern = || Arc::new(self.beside(row, Vec::new()));
        team.offer(row..row + at_hand as u64, AHEAD * shares.threads, slice, pattern, |part| {
            Box::new(rows.slice(length(row..part.start)..length(row..part.end)))
        });
        match team.next(row, self.slicing.own < shares.own.max(1)) {
            Some(Next::Take(part, done)) => self.take(rows, part, done),
            Some(Next::Own(end)) => {
                self.slicing.own += 1;
                self.visit_own(rows, 0..at_hand.min(length(row..end)))
            }
            None => self.visit_own(rows, 0..at_hand),
        }
    }

    /// Visits these of the rows at hand, or as many as this body takes.
    fn visit_own<R: Slices>(&mut self, rows: &R, part: Range<usize>) -> Result<Option<Filled>, R::Failure> {
        let count = part.len().min(self.limits.max_rows - self.visited);
        self.visit(&mut rows.slice(part.start..part.start + count), self.visited + count)
    }

    /// Takes in what a helper made of `part` of the rows, as far as it is what this encoder would have made. What is not
    /// stays to be visited.
    fn take<R: Slices>(
        &mut self,
        rows: &R,
        part: Range<u64>,
        mut done: Box<Done>,
    ) -> Result<Option<Filled>, R::Failure> {
        let piece: &dyn Any = &*done.piece;
        let end = piece.downcast_ref().and_then(|slice| rows.until(slice));
        if end.is_none_or(|end| self.row + end as u64 != part.end) || done.encoder.checks != self.checks {
            // Those of other rows, which were not read to their end.
            self.slicing.forget();
            return Ok(None);
        }
        let Done { encoder, used, .. } = &mut *done;
        *used += length(part.start..self.row);
        let fitting = self.fitting(encoder, *used);
        let is_all = *used + fitting == encoder.visited;
        if (is_all && *used == 0) || self.can_part(encoder) {
            self.append(encoder, *used..*used + fitting);
            *used += fitting;
            if !is_all {
                self.slicing.put_back(self.row..part.end, done);
                let is_full = self.visited == self.limits.max_rows;
                return if is_full { Ok(None) } else { self.visit_own(rows, fitting..fitting + 1) };
            }
        }
        self.slicing.keep(done.encoder.into_memory());
        Ok(None)
    }

    /// How many more rows this body takes, of those of a slice behind so many.
    fn fitting(&self, slice: &Self, used: usize) -> usize {
        let rows = (self.limits.max_rows - self.visited).min(slice.visited - used);
        if self.checks {
            return rows;
        }
        let separator = if self.ends.is_empty() { 0 } else { self.framing.separator.len() };
        let room = self.limits.max_bytes.saturating_sub(self.body.len() + separator + self.framing.suffix.len());
        let kept = used.min(slice.ends.len());
        let (most, ends) = (slice.start_of(kept) + room, &slice.ends[kept..]);
        let fitting = ends.partition_point(|&end| end as usize <= most);
        if fitting == ends.len() { rows } else { rows.min(fitting) }
    }

    /// Where a row begins in the body.
    fn start_of(&self, row: usize) -> usize {
        match row.checked_sub(1) {
            Some(before) => self.ends[before] as usize + self.framing.separator.len(),
            None => self.framing.prefix.len(),
        }
    }

    /// Whether it does not matter how many of the rows of a slice are taken in together: there is nothing to be told of
    /// any of them.
    fn can_part(&self, slice: &Self) -> bool {
        slice.problems.is_empty() && slice.columns.met().iter().all(|name| self.columns.met().contains(name))
    }

    /// An encoder for rows from this one on.
    pub(super) fn beside(&self, row: u64, memory: Vec<u8>) -> Self {
        let mut encoder = Self::new(self.framing, None, self.options, UNCUT, 0);
        encoder.columns = self.columns.clone();
        encoder.checks = self.checks;
        encoder.key = Arc::clone(&self.key);
        encoder.problems = self.problems.anew();
        encoder.row = row;
        encoder.spare = memory;
        encoder.slicing.last = self.slicing.last;
        encoder
    }

    /// Visits so many rows of a slice, as long as there are not enough bytes.
    pub(super) fn encode_slice<S: Slices>(&mut self, rows: &mut S, count: usize) {
        self.begin(rows);
        let (start, mut fails) = (self.body.len(), false);
        while self.visited < count && self.body.len() - start < ENOUGH && !fails {
            let until = self.visited.saturating_add(self.step(self.body.len() - start));
            fails = self.visit(rows, until.min(count)).is_err();
        }
    }

    /// How many rows of a slice are visited together: not many more than there is room for, going by those before them,
    /// which have so many bytes.
    fn step(&self, bytes: usize) -> usize {
        let before = if self.visited > 0 { Some((self.visited, bytes)) } else { self.slicing.last };
        match before {
            _ if self.checks => usize::MAX,
            None => FIRST,
            Some((visited, long)) => ((ENOUGH - bytes) * visited).div_ceil(long.max(1)).max(1),
        }
    }

    /// Appends rows of a slice, for which there is room.
    fn append(&mut self, slice: &mut Self, rows: Range<usize>) {
        let kept = rows.start.min(slice.ends.len())..rows.end.min(slice.ends.len());
        if !kept.is_empty() {
            if !self.ends.is_empty() {
                self.body.put(self.framing.separator);
            }
            let (start, end) = (slice.start_of(kept.start), slice.ends[kept.end - 1] as usize);
            let before = self.body.len();
            self.body.put(&slice.body.written()[start..end]);
            self.ends.extend(slice.ends[kept.clone()].iter().map(|&end| position(before + end as usize - start)));
            if !slice.keys.is_empty() {
                self.keys.extend(&slice.keys[kept]);
            }
        }
        self.visited += rows.len();
        self.row += rows.len() as u64;
        self.problems.append(std::mem::take(&mut slice.problems));
        self.columns.meet(&slice.columns);
    }
}

/// How many rows have these numbers: never more than were at hand.
fn length(rows: Range<u64>) -> usize {
    usize::try_from(rows.end.saturating_sub(rows.start)).expect("rows at hand are in memory")
}
