//! What salvage saves, and what it says: one kind of damage each.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use powerbi_push::clock::Clock;
use powerbi_push::delivery::queue::{
    Batch, Destination, DiskQueue, Part, Queue, QueueNotice, Reader, RowState, Settings,
};
use powerbi_push::error::{Error, Kind};
use powerbi_push::services::powerbi::sinks::PUSH_ROWS;

use crate::outbox::folder::{Folder, all_ids, drain, ids, line, open, run, settings, take};
use crate::skipped::skipped;

/// Changes the byte behind the last occurrence of `words` in `file`.
pub(super) fn spoil(file: &Path, words: &str) {
    let mut bytes = fs::read(file).unwrap();
    let at = bytes.windows(words.len()).rposition(|found| found == words.as_bytes()).unwrap();
    bytes[at + words.len()] ^= 1;
    fs::write(file, bytes).unwrap();
}

/// The reports of damage, as what was lost and where the old file is.
pub(super) fn reports(outbox: &Queue) -> Vec<(u64, String)> {
    let report = |notice| match notice {
        QueueNotice::Damaged { lost, kept, .. } => {
            assert!(lost.exact);
            Some((lost.rows, kept.unwrap().file_name().unwrap().to_str().unwrap().to_owned()))
        }
        _ => None,
    };
    outbox.on_disk().unwrap().notices().into_iter().filter_map(report).collect()
}

fn seen(batches: &[Batch]) -> Vec<(Vec<i64>, Option<u64>, bool)> {
    batches.iter().map(|batch| (ids(batch), batch.sequence_number(), batch.maybe_sent())).collect()
}

/// Rows 0 to 4 sent as number 1, rows 4 to 10 in runs of two; row 20 a dead letter.
pub(super) fn setup() -> Folder {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    outbox.number_batches_after(0).unwrap();
    outbox.accept([run([20])]).unwrap();
    let batch = take(&outbox, 1, 1_000_000).unwrap();
    outbox.settle_as_dead_letter(&batch, RowState::Rejected, &Error::new(Kind::Service, "no")).unwrap();
    outbox.accept((0..5).map(|part| run(2 * part..2 * part + 2))).unwrap();
    let mut batch = take(&outbox, 4, 1_000_000).unwrap();
    outbox.issue(&mut batch).unwrap();
    drop(outbox);
    folder
}

#[test]
fn a_damaged_run_is_lost_and_everything_else_is_as_it_was() {
    let folder = setup();
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
    Reader::open(&folder.file(), Clock::simulated()).unwrap().export(&[Part::DeadLetter], &mut out).unwrap();
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
    let folder = setup();
    spoil(&folder.file(), "item 1");
    let outbox = folder.open().unwrap();
    let batches = drain(&outbox);
    assert_eq!(seen(&batches), [(vec![2, 3], None, true), ((4..10).collect(), None, false)]);
    assert_eq!(reports(&outbox)[0].0, 2);
    outbox.number_batches_after(0).unwrap();
    let [mut batch, _] = <[Batch; 2]>::try_from(batches).unwrap();
    outbox.issue(&mut batch).unwrap();
    assert_eq!(batch.sequence_number(), Some(2));
}

#[test]
fn without_figures_the_mark_knows_which_rows_may_have_been_sent() {
    let folder = setup();
    rusqlite::Connection::open(folder.file()).unwrap().execute_batch("UPDATE state SET next = 0").unwrap();
    let outbox = folder.open().unwrap();
    let batches = drain(&outbox);
    assert_eq!(seen(&batches), [((0..4).collect(), None, true), ((4..10).collect(), None, false)]);
    assert_eq!(reports(&outbox), [(0, "outbox.db.corrupt-1".to_owned())]);
    outbox.number_batches_after(0).unwrap();
    let mut batch = batches.into_iter().next().unwrap();
    outbox.issue(&mut batch).unwrap();
    assert_eq!(batch.sequence_number(), Some(2));
}

#[test]
fn without_figures_and_a_mark_each_row_may_have_been_sent_and_nobody_knows_how_many_are_lost() {
    let folder = setup();
    rusqlite::Connection::open(folder.file()).unwrap().execute_batch("UPDATE state SET next = 0").unwrap();
    fs::remove_file(folder.path().join("outbox.db-mark")).unwrap();
    let outbox = folder.open().unwrap();
    let batches = drain(&outbox);
    assert_eq!(seen(&batches), [((0..10).collect(), None, true)]);
    let [notice] = <[QueueNotice; 1]>::try_from(outbox.on_disk().unwrap().notices()).unwrap();
    assert!(notice.to_string().contains("an unknown number of accepted rows may be lost"), "{notice}");
    outbox.number_batches_after(0).unwrap();
    let mut batch = batches.into_iter().next().unwrap();
    outbox.issue(&mut batch).unwrap();
    assert_eq!(batch.sequence_number(), Some(2));
}

#[test]
fn a_header_may_be_gone_altogether() {
    for (from, to) in [(0, 16), (0, 100), (60, 72), (0, 4_096)] {
        let folder = setup();
        let mut bytes = fs::read(folder.file()).unwrap();
        bytes[from..to].fill(0xA5);
        fs::write(folder.file(), bytes).unwrap();
        let outbox = folder.open().unwrap();
        assert_eq!(seen(&drain(&outbox)), [((0..4).collect(), Some(1), true), ((4..10).collect(), None, false)]);
        assert_eq!(reports(&outbox), [(0, "outbox.db.corrupt-1".to_owned())]);
    }
}

/// 100 rows, each with a commit of its own, left by a process that was killed.
pub(super) fn hundred() -> Folder {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    for row in 0..100 {
        outbox.accept([run([row])]).unwrap();
    }
    folder.killed()
}

#[test]
fn what_a_damaged_log_loses_is_told_to_the_row() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, u64, Damage); 7] = [
        ("a bit in the last frame", 1, |log| *log.last_mut().unwrap() ^= 1),
        ("its head zeroed", 100, |log| log[..32].fill(0)),
        ("a random head", 100, |log| log[..32].iter_mut().for_each(|byte| *byte = fastrand::u8(..))),
        ("a bit in the head", 100, |log| log[17] ^= 1),
        ("a bit in the first frame", 100, |log| log[60] ^= 1),
        ("cut to nothing", 100, Vec::clear),
        ("untouched", 0, |_| ()),
    ];
    for (what, lost, damage) in damages {
        let left = hundred();
        let log = left.path().join("outbox.db-wal");
        let mut bytes = fs::read(&log).unwrap();
        damage(&mut bytes);
        fs::write(&log, bytes).unwrap();
        let outbox = left.open().unwrap();
        assert_eq!(all_ids(&outbox), (0..100 - i64::try_from(lost).unwrap()).collect::<Vec<_>>(), "{what}");
        let told = if lost > 0 { vec![(lost, "outbox.db.corrupt-1".to_owned())] } else { vec![] };
        assert_eq!(reports(&outbox), told, "{what}");
        assert_eq!((outbox.stats().lost, outbox.stats().pending.rows), (lost, 100 - lost), "{what}");
        assert_eq!(left.path().join("outbox.db.corrupt-1-wal").exists(), lost > 0, "{what}");
    }
}

#[test]
fn a_log_that_was_deleted_or_cut_in_half_is_told_of() {
    let left = hundred();
    fs::remove_file(left.path().join("outbox.db-wal")).unwrap();
    assert_eq!(reports(&left.open().unwrap()), [(100, "outbox.db.corrupt-1".to_owned())]);
    let left = hundred();
    let log = fs::OpenOptions::new().write(true).open(left.path().join("outbox.db-wal")).unwrap();
    log.set_len(log.metadata().unwrap().len() / 2).unwrap();
    let outbox = left.open().unwrap();
    let came = all_ids(&outbox).len() as u64;
    assert!((1..100).contains(&came), "{came}");
    assert_eq!(reports(&outbox), [(100 - came, "outbox.db.corrupt-1".to_owned())]);
}

/// Settles all that can be taken; answers how many rows that were.
fn deliver(outbox: &Queue) -> u64 {
    let batches = drain(outbox);
    for batch in &batches {
        outbox.settle(batch, RowState::Confirmed, false).unwrap();
    }
    batches.iter().map(|batch| batch.rows() as u64).sum()
}

#[test]
fn nobody_waits_for_rows_that_are_lost() {
    for part in [0, 2] {
        let left = hundred();
        let log = fs::OpenOptions::new().write(true).open(left.path().join("outbox.db-wal")).unwrap();
        log.set_len(log.metadata().unwrap().len() * part / 3).unwrap();
        let outbox = left.open().unwrap();
        let lost = outbox.stats().lost;
        assert_eq!((outbox.accepted(), lost == 100), (100, part == 0));
        assert_eq!(deliver(&outbox), 100 - lost);
        assert_eq!((outbox.first_pending(), outbox.next()), (100, 100), "all that was accepted has its end");
        outbox.accept([run(0..5)]).unwrap();
        assert_eq!((outbox.first_pending(), deliver(&outbox), outbox.first_pending()), (100, 5, 105));
    }
}

#[test]
fn whoever_waits_for_rows_is_woken_when_they_are_found_to_be_lost() {
    let folder = Folder::new();
    folder.open().unwrap().accept([run(0..30_000)]).unwrap();
    let rings = Arc::new(AtomicU32::new(0));
    let wakeup = Arc::clone(&rings);
    let disk = DiskQueue::open(settings(&folder.file(), u64::MAX)).unwrap();
    let outbox = Queue::on_the_disk(disk, move || {
        wakeup.fetch_add(1, Ordering::Relaxed);
    });
    spoil(&folder.file(), "item 20200");
    assert!(take(&outbox, 10, 1_000_000).is_none());
    assert_eq!((outbox.first_pending(), outbox.stats().pending.rows), (30_000, 0));
    assert_eq!(rings.load(Ordering::Relaxed), 1);
}

#[test]
fn a_notice_that_was_handed_out_and_not_heard_is_told_again() {
    let folder = hundred();
    fs::remove_file(folder.path().join("outbox.db-wal")).unwrap();
    for heard in [false, true] {
        let outbox = folder.open().unwrap();
        let disk = outbox.on_disk().unwrap();
        assert_eq!(disk.hand_out().len(), 1);
        assert_eq!(disk.hand_out(), []);
        outbox.accept([run([1])]).unwrap();
        if heard {
            disk.heard();
        }
    }
    assert_eq!(reports(&folder.open().unwrap()), []);
}

#[test]
fn rows_whose_settlement_was_lost_come_again_and_may_have_been_sent() {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    outbox.number_batches_after(0).unwrap();
    outbox.accept((0..5).map(|part| run(2 * part..2 * part + 2))).unwrap();
    drop(outbox);
    let outbox = folder.open().unwrap();
    outbox.number_batches_after(0).unwrap();
    let mut batch = take(&outbox, 4, 1_000_000).unwrap();
    outbox.issue(&mut batch).unwrap();
    outbox.settle(&batch, RowState::Confirmed, false).unwrap();
    outbox.accept([run(10..13)]).unwrap();
    let left = folder.killed();
    fs::remove_file(left.path().join("outbox.db-wal")).unwrap();
    let outbox = left.open().unwrap();
    let batches = drain(&outbox);
    assert_eq!(seen(&batches), [((0..4).collect(), None, true), ((4..10).collect(), None, false)]);
    assert_eq!(reports(&outbox), [(3, "outbox.db.corrupt-1".to_owned())]);
    for batch in &batches {
        outbox.settle(batch, RowState::Confirmed, batch.maybe_sent()).unwrap();
    }
    assert_eq!(outbox.stats().maybe_twice, 4);
    // The number that was given is not given again.
    outbox.number_batches_after(0).unwrap();
    outbox.accept([run([20])]).unwrap();
    let mut batch = take(&outbox, 4, 1_000_000).unwrap();
    outbox.issue(&mut batch).unwrap();
    assert_eq!(batch.sequence_number(), Some(2));
}

#[test]
fn lost_rows_that_were_sent_may_have_arrived() {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    outbox.accept([run(0..10)]).unwrap();
    let mut batch = take(&outbox, 4, 1_000_000).unwrap();
    outbox.issue(&mut batch).unwrap();
    let left = folder.killed();
    fs::remove_file(left.path().join("outbox.db-wal")).unwrap();
    let notices = left.open().unwrap().on_disk().unwrap().notices();
    let words = "10 accepted rows are lost (up to 4 of them were sent, and may have arrived)";
    assert!(notices[0].to_string().contains(words), "{}", notices[0]);
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
    outbox.number_batches_after(0).unwrap();
    let mut sent = take(&outbox, 1_500, 1_000_000).unwrap();
    outbox.issue(&mut sent).unwrap();
    spoil(&folder.file(), "item 20200");
    let rest: Vec<i64> = drain(&outbox).iter().flat_map(ids).collect();
    let expected: Vec<i64> = (1_500..20_000).chain(21_000..30_000).collect();
    assert_eq!(rest, expected);
    assert_eq!(reports(&outbox)[0].0, 1_000);
    outbox.issue(&mut sent).unwrap();
    assert_eq!(sent.sequence_number(), Some(1));
    let again = take(&folder.killed().open().unwrap(), 1, 1).unwrap();
    assert_eq!((again.row_range(), again.sequence_number(), again.maybe_sent()), (0..1_500, Some(1), true));
    outbox.settle(&sent, RowState::Confirmed, false).unwrap();
    outbox.accept([run(30_000..30_001)]).unwrap();
    assert_eq!(outbox.stats().pending.rows, expected.len() as u64 + 1);
}

/// A process that salvages an outbox and is killed, started by the test below.
#[test]
#[ignore = "a process of another test"]
fn salvager() {
    let Some(path) = std::env::var_os("OUTBOX_SALVAGER") else { return };
    drop(open(Path::new(&path), u64::MAX).unwrap());
    println!("salvaged");
}

/// Has a process salvage the outbox in `folder`, and killed at the `at`th of a kind of call; answers whether it came so far.
fn killed_at(folder: &Folder, call: &str, at: u32) -> Option<bool> {
    let run = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")])
        .args(["-e", &format!("inject={call}:signal=KILL:when={at}")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "outbox::salvage::salvager", "--ignored", "--nocapture", "--test-threads=1"])
        .env("OUTBOX_SALVAGER", folder.file())
        .output();
    let said = run.ok().filter(|run| !String::from_utf8_lossy(&run.stderr).contains("ptrace"));
    if said.is_none() {
        skipped("strace is missing, or may not trace here");
    }
    Some(!String::from_utf8_lossy(&said?.stdout).contains("salvaged"))
}

/// Every step of that call, or every `step`th in the ordinary run.
fn every(step: u32) -> u32 {
    if std::env::var_os("OUTBOX_KILLS").is_some() { 1 } else { step }
}

/// Without the head of its file, whatever is wrong with an outbox is found when it is opened.
fn behead(folder: &Folder) {
    let mut bytes = fs::read(folder.file()).unwrap();
    bytes[..100].fill(0);
    fs::write(folder.file(), bytes).unwrap();
}

#[test]
fn a_salvage_that_was_killed_at_any_step_is_finished_by_the_next_process() {
    for (call, step) in [("rename", 1), ("fsync", 3), ("fdatasync", 5), ("unlink", 13), ("pwrite64", 37)] {
        for at in (1..).step_by(every(step) as usize) {
            let folder = setup();
            spoil(&folder.file(), "item 7");
            behead(&folder);
            let Some(killed) = killed_at(&folder, call, at) else { return };
            let outbox = folder.open().unwrap();
            assert_eq!(all_ids(&outbox), [0, 1, 2, 3, 4, 5, 8, 9], "{call} {at}");
            assert_eq!(reports(&outbox), [(2, "outbox.db.corrupt-1".to_owned())], "{call} {at}");
            assert!(!folder.names().iter().any(|name| name.contains("draft")), "{:?}", folder.names());
            if !killed {
                break;
            }
        }
    }
    // The same of a file with a log, in which all the rows are, and with nothing else beside it.
    for (is_alone, at) in [false, true].into_iter().flat_map(|is_alone| (1..=5).map(move |at| (is_alone, at))) {
        let folder = hundred();
        behead(&folder);
        for other in ["-mark", "-lock"].iter().filter(|_| is_alone) {
            fs::remove_file(folder.path().join(format!("outbox.db{other}"))).unwrap();
        }
        let Some(killed) = killed_at(&folder, "rename", at) else { return };
        assert_eq!(killed, at < 5, "{at}");
        let outbox = folder.open().unwrap();
        assert_eq!(all_ids(&outbox), (0..100).collect::<Vec<_>>(), "{at}");
        let words = if is_alone { "an unknown number" } else { "0 accepted rows are lost" };
        let [notice] = <[QueueNotice; 1]>::try_from(outbox.on_disk().unwrap().notices()).unwrap();
        assert!(notice.to_string().contains(words), "{at}: {notice}");
        assert!(folder.path().join("outbox.db.corrupt-1-wal").exists(), "{at}");
    }
}

#[test]
fn an_outbox_whose_making_was_killed_is_made_by_the_next_process() {
    for (call, step) in [("rename", 1), ("fsync", 3), ("pwrite64", 19)] {
        for at in (1..).step_by(every(step) as usize) {
            let folder = Folder::new();
            let Some(killed) = killed_at(&folder, call, at) else { return };
            let outbox = folder.open().unwrap();
            assert_eq!(outbox.on_disk().unwrap().notices(), [], "{call} {at}");
            outbox.accept([run([1])]).unwrap();
            if !killed {
                break;
            }
        }
    }
}

#[test]
fn a_notice_waits_until_a_sender_has_heard_it() {
    let folder = hundred();
    fs::remove_file(folder.path().join("outbox.db-wal")).unwrap();
    // Somebody else opens the outbox first, and its sender's neighbour, who may not have it.
    let other = Settings { destination: None, ..settings(&folder.file(), u64::MAX) };
    assert_eq!(DiskQueue::open(other).unwrap().retry().unwrap(), 0);
    let other =
        Settings { destination: Some(Destination::new("elsewhere", &PUSH_ROWS)), ..settings(&folder.file(), u64::MAX) };
    assert!(DiskQueue::open(other).is_err());
    assert_eq!(reports(&folder.killed().open().unwrap()), [(100, "outbox.db.corrupt-1".to_owned())]);
    let outbox = folder.open().unwrap();
    assert_eq!(reports(&outbox).len(), 1);
    drop(outbox);
    assert_eq!(reports(&folder.open().unwrap()), []);
}

#[test]
fn without_its_mark_a_file_that_was_closed_is_whole_and_one_that_was_not_may_not_be() {
    let folder = hundred();
    fs::remove_file(folder.path().join("outbox.db-mark")).unwrap();
    fs::remove_file(folder.path().join("outbox.db-wal")).unwrap();
    let outbox = folder.open().unwrap();
    let [notice] = <[QueueNotice; 1]>::try_from(outbox.on_disk().unwrap().notices()).unwrap();
    assert!(notice.to_string().contains("an unknown number of accepted rows may be lost"), "{notice}");
    drop(outbox);
    for damage in [|mark: &Path| fs::remove_file(mark).unwrap(), |mark: &Path| fs::write(mark, [0; 99]).unwrap()] {
        damage(&folder.path().join("outbox.db-mark"));
        assert_eq!(folder.open().unwrap().on_disk().unwrap().notices(), []);
    }
}

#[test]
fn strays_beside_an_outbox_stay_as_they_are_and_change_nothing() {
    let folder = setup();
    let strays = ["outbox.db.new", "outbox.db.draft", "outbox.db-journal.txt", "outbox.db.corrupt-1"];
    for (place, name) in strays.iter().enumerate() {
        let bytes = if place == 0 { fs::read(folder.file()).unwrap() } else { b"a stranger's".to_vec() };
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let before: Vec<_> = strays.iter().map(|name| fs::read(folder.path().join(name)).unwrap()).collect();
    let outbox = folder.open().unwrap();
    assert_eq!(all_ids(&outbox), (0..10).collect::<Vec<_>>());
    assert_eq!(outbox.on_disk().unwrap().notices(), []);
    drop(outbox);
    spoil(&folder.file(), "item 7");
    let outbox = folder.open().unwrap();
    assert_eq!(all_ids(&outbox).len(), 8);
    assert_eq!(reports(&outbox), [(2, "outbox.db.corrupt-2".to_owned())]);
    let after: Vec<_> = strays.iter().map(|name| fs::read(folder.path().join(name)).unwrap()).collect();
    assert_eq!(before, after);
}
