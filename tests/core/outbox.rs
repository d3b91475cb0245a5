//! Laws of the outbox: whatever is taken, halved, settled or withdrawn, every row has exactly one end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use powerbi_push::encode::{Encoder, Limits, Options, PUSH_ROWS, Run};
use powerbi_push::outbox::{Batch, Fate, Outbox};
use powerbi_push::schema::TableSchema;
use proptest::prelude::*;

use crate::sample::{Sample, table};

fn run(rows: i64) -> Run {
    let schema = Some(Arc::new(TableSchema::new(&table())));
    let limits = Limits { max_rows: 10_000, max_bytes: 1_000_000 };
    let mut encoder = Encoder::new(&PUSH_ROWS, schema, Options::default(), limits, 1);
    encoder.fill(&mut Sample::numbered(rows)).unwrap().run.unwrap()
}

#[derive(Debug, Clone)]
enum Step {
    Offer(i64),
    Take(usize),
    Settle(prop::sample::Index, Fate, bool),
    Halve(prop::sample::Index),
    Forget(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    let fate = prop_oneof![Just(Fate::Confirmed), Just(Fate::Rejected), Just(Fate::InDoubt)];
    prop_oneof![
        (1i64..30).prop_map(Step::Offer),
        (1usize..12).prop_map(Step::Take),
        (any::<prop::sample::Index>(), fate, any::<bool>())
            .prop_map(|(at, fate, resent)| Step::Settle(at, fate, resent)),
        any::<prop::sample::Index>().prop_map(Step::Halve),
        any::<prop::sample::Index>().prop_map(Step::Forget),
    ]
}

proptest! {
    #[test]
    fn every_accepted_row_has_exactly_one_end(steps in prop::collection::vec(step(), 0..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let outbox = Outbox::new(1_000_000, || ());
        let (mut accepted, mut settled, mut twice) = (0, 0, 0);
        let mut taken: Vec<Batch> = Vec::new();
        let mut waiting = 0;
        for step in steps {
            match step {
                Step::Offer(rows) => {
                    outbox.offer(run(rows));
                    accepted += rows.cast_unsigned();
                    waiting += usize::try_from(rows).unwrap();
                }
                Step::Take(max_rows) if waiting > 0 => {
                    let batch = runtime.block_on(outbox.take(max_rows, 1_000_000)).unwrap();
                    prop_assert!((1..=max_rows).contains(&batch.rows()));
                    waiting -= batch.rows();
                    taken.push(batch);
                }
                Step::Settle(at, fate, resent) if !taken.is_empty() => {
                    let batch = taken.swap_remove(at.index(taken.len()));
                    outbox.settle(&batch, fate, resent);
                    settled += batch.rows() as u64;
                    twice += if resent && fate == Fate::Confirmed { batch.rows() as u64 } else { 0 };
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
        let ended: u64 = pieces.iter().filter(|(_, fate)| fate.is_some()).map(|(rows, _)| rows.end - rows.start).sum();
        prop_assert_eq!(ended, settled);
        prop_assert_eq!(outbox.ledger().maybe_twice(), twice);
    }
}

#[tokio::test]
async fn what_nobody_took_can_be_withdrawn_and_then_nothing_comes() {
    let outbox = Outbox::new(1_000_000, || ());
    outbox.offer(run(30));
    let batch = outbox.take(10, 1_000_000).await.unwrap();
    outbox.withdraw();
    assert!(outbox.take(10, 1_000_000).await.is_none());
    outbox.settle(&batch, Fate::Confirmed, false);
    assert_eq!(outbox.ledger().pieces(0..30), [(0..10, Some(Fate::Confirmed)), (10..30, None)]);
}

#[tokio::test]
async fn there_is_room_again_once_rows_are_settled_and_the_caller_is_woken() {
    let woken = Arc::new(AtomicUsize::new(0));
    let bell = Arc::clone(&woken);
    let outbox = Outbox::new(100, move || {
        bell.fetch_add(1, Ordering::Relaxed);
    });
    assert!(outbox.has_room());
    outbox.offer(run(30));
    assert!(!outbox.has_room());
    let batch = outbox.take(30, 1_000_000).await.unwrap();
    assert!(!outbox.has_room());
    assert_eq!(woken.load(Ordering::Relaxed), 0);
    outbox.settle(&batch, Fate::Confirmed, false);
    assert!(outbox.has_room());
    assert_eq!(woken.load(Ordering::Relaxed), 1);
}
