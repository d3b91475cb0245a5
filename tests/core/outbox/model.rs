//! The two stores behave the same, and the one on the disk goes on where an earlier process ended.

use std::collections::BTreeMap;
use std::ops::Range;

use powerbi_push::clock::Clock;
use powerbi_push::delivery::queue::{Batch, Queue, RowState};
use powerbi_push::error::{Error, Kind};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::outbox::folder::{Folder, cases, drain, ids, run, take};

#[derive(Debug, Clone)]
enum Step {
    Accept(Vec<i64>),
    Take(usize, usize),
    Issue(Index),
    Recall(Index),
    Settle(Index, RowState, bool),
    DeadLetter(Index, RowState),
    Halve(Index),
    Drop(usize),
    Retry,
    /// The process ends, by itself or not, and the next one numbers from behind this.
    Restart(bool, u64),
}

fn step() -> impl Strategy<Value = Step> {
    let state = || prop_oneof![Just(RowState::Confirmed), Just(RowState::Rejected), Just(RowState::InDoubt)];
    let refused = prop_oneof![Just(RowState::Rejected), Just(RowState::InDoubt)];
    prop_oneof![
        5 => prop::collection::vec(1i64..12, 1..4).prop_map(Step::Accept),
        5 => (1usize..12, 60usize..400).prop_map(|(rows, bytes)| Step::Take(rows, bytes)),
        5 => any::<Index>().prop_map(Step::Issue),
        1 => any::<Index>().prop_map(Step::Recall),
        3 => (any::<Index>(), state(), any::<bool>()).prop_map(|(at, state, resent)| Step::Settle(at, state, resent)),
        1 => (any::<Index>(), refused).prop_map(|(at, state)| Step::DeadLetter(at, state)),
        1 => any::<Index>().prop_map(Step::Halve),
        1 => (1usize..300).prop_map(Step::Drop),
        1 => Just(Step::Retry),
        2 => (any::<bool>(), 0u64..30).prop_map(|(killed, last)| Step::Restart(killed, last)),
    ]
}

fn refusal() -> Error {
    Error::new(Kind::Service, "no")
}

/// What may be asked of both stores, and what they answer.
struct House {
    outbox: Queue,
    taken: Vec<Batch>,
    accepted: i64,
}

impl House {
    fn new(outbox: Queue) -> Self {
        Self { outbox, taken: Vec::new(), accepted: 0 }
    }

    fn accept(&mut self, sizes: &[i64]) {
        let runs = sizes.iter().map(|count| {
            self.accepted += count;
            run(self.accepted - count..self.accepted)
        });
        self.outbox.accept(runs.collect::<Vec<_>>()).unwrap();
    }

    /// Does one step that both stores know; answers what is to be seen of it.
    fn step(&mut self, step: &Step) -> String {
        let taken = self.taken.len();
        match step {
            Step::Accept(sizes) => self.accept(sizes),
            Step::Take(max_rows, max_bytes) => self.taken.extend(take(&self.outbox, *max_rows, *max_bytes)),
            Step::Drop(bytes) => return format!("{}", self.outbox.drop_oldest(*bytes).unwrap()),
            _ if taken == 0 => {}
            Step::Issue(at) => self.outbox.issue(&mut self.taken[at.index(taken)]).unwrap(),
            Step::Recall(at) => self.outbox.release_unsettled(&self.taken[at.index(taken)], false).unwrap(),
            Step::Settle(at, state, resent) => {
                let batch = self.taken.swap_remove(at.index(taken));
                self.outbox.settle(&batch, *state, *resent || batch.maybe_sent()).unwrap();
            }
            Step::DeadLetter(at, state) => {
                let batch = self.taken.swap_remove(at.index(taken));
                self.outbox.settle_as_dead_letter(&batch, *state, &refusal()).unwrap();
            }
            Step::Halve(at) => {
                let batch = self.taken.swap_remove(at.index(taken));
                match batch.halves() {
                    Some(halves) => self.taken.extend(halves),
                    None => self.taken.push(batch),
                }
            }
            Step::Retry | Step::Restart(..) => {}
        }
        let seen = |batch: &Batch| (batch.row_range(), batch.sequence_number(), batch.maybe_sent(), batch.body.clone());
        let stats = self.outbox.stats();
        format!(
            "{:?} {:?} {:?} {:?} {}",
            self.taken.iter().map(seen).collect::<Vec<_>>(),
            (stats.accepted, stats.confirmed, stats.rejected, stats.in_doubt, stats.maybe_twice, stats.dropped),
            stats.pending,
            self.outbox.waiting(),
            self.outbox.first_pending(),
        )
    }
}

proptest! {
    #![proptest_config(cases(32))]

    #[test]
    fn memory_and_disk_answer_alike(steps in prop::collection::vec(step(), 0..50), last in 0u64..9) {
        let folder = Folder::new();
        let mut memory = House::new(Queue::joining(1_000_000, Clock::simulated(), || ()));
        let mut disk = House::new(folder.open().unwrap());
        for house in [&memory, &disk] {
            house.outbox.number_batches_after(last).unwrap();
        }
        // Only the disk keeps dead letters, and gives them up first.
        for step in steps.iter().filter(|step| !matches!(step, Step::DeadLetter(..))) {
            prop_assert_eq!(memory.step(step), disk.step(step), "{:?}", step);
        }
    }

    #[test]
    fn what_was_accepted_is_there_until_it_is_settled(steps in prop::collection::vec(step(), 0..50)) {
        let mut life = Life::new();
        for step in &steps {
            life.step(step);
        }
        life.end();
    }
}

/// A batch that may have been sent.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sent {
    rows: Range<u64>,
    number: Option<u64>,
    /// By an earlier process: then its parts may have been sent, too.
    earlier: bool,
}

/// An outbox through several processes, and what has to be true of it.
struct Life {
    folder: Folder,
    house: House,
    /// The rows that are not settled, by their numbers here.
    pending: BTreeMap<u64, i64>,
    /// The rows of dead letters, by the number of the first, and whether in doubt.
    dead_letters: BTreeMap<u64, (Vec<i64>, bool)>,
    /// The batches that may have been sent.
    sent: Vec<Sent>,
    /// Each number that was given, and the rows it stands for.
    numbers: BTreeMap<u64, Vec<i64>>,
    /// Rows that may have been sent without being in a batch now.
    doubt: Vec<i64>,
}

impl Life {
    fn new() -> Self {
        let folder = Folder::new();
        let house = House::new(folder.open().unwrap());
        house.outbox.number_batches_after(0).unwrap();
        Self {
            folder,
            house,
            pending: BTreeMap::new(),
            dead_letters: BTreeMap::new(),
            sent: Vec::new(),
            numbers: BTreeMap::new(),
            doubt: Vec::new(),
        }
    }

    fn step(&mut self, step: &Step) {
        let taken = self.house.taken.len();
        match step {
            Step::Accept(sizes) => {
                let (before, first) = (self.house.accepted, self.house.outbox.accepted());
                self.house.accept(sizes);
                self.pending.extend((first..).zip(before..self.house.accepted));
            }
            Step::Take(max_rows, max_bytes) => {
                if let Some(batch) = take(&self.house.outbox, *max_rows, *max_bytes) {
                    self.check(&batch);
                    self.house.taken.push(batch);
                }
            }
            Step::Drop(bytes) => self.drop_oldest(*bytes),
            Step::Retry => self.retry(),
            Step::Restart(killed, last) => self.restart(*killed, *last),
            _ if taken == 0 => {}
            Step::Issue(at) => self.issue(at.index(taken)),
            Step::Recall(_) => {}
            Step::Settle(at, ..) | Step::DeadLetter(at, _) => {
                let batch = &self.house.taken[at.index(taken)];
                let rows = batch.row_range();
                if let Step::DeadLetter(_, state) = step {
                    self.dead_letters.insert(rows.start, (ids(batch), *state == RowState::InDoubt));
                }
                self.split(&rows);
                self.pending.retain(|row, _| !rows.contains(row));
                self.house.step(step);
            }
            Step::Halve(_) => drop(self.house.step(step)),
        }
        assert_eq!(self.house.outbox.stats().pending.rows, self.pending.len() as u64);
        let next = self.house.outbox.accepted();
        assert_eq!(self.house.outbox.first_pending(), self.pending.keys().next().copied().unwrap_or(next));
    }

    /// A batch that was just taken has the rows that it says, and is as it was if it was sent before.
    fn check(&self, batch: &Batch) {
        let rows: Vec<i64> = batch.row_range().map(|row| self.pending[&row]).collect();
        assert_eq!(ids(batch), rows);
        let overlaps = |other: &Batch| {
            other.row_range().start < batch.row_range().end && batch.row_range().start < other.row_range().end
        };
        assert!(!self.house.taken.iter().any(overlaps), "taken twice");
        let known = self
            .sent
            .iter()
            .find(|sent| sent.rows.start < batch.row_range().end && batch.row_range().start < sent.rows.end);
        let doubt = rows.iter().all(|id| self.doubt.contains(id));
        match known {
            Some(Sent { rows, number, earlier }) => {
                assert!(*earlier);
                assert_eq!(
                    (batch.row_range(), batch.sequence_number(), batch.maybe_sent()),
                    (rows.clone(), *number, true)
                );
            }
            None => assert_eq!((batch.sequence_number(), batch.maybe_sent()), (None, doubt)),
        }
    }

    fn issue(&mut self, at: usize) {
        let batch = &mut self.house.taken[at];
        let before = batch.sequence_number();
        self.house.outbox.issue(batch).unwrap();
        let (rows, number) = (batch.row_range(), batch.sequence_number().unwrap());
        assert!(before.is_none_or(|before| before == number));
        let (known, sent) = (self.numbers.entry(number).or_insert_with(|| ids(batch)), ids(batch));
        assert_eq!(*known, sent, "number {number} stands for other rows");
        let earlier = self.split(&rows);
        self.sent.push(Sent { rows, number: Some(number), earlier });
    }

    /// The batch that `rows` were a part of is one no more; answers whether an earlier process may have sent it.
    fn split(&mut self, rows: &Range<u64>) -> bool {
        let whole = self.sent.iter().position(|sent| sent.rows.start <= rows.start && rows.end <= sent.rows.end);
        let Some(Sent { rows: all, earlier, .. }) = whole.map(|at| self.sent.swap_remove(at)) else { return false };
        let rest = [all.start..rows.start, rows.end..all.end].into_iter().filter(|rest| earlier && !rest.is_empty());
        self.sent.extend(rest.map(|rows| Sent { rows, number: None, earlier }));
        earlier
    }

    fn drop_oldest(&mut self, bytes: usize) {
        let before = self.house.outbox.stats();
        let gone = self.house.outbox.drop_oldest(bytes).unwrap();
        let mut left = gone;
        while left > 0
            && let Some((_, (ids, _))) = self.dead_letters.pop_first()
        {
            left -= ids.len() as u64;
        }
        let taken: Vec<Range<u64>> = self.house.taken.iter().map(Batch::row_range).collect();
        let known: Vec<Range<u64>> = self.sent.iter().map(|sent| sent.rows.clone()).collect();
        let is_free = |row: &u64| !taken.iter().chain(&known).any(|range| range.contains(row));
        let waiting = self.house.outbox.stats().pending.rows;
        let gone_here = before.pending.rows - waiting;
        assert_eq!(left, gone_here);
        let mut free: Vec<u64> = self.pending.keys().copied().filter(is_free).collect();
        // What an earlier process had taken and not sent is not dropped either.
        free.reverse();
        free.truncate(usize::try_from(self.house.outbox.waiting().rows + gone_here).unwrap());
        free.reverse();
        for row in free.iter().take(usize::try_from(gone_here).unwrap()) {
            self.pending.remove(row);
        }
        assert_eq!(self.house.outbox.stats().dropped, before.dropped + gone);
    }

    fn retry(&mut self) {
        let first = self.house.outbox.accepted();
        let rows = self.house.outbox.retry_dead_letters().unwrap();
        let letters = std::mem::take(&mut self.dead_letters);
        assert_eq!(rows, letters.values().map(|(ids, _)| ids.len() as u64).sum::<u64>());
        for (ids, in_doubt) in letters.values() {
            self.doubt.retain(|id| !ids.contains(id));
            if *in_doubt {
                self.doubt.extend(ids);
            }
        }
        self.pending.extend((first..).zip(letters.into_values().flat_map(|(ids, _)| ids)));
    }

    fn restart(&mut self, killed: bool, last: u64) {
        self.house.taken.clear();
        self.sent.iter_mut().for_each(|sent| sent.earlier = true);
        let folder = if killed { Some(self.folder.killed()) } else { None };
        // The old one is closed after it was copied, and before it is opened again.
        self.house.outbox = Queue::joining(1, Clock::simulated(), || ());
        self.folder = folder.unwrap_or_else(|| std::mem::replace(&mut self.folder, Folder::new()));
        self.house.outbox = self.folder.open().unwrap();
        assert_eq!(self.house.outbox.on_disk().unwrap().notices(), []);
        self.house.outbox.number_batches_after(last).unwrap();
    }

    /// Whatever has happened, the rest comes, once.
    fn end(mut self) {
        self.restart(true, 0);
        let batches = drain(&self.house.outbox);
        for batch in &batches {
            self.check(batch);
        }
        let mut rows: Vec<u64> = batches.iter().flat_map(Batch::row_range).collect();
        rows.sort_unstable();
        assert_eq!(rows, self.pending.keys().copied().collect::<Vec<_>>());
        for batch in &batches {
            self.house.outbox.settle(batch, RowState::Confirmed, batch.maybe_sent()).unwrap();
        }
        assert_eq!(self.house.outbox.stats().pending.rows, 0);
        let twice: usize = batches.iter().filter(|batch| batch.maybe_sent()).map(Batch::rows).sum();
        assert_eq!(self.house.outbox.stats().maybe_twice, twice as u64);
    }
}
