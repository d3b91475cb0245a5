//! Where an outbox may lie, who may write to it, and what happens when somebody else interferes.

use std::fs;
use std::process::{Command, Stdio};

use powerbi_push::delivery::queue::RowState;
use powerbi_push::error::Kind;
use rusqlite::Connection;

use crate::outbox::folder::{Folder, all_ids, open, run, take};

/// The message and kind of the error that opening the outbox of `folder` ends with.
fn refusal(folder: &Folder) -> String {
    let error = folder.open().unwrap_err();
    assert_eq!(error.kind, Kind::Outbox);
    error.message
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_the_files_and_the_folder_stays_as_it_is() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o775)).unwrap();
    let outbox = folder.open().unwrap();
    outbox.accept([run(0..3)]).unwrap();
    for name in ["outbox.db", "outbox.db-lock", "outbox.db-mark", "outbox.db-shm", "outbox.db-wal"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    assert_eq!(mode("."), 0o775);
    drop(outbox);
    // One that was made readable is closed again.
    fs::set_permissions(folder.file(), fs::Permissions::from_mode(0o644)).unwrap();
    let _outbox = folder.open().unwrap();
    assert_eq!(mode("outbox.db"), 0o600);
}

#[test]
fn a_place_that_cannot_be_used_is_named_with_its_reason() {
    let folder = Folder::new();
    let error = open(folder.path(), 1).unwrap_err();
    assert!(error.message.contains("is a folder"), "{error}");
    let error = open(&folder.path().join("missing/outbox.db"), 1).unwrap_err();
    assert!(error.message.contains("missing`") && error.message.contains("No such file"), "{error}");
    if cfg!(target_os = "linux") {
        let error = open(std::path::Path::new("/sys/outbox.db"), 1).unwrap_err();
        assert!(error.message.contains("/sys/outbox.db"), "{error}");
        assert!(error.hint.unwrap().contains("permissions"));
    }
}

#[test]
fn what_is_no_outbox_is_left_alone() {
    let folder = Folder::new();
    Connection::open(folder.file()).unwrap().execute_batch("CREATE TABLE customers (name)").unwrap();
    let before = fs::read(folder.file()).unwrap();
    assert!(refusal(&folder).contains("is not an outbox"));
    assert_eq!((folder.names(), fs::read(folder.file()).unwrap()), (vec!["outbox.db".to_owned()], before));
    fs::write(folder.file(), "Id,Item\n1,a\n").unwrap();
    assert!(refusal(&folder).contains("is not an outbox"));
    assert_eq!(
        (folder.names(), fs::read(folder.file()).unwrap()),
        (vec!["outbox.db".to_owned()], b"Id,Item\n1,a\n".to_vec())
    );
}

#[test]
fn a_newer_form_is_refused_with_its_number() {
    let folder = Folder::new();
    folder.open().unwrap().accept([run(0..3)]).unwrap();
    let connection = Connection::open(folder.file()).unwrap();
    // Figures of another form, too: else the number itself is what is wrong.
    connection.execute_batch("PRAGMA user_version = 1001; UPDATE state SET crc = crc + 1").unwrap();
    connection.close().unwrap();
    assert!(refusal(&folder).contains("newer powerbi-push (form 1001, known here: 2)"));
    assert_eq!(folder.names(), ["outbox.db", "outbox.db-lock", "outbox.db-mark"]);
}

#[test]
fn a_second_writer_in_the_same_process_is_refused() {
    let folder = Folder::new();
    let first = folder.open().unwrap();
    let this = std::process::id();
    assert!(refusal(&folder).contains(&format!("already open in this process ({this})")));
    // By another way of naming it, too.
    let roundabout = folder.path().join("../").join(folder.path().file_name().unwrap()).join("outbox.db");
    assert!(open(&roundabout, 1).unwrap_err().message.contains("already open"));
    first.accept([run([1])]).unwrap();
    drop(first);
    assert_eq!(all_ids(&folder.open().unwrap()), [1]);
}

/// The record lock names its process, and keeps earlier versions out; the other one survives the closing of handles.
#[cfg(target_os = "linux")]
#[test]
fn the_lock_is_a_record_lock_and_one_of_the_open_file() {
    use std::os::unix::fs::MetadataExt;
    let folder = Folder::new();
    let _outbox = folder.open().unwrap();
    let inode = fs::metadata(folder.path().join("outbox.db-lock")).unwrap().ino();
    // Another file system may have the same inode, locked by somebody else.
    let (inode, process) = (format!(":{inode}"), std::process::id().to_string());
    let is_ours = |lock: &str, kind: &str| {
        let words: Vec<&str> = lock.split_whitespace().collect();
        words[1..5] == [kind, "ADVISORY", "WRITE", &process] && words[5].ends_with(&inode)
    };
    for kind in ["POSIX", "FLOCK"] {
        // Where others lock and unlock meanwhile, the list may come with gaps.
        let locks = || fs::read_to_string("/proc/locks").unwrap();
        let found = (0..100).any(|_| locks().lines().any(|lock| is_ours(lock, kind)));
        assert!(found, "{kind}: {}", locks());
    }
}

#[test]
fn a_file_that_was_removed_takes_no_more_rows_and_gives_those_it_has() {
    for gone in ["outbox.db", "outbox.db-lock"] {
        let folder = Folder::new();
        let outbox = folder.open().unwrap();
        outbox.accept([run(0..4)]).unwrap();
        fs::remove_file(folder.path().join(gone)).unwrap();
        let error = outbox.accept([run(4..5)]).unwrap_err();
        assert_eq!(error.kind, Kind::Outbox);
        assert!(error.message.contains(gone) && error.message.contains("removed or replaced"), "{error}");
        let mut batch = take(&outbox, 9, 1_000_000).unwrap();
        assert_eq!(batch.rows(), 4);
        outbox.issue(&mut batch).unwrap();
        outbox.settle(&batch, RowState::Confirmed, false).unwrap();
        assert_eq!(outbox.stats().pending.rows, 0);
    }
}

#[test]
fn a_log_or_an_index_that_was_removed_is_made_anew_and_no_row_is_lost() {
    for gone in ["outbox.db-wal", "outbox.db-shm"] {
        let folder = Folder::new();
        let outbox = folder.open().unwrap();
        for id in 0..10 {
            outbox.accept([run([id])]).unwrap();
            fs::remove_file(folder.path().join(gone)).unwrap();
        }
        outbox.accept([run([10])]).unwrap();
        assert_eq!(all_ids(&folder.killed().open().unwrap()), (0..11).collect::<Vec<_>>(), "{gone}");
        let mut batch = take(&outbox, 99, 1_000_000).unwrap();
        outbox.issue(&mut batch).unwrap();
        outbox.settle(&batch, RowState::Confirmed, false).unwrap();
        drop(outbox);
        assert_eq!(folder.open().unwrap().stats().pending.rows, 0);
    }
}

#[test]
fn a_log_that_is_removed_during_the_commit_is_seen_before_its_rows_are_accepted() {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    outbox.accept([run([0])]).unwrap();
    let log = folder.path().join("outbox.db-wal");
    let length = || fs::metadata(&log).map_or(0, |log| log.len());
    // It may be removed after the last look, too; then nobody sees it.
    let seen = (1..100).filter(|id| {
        outbox.accept([run([-id])]).unwrap();
        let before = length();
        std::thread::scope(|scope| {
            let removal = scope.spawn(|| {
                while length() == before {}
                fs::remove_file(&log).unwrap();
            });
            outbox.accept([run([*id])]).unwrap();
            removal.join().unwrap();
        });
        log.exists() && all_ids(&folder.killed().open().unwrap()).ends_with(&[*id])
    });
    assert!(seen.take(3).count() == 3);
}

/// One of the processes of the race, started by the test below.
#[test]
#[ignore = "a process of another test"]
fn racer() {
    let Some(path) = std::env::var_os("OUTBOX_RACE") else { return };
    match open(std::path::Path::new(&path), u64::MAX) {
        Ok(outbox) => {
            outbox.accept([run([i64::from(std::process::id())])]).unwrap();
            println!("won");
            // Until the parent closes our input, or kills us.
            let _ = std::io::stdin().read_line(&mut String::new());
        }
        Err(error) => println!("lost: {error}"),
    }
}

#[test]
fn one_of_twenty_processes_writes_and_the_others_hear_its_number() {
    let folder = Folder::new();
    let racer = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "outbox::place::racer", "--ignored", "--nocapture"])
            .env("OUTBOX_RACE", folder.file())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut winners = Vec::new();
    for round in 0..3 {
        let mut racers: Vec<_> = (0..20).map(|_| racer()).collect();
        let mut said: Vec<(u32, String)> = Vec::new();
        for racer in &mut racers {
            let mut lines = std::io::BufRead::lines(std::io::BufReader::new(racer.stdout.take().unwrap()));
            let word = lines.find_map(|line| line.ok().filter(|line| line.contains("won") || line.contains("lost:")));
            said.push((racer.id(), word.unwrap()));
        }
        let won: Vec<u32> = said.iter().filter(|(_, word)| word.contains("won")).map(|(id, _)| *id).collect();
        assert_eq!(won.len(), 1, "{said:?}");
        let refused = format!("in use by process {}", won[0]);
        assert_eq!(said.iter().filter(|(_, word)| word.contains(&refused)).count(), 19, "{said:?}");
        winners.push(i64::from(won[0]));
        for racer in &mut racers {
            // Killed or gone: the lock dies with its process.
            if round % 2 == 0 {
                racer.kill().unwrap();
            }
            drop(racer.stdin.take());
            racer.wait().unwrap();
        }
    }
    assert_eq!(all_ids(&folder.open().unwrap()), winners);
}
