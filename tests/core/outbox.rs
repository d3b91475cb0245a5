//! Laws of the outbox: whatever is taken, halved, settled or withdrawn, every row has exactly one end.

mod damage;
mod event_log;
mod disk;
mod durable;
mod exports;
mod folder;
mod earlier_versions;
mod framings;
mod kill;
mod files_of_other_sinks;
mod misled;
mod model;
mod old_marks;
mod place;
mod salvage;
mod damaged_dead_letters;
mod speed;
mod strange_marks;
mod foreign_files;
mod replaced_file;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use powerbi_push::clock::Clock;
use powerbi_push::delivery::queue::{Batch, Queue, RowState};
use powerbi_push::error::Kind;
use powerbi_push::rows::encode::{Encoder, Limits, Options, Run};
use powerbi_push::rows::schema::TableSchema;
use powerbi_push::services::powerbi::TARGET;
use powerbi_push::services::powerbi::sinks::PUSH_ROWS;
use proptest::prelude::*;

use crate::sample::{Sample, table};

fn run(rows: i64) -> Run {
    encoded((0..rows).map(|id| (id, format!("item {id}"))).collect())
}

fn encoded(rows: Vec<(i64, String)>) -> Run {
    let schema = Some(Arc::new(TableSchema::new(&table()).under(TARGET.values)));
    let limits = Limits { max_rows: 10_000, max_bytes: 1_000_000 };
    let mut encoder = Encoder::new(&PUSH_ROWS, schema, Options::default(), limits, 1);
    encoder.fill(&mut Sample::new(rows)).unwrap().run.unwrap()
}

fn total(runs: &[i64]) -> usize {
    usize::try_from(runs.iter().sum::<i64>()).unwrap()
}

/// What the service is to get for `rows`.
fn body(rows: &[(i64, String)]) -> Bytes {
    let rows: Vec<String> = rows.iter().map(|(id, item)| format!(r#"{{"Id":{id},"Item":"{item}"}}"#)).collect();
    format!(r#"{{"rows":[{}]}}"#, rows.join(",")).into()
}

fn take(outbox: &Queue, max_rows: usize, max_bytes: usize) -> Batch {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(outbox.take(max_rows, max_bytes)).unwrap().unwrap()
}

/// Settles `batch`, cut into single rows; answers how many there were.
fn settle_in_halves(outbox: &Queue, batch: &Batch) -> usize {
    if let Some(halves) = batch.halves() {
        return halves.iter().map(|half| settle_in_halves(outbox, half)).sum();
    }
    outbox.settle(batch, RowState::Confirmed, false).unwrap();
    1
}

#[test]
fn the_memory_of_two_batches_that_were_sent_is_there_for_others() {
    let outbox = Queue::new(1, || ());
    outbox.accept([run(10), run(20), run(30), run(40)]).unwrap();
    let batches: Vec<_> = [10, 20, 30, 40].map(|rows| take(&outbox, rows, 1_000_000)).into();
    let held = batches[0].body.clone();
    for batch in batches {
        outbox.settle(&batch, RowState::Confirmed, false).unwrap();
        outbox.recycle(batch);
    }
    let spare = || outbox.spare().map(|memory| memory.len());
    // Somebody holds the first one; the second and the third are there, and the fourth is one too many.
    assert_eq!([spare(), spare(), spare()], [Some(body_of(30)), Some(body_of(20)), None]);
    assert_eq!(held.len(), body_of(10));
}

fn body_of(rows: i64) -> usize {
    run(rows).bytes()
}

#[derive(Debug, Clone)]
enum Step {
    Offer(i64),
    Take(usize),
    Settle(prop::sample::Index, RowState, bool),
    Halve(prop::sample::Index),
    Forget(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    let state = prop_oneof![Just(RowState::Confirmed), Just(RowState::Rejected), Just(RowState::InDoubt)];
    prop_oneof![
        (1i64..30).prop_map(Step::Offer),
        (1usize..12).prop_map(Step::Take),
        (any::<prop::sample::Index>(), state, any::<bool>())
            .prop_map(|(at, state, resent)| Step::Settle(at, state, resent)),
        any::<prop::sample::Index>().prop_map(Step::Halve),
        any::<prop::sample::Index>().prop_map(Step::Forget),
    ]
}

proptest! {
    #[test]
    fn a_joined_batch_is_as_many_neighbouring_rows_as_one_request_holds(
        runs in prop::collection::vec(1i64..20, 1..12),
        max_rows in 1usize..30,
        max_bytes in 60usize..900,
    ) {
        let outbox = Queue::compact(1_000_000, Clock::simulated(), || ());
        let rows: Vec<(i64, String)> = (0..).map(|id| (id, format!("item {id}"))).take(total(&runs)).collect();
        let mut at = 0;
        for count in runs {
            let count = usize::try_from(count).unwrap();
            outbox.accept([encoded(rows[at..at + count].to_vec())]).unwrap();
            at += count;
        }
        let mut next = 0;
        while next < rows.len() {
            let before = outbox.stats().pending.bytes;
            let batch = take(&outbox, max_rows, max_bytes);
            prop_assert_eq!(&batch.body, &body(&rows[next..next + batch.rows()]));
            prop_assert_eq!(batch.row_range(), next as u64..(next + batch.rows()) as u64);
            prop_assert!(batch.rows() == 1 || (batch.body.len() <= max_bytes && batch.rows() <= max_rows));
            next += batch.rows();
            let one_more = rows.get(next).map(|_| body(&rows[next - batch.rows()..=next]).len());
            prop_assert!(batch.rows() == max_rows || one_more.is_none_or(|bytes| bytes > max_bytes));
            prop_assert_eq!(outbox.stats().pending.bytes, before);
            prop_assert_eq!(settle_in_halves(&outbox, &batch), batch.rows());
        }
        prop_assert_eq!((outbox.stats().pending.bytes, outbox.first_pending()), (0, rows.len() as u64));
    }

    #[test]
    fn every_accepted_row_has_exactly_one_end(steps in prop::collection::vec(step(), 0..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let outbox = Queue::new(1_000_000, || ());
        let (mut accepted, mut settled, mut twice) = (0, 0, 0);
        let mut taken: Vec<Batch> = Vec::new();
        let mut waiting = 0;
        for step in steps {
            match step {
                Step::Offer(rows) => {
                    outbox.accept([run(rows)]).unwrap();
                    accepted += rows.cast_unsigned();
                    waiting += usize::try_from(rows).unwrap();
                }
                Step::Take(max_rows) if waiting > 0 => {
                    let batch = runtime.block_on(outbox.take(max_rows, 1_000_000)).unwrap().unwrap();
                    prop_assert!((1..=max_rows).contains(&batch.rows()));
                    waiting -= batch.rows();
                    taken.push(batch);
                }
                Step::Settle(at, state, resent) if !taken.is_empty() => {
                    let batch = taken.swap_remove(at.index(taken.len()));
                    outbox.settle(&batch, state, resent).unwrap();
                    settled += batch.rows() as u64;
                    twice += if resent && state == RowState::Confirmed { batch.rows() as u64 } else { 0 };
                }
                Step::Halve(at) if !taken.is_empty() => {
                    let batch = taken.swap_remove(at.index(taken.len()));
                    match batch.halves() {
                        Some(halves) => {
                            prop_assert_eq!(halves[0].rows() + halves[1].rows(), batch.rows());
                            taken.extend(halves);
                        }
                        None => taken.push(batch),
                    }
                }
                Step::Forget(at) if !taken.is_empty() => drop(taken.swap_remove(at.index(taken.len()))),
                Step::Take(_) | Step::Settle(..) | Step::Halve(_) | Step::Forget(_) => {}
            }
        }
        let pieces = outbox.ledger().pieces(0..accepted);
        let mut at = 0;
        for (rows, _) in &pieces {
            prop_assert_eq!(rows.start, at);
            at = rows.end;
        }
        prop_assert_eq!(at, accepted);
        let ended: u64 = pieces.iter().filter(|(_, state)| state.is_some()).map(|(rows, _)| rows.end - rows.start).sum();
        prop_assert_eq!(ended, settled);
        prop_assert_eq!(outbox.ledger().maybe_twice(), twice);
    }
}

#[tokio::test]
async fn what_nobody_took_can_be_withdrawn_and_then_nothing_comes() {
    let outbox = Queue::new(1_000_000, || ());
    outbox.accept([run(30)]).unwrap();
    let batch = outbox.take(10, 1_000_000).await.unwrap().unwrap();
    outbox.withdraw();
    assert!(outbox.take(10, 1_000_000).await.unwrap().is_none());
    outbox.settle(&batch, RowState::Confirmed, false).unwrap();
    assert_eq!(outbox.ledger().pieces(0..30), [(0..10, Some(RowState::Confirmed)), (10..30, None)]);
}

#[tokio::test]
async fn there_is_room_again_once_rows_are_settled_and_the_caller_is_woken() {
    let woken = Arc::new(AtomicUsize::new(0));
    let wakeup = Arc::clone(&woken);
    let outbox = Queue::new(100, move || {
        wakeup.fetch_add(1, Ordering::Relaxed);
    });
    assert!(outbox.has_room());
    outbox.accept([run(30)]).unwrap();
    assert!(!outbox.has_room());
    let batch = outbox.take(30, 1_000_000).await.unwrap().unwrap();
    assert!(!outbox.has_room());
    assert_eq!(woken.load(Ordering::Relaxed), 0);
    outbox.settle(&batch, RowState::Confirmed, false).unwrap();
    assert!(outbox.has_room());
    assert_eq!(woken.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_whole_run_is_taken_without_a_copy() {
    let outbox = Queue::new(1_000_000, || ());
    let (large, small) = (run(30), run(1));
    let bytes = large.body(0..30);
    outbox.accept([large, small]).unwrap();
    let batch = outbox.take(30, 1_000_000).await.unwrap().unwrap();
    assert_eq!(batch.body.as_ptr(), bytes.as_ptr());
}

#[tokio::test]
async fn a_push_sends_each_run_by_itself() {
    let outbox = Queue::new(1_000_000, || ());
    outbox.accept([run(2), run(3)]).unwrap();
    for rows in [2, 3] {
        assert_eq!(outbox.take(10, 1_000_000).await.unwrap().unwrap().rows(), rows);
    }
}

#[tokio::test]
async fn a_batch_gets_its_number_once_and_its_halves_get_their_own() {
    let outbox = Queue::compact(1_000_000, Clock::simulated(), || ());
    outbox.accept([run(8)]).unwrap();
    let mut early = outbox.take(2, 1_000_000).await.unwrap().unwrap();
    outbox.issue(&mut early).unwrap();
    assert_eq!(early.sequence_number(), None);
    outbox.number_batches_after(41).unwrap();
    let mut batch = outbox.take(4, 1_000_000).await.unwrap().unwrap();
    for _ in 0..2 {
        outbox.issue(&mut batch).unwrap();
        assert_eq!(batch.sequence_number(), Some(42));
    }
    for (mut half, number) in batch.halves().unwrap().into_iter().zip(43..) {
        assert_eq!(half.sequence_number(), None);
        outbox.issue(&mut half).unwrap();
        assert_eq!(half.sequence_number(), Some(number));
    }
}

#[tokio::test]
async fn the_oldest_rows_make_room_and_are_counted() {
    let outbox = Queue::compact(1_000_000, Clock::simulated(), || ());
    outbox.accept([run(4), run(4)]).unwrap();
    let batch = outbox.take(1, 1_000_000).await.unwrap().unwrap();
    let bytes = run(4).size(1..4) + 1;
    assert_eq!(outbox.drop_oldest(bytes).unwrap(), 4);
    let stats = outbox.stats();
    assert_eq!((stats.dropped, stats.pending.rows, outbox.waiting().rows), (4, 4, 3));
    assert_eq!(outbox.first_pending(), 0);
    outbox.settle(&batch, RowState::Confirmed, false).unwrap();
    assert_eq!(outbox.first_pending(), 5);
    assert_eq!(outbox.take(9, 1_000_000).await.unwrap().unwrap().row_range(), 5..8);
}

#[tokio::test]
async fn rows_grow_old_until_they_are_settled() {
    let clock = Clock::simulated();
    let outbox = Queue::compact(1_000_000, clock.clone(), || ());
    assert_eq!(outbox.stats().pending.oldest, None);
    outbox.accept([run(2)]).unwrap();
    let batch = outbox.take(2, 1_000_000).await.unwrap().unwrap();
    clock.advance(Duration::from_secs(60));
    outbox.accept([run(2)]).unwrap();
    assert_eq!(outbox.stats().pending.oldest, Some(Duration::from_secs(60)));
    assert_eq!(outbox.waiting().oldest, Some(Duration::ZERO));
    outbox.settle(&batch, RowState::Rejected, false).unwrap();
    assert_eq!(outbox.stats().pending.oldest, Some(Duration::ZERO));
}

/// Looks once whether `future` is ready.
async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

#[tokio::test]
async fn the_end_waits_for_who_came_before_it_and_refuses_who_comes_later() {
    let outbox = Queue::compact(1_000_000, Clock::simulated(), || ());
    let admitted = outbox.admit().unwrap();
    outbox.close();
    assert_eq!(outbox.admit().unwrap_err().kind, Kind::Closed);
    assert_eq!(outbox.accept_one(&PUSH_ROWS, b"{}").unwrap_err().kind, Kind::Closed);
    let mut taking = std::pin::pin!(outbox.take(9, 1_000_000));
    assert!(poll_once(taking.as_mut()).await.is_pending());
    outbox.accept([run(2)]).unwrap();
    assert_eq!(taking.await.unwrap().unwrap().rows(), 2);
    let mut taking = std::pin::pin!(outbox.take(9, 1_000_000));
    assert!(poll_once(taking.as_mut()).await.is_pending());
    assert!(!outbox.is_complete());
    drop(admitted);
    assert!(outbox.is_complete());
    assert!(taking.await.unwrap().is_none());
}
