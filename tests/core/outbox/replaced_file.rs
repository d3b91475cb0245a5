//! The file of one outbox in the place of another's: its rows go on, and that the other's are gone is told.

use std::fs;

use powerbi_push::clock::Clock;
use powerbi_push::delivery::queue::{Loss, Queue, QueueNotice, Reader};

use crate::outbox::folder::{Folder, all_ids, run};
use crate::outbox::salvage::spoil;

fn outbox(runs: i64) -> (Folder, Queue) {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    outbox.accept((0..runs).map(|part| run(2 * part..2 * part + 2))).unwrap();
    (folder, outbox)
}

fn closed(runs: i64) -> Folder {
    outbox(runs).0
}

fn killed(runs: i64) -> Folder {
    outbox(runs).0.killed()
}

/// Puts `other`'s files in the place of `folder`'s, but for its mark.
fn swap(folder: &Folder, other: &Folder) {
    for suffix in ["", "-wal"] {
        let name = format!("outbox.db{suffix}");
        let _ = fs::remove_file(folder.path().join(&name));
        let _ = fs::copy(other.path().join(&name), folder.path().join(&name));
    }
}

pub(super) fn told(outbox: &Queue) -> Vec<(String, Loss)> {
    let loss = |notice| if let QueueNotice::Damaged { what, lost, .. } = notice { Some((what, lost)) } else { None };
    outbox.on_disk().unwrap().notices().into_iter().filter_map(loss).collect()
}

pub(super) const UNKNOWN: Loss = Loss { rows: 0, sent: 0, dead_letter_rows: 0, exact: false };

const REPLACED: &str = "its file, or the log beside it, was replaced by another outbox's";

#[test]
fn the_rows_of_the_other_file_go_on_and_no_count_is_made_up() {
    let setups: [fn(i64) -> Folder; 2] = [closed, killed];
    for (first, second) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        for (here, there) in [(3, 50), (50, 3), (3, 3)] {
            let (folder, other) = (setups[first](here), setups[second](there));
            swap(&folder, &other);
            assert_eq!(
                Reader::open(&folder.file(), Clock::simulated()).unwrap().pending().unwrap().rows,
                2 * there.cast_unsigned()
            );
            let outbox = folder.open().unwrap();
            assert_eq!(all_ids(&outbox), (0..2 * there).collect::<Vec<_>>());
            assert_eq!(told(&outbox), [(REPLACED.to_owned(), UNKNOWN)]);
            drop(outbox);
            // From now on they belong together.
            assert_eq!(told(&folder.open().unwrap()), []);
        }
    }
}

#[test]
fn the_log_of_another_outbox_is_known_by_its_number() {
    for (here, there) in [(0, 3), (3, 50), (50, 3), (3, 3)] {
        let (folder, other) = (killed(here), killed(there));
        fs::copy(other.path().join("outbox.db-wal"), folder.path().join("outbox.db-wal")).unwrap();
        let outbox = folder.open().unwrap();
        assert_eq!(all_ids(&outbox), (0..2 * there).collect::<Vec<_>>());
        assert_eq!(told(&outbox), [(REPLACED.to_owned(), UNKNOWN)]);
    }
}

#[test]
fn so_is_a_log_that_was_written_back_and_begun_again() {
    // 3,000 commits of a page or two each: the log is written back several times.
    let [(folder, here), (other, there)] = [outbox(3), outbox(0)];
    for row in 0..3_000 {
        there.accept([run([row])]).unwrap();
    }
    let (folder, other) = (folder.killed(), other.killed());
    drop((here, there));
    fs::copy(other.path().join("outbox.db-wal"), folder.path().join("outbox.db-wal")).unwrap();
    let outbox = folder.open().unwrap();
    let [(what, loss)] = <[_; 1]>::try_from(told(&outbox)).unwrap();
    assert_eq!((what.as_str(), loss.exact), (REPLACED, false));
}

#[test]
fn where_the_other_file_is_damaged_what_it_lost_is_the_least() {
    let (folder, other) = (closed(3), closed(50));
    swap(&folder, &other);
    spoil(&folder.file(), "item 7");
    let outbox = folder.open().unwrap();
    assert_eq!(all_ids(&outbox), (0..6).chain(8..100).collect::<Vec<_>>());
    let [(_, loss)] = <[_; 1]>::try_from(told(&outbox)).unwrap();
    assert_eq!(loss, Loss { rows: 2, ..UNKNOWN });
}

#[test]
fn an_outbox_that_is_moved_with_its_mark_is_the_same() {
    for other in [closed(3), killed(3)] {
        let folder = closed(50);
        swap(&folder, &other);
        fs::copy(other.path().join("outbox.db-mark"), folder.path().join("outbox.db-mark")).unwrap();
        let outbox = folder.open().unwrap();
        assert_eq!(told(&outbox), []);
        assert_eq!(all_ids(&outbox), (0..6).collect::<Vec<_>>());
    }
}
