//! Which rows of a damaged file go on, and how many that were accepted do not.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Memory;
use super::reading::Old;
use crate::delivery::queue::disk::mark::{Totals, overlap};
use crate::delivery::queue::disk::notice::Loss;
use crate::delivery::queue::disk::record::{State, StoredDeadLetter, StoredRun};
use crate::delivery::queue::taken::{Known, Taken};

/// What has to be there, held against what is.
pub(super) struct Account<'a> {
    mark: &'a Totals,
    memory: Option<&'a Memory>,
    /// The metadata that were found.
    found: State,
    /// Whether they say which rows are settled.
    settles: bool,
    /// The batches that belong to them.
    taken: Taken,
    /// Whether the mark says what has to be there, and not they.
    by_mark: bool,
    exact: bool,
    /// The rows that go on: first row → the row behind the last, and their bytes.
    pieces: BTreeMap<u64, (u64, u64)>,
    /// Rows of dead letters that go on, and their bytes.
    dead_letters: (u64, u64),
}

impl<'a> Account<'a> {
    pub(super) fn new(old: &Old, mark: &'a Totals, memory: Option<&'a Memory>) -> Self {
        let (mut found, taken) = match memory {
            Some(memory) => (memory.transaction.state, &memory.transaction.taken),
            None => (old.state.unwrap_or_default(), &old.taken),
        };
        found.last_sequence_number = taken
            .iter()
            .filter_map(|(_, known)| known.sequence_number)
            .max()
            .unwrap_or(0)
            .max(found.last_sequence_number);
        let by_mark = memory.is_none() && (mark.is_ahead_of(&found) || !old.exact);
        let settles = memory.is_some() || old.exact;
        let closed = old.marked.is_some_and(|marked| marked.closed);
        let sure = if by_mark { mark.is_newest() && mark.precise } else { closed || mark.is_newest() && !old.is_newer };
        Self {
            mark,
            memory,
            found,
            settles,
            taken: if settles { taken.clone() } else { Taken::default() },
            by_mark,
            exact: sure || memory.is_some(),
            pieces: BTreeMap::new(),
            dead_letters: (0, 0),
        }
    }

    /// The parts of `run` that go on, and whether they were surely not sent after the metadata was written.
    pub(super) fn wanted(&mut self, run: &StoredRun) -> Vec<(Range<u64>, bool)> {
        let end = run.first + run.count;
        if self.memory.is_none() && end > self.found.accepted {
            // The metadata is not written with each row.
            self.found.rows += end - self.found.accepted;
            (self.found.accepted, self.found.total) = (end, self.found.total.max(run.total));
        }
        let (known, rest): (Vec<_>, _) = if self.settles {
            (self.taken.ranges().collect(), self.found.next..self.found.accepted)
        } else {
            (self.mark.spans.iter().map(|(span, _)| span.clone()).collect(), self.mark.accepted..u64::MAX)
        };
        let spans = known.into_iter().chain(std::iter::once(rest));
        let parts = spans.map(|span| span.start.max(run.first)..span.end.min(end)).filter(|part| !part.is_empty());
        parts.map(|part| (part.clone(), self.is_clean(&part))).collect()
    }

    fn is_clean(&self, rows: &Range<u64>) -> bool {
        if self.by_mark { self.mark.says_unsent(rows) } else { self.exact }
    }

    pub(super) fn keep(&mut self, run: &StoredRun) {
        self.pieces.insert(run.first, (run.first + run.count, run.bytes));
    }

    pub(super) fn keep_dead_letter(&mut self, letter: StoredDeadLetter) -> StoredDeadLetter {
        self.dead_letters = (self.dead_letters.0 + letter.count, self.dead_letters.1 + letter.bytes);
        // Somebody may have retried them since.
        StoredDeadLetter { in_doubt: letter.in_doubt || self.are_dead_letters_older(), ..letter }
    }

    fn are_dead_letters_older(&self) -> bool {
        self.by_mark && self.settles && self.found.change < self.mark.changes.1
    }

    /// The metadata of the new file, its batches, and what is lost.
    pub(super) fn close(mut self) -> (State, Taken, Loss) {
        let loss = self.loss();
        let taken = self.batches();
        let (found, mark) = (self.found, self.mark);
        let accepted = found.accepted.max(mark.accepted);
        let first = self.pieces.keys().next().copied().unwrap_or(accepted);
        let next = if self.settles { found.next } else { first };
        let waiting = self.pieces.range(next..);
        let (rows, bytes) =
            waiting.fold((0, 0), |(rows, bytes), (first, (end, more))| (rows + end - first, bytes + more));
        let mut state = State {
            change: found.change.max(mark.changes.0) + 1,
            accepted,
            next,
            rows,
            bytes,
            taken: taken.rows(),
            last_sequence_number: found.last_sequence_number.max(mark.last_sequence_number),
            dead_letter_rows: self.dead_letters.0,
            dead_letter_bytes: self.dead_letters.1,
            lost: found.lost + loss.rows,
            gaps_below: accepted,
            ..found
        };
        state.pass_gap();
        (state, taken, loss)
    }

    fn loss(&self) -> Loss {
        let (spans, rows, in_letters) = self.expected();
        let there: u64 = spans.iter().map(|(span, _)| self.held(span)).sum();
        let sent =
            spans.iter().filter(|(_, sent)| *sent).map(|(span, _)| span.end - span.start - self.held(span)).sum();
        let rows = rows.saturating_sub(there);
        let mut loss =
            Loss { rows, sent, dead_letter_rows: in_letters.saturating_sub(self.dead_letters.0), exact: self.exact };
        if self.are_dead_letters_older() {
            // Rows that became dead letters or were retried since are there as what they were before.
            let before = self.held(&(0..u64::MAX)) - there;
            loss.dead_letter_rows = loss.dead_letter_rows.saturating_sub(before);
            loss.rows = loss.rows.saturating_sub(self.dead_letters.0 + before);
            loss.exact &= in_letters + self.dead_letters.0 + before == 0;
        }
        Loss { sent: loss.sent.min(loss.rows), ..loss }
    }

    /// How many of these rows go on.
    fn held(&self, span: &Range<u64>) -> u64 {
        self.pieces.iter().map(|(first, (end, _))| overlap(&(*first..*end), span)).sum()
    }

    /// The rows that have to be there and whether they may have been sent, how many they are, and how many are dead letters.
    fn expected(&self) -> (Vec<(Range<u64>, bool)>, u64, u64) {
        if self.by_mark {
            return (self.mark.spans.clone(), self.mark.rows, self.mark.dead_letter_rows);
        }
        let batches = self.taken.iter().filter(|(first, _)| !self.is_on_its_way(*first));
        let mut spans: Vec<_> = batches.map(|(first, known)| (first..known.stop, known.sent)).collect();
        let taken: u64 = spans.iter().map(|(span, _)| span.end - span.start).sum();
        spans.push((self.found.next..self.found.accepted, false));
        let unsaved = self.memory.map_or(0, |memory| memory.unsaved);
        (spans, self.found.rows + taken, self.found.dead_letter_rows.saturating_sub(unsaved))
    }

    fn is_on_its_way(&self, first: u64) -> bool {
        self.memory.is_some_and(|memory| memory.is_on_its_way(first))
    }

    /// The batches that go on. What is left of one is another batch: it has no number.
    fn batches(&mut self) -> Taken {
        let mut taken = Taken::default();
        for (first, known) in self.taken.iter() {
            let sent = known.sent || !self.is_clean(&(first..known.stop));
            let known =
                Known { sent, doubt: known.doubt || sent && !self.is_on_its_way(first), recorded: true, ..*known };
            if self.held(&(first..known.stop)) == known.stop - first || self.is_on_its_way(first) {
                taken.add(first, known);
                continue;
            }
            let mut last = None;
            for (&start, &(stop, bytes)) in self.pieces.range(first..known.stop) {
                let joined = last.filter(|(_, part): &(u64, Known)| part.stop == start);
                let (start, before) = joined.map_or((start, 0), |(start, part)| (start, part.bytes));
                let part = Known { stop, bytes: before + bytes, sequence_number: None, ..known };
                taken.add(start, part);
                last = Some((start, part));
            }
        }
        taken
    }
}
