//! `kill -9` at any moment: every acknowledged row is there, none is damaged, none is invented, and what was on its way
//! is known. `OUTBOX_KILLS=300` kills more often than the ordinary run.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use powerbi_push::delivery::queue::{Queue, RowState};
use powerbi_push::error::{Error, Kind};

use crate::outbox::event_log::{EventLog, Record};
use crate::outbox::folder::{Folder, ids, open, run, take};

const KILLS: u64 = 50;
/// Each process has this many numbers for its rows.
const ROWS: i64 = 1_000_000;
const WRITERS: i64 = 3;

/// The process that is killed, started by the test below.
#[test]
#[ignore = "a process of another test"]
fn victim() {
    let (Some(path), Ok(start)) = (std::env::var_os("OUTBOX_VICTIM"), std::env::var("OUTBOX_START")) else { return };
    let start: i64 = start.parse().unwrap();
    let outbox = open(Path::new(&path), u64::MAX).unwrap();
    outbox.number_batches_after(0).unwrap();
    let log = EventLog::new();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (outbox, log) = (&outbox, &log);
            scope.spawn(move || write(outbox, log, start + writer * (ROWS / WRITERS)));
        }
        deliver(&outbox, &log);
    });
}

/// Accepts rows for ever, from `next` on: most one by one, some in runs that fill many pages.
fn write(outbox: &Queue, log: &EventLog, mut next: i64) {
    for turn in 0.. {
        let count = if turn % 16 == 15 { 500 } else { 1 + turn % 3 };
        let rows: Vec<i64> = (next..next + count).collect();
        log.note("offer", 0, &rows);
        outbox.accept([run(next..next + count)]).unwrap();
        log.note("accepted", 0, &rows);
        next += count;
    }
}

/// Delivers for ever; every fourth batch stays on its way, every fifth is refused.
fn deliver(outbox: &Queue, log: &EventLog) {
    for turn in 0.. {
        let Some(mut batch) = take(outbox, 1 + turn % 40, 20_000) else { continue };
        outbox.issue(&mut batch).unwrap();
        let (number, rows) = (batch.sequence_number().unwrap(), ids(&batch));
        log.note("issued", number, &rows);
        if turn % 4 == 3 {
            continue;
        }
        log.note("settling", number, &rows);
        if turn % 5 == 4 {
            outbox.settle_as_dead_letter(&batch, RowState::Rejected, &Error::new(Kind::Service, "no")).unwrap();
        } else {
            outbox.settle(&batch, RowState::Confirmed, false).unwrap();
        }
        log.note("settled", number, &rows);
    }
}

fn start(folder: &Folder, round: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "outbox::kill::victim", "--ignored", "--nocapture"])
        .env("OUTBOX_VICTIM", folder.file())
        .env("OUTBOX_START", (i64::try_from(round).unwrap() * ROWS).to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_killed_process_loses_nothing_that_was_acknowledged() {
    let kills = std::env::var("OUTBOX_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let (mut folder, mut record) = (Folder::new(), Record::default());
    let (mut random, mut accepted, mut settled, mut again) = (fastrand::Rng::with_seed(7), 0, 0, 0);
    for round in 0..kills {
        if round % 10 == 0 {
            (folder, record) = (Folder::new(), Record::default());
        }
        let before = (record.accepted.len(), record.settled.len());
        let mut victim = start(&folder, round);
        let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
        // Some die before they have said anything.
        for line in lines.by_ref().take(random.usize(0..400)) {
            record.note(&line.unwrap());
        }
        victim.kill().unwrap();
        lines.map_while(Result::ok).for_each(|line| record.note(&line));
        victim.wait().unwrap();
        again += record.check(&folder.killed());
        accepted += record.accepted.len() - before.0;
        settled += record.settled.len() - before.1;
    }
    println!("{kills} kills: {accepted} rows accepted, {settled} settled, {again} batches found on their way");
    assert!(accepted > 100 && settled > 10 && again > 1, "too little has happened");
}
