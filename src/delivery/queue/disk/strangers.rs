//! What lies at the names of a queue and is not the queue's: nothing of it is written, replaced or deleted.

use std::fs::{self, File, Metadata};
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::failure::system;
use super::place::Place;
use crate::error::{Error, Kind, Result};

/// How a journal of SQLite begins. Source: sqlite.org/fileformat2.html, "The Rollback Journal".
const JOURNAL: [u8; 8] = [0xD9, 0xD5, 0x05, 0xF9, 0x20, 0xA1, 0x63, 0xD7];
/// How a log of SQLite begins, by the order of its checksums' bytes. Source: the same, "WAL File Format".
const LOGS: [[u8; 4]; 2] = [[0x37, 0x7F, 0x06, 0x82], [0x37, 0x7F, 0x06, 0x83]];
/// How the index of a log begins, in the machine's own order. Source: sqlite.org/walformat.html, "WAL-Index Header".
const INDEX: u32 = 3_007_000;

/// Refuses what is there beside the queue at `place` and cannot be the queue's. Where a queue `is_known` to have been
/// there, the index of its log is a damaged one: it is moved away, and SQLite makes another.
pub(super) fn check(place: &Place, is_known: bool) -> Result<()> {
    if let Some(file) = entry(place.path())? {
        check_links(place.path(), &file)?;
    }
    check_files(place)?;
    let (index, journal) = (place.beside("-shm"), place.beside("-journal"));
    if is_index_strange(&index)? {
        if !is_known {
            return Err(stranger(&index));
        }
        move_away(place, &index)?;
    }
    // SQLite would take it for what it has to undo, and then delete it.
    if head::<8>(&journal)?.is_some_and(|head| head[0] != 0 && (head != JOURNAL || entry_is_missing(place.path()))) {
        return Err(stranger(&journal));
    }
    Ok(())
}

/// The same for somebody who only looks: SQLite would open, and change, what lies there.
pub(super) fn check_to_read(place: &Place) -> Result<()> {
    check_files(place)?;
    let index = place.beside("-shm");
    if is_index_strange(&index)? { Err(stranger(&index)) } else { Ok(()) }
}

/// Refuses pipes, folders and links, before anybody opens them.
fn check_files(place: &Place) -> Result<()> {
    for suffix in ["-wal", "-shm", "-journal"] {
        let path = place.beside(suffix);
        let Some(file) = entry(&path)? else { continue };
        if !file.is_file() {
            return Err(stranger(&path));
        }
        check_links(&path, &file)?;
    }
    Ok(())
}

/// Whether the index begins as none of SQLite's does. It cuts its own to a few bytes at times.
fn is_index_strange(index: &Path) -> Result<bool> {
    let mut head = Vec::new();
    match File::open(index).and_then(|file| file.take(4).read_to_end(&mut head)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        read => read.map_err(|error| system("the index of the outbox", index, &error))?,
    };
    Ok(!INDEX.to_ne_bytes().starts_with(&head) && head.iter().any(|byte| *byte != 0))
}

fn move_away(place: &Place, index: &Path) -> Result<()> {
    let free = (1..u32::MAX).map(|number| place.beside(&format!(".corrupt-{number}-shm"))).find(|path| !path.exists());
    let moved = free.map_or(Ok(()), |free| fs::rename(index, free));
    moved.map_err(|error| system("the index of the outbox", index, &error))
}

/// Whether the log begins as nothing of SQLite's does.
pub(super) fn is_log_strange(place: &Place) -> Result<bool> {
    Ok(head::<4>(&place.wal())?.is_some_and(|head| head != [0; 4] && !LOGS.contains(&head)))
}

/// By another name, another process could open the same file with a log of its own.
fn check_links(path: &Path, file: &Metadata) -> Result<()> {
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::nlink(file) > 1 {
        let message = format!("`{}` has another name, too (a hard link): no outbox may", path.display());
        return Err(Error::new(Kind::Outbox, message).with_hint("delete the other name, or make it a copy"));
    }
    let _ = (path, file);
    Ok(())
}

fn entry(path: &Path) -> Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        found => found.map(Some).map_err(|error| system("the outbox", path, &error)),
    }
}

fn entry_is_missing(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.len() == 0) || !path.exists()
}

/// The first bytes of a file, where it has so many. It is known to be a file.
fn head<const N: usize>(path: &Path) -> Result<Option<[u8; N]>> {
    let mut bytes = [0; N];
    match File::open(path).and_then(|mut file| file.read_exact(&mut bytes)) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof) => Ok(None),
        Err(error) => Err(system("the outbox", path, &error)),
    }
}

/// The refusal of something that is not ours.
pub(super) fn stranger(path: &Path) -> Error {
    Error::new(Kind::Outbox, format!("`{}` is there and is not the outbox's", path.display()))
        .with_hint("move it away, or name another file for the outbox")
}
