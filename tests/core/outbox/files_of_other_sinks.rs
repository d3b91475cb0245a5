//! Files of outboxes of different destinations mixed up: that is said, and nothing of them is changed.

use std::collections::BTreeMap;
use std::fs;

use powerbi_push::clock::Clock;
use powerbi_push::delivery::queue::{Destination, DiskQueue, Queue, Reader, Settings};
use powerbi_push::services::powerbi::sinks::PUSH_ROWS;

use crate::outbox::folder::{Folder, all_ids, run, settings};

/// An outbox of another destination with so many commits, left by a process that was killed. With many the log has its
/// first page in it, with few only the pages of its rows.
fn anothers(commits: i64) -> Folder {
    let folder = Folder::new();
    let destination = Some(Destination::new("elsewhere", &PUSH_ROWS));
    let disk = DiskQueue::open(Settings { destination, ..settings(&folder.file(), u64::MAX) }).unwrap();
    let outbox = Queue::on_the_disk(disk, || ());
    (0..commits).for_each(|part| outbox.accept([run(1_000 * part..1_000 * part + 20)]).unwrap());
    folder.killed()
}

/// All that is in a folder, but for what SQLite makes anew.
fn content(folder: &Folder) -> BTreeMap<String, Vec<u8>> {
    let names = folder.names().into_iter().filter(|name| !name.ends_with("-shm"));
    names.map(|name| (name.clone(), fs::read(folder.path().join(name)).unwrap())).collect()
}

fn ours() -> Folder {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    (0..50).for_each(|part| outbox.accept([run(20 * part..20 * part + 20)]).unwrap());
    folder.killed()
}

#[test]
fn the_log_of_another_outbox_is_refused_and_nothing_is_changed() {
    // After 3,000 it was written back, and begun again.
    for commits in [1, 3, 50, 3_000] {
        is_refused(&ours(), &anothers(commits));
    }
}

fn is_refused(folder: &Folder, other: &Folder) {
    let log = folder.path().join("outbox.db-wal");
    let own = fs::read(&log).unwrap();
    fs::copy(other.path().join("outbox.db-wal"), &log).unwrap();
    let before = content(folder);
    let said = "is that of another outbox, with another destination";
    for lock in [true, false] {
        if !lock {
            fs::remove_file(folder.path().join("outbox.db-lock")).unwrap();
        }
        let error = folder.open().unwrap_err();
        assert!(error.message.contains(said), "{error}");
        let error = Reader::open(&folder.file(), Clock::simulated()).unwrap_err();
        assert!(error.message.contains(said), "{error}");
        let unasked = Settings { destination: None, ..settings(&folder.file(), u64::MAX) };
        assert!(DiskQueue::open(unasked).unwrap_err().message.contains(said));
        let mut after = content(folder);
        after.insert("outbox.db-lock".into(), before["outbox.db-lock"].clone());
        assert_eq!(after, before);
    }
    // With its own log it is whole again.
    fs::write(log, own).unwrap();
    assert_eq!(all_ids(&folder.open().unwrap()), (0..1_000).collect::<Vec<_>>());
}

#[test]
fn the_file_of_another_destination_in_the_place_of_ours_is_refused_and_nothing_is_changed() {
    let (folder, other) = (ours(), anothers(50));
    for suffix in ["", "-wal"] {
        let name = format!("outbox.db{suffix}");
        fs::copy(other.path().join(&name), folder.path().join(&name)).unwrap();
    }
    let before = content(&folder);
    let error = folder.open().unwrap_err();
    assert!(error.message.contains("was replaced by one that holds rows for another destination"), "{error}");
    assert_eq!(content(&folder), before);
}
