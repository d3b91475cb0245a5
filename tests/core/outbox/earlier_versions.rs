//! Files of every form that was ever written can be opened. A new form gets a file of its own here, and a step in
//! `MIGRATIONS`; the old files stay.

use std::fs;
use std::path::{Path, PathBuf};

use powerbi_push::clock::Clock;
use powerbi_push::delivery::queue::{Part, Reader, RowState};
use powerbi_push::error::{Error, Kind};
use rusqlite::Connection;

use crate::outbox::folder::{Folder, drain, ids, line, refusal, run, take};

fn golden(form: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/outbox-{form}.db"))
}

/// The form that is written now, and those before: without a word on the framing, and without a mark either.
const NEWEST: &str = "v2";
const FORMS: [&str; 3] = [NEWEST, "v1-mark", "v1"];

/// Row 20 a dead letter, rows 0 to 6 sent with the number 7, rows 6 to 9 waiting, and row 10, which may have been sent.
#[test]
#[ignore = "it writes the file of the newest form: once, when the form changes"]
fn write_the_newest() {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    outbox.number_batches_after(6).unwrap();
    outbox.accept([run([10, 20]), run(0..4), run(4..9)]).unwrap();
    let doubtful = take(&outbox, 1, 1_000_000).unwrap();
    outbox.settle_as_dead_letter(&doubtful, RowState::InDoubt, &Error::new(Kind::InDoubt, "nobody answered")).unwrap();
    outbox.retry_dead_letters().unwrap();
    let batch = take(&outbox, 1, 1_000_000).unwrap();
    outbox.settle_as_dead_letter(&batch, RowState::Rejected, &refusal()).unwrap();
    let mut batch = take(&outbox, 6, 1_000_000).unwrap();
    outbox.issue(&mut batch).unwrap();
    drop(outbox);
    fs::copy(folder.file(), golden(NEWEST)).unwrap();
}

/// The number of a file's form, and what it says of its destination behind the hash.
fn form(folder: &Folder) -> (u32, Vec<u8>) {
    let file = Connection::open(folder.file()).unwrap();
    let one = "SELECT user_version, substr(destination, 33) FROM state, pragma_user_version";
    file.query_row(one, (), |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

#[test]
fn every_form_is_read_and_says_from_then_on_how_its_rows_are_framed() {
    for name in FORMS {
        let folder = Folder::new();
        fs::copy(golden(name), folder.file()).unwrap();
        let before = form(&folder);
        is_read(&folder);
        assert_eq!(before, if name == NEWEST { (2, b"\x01,".to_vec()) } else { (1, vec![]) }, "{name}");
        assert_eq!(form(&folder), (2, b"\x01,".to_vec()), "{name}");
    }
}

fn is_read(folder: &Folder) {
    let mut out = Vec::new();
    let reader = Reader::open(&folder.file(), Clock::simulated()).unwrap();
    assert_eq!(reader.export(&[Part::Pending], &mut out).unwrap(), 10);
    assert!(out.starts_with(line(0).as_bytes()) && out.ends_with(format!("{}\n", line(10)).as_bytes()));
    let (letter, stored) = &reader.dead_letters().unwrap()[0];
    assert_eq!(stored.iter().collect::<Vec<_>>(), [line(20).as_bytes()]);
    assert_eq!((letter.rows, letter.in_doubt, &letter.answer), (1, false, &*refusal().answer));
    assert_eq!(letter.message, refusal().message);
    drop(reader);
    let outbox = folder.open().unwrap();
    let seen: Vec<_> =
        drain(&outbox).iter().map(|batch| (ids(batch), batch.sequence_number(), batch.maybe_sent())).collect();
    let expected = [((0..6).collect(), Some(7), true), (vec![6, 7, 8], None, false), (vec![10], None, true)];
    assert_eq!(seen, expected);
    outbox.number_batches_after(0).unwrap();
    outbox.accept([run([30])]).unwrap();
    let mut batch = take(&outbox, 1, 1_000_000).unwrap();
    outbox.issue(&mut batch).unwrap();
    assert_eq!((ids(&batch), batch.sequence_number()), (vec![30], Some(8)));
}
