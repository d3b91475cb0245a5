//! What of a damaged outbox is exported, and what is said of the rest.

use std::collections::BTreeSet;
use std::fs;

use powerbi_push::clock::Clock;
use powerbi_push::delivery::queue::{Part, Reader};
use powerbi_push::error::{Kind, Result};

use crate::outbox::folder::{Folder, line, run};
use crate::outbox::salvage::{hundred, setup, spoil};

const PAGE: usize = 4_096;

fn reader(folder: &Folder) -> Reader {
    Reader::open(&folder.file(), Clock::simulated()).unwrap()
}

/// What the export answered, and the lines that it wrote.
fn export(folder: &Folder, part: Part) -> (Result<u64>, Vec<String>) {
    let mut out = Vec::new();
    let answer = reader(folder).export(&[part], &mut out);
    (answer, String::from_utf8(out).unwrap().lines().map(str::to_owned).collect())
}

fn lines(rows: impl IntoIterator<Item = i64>) -> Vec<String> {
    rows.into_iter().map(line).collect()
}

/// Where a row stands.
fn place(bytes: &[u8], row: i64) -> Option<usize> {
    let line = line(row);
    bytes.windows(line.len()).position(|found| found == line.as_bytes())
}

fn change(folder: &Folder, sql: &str) {
    rusqlite::Connection::open(folder.file()).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_run_that_is_damaged_is_left_out_and_told_and_all_others_are_written() {
    let folder = setup();
    spoil(&folder.file(), "item 7");
    let (answer, written) = export(&folder, Part::Pending);
    let error = answer.unwrap_err();
    assert_eq!((error.kind, written), (Kind::Outbox, lines((0..6).chain(8..10))));
    assert!(error.message.contains("8 rows were written and 2 are missing (record "), "{error}");
    let (answer, written) = export(&folder, Part::DeadLetter);
    assert_eq!((answer.unwrap(), written), (1, lines([20])));
    // A run that is gone altogether.
    change(&folder, "DELETE FROM runs WHERE first = 7");
    let (answer, written) = export(&folder, Part::Pending);
    assert_eq!(written, lines((0..6).chain(8..10)));
    assert!(answer.unwrap_err().message.contains("8 rows were written and 2 are missing (they are not in the file)"));
    let pending = reader(&folder).pending().unwrap_err();
    assert!(pending.message.contains("8 of 10 rows can be found"), "{pending}");
}

#[test]
fn what_waits_is_no_number_where_a_row_cannot_be_read_or_nobody_knows_how_many_there_are() {
    let folder = setup();
    spoil(&folder.file(), "item 7");
    let error = reader(&folder).pending().unwrap_err();
    assert!(error.message.contains("8 of 10 rows can be read (record "), "{error}");
    for gone in [true, false] {
        let left = hundred();
        let mark = left.path().join("outbox.db-mark");
        if gone {
            fs::remove_file(mark).unwrap();
        } else {
            fs::write(mark, [0; 512]).unwrap();
        }
        let log = left.path().join("outbox.db-wal");
        let mut bytes = fs::read(&log).unwrap();
        bytes[..32].fill(0);
        fs::write(&log, bytes).unwrap();
        let error = reader(&left).pending().unwrap_err();
        assert!(error.message.contains("its mark is missing or damaged"), "{error}");
        let (answer, written) = export(&left, Part::Pending);
        assert!(answer.unwrap_err().message.contains("0 rows were written and an unknown number are missing"));
        assert_eq!(written, lines([]));
    }
}

#[test]
fn what_lies_behind_pages_that_cannot_be_read_is_written_in_order() {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    outbox.accept((0..200).map(|part| run(10 * part..10 * part + 10))).unwrap();
    drop(outbox);
    let (mut bytes, mut gone) = (fs::read(folder.file()).unwrap(), BTreeSet::new());
    for row in [500, 1_400] {
        let page = place(&bytes, row).unwrap() / PAGE * PAGE;
        gone.extend((0..2_000).filter(|row| place(&bytes[page..page + PAGE], *row).is_some()));
        bytes[page..page + PAGE].fill(0);
    }
    fs::write(folder.file(), bytes).unwrap();
    let (answer, written) = export(&folder, Part::Pending);
    assert_eq!(written, lines((0..2_000).filter(|row| !gone.contains(row))));
    assert!((2..500).contains(&gone.len()));
    let words = format!("{} rows were written and {} are missing (", 2_000 - gone.len(), gone.len());
    let message = answer.unwrap_err().message;
    assert!(message.contains(&words), "{message}");
}

#[test]
fn without_a_batch_the_rows_that_wait_are_written() {
    let folder = setup();
    change(&folder, "UPDATE batches SET bytes = bytes + 1");
    let (answer, written) = export(&folder, Part::Pending);
    assert_eq!(written, lines(4..10));
    assert!(answer.unwrap_err().message.contains("6 rows were written and 4 are missing"));
    let pending = reader(&folder).pending().unwrap_err();
    assert!(pending.message.contains("0 rows on the way, of 4"), "{pending}");
}

#[test]
fn of_an_outbox_whose_log_is_lost_what_the_file_has_is_written() {
    let folder = hundred();
    fs::remove_file(folder.path().join("outbox.db-wal")).unwrap();
    let behind = "rows that were accepted are not in it";
    let pending = reader(&folder).pending().unwrap_err();
    assert!(pending.message.contains(behind), "{pending}");
    let (answer, written) = export(&folder, Part::Pending);
    let message = answer.unwrap_err().message;
    assert_eq!(written, lines(0..0));
    assert!(message.contains(&format!("0 rows were written and at least 100 are missing ({behind})")), "{message}");
    let (answer, _) = export(&folder, Part::DeadLetter);
    let message = answer.unwrap_err().message;
    assert!(message.contains("0 rows were written and an unknown number are missing"), "{message}");
}
