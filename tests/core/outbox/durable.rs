//! The outbox on the disk: what it keeps, for whom, and what it says.

use std::fs;
use std::path::Path;
use std::time::Duration;

use powerbi_push::clock::Clock;
use powerbi_push::delivery::queue::{Destination, DiskQueue, Part, Queue, QueueNotice, Reader, RowState, Settings};
use powerbi_push::error::{Error, Kind};
use powerbi_push::services::powerbi::sinks::PUSH_ROWS;

use crate::outbox::folder::{DESTINATION, Folder, all_ids, body, drain, ids, line, open, refusal, run, settings, take};
use crate::skipped::skipped;

fn reader(folder: &Folder) -> Reader {
    Reader::open(&folder.file(), Clock::simulated()).unwrap()
}

fn export(folder: &Folder, part: Part) -> Vec<String> {
    let mut out = Vec::new();
    let count = reader(folder).export(&[part], &mut out).unwrap();
    let lines: Vec<String> = String::from_utf8(out).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(count, lines.len() as u64);
    lines
}

fn lines(ids: impl IntoIterator<Item = i64>) -> Vec<String> {
    ids.into_iter().map(line).collect()
}

#[test]
fn rows_outlive_a_killed_process_in_their_order() {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    outbox.accept([run(0..3)]).unwrap();
    outbox.accept([run(3..4), run(4..9)]).unwrap();
    let left = folder.killed();
    let next = left.open().unwrap();
    assert_eq!((next.stats().inherited, next.stats().accepted), (9, 0));
    assert_eq!(all_ids(&next), (0..9).collect::<Vec<_>>());
}

#[test]
fn a_batch_that_may_have_been_sent_comes_again_as_it_was_and_counts_as_maybe_twice() {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    outbox.number_batches_after(6).unwrap();
    outbox.accept((0..9).map(|id| run([id]))).unwrap();
    let mut sent = take(&outbox, 4, 1_000_000).unwrap();
    outbox.issue(&mut sent).unwrap();
    let left = folder.killed();
    let next = left.open().unwrap();
    // The new process wants smaller requests, and the service has seen a greater number.
    next.number_batches_after(50).unwrap();
    let mut again = take(&next, 1, 100).unwrap();
    assert_eq!((again.row_range(), again.sequence_number(), again.maybe_sent()), (0..4, Some(7), true));
    assert_eq!(again.body, sent.body);
    next.issue(&mut again).unwrap();
    assert_eq!(again.sequence_number(), Some(7));
    let mut fresh = take(&next, 100, 1_000_000).unwrap();
    next.issue(&mut fresh).unwrap();
    assert_eq!((fresh.row_range(), fresh.sequence_number(), fresh.maybe_sent()), (4..9, Some(51), false));
    for batch in [&again, &fresh] {
        next.settle(batch, RowState::Confirmed, batch.maybe_sent()).unwrap();
    }
    assert_eq!((next.stats().confirmed, next.stats().maybe_twice, next.stats().pending.rows), (9, 4, 0));
}

#[test]
fn a_number_is_never_given_twice_though_its_batch_is_settled_and_forgotten() {
    let folder = Folder::new();
    for number in 1..4 {
        let outbox = folder.open().unwrap();
        outbox.number_batches_after(0).unwrap();
        outbox.accept([run([7])]).unwrap();
        let mut batch = take(&outbox, 9, 1_000_000).unwrap();
        outbox.issue(&mut batch).unwrap();
        assert_eq!(batch.sequence_number(), Some(number));
        outbox.settle(&batch, RowState::Confirmed, false).unwrap();
    }
}

#[test]
fn what_is_known_not_to_have_been_applied_is_not_counted_as_sent() {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    outbox.accept([run(0..2)]).unwrap();
    let mut batch = take(&outbox, 9, 1_000_000).unwrap();
    outbox.issue(&mut batch).unwrap();
    outbox.release_unsettled(&batch, false).unwrap();
    let left = folder.killed();
    let again = take(&left.open().unwrap(), 9, 1_000_000).unwrap();
    assert_eq!((again.row_range(), again.maybe_sent()), (0..2, false));
}

#[test]
fn what_is_on_its_way_stays_until_it_is_settled_itself() {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    outbox.accept([run(0..6)]).unwrap();
    let mut batches = [2, 4].map(|rows| take(&outbox, rows, 1_000_000).unwrap());
    for batch in &mut batches {
        outbox.issue(batch).unwrap();
    }
    outbox.settle(&batches[0], RowState::Confirmed, false).unwrap();
    assert_eq!(all_ids(&folder.killed().open().unwrap()), [2, 3, 4, 5]);
}

#[test]
fn what_is_left_at_the_end_is_there_for_the_next_process() {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    outbox.accept([run(0..3)]).unwrap();
    let mut batch = take(&outbox, 2, 1_000_000).unwrap();
    outbox.issue(&mut batch).unwrap();
    outbox.release_unsettled(&batch, true).unwrap();
    outbox.withdraw();
    assert_eq!((outbox.stats().in_doubt, outbox.stats().pending.rows), (2, 3));
    drop(outbox);
    let batches = drain(&folder.open().unwrap());
    let seen: Vec<_> = batches.iter().map(|batch| (ids(batch), batch.maybe_sent())).collect();
    assert_eq!(seen, [(vec![0, 1], true), (vec![2], false)]);
}

#[test]
fn settled_rows_leave_and_give_their_room_back() {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    for part in 0..40 {
        outbox.accept([run(part * 10_000..(part + 1) * 10_000)]).unwrap();
    }
    let large = fs::metadata(folder.file()).unwrap().len();
    assert!(large > 10_000_000);
    for batch in drain(&outbox) {
        outbox.settle(&batch, RowState::Confirmed, false).unwrap();
    }
    assert_eq!(outbox.stats().pending.bytes, 0);
    drop(outbox);
    assert_eq!(folder.names(), ["outbox.db", "outbox.db-lock", "outbox.db-mark"]);
    let small = fs::metadata(folder.file()).unwrap().len();
    assert!(small < 5_000_000, "{small} of {large} bytes");
}

#[test]
fn refused_rows_become_dead_letters_with_the_services_words_and_the_rest_goes_on() {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    outbox.accept([run(0..6)]).unwrap();
    let batch = take(&outbox, 2, 1_000_000).unwrap();
    outbox.settle_as_dead_letter(&batch, RowState::Rejected, &refusal()).unwrap();
    let batch = take(&outbox, 1, 1_000_000).unwrap();
    let doubt = Error::new(Kind::InDoubt, "nobody answered");
    outbox.settle_as_dead_letter(&batch, RowState::InDoubt, &doubt).unwrap();
    assert_eq!((outbox.stats().rejected, outbox.stats().in_doubt, outbox.stats().pending.rows), (2, 1, 3));

    let letters = reader(&folder).dead_letters().unwrap();
    let told: Vec<_> = letters.iter().map(|(letter, _)| (letter.first, letter.rows, letter.in_doubt)).collect();
    assert_eq!(told, [(0, 2, false), (2, 1, true)]);
    assert_eq!(
        (letters[0].0.answer.clone(), letters[0].0.message.as_str()),
        (*refusal().answer, "the service refused the rows")
    );
    let age = Clock::simulated().wall().duration_since(letters[0].0.at).unwrap_or_default();
    assert!(age < Duration::from_secs(60));
    assert_eq!(export(&folder, Part::DeadLetter), lines([0, 1, 2]));
    assert_eq!(export(&folder, Part::Pending), lines(3..6));
}

#[test]
fn dead_letters_can_be_retried_and_doubt_is_not_forgotten() {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    outbox.accept([run(0..4)]).unwrap();
    for (rows, state) in [(1, RowState::Rejected), (2, RowState::InDoubt)] {
        let batch = take(&outbox, rows, 1_000_000).unwrap();
        outbox.settle_as_dead_letter(&batch, state, &refusal()).unwrap();
    }
    assert_eq!(outbox.retry_dead_letters().unwrap(), 3);
    assert!(reader(&folder).dead_letters().unwrap().is_empty());
    let batches = drain(&folder.killed().open().unwrap());
    let seen: Vec<_> = batches.iter().map(|batch| (ids(batch), batch.maybe_sent())).collect();
    // Rows in doubt are not mixed with others: only they may arrive twice.
    assert_eq!(seen, [(vec![3, 0], false), (vec![1, 2], true)]);
}

#[test]
fn dead_letters_can_be_dropped_without_knowing_the_destination() {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    outbox.accept([run(0..4)]).unwrap();
    let batch = take(&outbox, 3, 1_000_000).unwrap();
    outbox.settle_as_dead_letter(&batch, RowState::Rejected, &refusal()).unwrap();
    drop(outbox);
    let disk = DiskQueue::open(Settings { destination: None, ..settings(&folder.file(), u64::MAX) }).unwrap();
    assert_eq!(disk.drop_dead_letters().unwrap(), 3);
    drop(disk);
    assert!(reader(&folder).dead_letters().unwrap().is_empty());
    assert_eq!(reader(&folder).pending().unwrap().rows, 1);
}

#[test]
fn a_reader_sees_what_a_writer_has_committed() {
    let folder = Folder::new();
    let clock = Clock::simulated();
    let open = || DiskQueue::open(Settings { clock: clock.clone(), ..settings(&folder.file(), u64::MAX) }).unwrap();
    let outbox = Queue::on_the_disk(open(), || ());
    outbox.accept([run(0..5)]).unwrap();
    let _sent = take(&outbox, 2, 1_000_000).unwrap();
    clock.advance(Duration::from_secs(3_600));
    let pending = outbox.stats().pending;
    assert_eq!((pending.rows, pending.oldest), (5, Some(Duration::from_secs(3_600))));
    assert_eq!(Reader::open(&folder.file(), clock.clone()).unwrap().pending().unwrap(), pending);
    assert_eq!(export(&folder, Part::Pending), lines(0..5));
    // The next process knows how old they are, too.
    drop(outbox);
    assert_eq!(Queue::on_the_disk(open(), || ()).stats().pending, pending);
}

#[test]
fn an_outbox_belongs_to_one_destination_and_does_not_say_which() {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    outbox.accept([run([1])]).unwrap();
    let other =
        Settings { destination: Some(Destination::new("elsewhere", &PUSH_ROWS)), ..settings(&folder.file(), u64::MAX) };
    drop(outbox);
    let error = DiskQueue::open(other).unwrap_err();
    assert_eq!(error.kind, Kind::Outbox);
    assert!(error.message.contains("another destination"), "{error}");
    assert_eq!(all_ids(&folder.open().unwrap()), [1]);
    for name in folder.names() {
        let bytes = fs::read(folder.path().join(&name)).unwrap();
        assert!(!bytes.windows(6).any(|word| word == b"c4n4ry" || word == b"key=c4"), "{name}");
        assert!(!error.to_string().contains(DESTINATION));
    }
}

#[test]
fn rows_beyond_the_bound_are_refused_and_the_bound_counts_dead_letters() {
    let folder = Folder::new();
    let size = run(0..4).size(0..4);
    let outbox = open(&folder.file(), 2 * size as u64).unwrap();
    outbox.accept([run(0..4)]).unwrap();
    assert!(outbox.has_room() && outbox.has_room_for(size) && !outbox.has_room_for(size + 1));
    let error = outbox.accept([run(0..4), run(4..5)]).unwrap_err();
    assert_eq!(error.kind, Kind::OutboxFull);
    assert_eq!(outbox.stats().pending.rows, 4);
    outbox.accept([run(4..8)]).unwrap();
    assert!(!outbox.has_room());
    let batch = take(&outbox, 4, 1_000_000).unwrap();
    outbox.settle_as_dead_letter(&batch, RowState::Rejected, &refusal()).unwrap();
    assert_eq!(outbox.accept([run(8..9)]).unwrap_err().kind, Kind::OutboxFull);
    assert!(outbox.accept([run(8..9)]).unwrap_err().hint.unwrap().contains("set aside"));
    // The oldest go first, and dead letters are the oldest.
    assert_eq!(outbox.drop_oldest(1).unwrap(), 4);
    outbox.accept([run(8..9)]).unwrap();
    assert_eq!(outbox.drop_oldest(1).unwrap(), 1);
    assert_eq!(all_ids(&folder.killed().open().unwrap()), [5, 6, 7, 8]);
    assert_eq!((outbox.stats().dropped, reader(&folder).dropped().unwrap()), (5, 5));
}

#[test]
fn a_frozen_batch_is_the_same_however_the_rows_came_in() {
    for runs in [vec![run(0..6)], (0..6).map(|id| run([id])).collect(), vec![run(0..1), run(1..5), run(5..6)]] {
        let folder = Folder::new();
        let outbox = folder.open().unwrap();
        outbox.accept(runs).unwrap();
        let mut batch = take(&outbox, 5, 1_000_000).unwrap();
        outbox.issue(&mut batch).unwrap();
        let again = take(&folder.killed().open().unwrap(), 9, 1_000_000).unwrap();
        assert_eq!((&again.body[..], again.sequence_number()), (body(0..5).as_bytes(), None));
    }
}

#[test]
fn rows_in_memory_are_announced_as_such() {
    let shared = Path::new("/dev/shm");
    if !shared.is_dir() {
        skipped("there is no /dev/shm");
        return;
    }
    let path = shared.join(format!("powerbi-push-{}.db", std::process::id()));
    let outbox = open(&path, u64::MAX).unwrap();
    let notices = outbox.on_disk().unwrap().notices();
    assert_eq!(notices, [QueueNotice::Volatile { path: path.clone() }]);
    assert!(outbox.on_disk().unwrap().notices().is_empty());
    drop(outbox);
    for suffix in ["", "-lock", "-mark"] {
        fs::remove_file(format!("{}{suffix}", path.display())).unwrap();
    }
}
