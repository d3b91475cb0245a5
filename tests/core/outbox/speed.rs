//! How fast rows are accepted on the disk, beside what the disk itself allows. Run with
//! `cargo test --release --test core outbox_speed -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use powerbi_push::delivery::queue::Queue;
use powerbi_push::rows::encode::Run;
use rusqlite::Connection;

use crate::outbox::folder::{Folder, line, run, take};

/// Rows sent one by one.
const SINGLE: i64 = 2_000;
/// Rows of a burst.
const BURST: i64 = 100_000;
const THREADS: i64 = 64;

#[allow(clippy::disallowed_methods, reason = "what is measured is the machine's time")]
fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn rate(rows: i64, time: Duration) -> f64 {
    rows as f64 / time.as_secs_f64()
}

/// A bare table, and what puts one row into it with a commit of its own.
fn bare(folder: &Folder) -> Connection {
    let connection = Connection::open(folder.file()).unwrap();
    let sql = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE rows (row TEXT)";
    connection.execute_batch(sql).unwrap();
    connection
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Rows as runs of one, encoded beforehand.
fn singles(rows: std::ops::Range<i64>) -> Vec<Run> {
    rows.map(|id| run([id])).collect()
}

fn one_by_one(outbox: &Queue, rows: Vec<Run>) {
    for run in rows {
        outbox.accept([run]).unwrap();
    }
}

#[test]
#[ignore = "a measurement"]
fn rows_one_by_one_cost_little_more_than_their_commits() {
    let (folder, other) = (Folder::new(), Folder::new());
    let (outbox, connection) = (folder.open().unwrap(), bare(&other));
    let mut insert = connection.prepare("INSERT INTO rows VALUES (?1)").unwrap();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    // By turns, so that whatever else the disk does is borne by both.
    for (id, run) in (0..).zip(singles(0..SINGLE)) {
        ours.push(timed(|| outbox.accept([run]).unwrap()));
        let row = line(id);
        theirs.push(timed(|| assert_eq!(insert.execute([row]), Ok(1))));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    let share = theirs.as_secs_f64() / ours.as_secs_f64();
    println!("one by one: {:.0} rows/s, bare SQLite {:.0}: {share:.2}", rate(1, ours), rate(1, theirs));
    assert!(share >= 0.7);
}

#[test]
#[ignore = "a measurement"]
fn bursts_reach_100_000_rows_a_second() {
    let (many, single, shared) = (Folder::new(), Folder::new(), Folder::new());
    let outbox = many.open().unwrap();
    let runs: Vec<_> = (0..10).map(|part| run(part * BURST / 10..(part + 1) * BURST / 10)).collect();
    let time = timed(|| runs.into_iter().for_each(|run| outbox.accept([run]).unwrap()));
    let in_runs = rate(BURST, time);
    let (outbox, rows) = (single.open().unwrap(), singles(0..BURST));
    let at_once = rate(BURST, timed(|| outbox.accept(rows).unwrap()));
    let outbox = shared.open().unwrap();
    let parts: Vec<_> = (0..THREADS).map(|part| singles(part * 1_000..(part + 1) * 1_000)).collect();
    let time = timed(|| {
        std::thread::scope(|scope| {
            for rows in parts {
                scope.spawn(|| one_by_one(&outbox, rows));
            }
        });
    });
    let by_threads = rate(THREADS * 1_000, time);
    println!(
        "rows/s: runs of 10,000 {in_runs:.0}; single rows at once {at_once:.0}; by {THREADS} threads {by_threads:.0}"
    );
    assert!(at_once >= 100_000.0);
    assert!(in_runs >= 100_000.0);
}

#[test]
#[ignore = "a measurement"]
fn a_restart_with_100_000_rows_takes_less_than_300_ms() {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    outbox.accept((0..BURST).map(|id| run([id]))).unwrap();
    let left = folder.killed();
    let time = timed(|| {
        let outbox = left.open().unwrap();
        assert_eq!(take(&outbox, 10_000, 16_000_000).unwrap().rows(), 10_000);
    });
    println!("from restart to the first batch of 10,000 rows: {time:?}");
    assert!(time < Duration::from_millis(300));
}
