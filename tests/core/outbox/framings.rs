//! A file says itself how its rows are framed: they are cut by that, whoever reads them, or not at all.

use std::fs;

use powerbi_push::clock::Clock;
use powerbi_push::delivery::queue::{Batch, Destination, DiskQueue, Part, Queue, Reader, RowState, Settings};
use powerbi_push::error::{Error, Kind};
use powerbi_push::rows::encode::{Framing, Run, RunBuilder};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::outbox::folder::{DESTINATION, Folder, drain, refusal, settings, take};

/// Longer than a comma, and found in no row: a wrong cut shows.
static LINES: Framing = Framing::new(b"<", b" | ", b">");
static COMMAS: Framing = Framing::new(b"(", b",", b")");

fn run(framing: &'static Framing, rows: &[&str]) -> Run {
    let mut builder = RunBuilder::new(framing);
    for row in rows {
        builder.push(row.as_bytes(), std::iter::once(u32::try_from(row.len()).unwrap()));
    }
    builder.into_run()
}

fn with(folder: &Folder, framing: &'static Framing) -> Settings {
    let destination = Some(Destination::new(DESTINATION, framing));
    Settings { destination, ..settings(&folder.file(), u64::MAX) }
}

/// Opened by somebody who does not know whose rows they are.
fn without(folder: &Folder) -> Settings {
    Settings { destination: None, ..settings(&folder.file(), u64::MAX) }
}

fn open(folder: &Folder, framing: &'static Framing) -> Queue {
    Queue::on_the_disk(DiskQueue::open(with(folder, framing)).unwrap(), || ())
}

/// Rows a to f, of which the service refused b and c; a is on its way.
fn outbox(folder: &Folder) -> Queue {
    let outbox = open(folder, &LINES);
    outbox.accept([run(&LINES, &["a", "bb", "ccc", "dddd"]), run(&LINES, &["e", "ff"])]).unwrap();
    let mut first = take(&outbox, 1, 1_000).unwrap();
    outbox.issue(&mut first).unwrap();
    let refused = take(&outbox, 2, 1_000).unwrap();
    outbox.settle_as_dead_letter(&refused, RowState::Rejected, &refusal()).unwrap();
    outbox
}

fn export(folder: &Folder, part: Part) -> String {
    let mut out = Vec::new();
    Reader::open(&folder.file(), Clock::simulated()).unwrap().export(&[part], &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn text(batch: &Batch) -> &str {
    std::str::from_utf8(&batch.body).unwrap()
}

#[test]
fn rows_with_another_separator_are_cut_right_by_whoever_reads_them() {
    let folder = Folder::new();
    drop(outbox(&folder));
    assert_eq!(export(&folder, Part::Pending), "a\ndddd\ne\nff\n");
    assert_eq!(export(&folder, Part::DeadLetter), "bb\nccc\n");
    let letters = Reader::open(&folder.file(), Clock::simulated()).unwrap().dead_letters().unwrap();
    assert_eq!(letters[0].1.iter().collect::<Vec<_>>(), [b"bb".as_slice(), b"ccc"]);
    assert_eq!(DiskQueue::open(without(&folder)).unwrap().retry().unwrap(), 2);
    let outbox = open(&folder, &LINES);
    assert_eq!(drain(&outbox).iter().map(text).collect::<Vec<_>>(), ["<a>", "<dddd | e | ff | bb | ccc>"]);
    // A separator counts to the row behind it, but before the first row of what was accepted together there is none.
    assert_eq!(outbox.stats().pending.bytes, 1 + 7 + 6 + 8);
}

/// The figures are damaged, or all that the file says of itself: the definition of the table says it, and the lock file.
#[test]
fn salvage_cuts_rows_as_the_damaged_file_said() {
    let damages: [fn(&Folder); 3] = [
        |folder| change(folder, "UPDATE batches SET crc = crc + 1"),
        |folder| change(folder, "UPDATE state SET crc = crc + 1"),
        |folder| {
            change(folder, "UPDATE state SET crc = crc + 1");
            let mut bytes = fs::read(folder.file()).unwrap();
            bytes[..4_096].fill(0);
            fs::write(folder.file(), bytes).unwrap();
        },
    ];
    for (place, damage) in damages.iter().enumerate() {
        let folder = Folder::new();
        drop(outbox(&folder));
        damage(&folder);
        assert_eq!(DiskQueue::open(without(&folder)).unwrap().notices().len(), 1, "{place}");
        // Which rows before the last one that was taken are settled, nobody knows any more.
        assert_eq!(export(&folder, Part::Pending), "a\nbb\nccc\ndddd\ne\nff\n", "{place}");
        assert_eq!(export(&folder, Part::DeadLetter), "bb\nccc\n", "{place}");
        let outbox = open(&folder, &LINES);
        let bodies: Vec<_> = drain(&outbox).iter().map(|batch| text(batch).to_owned()).collect();
        assert_eq!(bodies.concat().replace("><", " | "), "<a | bb | ccc | dddd | e | ff>", "{place}");
    }
}

fn change(folder: &Folder, sql: &str) {
    Connection::open(folder.file()).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn rows_are_not_sent_in_another_framing_than_they_were_accepted_in() {
    let folder = Folder::new();
    drop(outbox(&folder));
    let error = DiskQueue::open(with(&folder, &COMMAS)).unwrap_err();
    assert!(error.message.contains("holds rows in another framing than its destination takes now"), "{error}");
    assert!(error.hint.unwrap().contains("export its rows"));
    let outbox = open(&folder, &LINES);
    for batch in drain(&outbox) {
        outbox.settle(&batch, RowState::Confirmed, false).unwrap();
    }
    outbox.on_disk().unwrap().drop_dead_letters().unwrap();
    drop(outbox);
    // Nothing is left that could be cut wrongly.
    let outbox = open(&folder, &COMMAS);
    outbox.accept([run(&COMMAS, &["g", "hh"])]).unwrap();
    drop(outbox);
    assert_eq!(export(&folder, Part::Pending), "g\nhh\n");
    assert_eq!(drain(&open(&folder, &COMMAS)).iter().map(text).collect::<Vec<_>>(), ["(g,hh)"]);
}

#[test]
fn who_does_not_know_the_destination_is_given_no_rows() {
    let folder = Folder::new();
    drop(outbox(&folder));
    let outbox = Queue::on_the_disk(DiskQueue::open(without(&folder)).unwrap(), || ());
    let error = outbox.drop_oldest(usize::MAX).unwrap_err();
    assert!(error.message.contains("gives its rows to its own sender alone"), "{error}");
}

/// Writes figures that are intact and name a framing of which nothing is known here.
fn name_unknown(file: &Connection) {
    let mut values: Vec<Value> =
        file.query_row("SELECT * FROM state", (), |row| (0..15).map(|column| row.get(column)).collect()).unwrap();
    let Value::Blob(destination) = &mut values[2] else { panic!("the hash and the framing are bytes") };
    destination.truncate(32);
    destination.extend([7, 0, 0]);
    let mut sum = crc32c::crc32c_append(crc32c::crc32c(b"state"), &1_u64.to_le_bytes());
    for value in &values[1..] {
        sum = match value {
            Value::Blob(bytes) => {
                let length =
                    crc32c::crc32c_append(crc32c::crc32c_append(sum, b"b"), &(bytes.len() as u64).to_le_bytes());
                crc32c::crc32c_append(length, bytes)
            }
            Value::Integer(value) => crc32c::crc32c_append(crc32c::crc32c_append(sum, b"i"), &value.to_le_bytes()),
            _ => panic!("figures are numbers"),
        };
    }
    values.push(Value::Integer(sum.into()));
    let marks = vec!["?"; values.len()].join(", ");
    let sql = format!("INSERT OR REPLACE INTO state VALUES ({marks})");
    file.execute(&sql, params_from_iter(values)).unwrap();
}

fn refusals(folder: &Folder) -> [Error; 3] {
    [
        DiskQueue::open(with(folder, &LINES)).unwrap_err(),
        DiskQueue::open(without(folder)).unwrap_err(),
        Reader::open(&folder.file(), Clock::simulated()).and_then(|reader| reader.dropped()).unwrap_err(),
    ]
}

fn check_refusals(folder: &Folder) {
    for error in refusals(folder) {
        assert_eq!(error.kind, Kind::Outbox);
        let path = folder.file().display().to_string();
        let says = "are framed by a newer powerbi-push (framing 7, known here: 1)";
        assert_eq!(error.message, format!("the rows of the outbox `{path}` {says}"));
        assert_eq!(error.hint.as_deref(), Some("upgrade powerbi-push"));
    }
}

#[test]
fn a_framing_that_nobody_knows_is_refused_and_the_file_stays_as_it_is() {
    // A header of a later version changes nothing in that.
    for version in [2, 3] {
        let folder = Folder::new();
        drop(outbox(&folder));
        name_unknown(&Connection::open(folder.file()).unwrap());
        change(&folder, &format!("PRAGMA user_version = {version}; PRAGMA wal_checkpoint(TRUNCATE)"));
        let before = (folder.names(), fs::read(folder.file()).unwrap());
        check_refusals(&folder);
        assert!(before == (folder.names(), fs::read(folder.file()).unwrap()), "the file was touched");
    }
}

/// A newer process was killed, and the file itself does not say it yet.
#[test]
fn a_framing_that_only_the_log_names_is_refused_as_well() {
    let folder = Folder::new();
    drop(outbox(&folder));
    let newer = Connection::open(folder.file()).unwrap();
    newer.execute_batch("PRAGMA wal_autocheckpoint = 0").unwrap();
    name_unknown(&newer);
    let killed = folder.killed();
    let log = fs::read(killed.path().join("outbox.db-wal")).unwrap();
    check_refusals(&killed);
    assert!(log == fs::read(killed.path().join("outbox.db-wal")).unwrap(), "the log was touched");
}

/// It stays where it is until a version comes that can cut its rows.
#[test]
fn a_damaged_file_of_a_framing_that_nobody_knows_is_not_salvaged() {
    let folder = Folder::new();
    drop(outbox(&folder));
    name_unknown(&Connection::open(folder.file()).unwrap());
    let whole = fs::read(folder.file()).unwrap();
    let mut bytes = whole.clone();
    bytes[60..72].fill(0);
    fs::write(folder.file(), bytes).unwrap();
    for _ in 0..2 {
        let error = DiskQueue::open(with(&folder, &LINES)).unwrap_err();
        assert!(error.message.contains("framing 7, known here: 1"), "{error}");
    }
    let kept = fs::read(folder.file()).unwrap();
    assert_eq!(kept[72..].len(), whole[72..].len());
    assert!(kept[4_096..] == whole[4_096..], "the rows were touched");
    assert!(!folder.names().iter().any(|name| name.contains("corrupt") || name.contains("draft")));
}
