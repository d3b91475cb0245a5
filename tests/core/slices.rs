//! Rows encoded in slices: whatever the rows and however they are cut, nobody can tell it from one encoder's work.

use std::collections::HashSet;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use powerbi_push::rows::cell::{Cell, Row, Rows, Slices};
use powerbi_push::rows::encode::{Encoder, Filled, Framing, Limits, Options, Run, Shares};
use powerbi_push::rows::schema::TableSchema;
use powerbi_push::services::powerbi::TARGET;
use powerbi_push::services::powerbi::sinks::{PUSH_ARRAY, PUSH_ROWS};
use proptest::prelude::*;

use crate::sample::table;

/// What one row holds: its number, or text that no column of numbers takes, and an item.
#[derive(Debug, Clone)]
enum Line {
    Cells(Result<i64, String>, String),
    /// A row that is no mapping.
    Nothing,
}

/// Rows in batches, read by whoever asks.
#[derive(Clone)]
struct Batches {
    names: [&'static str; 2],
    lines: Arc<Vec<Line>>,
    /// Where each batch ends.
    ends: Arc<Vec<usize>>,
    left: Range<usize>,
    /// Reading this row fails.
    bad: Option<usize>,
    crowd: Arc<Crowd>,
    /// Visiting this row panics.
    panics: Option<usize>,
}

/// The threads that visit rows; each waits with its first row until so many have met.
#[derive(Default)]
struct Crowd {
    wanted: usize,
    threads: Mutex<HashSet<ThreadId>>,
    another: Condvar,
}

impl Crowd {
    fn of(wanted: usize) -> Self {
        Self { wanted, ..Self::default() }
    }

    fn join(&self) {
        let mut threads = self.threads.lock().unwrap();
        if threads.insert(thread::current().id()) {
            self.another.notify_all();
            // Too few would be an error of the test's subject, which it is to say.
            let few = |threads: &mut HashSet<ThreadId>| threads.len() < self.wanted;
            drop(self.another.wait_timeout_while(threads, Duration::from_secs(10), few).unwrap());
        }
    }

    fn met(&self) -> usize {
        self.threads.lock().unwrap().len()
    }
}

impl Batches {
    fn new(names: [&'static str; 2], batches: &[Vec<Line>], bad: Option<usize>) -> Self {
        let ends = batches.iter().scan(0, |end, batch| {
            *end += batch.len();
            Some(*end)
        });
        let (ends, lines) = (Arc::new(ends.collect()), Arc::new(batches.concat()));
        Self { names, left: 0..lines.len(), lines, ends, bad, crowd: Arc::default(), panics: None }
    }
}

impl Rows for Batches {
    type Failure = usize;

    fn begin(&mut self) {}

    fn visit(&mut self, row: &mut impl Row) -> Result<bool, usize> {
        let number = self.left.start;
        if self.left.is_empty() {
            return Ok(false);
        }
        if self.bad == Some(number) {
            return Err(number);
        }
        self.crowd.join();
        assert_ne!(self.panics, Some(number), "the row that panics");
        self.left.start += 1;
        let Line::Cells(id, item) = &self.lines[number] else {
            row.not_a_mapping("None", None);
            return Ok(true);
        };
        let id = id.as_ref().map_or_else(|text| Cell::Text(text), |id| Cell::Int(*id));
        for (name, cell) in self.names.into_iter().zip([id, Cell::Text(item)]) {
            match row.place(name) {
                Some(place) => row.cell(place, cell),
                None => row.cell_without_place(name, cell),
            }
        }
        Ok(true)
    }
}

impl Slices for Batches {
    type Slice = Self;

    fn at_hand(&mut self) -> Result<usize, usize> {
        let end = self.ends.iter().find(|end| **end > self.left.start);
        Ok(end.map_or(0, |end| end - self.left.start))
    }

    fn slice(&self, rows: Range<usize>) -> Self {
        let start = self.left.start;
        Self { left: start + rows.start..start + rows.end, ..self.clone() }
    }

    fn until(&self, slice: &Self) -> Option<usize> {
        Arc::ptr_eq(&self.lines, &slice.lines).then(|| slice.left.end.checked_sub(self.left.start)).flatten()
    }

    fn skip(&mut self, rows: usize) {
        self.left.start += rows;
    }
}

/// All that can be seen of an encoder after each call.
#[derive(Debug, PartialEq)]
struct Seen {
    /// The row that could not be read, if one could not.
    failed: Option<usize>,
    ended: bool,
    body: Vec<u8>,
    ends: Vec<u32>,
    keys: Vec<u64>,
    rows_read: u64,
    count: u64,
    errors: String,
    invalid: Vec<Range<u64>>,
    names: Vec<String>,
}

type Fill = fn(&mut Encoder, &mut Batches) -> Result<Filled, usize>;

/// What is seen of `encoder` from call to call. A row that cannot be read can be at the second attempt.
fn watch(mut encoder: Encoder, mut rows: Batches, fill: Fill) -> Vec<Seen> {
    let mut seen = Vec::new();
    loop {
        let filled = fill(&mut encoder, &mut rows);
        let failed = filled.as_ref().err().copied();
        let (run, ended) = filled.map_or((None, false), |filled| (filled.run, filled.ended));
        if failed.is_some() {
            rows.bad = None;
        }
        let problems = encoder.problems();
        seen.push(Seen {
            failed,
            ended,
            ends: run.as_ref().map_or_else(Vec::new, |run| run.ends(0..run.rows()).collect()),
            keys: run.as_ref().map_or_else(Vec::new, |run| run.keys().to_vec()),
            body: run.map_or_else(Vec::new, Run::into_memory),
            rows_read: encoder.rows_read(),
            count: problems.count(),
            errors: format!("{:?}", problems.errors()),
            invalid: problems.invalid_rows().to_vec(),
            names: encoder.names_seen().to_vec(),
        });
        if ended {
            return seen;
        }
    }
}

fn any_line() -> impl Strategy<Value = Line> {
    prop_oneof![
        20 => (any::<i64>(), "[a-z\"é]{0,9}").prop_map(|(id, item)| Line::Cells(Ok(id), item)),
        2 => (0i64..9, "x{0,400}").prop_map(|(id, item)| Line::Cells(Ok(id), item)),
        1 => "[a-z]{1,3}".prop_map(|text| Line::Cells(Err(text), String::new())),
        1 => Just(Line::Nothing),
    ]
}

/// Mostly rows that fit, in batches of any size.
fn any_batches() -> impl Strategy<Value = Vec<Vec<Line>>> {
    let fitting = (any::<i64>(), "[a-z]{0,9}").prop_map(|(id, item)| Line::Cells(Ok(id), item));
    let batch = prop_oneof![prop::collection::vec(any_line(), 0..40), prop::collection::vec(fitting, 0..40)];
    prop::collection::vec(batch, 0..5)
}

/// Rows as arrays, whose keys have numbers.
static ARRAYS: Framing = Framing::new(b"[", b",", b"]").in_arrays();

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn slices_are_joined_into_what_one_encoder_makes(
        batches in any_batches(),
        bad in prop::option::weighted(0.3, 0usize..100),
        (max_rows, max_bytes, max_errors) in (1usize..60, 40usize..2_000, 0usize..6),
        (has_schema, known, framing, checks) in (any::<bool>(), prop::bool::weighted(0.8), 0usize..3, any::<bool>()),
        (threads, slice, own) in (1usize..=4, prop_oneof![1usize..6, 17usize..30], 1usize..20),
    ) {
        let framing = [&PUSH_ARRAY, &PUSH_ROWS, &ARRAYS][framing];
        let schema = (has_schema || framing.in_arrays).then(|| Arc::new(TableSchema::new(&table()).under(TARGET.values)));
        let rows = Batches::new(if known { ["Id", "Item"] } else { ["Item", "Other"] }, &batches, bad);
        let new = || {
            // Where rows are only checked, they must fit into a body whatever they hold.
            let max_bytes = if checks { 1_000_000 } else { max_bytes };
            let limits = Limits { max_rows, max_bytes };
            let mut encoder = Encoder::new(framing, schema.clone(), Options::default(), limits, max_errors);
            if checks {
                encoder.only_check();
            }
            if framing.in_arrays { encoder.with_key([false, true]) } else { encoder }
        };
        let expected = watch(new(), rows.clone(), Encoder::fill);
        let shares = Shares { threads, slice, own };
        prop_assert_eq!(watch(new().with_shares(shares), rows, Encoder::fill_in_slices), expected);
    }
}

/// How many threads visit so many rows where the first row waits for as many.
fn threads_for(rows: i64, threads: usize, encoder: Encoder) -> usize {
    let lines = (0..rows).map(|id| Line::Cells(Ok(id), "item".into())).collect();
    let rows = Batches { crowd: Arc::new(Crowd::of(threads)), ..Batches::new(["Id", "Item"], &[lines], None) };
    let crowd = Arc::clone(&rows.crowd);
    watch(encoder, rows, Encoder::fill_in_slices);
    crowd.met()
}

#[test]
fn every_thread_has_slices_and_too_few_rows_have_no_threads() {
    let new = |max_rows, threads| {
        let limits = Limits { max_rows, max_bytes: 1_000_000 };
        let encoder = Encoder::new(&PUSH_ROWS, None, Options::default(), limits, 1);
        encoder.with_shares(Shares { threads, slice: 500, own: usize::MAX })
    };
    for threads in 1..=4 {
        assert_eq!(threads_for(4_000, threads, new(10_000, threads)), threads);
    }
    assert_eq!(threads_for(3_999, 3, new(10_000, 4)), 3);
    assert_eq!(threads_for(1_999, 1, new(10_000, 4)), 1);
    // Slices are made ahead: what counts are the rows at hand, however few of them a body takes.
    assert_eq!(threads_for(4_000, 4, new(100, 4)), 4);
}

/// Twenty rows of which this thread visits the first of each body by itself, and a helper the others.
fn twenty(max_rows: usize) -> (Batches, impl Fn() -> Encoder) {
    let lines = (0..20).map(|id| Line::Cells(Ok(id), "item".into())).collect();
    let limits = Limits { max_rows, max_bytes: 1_000_000 };
    let shares = Shares { threads: 2, slice: 1, own: 1 };
    let schema = Arc::new(TableSchema::new(&table()).under(TARGET.values));
    let new =
        move || Encoder::new(&PUSH_ROWS, Some(Arc::clone(&schema)), Options::default(), limits, 1).with_shares(shares);
    (Batches::new(["Id", "Item"], &[lines], None), new)
}

#[test]
fn what_was_made_ahead_is_not_taken_for_other_rows() {
    let (rows, new) = twenty(4);
    let (mut first, mut encoder) = (rows.clone(), new());
    encoder.fill_in_slices(&mut first).unwrap();
    // The same rows behind those, of another source, with another item.
    let lines: Vec<_> = (0..20).map(|id| Line::Cells(Ok(id), "other".into())).collect();
    let mut others = Batches::new(["Id", "Item"], &[lines], None);
    others.skip(4);
    let other = encoder.fill_in_slices(&mut others.clone()).unwrap().run.unwrap();
    let expected = new().fill(&mut others).unwrap().run.unwrap();
    assert_eq!(other.into_memory(), expected.into_memory());
}

#[test]
fn what_was_made_ahead_is_not_taken_for_a_check() {
    let (rows, new) = twenty(4);
    let check = |fill: Fill| {
        let (mut rows, mut encoder) = (rows.clone(), new());
        fill(&mut encoder, &mut rows).unwrap();
        encoder.only_check();
        let filled = fill(&mut encoder, &mut rows).unwrap();
        (filled.run.is_none(), encoder.rows_read())
    };
    assert_eq!(check(Encoder::fill), (true, 8));
    assert_eq!(check(Encoder::fill_in_slices), (true, 8));
}

#[test]
fn a_panic_of_a_helper_goes_on_where_its_rows_are_needed() {
    let (rows, new) = twenty(4);
    let (mut rows, mut encoder) = (Batches { panics: Some(6), ..rows }, new());
    assert_eq!(encoder.fill_in_slices(&mut rows).unwrap().run.unwrap().rows(), 4);
    let panic = catch_unwind(AssertUnwindSafe(|| encoder.fill_in_slices(&mut rows).map(drop))).unwrap_err();
    assert!(panic.downcast_ref::<String>().unwrap().contains("the row that panics"));
}

#[test]
fn an_encoder_that_is_dropped_has_let_go_of_all_rows() {
    let (mut rows, new) = twenty(4);
    let (mut encoder, lines) = (new(), Arc::clone(&rows.lines));
    encoder.fill_in_slices(&mut rows).unwrap();
    drop((rows, encoder));
    assert_eq!(Arc::strong_count(&lines), 1);
}

#[test]
fn a_problem_is_not_told_before_its_turn() {
    let line = |row: usize| if row == 15 { Line::Nothing } else { Line::Cells(Ok(0), "xxxx".into()) };
    let rows = Batches::new(["Id", "Item"], &[(0..20).map(line).collect()], None);
    for max_bytes in 200..600 {
        let limits = Limits { max_rows: 100, max_bytes };
        let new = || Encoder::new(&PUSH_ROWS, None, Options::default(), limits, 1);
        let shares = Shares { threads: 2, slice: 5, own: 1 };
        let expected = watch(new(), rows.clone(), Encoder::fill);
        assert_eq!(watch(new().with_shares(shares), rows.clone(), Encoder::fill_in_slices), expected, "{max_bytes}");
    }
}
