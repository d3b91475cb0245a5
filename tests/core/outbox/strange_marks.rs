//! A mark of another queue, or of another time, beside a file that cannot say whose it is: no count is taken from it, and
//! nothing is done because of it.

use std::fs;
use std::path::PathBuf;

use powerbi_push::delivery::queue::Loss;
use serde_json::Value;

use crate::outbox::folder::{Folder, all_ids, run};
use crate::outbox::replaced_file::{UNKNOWN, told};

fn mark(folder: &Folder) -> PathBuf {
    folder.path().join("outbox.db-mark")
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
fn a_draft_silences_nothing_beside_a_file_that_is_there() {
    for is_damaged in [false, true] {
        let (folder, other) = (killed(20), killed(70));
        let draft = format!("outbox.db.draft-{:016x}", number(&folder));
        fs::copy(other.file(), folder.path().join(draft)).unwrap();
        if is_damaged {
            fs::remove_file(folder.path().join("outbox.db-wal")).unwrap();
        }
        let outbox = folder.open().unwrap();
        assert_eq!(
            all_ids(&outbox),
            if is_damaged { (0..20).collect() } else { (0..20).chain(0..20).collect::<Vec<_>>() }
        );
        let losses: Vec<Loss> = told(&outbox).into_iter().map(|(_, loss)| loss).collect();
        assert_eq!(losses, if is_damaged { vec![Loss { rows: 20, exact: true, ..UNKNOWN }] } else { vec![] });
        assert!(!folder.names().iter().any(|name| name.contains("draft")), "{:?}", folder.names());
    }
}

#[test]
fn a_draft_that_is_not_complete_is_made_anew() {
    let (folder, other) = (killed(20), killed(0));
    let draft = folder.path().join(format!("outbox.db.draft-{:016x}", number(&folder)));
    fs::copy(other.file(), &draft).unwrap();
    rusqlite::Connection::open(draft).unwrap().execute_batch("DELETE FROM mark").unwrap();
    fs::remove_file(folder.file()).unwrap();
    let outbox = folder.open().unwrap();
    // The log has them all.
    assert_eq!(all_ids(&outbox), (0..20).chain(0..20).collect::<Vec<_>>());
    assert_eq!(told(&outbox).pop().unwrap().1, Loss { exact: true, ..UNKNOWN });
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

/// The number of the queue, as its mark says it.
fn number(folder: &Folder) -> u64 {
    let text = fs::read_to_string(mark(folder)).unwrap();
    let totals: Value = serde_json::from_str(&text[text.find('{').unwrap()..]).unwrap();
    totals["id"].as_u64().unwrap()
}
