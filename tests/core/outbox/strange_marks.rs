//! A mark of another queue, or of another time, beside a file that cannot say whose it is: no count is taken from it, and
//! nothing is done because of it.

use std::fs;
use std::path::PathBuf;

use powerbi_push::clock::Clock;
use powerbi_push::delivery::queue::{Loss, Part, Reader};
use serde_json::{Value, json};

use crate::outbox::folder::{Folder, all_ids, run};
use crate::outbox::swapped::{UNKNOWN, told};

const SECTOR: usize = 512;

fn mark(folder: &Folder) -> PathBuf {
    folder.path().join("outbox.db-mark")
}

/// Changes what the mark says.
fn rewrite(folder: &Folder, change: impl FnOnce(&mut Value)) {
    let text = fs::read_to_string(mark(folder)).unwrap();
    let mut totals = serde_json::from_str(&text[text.find('{').unwrap()..]).unwrap();
    change(&mut totals);
    let sum = crc32c::crc32c(totals.to_string().as_bytes());
    fs::write(mark(folder), format!("{:SECTOR$}", format!("powerbi-push mark {sum:08x} {totals}\n"))).unwrap();
}

/// What a process left that was killed after it had accepted so many rows, as another one before it.
fn killed(rows: i64) -> Folder {
    let folder = Folder::new();
    let runs = || (0..rows / 10).map(|part| run(10 * part..10 * part + 10));
    folder.open().unwrap().accept(runs()).unwrap();
    let outbox = folder.open().unwrap();
    outbox.accept(runs()).unwrap();
    folder.killed()
}

#[test]
fn a_foreign_mark_beside_a_file_that_is_gone_or_says_nothing_counts_nothing() {
    for (here, there) in [(20, 10), (10, 20), (20, 0)] {
        for damage in [fs::remove_file, |file| fs::write(file, [0; 9_000])] as [fn(PathBuf) -> _; 2] {
            let (folder, other) = (killed(here), killed(there));
            fs::copy(mark(&other), mark(&folder)).unwrap();
            fs::remove_file(folder.path().join("outbox.db-wal")).unwrap();
            damage(folder.file()).unwrap();
            let outbox = folder.open().unwrap();
            assert_eq!((all_ids(&outbox), told(&outbox).pop().unwrap().1), (vec![], UNKNOWN));
            drop(outbox);
            // From now on they belong together.
            folder.open().unwrap().accept([run([7, 8])]).unwrap();
            fs::remove_file(folder.file()).unwrap();
            assert_eq!(told(&folder.open().unwrap()).pop().unwrap().1, Loss { rows: 2, exact: true, ..UNKNOWN });
        }
    }
}

#[test]
fn a_mark_of_a_salvage_silences_nothing_that_it_did_not_build() {
    for step in ["Moving", "Building"] {
        let folder = killed(20);
        rewrite(&folder, |mark| {
            mark["id"] = json!(5);
            mark["plan"] = json!({ "step": step, "kept": 1, "draft": 77 });
        });
        fs::write(folder.path().join("outbox.db.corrupt-1"), "an earlier one").unwrap();
        fs::remove_file(folder.path().join("outbox.db-wal")).unwrap();
        let reader = Reader::open(&folder.file(), Clock::simulated()).unwrap();
        assert_eq!(reader.export(Part::Pending, &mut Vec::new()).unwrap(), 20, "{step}");
        drop(reader);
        let outbox = folder.open().unwrap();
        assert_eq!(all_ids(&outbox), (0..20).collect::<Vec<_>>(), "{step}");
        assert_eq!(told(&outbox), [("its file was replaced by another outbox's".to_owned(), UNKNOWN)], "{step}");
        let kept = fs::read_to_string(folder.path().join("outbox.db.corrupt-1")).unwrap();
        assert_eq!(kept, "an earlier one", "{step}");
    }
}

#[test]
fn what_a_salvage_has_built_is_taken_up_in_silence() {
    let folder = killed(20);
    fs::remove_file(folder.path().join("outbox.db-wal")).unwrap();
    let outbox = folder.open().unwrap();
    let [notice] = <[_; 1]>::try_from(told(&outbox)).unwrap();
    assert_eq!(notice.1, Loss { rows: 20, exact: true, ..UNKNOWN });
    drop(outbox);
    // The process ended after the new file had its name, and before it was in use.
    let number = Value::from(sqlite(&folder, "SELECT first FROM mark"));
    sqlite(&folder, "UPDATE mark SET closed = 1 RETURNING 1");
    rewrite(&folder, |mark| mark["plan"] = json!({ "step": "Building", "kept": 1, "draft": number }));
    assert_eq!(told(&folder.open().unwrap()), []);
}

#[test]
fn a_loss_that_nobody_heard_of_makes_the_next_count_the_least() {
    let folder = killed(20);
    fs::remove_file(folder.path().join("outbox.db-wal")).unwrap();
    drop(folder.open().unwrap());
    let untold = folder.killed();
    // Somebody has heard of it here, and the next commit takes it out of the file.
    let outbox = folder.open().unwrap();
    assert_eq!(told(&outbox).len(), 1);
    outbox.accept([run([99])]).unwrap();
    let heard = folder.killed();
    for (folder, rows, exact) in [(untold, 20, false), (heard, 21, true)] {
        fs::remove_file(folder.file()).unwrap();
        let _ = fs::remove_file(folder.path().join("outbox.db-wal"));
        let outbox = folder.open().unwrap();
        assert_eq!(told(&outbox).pop().unwrap().1, Loss { rows, exact, ..UNKNOWN });
    }
}

fn sqlite(folder: &Folder, sql: &str) -> u64 {
    let file = rusqlite::Connection::open(folder.file()).unwrap();
    file.query_row(sql, (), |row| row.get::<_, i64>(0)).unwrap().cast_unsigned()
}
