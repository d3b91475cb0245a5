//! Laws of encoding: whatever the rows, no request is too large and nothing is lost between them.

use std::sync::Arc;

use powerbi_push::rows::encode::{BOUNDLESS, Checked, CheckedRows, Code, Encoder, Limits, Options, Room, Run};
use powerbi_push::rows::schema::{TableSchema, ValueRules};
use powerbi_push::services::powerbi::TARGET;
use powerbi_push::services::powerbi::sinks::PUSH_ROWS;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::sample::{Sample, table};

fn encoder(limits: Limits) -> Encoder {
    Encoder::new(
        &PUSH_ROWS,
        Some(Arc::new(TableSchema::new(&table()).under(TARGET.values))),
        Options::default(),
        limits,
        1000,
    )
}

fn encode(rows: Vec<(i64, String)>, limits: Limits) -> (Vec<Run>, Encoder) {
    let (mut source, mut encoder, mut runs) = (Sample::new(rows), encoder(limits), Vec::new());
    loop {
        let filled = encoder.fill(&mut source).unwrap();
        runs.extend(filled.run);
        if filled.ended {
            return (runs, encoder);
        }
    }
}

/// Checks rows, and keeps the bodies for which there is room.
fn check(rows: Vec<(i64, String)>, encoder: &mut Encoder, room: &'static Room) -> Checked {
    let (mut source, mut kept) = (Sample::new(rows), CheckedRows::new(room, encoder));
    loop {
        let filled = encoder.fill(&mut source).unwrap();
        let ended = filled.ended;
        kept.take(filled, encoder, false);
        if ended {
            return kept.into_checked(encoder);
        }
    }
}

fn rows_of(body: &[u8]) -> Vec<Value> {
    serde_json::from_slice::<Value>(body).unwrap()["rows"].as_array().unwrap().clone()
}

proptest! {
    #[test]
    fn runs_hold_to_their_limits_and_together_are_the_input(
        rows in prop::collection::vec((-1000i64..1000, "\\PC{0,40}"), 0..60),
        max_rows in 1usize..20,
        max_bytes in 200usize..600,
    ) {
        let (runs, encoder) = encode(rows.clone(), Limits { max_rows, max_bytes });
        let mut seen = Vec::new();
        for run in &runs {
            let body = run.body(0..run.rows());
            prop_assert!(body.len() <= max_bytes && run.rows() <= max_rows && run.rows() > 0);
            seen.extend(rows_of(&body));
        }
        let expected: Vec<Value> = rows.iter().map(|(id, item)| json!({"Id": id, "Item": item})).collect();
        prop_assert_eq!(seen, expected);
        prop_assert_eq!(encoder.rows_read(), rows.len() as u64);
        prop_assert_eq!(encoder.problems().count(), 0);
    }

    #[test]
    fn any_part_of_a_run_is_a_body_of_just_those_rows(
        rows in prop::collection::vec((0i64..9, "[a-z]{0,9}"), 1..20),
        cut in any::<prop::sample::Index>(),
        max_bytes in 40usize..400,
    ) {
        let (runs, _) = encode(rows.clone(), Limits { max_rows: 100, max_bytes: 10_000 });
        let run = &runs[0];
        let start = cut.index(run.rows());
        let count = run.fitting(start, 7, max_bytes, 0);
        let body = run.body(start..start + count);
        prop_assert!(count == 1 || body.len() <= max_bytes);
        prop_assert_eq!(rows_of(&body).len(), count);
        prop_assert_eq!(&rows_of(&body)[0]["Item"], &json!(rows[start].1));
        let all = run.size(0..run.rows());
        prop_assert_eq!(run.size(0..start) + run.size(start..run.rows()), all);
    }
}

/// Rows of which some do not fit their columns, and some not even a small body.
fn any_rows() -> impl Strategy<Value = Vec<(i64, String)>> {
    let id = prop_oneof![8 => -1000i64..1000, 1 => Just(i64::MAX)];
    let text = prop_oneof![8 => "\\PC{0,40}", 1 => "[a-z\"]{300,600}", 1 => "x{4001,4010}"];
    prop::collection::vec((id, text), 0..60)
}

/// Limits with which a body is needed to see that a row fits, and others.
fn any_limits() -> impl Strategy<Value = Limits> {
    let max_bytes = prop_oneof![200usize..600, 49_000usize..60_000];
    (1usize..20, max_bytes).prop_map(|(max_rows, max_bytes)| Limits { max_rows, max_bytes })
}

fn bodies(runs: &[Run]) -> Vec<Vec<u8>> {
    runs.iter().map(|run| run.body(0..run.rows()).to_vec()).collect()
}

proptest! {
    #[test]
    fn checked_alone_rows_have_the_same_problems(rows in any_rows(), limits in any_limits()) {
        let (_, expected) = encode(rows.clone(), limits);
        let (mut source, mut checking) = (Sample::new(rows), encoder(limits));
        checking.only_check();
        loop {
            let filled = checking.fill(&mut source).unwrap();
            prop_assert!(filled.run.is_none() || limits.max_bytes < 49_000);
            if filled.ended {
                break;
            }
        }
        prop_assert_eq!(checking.rows_read(), expected.rows_read());
        prop_assert_eq!(checking.problems().count(), expected.problems().count());
        prop_assert_eq!(checking.problems().errors(), expected.problems().errors());
        prop_assert_eq!(checking.problems().invalid_rows(), expected.problems().invalid_rows());
    }

    #[test]
    fn what_is_kept_of_a_check_and_what_is_read_again_are_the_bodies_of_one_reading(
        rows in any_rows(),
        limits in any_limits(),
        most in 0usize..4_000,
    ) {
        let (expected, plain) = encode(rows.clone(), limits);
        let mut encoder = encoder(limits);
        let room = Box::leak(Box::new(Room::new(most, || 0)));
        let Checked { mut runs, again, share } = check(rows.clone(), &mut encoder, room);
        prop_assert_eq!(room.held(), runs.iter().map(Run::bytes).sum::<usize>());
        drop(share);
        prop_assert_eq!(room.held(), 0);
        prop_assert!(runs.iter().map(Run::bytes).sum::<usize>() <= most);
        prop_assert_eq!(again.is_none(), expected.iter().map(Run::bytes).sum::<usize>() <= most);
        if let Some(row) = again {
            let mut source = Sample::new(rows.into_iter().skip(usize::try_from(row).unwrap()));
            loop {
                let filled = encoder.fill(&mut source).unwrap();
                runs.extend(filled.run);
                if filled.ended {
                    break;
                }
            }
        }
        prop_assert_eq!(bodies(&runs), bodies(&expected));
        prop_assert_eq!(encoder.rows_read(), plain.rows_read());
        prop_assert_eq!(encoder.problems().invalid_rows(), plain.problems().invalid_rows());
    }
}

#[test]
fn many_bodies_that_are_kept_share_memory_and_stay_what_they_are() {
    let rows = (0..6_000).map(|id| (id, id.to_string().repeat(1_000))).collect::<Vec<_>>();
    let limits = Limits { max_rows: 250, max_bytes: 2_000_000 };
    let (expected, _) = encode(rows.clone(), limits);
    let Checked { runs, .. } = check(rows, &mut encoder(limits), &BOUNDLESS);
    assert_eq!(bodies(&runs), bodies(&expected));
    let own = |run: Run| !run.into_memory().is_empty();
    let (first, last) = (runs.first().cloned(), runs.last().cloned());
    drop(runs);
    assert_eq!(first.map(own), Some(true));
    // Whoever took the memory of one would hold that of all.
    assert_eq!(last.map(own), Some(cfg!(not(target_os = "linux"))));
}

#[test]
fn a_row_that_fits_no_request_is_a_problem_of_its_own() {
    let rows = vec![(1, "short".into()), (2, "x".repeat(200)), (3, "short".into())];
    let (runs, encoder) = encode(rows, Limits { max_rows: 10, max_bytes: 100 });
    assert_eq!(runs.iter().map(Run::rows).sum::<usize>(), 2);
    let error = &encoder.problems().errors()[0];
    assert_eq!((error.row, error.code, encoder.problems().count()), (1, Code::RowTooLarge, 1));
    assert_eq!(encoder.problems().invalid_rows(), vec![1..2; 1]);
}

#[test]
fn a_long_row_that_may_be_has_a_request_of_its_own() {
    let rows = || vec![(1, "short".into()), (2, "x".repeat(200)), (3, "short".into()), (4, "x".repeat(200))];
    let limits = Limits { max_rows: 10, max_bytes: 100 };
    let encoded = |longest: usize| {
        let (mut source, mut encoder, mut runs) =
            (Sample::new(rows()), encoder(limits).with_long_rows(longest), Vec::new());
        loop {
            let filled = encoder.fill(&mut source).unwrap();
            runs.extend(filled.run);
            if filled.ended {
                let lengths: Vec<_> = runs.iter().map(|run| (run.rows(), run.body(0..run.rows()).len())).collect();
                return (lengths, encoder.problems().invalid_rows().to_vec());
            }
        }
    };
    let [short, long] = [5, 200].map(|text| r#"{"rows":[{"Id":1,"Item":""}]}"#.len() + text);
    assert_eq!(encoded(long), (vec![(1, short), (1, long), (1, short), (1, long)], vec![]));
    assert_eq!(encoded(long - 1), (vec![(2, 2 * short - r#"{"rows":[]}"#.len() + 1)], vec![1..2, 3..4]));
}

#[test]
fn how_long_text_may_be_is_the_services_own_rule() {
    let told = |max_text: usize| {
        let rules = ValueRules { max_text, ..TARGET.values };
        let schema = Arc::new(TableSchema::new(&table()).under(rules));
        let limits = Limits { max_rows: 10, max_bytes: 10_000 };
        let mut encoder = Encoder::new(&PUSH_ROWS, Some(schema), Options::default(), limits, 9);
        encoder.fill(&mut Sample::new([(1, "abcdef".to_owned())])).unwrap();
        encoder.problems().errors().iter().map(|error| error.message.clone()).collect::<Vec<_>>()
    };
    let expected =
        "column `Item` holds text of 6 UTF-16 units; the service takes 5: `'abcdef'`; too_long=\"truncate\" cuts it";
    assert_eq!(told(5), [expected]);
    assert_eq!(told(6), [""; 0]);
    assert_eq!(told(ValueRules::default().max_text), [""; 0]);
}

#[test]
fn words_about_a_limit_have_the_numbers_of_their_service() {
    let rules = ValueRules { max_text: 9, decimal_digits: 7, decimal_scale: 2, ..ValueRules::default() };
    assert_eq!(rules.said("{digits} digits, {scale} of them, in {text}"), "7 digits, 2 of them, in 9");
}
