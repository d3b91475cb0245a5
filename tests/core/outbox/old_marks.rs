//! An older mark that somebody put back: what it does not know of is neither dropped nor passed over in silence.

use std::fs;

use powerbi_push::clock::Clock;
use powerbi_push::delivery::queue::{Loss, Part, Queue, QueueNotice, Reader};

use crate::outbox::folder::{Folder, all_ids, run};

const FRAME: u64 = 24 + 4_096;

/// What two processes left that were killed: the first after 30 rows, the second after 20 more, each with a commit of its
/// own. The mark is the first one's, and of the second one's log as much is there as `kept` says.
fn killed_twice(kept: f64) -> Folder {
    let first = Folder::new();
    let outbox = first.open().unwrap();
    (0..30).for_each(|row| outbox.accept([run([row])]).unwrap());
    let first = first.killed();
    let mark = fs::read(first.path().join("outbox.db-mark")).unwrap();
    let outbox = first.open().unwrap();
    (30..50).for_each(|row| outbox.accept([run([row])]).unwrap());
    let left = first.killed();
    fs::write(left.path().join("outbox.db-mark"), mark).unwrap();
    let log = fs::OpenOptions::new().write(true).open(left.path().join("outbox.db-wal")).unwrap();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "some frames"
    )]
    let frames = (((log.metadata().unwrap().len() - 32) / FRAME) as f64 * kept) as u64;
    log.set_len(32 + frames * FRAME).unwrap();
    left
}

fn told(outbox: &Queue) -> Vec<(String, Loss)> {
    let loss = |notice| if let QueueNotice::Damaged { what, lost, .. } = notice { Some((what, lost)) } else { None };
    outbox.on_disk().unwrap().notices().into_iter().filter_map(loss).collect()
}

#[test]
fn rows_that_an_older_mark_does_not_know_of_stay_and_that_others_may_be_lost_is_told() {
    for kept in [0.0, 0.04, 0.3, 0.5, 0.9, 1.0] {
        let left = killed_twice(kept);
        let reader = Reader::open(&left.file(), Clock::simulated()).unwrap();
        let error = reader.pending().unwrap_err();
        assert!(error.message.contains("its mark is older than it is"), "{kept}: {error}");
        let error = reader.export(&[Part::Pending], &mut Vec::new()).unwrap_err();
        assert!(error.message.contains("rows were written and an unknown number are missing"), "{kept}: {error}");
        drop(reader);
        let outbox = left.open().unwrap();
        let unknown = Loss { rows: 0, sent: 0, dead_letter_rows: 0, exact: false };
        let what = "its mark is older than it is: nobody knows what should be in it".to_owned();
        assert_eq!(told(&outbox), [(what, unknown)], "{kept}");
        let came = all_ids(&outbox);
        assert!(came.len() >= 30 && came.iter().copied().eq(0..came.len().try_into().unwrap()), "{kept}: {came:?}");
        assert_eq!(came.len() == 50, kept >= 1.0, "{kept}");
        drop(outbox);
        // From now on they belong together.
        assert_eq!(told(&left.open().unwrap()), []);
    }
}

#[test]
fn a_mark_of_a_closed_outbox_does_not_fit_one_that_was_used_since() {
    let folder = Folder::new();
    folder.open().unwrap().accept([run(0..30)]).unwrap();
    let mark = fs::read(folder.path().join("outbox.db-mark")).unwrap();
    let outbox = folder.open().unwrap();
    outbox.accept([run(30..50)]).unwrap();
    let left = folder.killed();
    fs::write(left.path().join("outbox.db-mark"), mark).unwrap();
    fs::remove_file(left.path().join("outbox.db-wal")).unwrap();
    let outbox = left.open().unwrap();
    assert!(!told(&outbox)[0].1.exact);
    assert_eq!(all_ids(&outbox), (0..30).collect::<Vec<_>>());
}

#[test]
fn rows_of_a_process_that_ended_before_it_could_acknowledge_them_are_there() {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    outbox.accept([run(0..30)]).unwrap();
    let mark = fs::read(folder.path().join("outbox.db-mark")).unwrap();
    outbox.accept([run(30..32)]).unwrap();
    let left = folder.killed();
    fs::write(left.path().join("outbox.db-mark"), mark).unwrap();
    let outbox = left.open().unwrap();
    assert_eq!((told(&outbox), all_ids(&outbox)), (vec![], (0..32).collect()));
}
