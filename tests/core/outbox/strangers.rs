//! What is not surely the outbox's is not written, replaced or deleted, whatever name it has.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use powerbi_push::clock::Clock;
use powerbi_push::delivery::queue::Reader;
use powerbi_push::error::{Error, Kind};
use rusqlite::Connection;

use crate::outbox::folder::{Folder, all_ids, open, run};
use crate::outbox::salvage::reports;

/// Everything in a folder: names, kinds, times, where links lead, and what is in files.
fn everything(folder: &Folder) -> Vec<String> {
    let tell = |name: String| {
        let path = folder.path().join(&name);
        let found = fs::symlink_metadata(&path).unwrap();
        let content = if found.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        let times = (found.mtime(), found.mtime_nsec(), found.ino());
        format!("{name} {:?} {times:?} {:?} {content:?}", found.file_type(), fs::read_link(&path).ok())
    };
    folder.names().into_iter().map(tell).collect()
}

fn refused(folder: &Folder) -> Error {
    let before = everything(folder);
    let error = folder.open().unwrap_err();
    assert_eq!(error.kind, Kind::Outbox);
    assert_eq!(everything(folder), before, "{error}");
    error
}

fn fifo(path: &Path) {
    rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    assert!(fs::symlink_metadata(path).unwrap().file_type().is_fifo());
}

/// Puts things that are nobody's outbox at `path`, one after the other; `visit` looks what becomes of them.
fn each_stranger(path: &Path, mut visit: impl FnMut(&str)) {
    let precious = path.with_file_name("precious");
    fs::write(&precious, "what somebody wrote").unwrap();
    let make: [(&str, &dyn Fn()); 7] = [
        ("a link", &|| symlink(&precious, path).unwrap()),
        ("a link that leads nowhere", &|| symlink("nowhere", path).unwrap()),
        ("another file", &|| fs::write(path, "what somebody wrote").unwrap()),
        ("another name of a file", &|| fs::hard_link(&precious, path).unwrap()),
        ("a pipe", &|| fifo(path)),
        ("a socket", &|| drop(UnixListener::bind(path).unwrap())),
        ("a device", &|| symlink("/dev/full", path).unwrap()),
    ];
    for (what, make) in make {
        make();
        visit(what);
        fs::remove_file(path).unwrap();
    }
    fs::create_dir(path).unwrap();
    visit("a folder");
    fs::remove_dir(path).unwrap();
    fs::remove_file(&precious).unwrap();
}

#[test]
fn what_is_no_outbox_is_refused_and_stays_as_it_is() {
    let folder = Folder::new();
    each_stranger(&folder.file(), |what| {
        let error = refused(&folder);
        assert!(error.message.contains("outbox.db") || error.message.contains("precious"), "{what}: {error}");
    });
    fs::write(folder.file(), "").unwrap();
    assert!(refused(&folder).message.contains("is not the outbox's"));
    for device in ["/dev/null", "/dev/full", "/dev/tty", "/proc/self/mem", "/proc/self/fd/0/x"] {
        assert_eq!(open(Path::new(device), 1).unwrap_err().kind, Kind::Outbox, "{device}");
        assert!(Reader::open(Path::new(device), Clock::simulated()).is_err(), "{device}");
    }
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
}

#[test]
fn what_lies_at_the_names_beside_it_is_refused_and_stays_as_it_is() {
    for there in [false, true] {
        let folder = Folder::new();
        if there {
            folder.open().unwrap().accept([run(0..3)]).unwrap();
        }
        for suffix in ["-lock", "-journal", "-shm", "-wal"] {
            let path = folder.path().join(format!("outbox.db{suffix}"));
            let lock = fs::read(&path).ok();
            let _ = fs::remove_file(&path);
            each_stranger(&path, |what| {
                // A log and its index beside their file are damaged ones, unless they are no files at all.
                if !(there && ["-wal", "-shm"].contains(&suffix) && what == "another file") {
                    let error = refused(&folder);
                    assert!(error.message.contains(suffix), "{suffix}: {what}: {error}");
                }
            });
            if let Some(words) = lock {
                fs::write(&path, words).unwrap();
            }
        }
        let expected: &[i64] = if there { &[0, 1, 2] } else { &[] };
        assert_eq!(all_ids(&folder.open().unwrap()), expected);
    }
}

#[test]
fn a_lock_without_words_is_what_a_kill_or_a_power_cut_left_unless_it_has_another_name() {
    for blank in [0, 112] {
        let folder = Folder::new();
        let (lock, other) = (folder.path().join("outbox.db-lock"), folder.path().join("other"));
        fs::write(&other, vec![0; blank]).unwrap();
        fs::hard_link(&other, &lock).unwrap();
        assert!(refused(&folder).message.contains("is not the lock of an outbox"));
        fs::remove_file(&other).unwrap();
        folder.open().unwrap().accept([run(0..3)]).unwrap();
        // The same once there are rows.
        fs::write(&lock, vec![0; blank]).unwrap();
        assert_eq!(all_ids(&folder.open().unwrap()), [0, 1, 2]);
    }
    let folder = Folder::new();
    fs::write(folder.path().join("outbox.db-lock"), vec![0; 100_000]).unwrap();
    assert!(refused(&folder).message.contains("is not the lock of an outbox"));
}

#[test]
fn a_log_that_is_nobodys_is_kept_and_no_row_is_lost() {
    let folder = Folder::new();
    folder.open().unwrap().accept([run(0..3)]).unwrap();
    fs::write(folder.path().join("outbox.db-wal"), "what somebody wrote").unwrap();
    assert_eq!(all_ids(&folder.open().unwrap()), [0, 1, 2]);
    let kept = fs::read(folder.path().join("outbox.db.corrupt-1-wal")).unwrap();
    assert_eq!(kept, b"what somebody wrote");
}

#[test]
fn an_index_that_is_damaged_is_moved_away_and_no_row_is_lost() {
    let folder = Folder::new();
    folder.open().unwrap().accept([run(0..3)]).unwrap();
    fs::write(folder.path().join("outbox.db-shm"), "what somebody wrote").unwrap();
    assert_eq!(all_ids(&folder.open().unwrap()), [0, 1, 2]);
    let kept = fs::read(folder.path().join("outbox.db.corrupt-1-shm")).unwrap();
    assert_eq!(kept, b"what somebody wrote");
}

#[test]
fn who_only_looks_opens_and_changes_nothing_of_a_strangers() {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    outbox.accept([run(0..3)]).unwrap();
    let left = folder.killed();
    for suffix in ["-journal", "-wal", "-shm"] {
        let path = left.path().join(format!("outbox.db{suffix}"));
        let own = fs::read(&path).ok();
        let _ = fs::remove_file(&path);
        each_stranger(&path, |what| {
            // A strange log is a damaged one; a strange journal is nobody's business who only looks.
            if suffix == "-shm" || what != "another file" {
                let error = Reader::open(&left.file(), Clock::simulated()).unwrap_err();
                assert!(error.message.contains(suffix), "{suffix}: {what}: {error}");
            }
        });
        if let Some(own) = own {
            fs::write(&path, own).unwrap();
        }
    }
    for words in ["hi", "a note"] {
        let index = left.path().join("outbox.db-shm");
        fs::write(&index, words).unwrap();
        assert!(Reader::open(&left.file(), Clock::simulated()).is_err());
        assert_eq!(fs::read(&index).unwrap(), words.as_bytes());
        assert_eq!(all_ids(&left.open().unwrap()), [0, 1, 2]);
        let _ = fs::remove_file(&index);
    }
}

#[test]
fn an_outbox_with_another_name_is_refused_by_both() {
    let folder = Folder::new();
    folder.open().unwrap().accept([run(0..3)]).unwrap();
    let other = folder.path().join("other.db");
    fs::hard_link(folder.file(), &other).unwrap();
    assert!(refused(&folder).message.contains("has another name"));
    assert!(open(&other, 1).unwrap_err().message.contains("has another name"));
    fs::remove_file(&other).unwrap();
    assert_eq!(all_ids(&folder.open().unwrap()), [0, 1, 2]);
}

/// Numbers without an end.
const ENDLESS: &str = "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n)";

#[test]
fn a_file_that_would_keep_its_reader_busy_is_refused_at_once() {
    let many = "SELECT 'table', 't' || x, 't' || x, 3, 'CREATE TABLE t' || x || '(x)' FROM n LIMIT 1000000";
    let crafted = [
        format!("DROP TABLE state; CREATE VIEW state AS {ENDLESS} SELECT x AS first FROM n"),
        format!("DROP TABLE batches; CREATE VIEW Batches AS {ENDLESS} SELECT x AS first FROM n"),
        format!(
            "CREATE TRIGGER t AFTER INSERT ON runs BEGIN INSERT INTO state {ENDLESS} SELECT x, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 FROM n; END"
        ),
        "CREATE INDEX i ON runs (hex(zeroblob(900000000)))".into(),
        format!("PRAGMA writable_schema = 1; INSERT INTO sqlite_schema {ENDLESS} {many}"),
    ];
    for sql in &crafted {
        let folder = Folder::new();
        drop(folder.open().unwrap());
        let file = Connection::open(folder.file()).unwrap();
        file.execute_batch(&format!("PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; BEGIN; {sql}; COMMIT"))
            .unwrap();
        file.close().unwrap();
        assert!(refused(&folder).message.contains("is not the outbox's"), "{}", &sql[..60]);
        let reader = Reader::open(&folder.file(), Clock::simulated());
        assert!(reader.unwrap_err().message.contains("is not the outbox's"), "{}", &sql[..60]);
    }
}

#[test]
fn tables_of_others_in_the_file_do_no_harm() {
    let folder = Folder::new();
    folder.open().unwrap().accept([run(0..3)]).unwrap();
    let sql = "CREATE TABLE other (x UNIQUE); CREATE VIEW seen AS SELECT x FROM other; INSERT INTO other VALUES (1)";
    Connection::open(folder.file()).unwrap().execute_batch(sql).unwrap();
    assert_eq!(all_ids(&folder.open().unwrap()), [0, 1, 2]);
}

#[test]
fn a_link_and_a_slash_at_the_end_name_the_same_outbox() {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    outbox.accept([run(0..3)]).unwrap();
    let link = folder.path().join("link.db");
    symlink("outbox.db", &link).unwrap();
    for name in [link.clone(), folder.path().join("outbox.db/"), folder.path().join("link.db/")] {
        assert!(open(&name, 1).unwrap_err().message.contains("already open in this process"), "{}", name.display());
        assert_eq!(Reader::open(&name, Clock::simulated()).unwrap().pending().unwrap().rows, 3);
    }
}

#[test]
fn a_file_that_is_called_like_a_mark_stays_as_it_is() {
    let folder = Folder::new();
    let stranger = folder.path().join("outbox.db-mark");
    fs::write(&stranger, "a stranger's").unwrap();
    let outbox = folder.open().unwrap();
    outbox.accept([run(0..3)]).unwrap();
    let left = folder.killed();
    assert_eq!(fs::read(&stranger).unwrap(), b"a stranger's");
    fs::remove_file(left.path().join("outbox.db-wal")).unwrap();
    assert_eq!(reports(&left.open().unwrap()), [(3, "outbox.db.corrupt-1".to_owned())]);
}

#[test]
fn a_log_that_belongs_to_no_outbox_is_left_alone() {
    let folder = Folder::new();
    let stranger = folder.path().join("outbox.db-wal");
    fs::write(&stranger, "a stranger's").unwrap();
    let error = folder.open().unwrap_err();
    assert!(error.message.contains("outbox.db-wal` is there and is not the outbox's"), "{error}");
    assert_eq!(
        (folder.names(), fs::read(&stranger).unwrap()),
        (vec!["outbox.db-wal".to_owned()], b"a stranger's".to_vec())
    );
}
