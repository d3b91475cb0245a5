//! A disk that fails: what was accepted is there, what was refused is not, and what is there goes on being sent.
//!
//! The faults come from `strace`, and from a small file system in memory; without them the tests say so and end.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use powerbi_push::delivery::queue::{Queue, RowState};
use powerbi_push::error::Kind;

use crate::outbox::event_log::{EventLog, Record};
use crate::outbox::folder::{Folder, all_ids, ids, open, run, take, try_take};
use crate::skipped::skipped;

/// The process whose disk fails, started by the tests below.
#[test]
#[ignore = "a process of another test"]
fn sufferer() {
    let Some(path) = std::env::var_os("OUTBOX_SUFFERER") else { return };
    let log = EventLog::new();
    // A disk may fail before there is an outbox.
    let Ok(outbox) = open(Path::new(&path), u64::MAX) else { return };
    outbox.number_batches_after(0).unwrap();
    for turn in 0..6 {
        let rows = turn * 100..turn * 100 + 1 + turn % 3 * 40;
        let numbers: Vec<i64> = rows.clone().collect();
        log.note("offer", 0, &numbers);
        let word = if outbox.accept([run(rows)]).is_ok() { "accepted" } else { "refused" };
        log.note(word, 0, &numbers);
        if turn % 2 == 1 {
            deliver(&outbox, &log, turn == 3);
        }
    }
}

/// Sends some rows, as a worker would: not before the file knows.
fn deliver(outbox: &Queue, log: &EventLog, stays: bool) {
    let Ok(Some(mut batch)) = try_take(outbox, 7, 1_000_000) else { return };
    if outbox.issue(&mut batch).is_err() {
        return;
    }
    let (number, rows) = (batch.sequence_number().unwrap(), ids(&batch));
    log.note("issued", number, &rows);
    if !stays {
        log.note("settling", number, &rows);
        outbox.settle(&batch, RowState::Confirmed, false).unwrap();
    }
}

/// Runs the process above under `strace`; answers what it said, and what it asked of the system.
fn suffer(folder: &Folder, options: &[&str]) -> Option<(Record, String)> {
    let trace = folder.path().join("trace");
    let run = Command::new("strace")
        .args(["-f", "-y", "-o", trace.to_str().unwrap()])
        .args(options)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "outbox::disk::sufferer", "--ignored", "--nocapture", "--test-threads=1"])
        .env("OUTBOX_SUFFERER", folder.file())
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let (Ok(run), Ok(trace)) = (run, fs::read_to_string(&trace)) else {
        skipped("strace is missing, or may not trace here");
        return None;
    };
    // A number that the disk did not take is no number, and without one the process panics.
    assert_ne!(run.status.code(), Some(101), "{}", String::from_utf8_lossy(&run.stdout));
    let mut record = Record::default();
    String::from_utf8_lossy(&run.stdout).lines().for_each(|line| record.note(line));
    Some((record, trace))
}

/// How often the process above asks for `call`.
fn calls(call: &str) -> Option<usize> {
    let (record, trace) = suffer(&Folder::new(), &["-e", &format!("trace={call}")])?;
    assert_eq!((record.accepted.len(), record.refused.len()), (246, 0));
    Some(trace.lines().filter(|line| line.contains(&format!(" {call}("))).count())
}

#[test]
fn rows_are_on_the_disk_before_they_are_acknowledged() {
    let Some((record, trace)) = suffer(&Folder::new(), &["-e", "trace=write,pwrite64,fsync,fdatasync", "-s", "12"])
    else {
        return;
    };
    assert_eq!(record.accepted.len(), 246);
    let (mut written, mut marked, mut acknowledged) = (false, false, 0);
    for line in trace.lines() {
        if line.contains("pwrite64(") && line.contains("outbox.db-wal") {
            (written, marked) = (true, false);
        } else if line.contains(" write(") && line.contains("outbox.db-mark") {
            marked = !written;
        } else if line.contains("sync(") && line.contains("outbox.db-wal") {
            written = false;
        } else if line.contains("write(1") && line.contains("@ accepted") {
            assert!(!written, "acknowledged before it was on the disk:\n{line}");
            assert!(marked, "acknowledged before the mark knew of it:\n{line}");
            acknowledged += 1;
        }
    }
    assert_eq!(acknowledged, 6);
}

#[test]
fn a_new_file_has_its_name_for_good_before_rows_are_accepted() {
    let folder = Folder::new();
    let Some((_, trace)) = suffer(&folder, &["-e", "trace=rename,fsync,openat"]) else { return };
    let behind = trace.lines().skip_while(|line| !(line.contains("rename(") && line.contains("outbox.db\")")));
    // Both SQLite and the mark have the folder synced too, for files of their own, but not before those are opened.
    let next = behind.skip(1).find(|line| line.contains("fsync(") || line.contains("outbox.db")).unwrap();
    assert!(next.contains("fsync(") && next.contains(&format!("<{}>) = 0", folder.path().display())), "{trace}");
}

#[test]
fn after_a_failed_sync_the_file_is_opened_again_before_the_next_commit() {
    // The log is synced by fdatasync.
    let Some(syncs) = calls("fdatasync") else { return };
    let mut refused = 0;
    for at in 1..=syncs {
        let options = ["-e", "trace=fdatasync,openat,pwrite64", "-e", &format!("inject=fdatasync:error=EIO:when={at}")];
        let folder = Folder::new();
        let Some((record, trace)) = suffer(&folder, &options) else { return };
        record.check(&folder);
        refused += record.refused.len();
        let failed = trace.lines().position(|line| line.contains("EIO") && line.contains("outbox.db-wal"));
        let Some(failed) = failed.filter(|_| !record.refused.is_empty()) else { continue };
        // Whatever is synced after that, the file was opened first.
        let behind: Vec<&str> = trace.lines().skip(failed + 1).collect();
        let opened = behind.iter().position(|line| line.contains("openat(") && line.contains("outbox.db\""));
        let synced = behind.iter().position(|line| line.contains("fdatasync(") && line.contains("outbox.db-wal"));
        assert!(opened.unwrap() < synced.unwrap(), "{trace}");
    }
    assert!(refused > 0);
}

#[test]
fn what_a_failing_disk_refused_is_not_there_whether_it_recovers_or_not() {
    let Some((_, trace)) = suffer(&Folder::new(), &["-e", "trace=fdatasync,write"]) else { return };
    let syncs = |lines: &str| lines.lines().filter(|line| line.contains(" fdatasync(")).count();
    // A disk that never took the mark leaves nobody who knows.
    let (opening, _) = trace.split_once("@ offer").unwrap();
    let twice = (1..=syncs(&trace)).map(|at| format!("{at}..{}", at + 1));
    let for_good = (syncs(opening) + 1..=syncs(&trace)).map(|at| format!("{at}+"));
    for at in twice.chain(for_good) {
        let folder = Folder::new();
        let injection = format!("inject=fdatasync:error=EIO:when={at}");
        let Some((record, _)) = suffer(&folder, &["-e", "trace=fdatasync", "-e", &injection]) else { return };
        record.check(&folder);
    }
}

#[test]
fn any_single_failure_of_the_disk_loses_nothing_that_was_accepted() {
    for (call, error, step) in [
        ("pwrite64", "ENOSPC", 3),
        ("pwrite64", "EIO", 3),
        ("fsync", "EIO", 1),
        ("fdatasync", "ENOSPC", 2),
        ("ftruncate", "EIO", 1),
        ("rename", "EACCES", 1),
    ] {
        let Some(count) = calls(call) else { return };
        for at in (1..=count).step_by(step) {
            let folder = Folder::new();
            let injection = format!("inject={call}:error={error}:when={at}");
            let Some((record, _)) = suffer(&folder, &["-e", &format!("trace={call}"), "-e", &injection]) else {
                return;
            };
            record.check(&folder);
        }
    }
}

#[test]
fn a_death_at_any_call_loses_nothing_that_was_accepted() {
    let all = std::env::var_os("OUTBOX_KILLS").is_some();
    for (call, step) in
        [("pwrite64", 4), ("fsync", 1), ("fdatasync", 2), ("ftruncate", 1), ("rename", 1), ("unlink", 1), ("openat", 9)]
    {
        let Some(count) = calls(call) else { return };
        for at in (1..=count).step_by(if all { 1 } else { step }) {
            let folder = Folder::new();
            let injection = format!("inject={call}:signal=KILL:when={at}");
            let Some((record, _)) = suffer(&folder, &["-e", &format!("trace={call}"), "-e", &injection]) else {
                return;
            };
            record.check(&folder);
        }
    }
}

/// The process on a small disk, started by the test below in a name space of its own.
#[test]
#[ignore = "a process of another test"]
fn cramped() {
    let Some(path) = std::env::var_os("OUTBOX_CRAMPED") else { return };
    let outbox = open(Path::new(&path), u64::MAX).unwrap();
    let (mut next, mut accepted) = (0, Vec::new());
    for _ in 0..3 {
        let mut refused = 0;
        while refused < 20 {
            let rows = next..next + 50;
            match outbox.accept([run(rows.clone())]) {
                Ok(()) => accepted.extend(rows),
                Err(error) => {
                    assert_eq!(error.kind, Kind::OutboxFull);
                    refused += 1;
                }
            }
            next += 50;
        }
        // The disk is full, and everything that was accepted can still be delivered.
        let mut seen = Vec::new();
        while let Some(mut batch) = take(&outbox, 500, 1_000_000) {
            outbox.issue(&mut batch).unwrap();
            seen.extend(ids(&batch));
            outbox.settle(&batch, RowState::Confirmed, false).unwrap();
        }
        assert_eq!(seen, accepted);
        println!("delivered {}", accepted.len());
        accepted.clear();
    }
    outbox.accept([run(next..next + 9)]).unwrap();
    others_fill_the_disk(&outbox, Path::new(&path), next + 9);
    drop(outbox);
    assert_eq!(all_ids(&open(Path::new(&path), u64::MAX).unwrap()), [next + 9]);
    println!("well");
}

/// Nothing can be written at all: what waits is sent all the same, and the file is told later.
fn others_fill_the_disk(outbox: &Queue, path: &Path, next: i64) {
    let filler = path.with_file_name("filler");
    let mut file = fs::File::create(&filler).unwrap();
    while file.write(&[0; 512]).is_ok() {}
    assert_eq!(outbox.accept([run([next])]).unwrap_err().kind, Kind::OutboxFull);
    let mut batch = take(outbox, 500, 1_000_000).unwrap();
    outbox.issue(&mut batch).unwrap();
    outbox.settle(&batch, RowState::Confirmed, false).unwrap();
    assert_eq!(outbox.stats().pending.rows, 0);
    drop(file);
    fs::remove_file(filler).unwrap();
    outbox.accept([run([next])]).unwrap();
}

#[test]
fn a_full_disk_takes_no_rows_and_gives_those_it_has() {
    let folder = Folder::new();
    let run = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
        .arg("mount -t tmpfs -o size=2m tmpfs \"$FOLDER\" && echo mounted && exec \"$0\" \"$@\"")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "outbox::disk::cramped", "--ignored", "--nocapture"])
        .env("FOLDER", folder.path())
        .env("OUTBOX_CRAMPED", folder.file())
        .output();
    let said = run.map(|run| String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr));
    let Some(said) = said.ok().filter(|said| said.contains("mounted")) else {
        skipped("no file system can be mounted in a name space of one's own");
        return;
    };
    assert!(said.contains("well"), "{said}");
    let delivered: Vec<usize> = said
        .lines()
        .filter_map(|line| line.rsplit_once("delivered "))
        .map(|(_, count)| count.parse().unwrap())
        .collect();
    assert!(delivered.len() == 3 && delivered.iter().all(|count| *count > 5_000), "{said}");
}
