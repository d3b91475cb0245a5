//! What a rescue saves, and what it says: one kind of damage each.

use std::fs;
use std::path::Path;

use powerbi_push::clock::Clock;
use powerbi_push::error::{Error, Kind};
use powerbi_push::outbox::{Batch, Fate, Notice, Outbox, Part, Reader};

use crate::outbox::folder::{Folder, all_ids, drain, ids, line, run, take};

/// Changes the byte behind the last occurrence of `words` in `file`.
fn spoil(file: &Path, words: &str) {
    let mut bytes = fs::read(file).unwrap();
    let at = bytes.windows(words.len()).rposition(|found| found == words.as_bytes()).unwrap();
    bytes[at + words.len()] ^= 1;
    fs::write(file, bytes).unwrap();
}

/// The reports of damage, as what was lost and where the old file is.
fn reports(outbox: &Outbox) -> Vec<(u64, String)> {
    let report = |notice| match notice {
        Notice::Damaged { lost, kept, .. } => Some((lost, kept.file_name().unwrap().to_str().unwrap().to_owned())),
        _ => None,
    };
    outbox.on_disk().unwrap().notices().into_iter().filter_map(report).collect()
}

fn seen(batches: &[Batch]) -> Vec<(Vec<i64>, Option<u64>, bool)> {
    batches.iter().map(|batch| (ids(batch), batch.number(), batch.maybe_sent())).collect()
}

/// Rows 0 to 4 sent as number 1, rows 4 to 10 in runs of two; row 20 set aside.
fn house() -> Folder {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    outbox.number_from(0).unwrap();
    outbox.accept([run([20])]).unwrap();
    let batch = take(&outbox, 1, 1_000_000).unwrap();
    outbox.set_aside(&batch, Fate::Rejected, &Error::new(Kind::Service, "no")).unwrap();
    outbox.accept((0..5).map(|part| run(2 * part..2 * part + 2))).unwrap();
    let mut batch = take(&outbox, 4, 1_000_000).unwrap();
    outbox.issue(&mut batch).unwrap();
    drop(outbox);
    folder
}

#[test]
fn a_damaged_run_is_lost_and_everything_else_is_as_it_was() {
    let folder = house();
    spoil(&folder.file(), "item 7");
    let outbox = folder.open().unwrap();
    let batches = drain(&outbox);
    assert_eq!(
        seen(&batches),
        [((0..4).collect(), Some(1), true), (vec![4, 5], None, false), (vec![8, 9], None, false)]
    );
    assert_eq!(reports(&outbox), [(2, "outbox.db.corrupt-1".to_owned())]);
    assert_eq!((outbox.stats().lost, outbox.stats().pending.rows), (2, 8));
    drop(outbox);
    let mut out = Vec::new();
    Reader::open(&folder.file(), Clock::simulated()).unwrap().export(Part::SetAside, &mut out).unwrap();
    assert_eq!(out, format!("{}\n", line(20)).as_bytes());
    // It is told once, and a second time the next name is free.
    let next = folder.open().unwrap();
    assert_eq!((reports(&next), next.stats().pending.rows), (vec![], 8));
    drop(next);
    spoil(&folder.file(), "item 5");
    let next = folder.open().unwrap();
    assert_eq!(all_ids(&next), [0, 1, 2, 3, 8, 9]);
    assert_eq!(reports(&next), [(2, "outbox.db.corrupt-2".to_owned())]);
}

#[test]
fn what_is_left_of_a_damaged_batch_is_another_batch_and_may_have_been_sent() {
    let folder = house();
    spoil(&folder.file(), "item 1");
    let outbox = folder.open().unwrap();
    let batches = drain(&outbox);
    assert_eq!(seen(&batches), [(vec![2, 3], None, true), ((4..10).collect(), None, false)]);
    assert_eq!(reports(&outbox)[0].0, 2);
    outbox.number_from(0).unwrap();
    let [mut batch, _] = <[Batch; 2]>::try_from(batches).unwrap();
    outbox.issue(&mut batch).unwrap();
    assert_eq!(batch.number(), Some(2));
}

#[test]
fn without_figures_no_row_is_lost_and_each_may_have_been_sent() {
    let folder = house();
    rusqlite::Connection::open(folder.file()).unwrap().execute_batch("UPDATE state SET next = 0").unwrap();
    let outbox = folder.open().unwrap();
    let batches = drain(&outbox);
    assert_eq!(seen(&batches), [((0..10).collect(), None, true)]);
    assert_eq!(reports(&outbox)[0].0, 0);
    outbox.number_from(0).unwrap();
    let mut batch = batches.into_iter().next().unwrap();
    outbox.issue(&mut batch).unwrap();
    assert_eq!(batch.number(), Some(2));
}

#[test]
fn a_header_may_be_gone_altogether() {
    for (from, to) in [(0, 16), (0, 100), (60, 72), (0, 4_096)] {
        let folder = house();
        let mut bytes = fs::read(folder.file()).unwrap();
        bytes[from..to].fill(0xA5);
        fs::write(folder.file(), bytes).unwrap();
        let outbox = folder.open().unwrap();
        assert_eq!(seen(&drain(&outbox)), [((0..4).collect(), Some(1), true), ((4..10).collect(), None, false)]);
        assert_eq!(reports(&outbox), [(0, "outbox.db.corrupt-1".to_owned())]);
    }
}

#[test]
fn commits_behind_a_damaged_frame_of_the_log_are_not_forgotten() {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    for part in 0..50 {
        outbox.accept([run(part * 40..part * 40 + 40)]).unwrap();
    }
    let left = folder.killed();
    spoil(&left.path().join("outbox.db-wal"), "item 799");
    let outbox = left.open().unwrap();
    let seen = all_ids(&outbox);
    let lost = reports(&outbox)[0].0;
    assert!(seen.contains(&1_999) && seen.contains(&0));
    assert_eq!(seen.len() as u64 + lost, 2_000);
    assert!(lost <= 40, "{lost} rows are lost with one run");
    assert_eq!(left.names()[1..3], ["outbox.db-lock", "outbox.db-shm"]);
    assert!(left.path().join("outbox.db.corrupt-1-wal").exists());
}

#[test]
fn a_log_without_its_header_is_not_forgotten() {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    outbox.accept([run(0..3)]).unwrap();
    let left = folder.killed();
    let log = left.path().join("outbox.db-wal");
    let mut bytes = fs::read(&log).unwrap();
    bytes[17] ^= 1;
    fs::write(&log, bytes).unwrap();
    let outbox = left.open().unwrap();
    assert_eq!(all_ids(&outbox), [0, 1, 2]);
    assert_eq!(reports(&outbox), [(0, "outbox.db.corrupt-1".to_owned())]);
}

#[test]
fn the_log_of_an_outbox_whose_file_is_gone_still_has_its_rows() {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    outbox.accept([run(0..40)]).unwrap();
    let left = folder.killed();
    fs::write(left.file(), "").unwrap();
    let outbox = left.open().unwrap();
    assert_eq!(all_ids(&outbox), (0..40).collect::<Vec<_>>());
    assert_eq!(reports(&outbox).len(), 1);
}

#[test]
fn damage_while_rows_are_on_their_way_changes_nothing_for_them() {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    for part in 0..30 {
        outbox.accept([run(part * 1_000..(part + 1) * 1_000)]).unwrap();
    }
    drop(outbox);
    let outbox = folder.open().unwrap();
    outbox.number_from(0).unwrap();
    let mut sent = take(&outbox, 1_500, 1_000_000).unwrap();
    outbox.issue(&mut sent).unwrap();
    spoil(&folder.file(), "item 20200");
    let rest: Vec<i64> = drain(&outbox).iter().flat_map(ids).collect();
    let expected: Vec<i64> = (1_500..20_000).chain(21_000..30_000).collect();
    assert_eq!(rest, expected);
    assert_eq!(reports(&outbox)[0].0, 1_000);
    outbox.issue(&mut sent).unwrap();
    assert_eq!(sent.number(), Some(1));
    let again = take(&folder.killed().open().unwrap(), 1, 1).unwrap();
    assert_eq!((again.numbers(), again.number(), again.maybe_sent()), (0..1_500, Some(1), true));
    outbox.settle(&sent, Fate::Confirmed, false).unwrap();
    outbox.accept([run(30_000..30_001)]).unwrap();
    assert_eq!(outbox.stats().pending.rows, expected.len() as u64 + 1);
}

#[test]
fn a_rescue_that_was_interrupted_is_finished() {
    let rescued = house();
    spoil(&rescued.file(), "item 7");
    let broken = fs::read(rescued.file()).unwrap();
    let first = rescued.open().unwrap();
    let expected = vec![0, 1, 2, 3, 4, 5, 8, 9];
    assert_eq!(all_ids(&first), expected);
    drop(first);
    let whole = fs::read(rescued.file()).unwrap();
    // Before the damaged file was set aside, and after.
    for (old, kept) in [("outbox.db", "outbox.db.corrupt-1"), ("outbox.db.corrupt-1", "outbox.db.corrupt-1")] {
        let folder = Folder::new();
        fs::write(folder.path().join(old), &broken).unwrap();
        fs::write(folder.path().join("outbox.db.new"), &whole).unwrap();
        fs::write(folder.path().join("outbox.db.draft"), "half").unwrap();
        let outbox = folder.open().unwrap();
        assert_eq!(all_ids(&outbox), expected);
        assert_eq!(reports(&outbox), [(0, kept.to_owned())]);
        assert_eq!(fs::read(folder.path().join(kept)).unwrap(), broken);
    }
}
