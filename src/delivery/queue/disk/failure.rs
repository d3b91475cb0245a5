//! What SQLite and the disk can answer, in our words.

use std::io;
use std::path::Path;

use rusqlite::ErrorCode;

use crate::error::{Error, Kind};

/// Why an operation on the file failed.
#[derive(Debug)]
pub(super) enum FileFailure {
    /// Something in the file is not what was written.
    Damaged(String),
    /// The disk is full. The file is as it was before.
    Full,
    /// The disk failed, and nobody knows what is on it: the file has to be opened again.
    Disk(rusqlite::Error),
    /// Our own refusal.
    Refused(Error),
}

impl From<rusqlite::Error> for FileFailure {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(error.to_string()),
            // The file ends before the page does.
            Some(ErrorCode::SystemIoFailure) if is_cut_off(&error) => Self::Damaged(error.to_string()),
            Some(ErrorCode::DiskFull) => Self::Full,
            // A column has another type, or a table is not there.
            _ if !matches!(error, rusqlite::Error::SqliteFailure(..)) => Self::Damaged(error.to_string()),
            Some(ErrorCode::Unknown) => Self::Damaged(error.to_string()),
            _ => Self::Disk(error),
        }
    }
}

fn is_cut_off(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{SQLITE_IOERR_CORRUPTFS, SQLITE_IOERR_SHORT_READ};
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(code, Some(SQLITE_IOERR_SHORT_READ | SQLITE_IOERR_CORRUPTFS))
}

impl From<Error> for FileFailure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl FileFailure {
    /// The failure of `doing` something with the queue at `path`.
    pub(super) fn to_error(&self, doing: &str, path: &Path) -> Error {
        let path = path.display();
        match self {
            Self::Damaged(what) => {
                Error::new(Kind::Outbox, format!("{doing} the outbox `{path}`: it is damaged: {what}"))
            }
            Self::Full => full_disk(&path),
            Self::Disk(error) => Error::new(Kind::Outbox, format!("{doing} the outbox `{path}`: {error}"))
                .with_hint("look at the disk and at the permissions of the file and its folder"),
            Self::Refused(error) => error.clone(),
        }
    }
}

/// The disk has no room for more rows.
pub(super) fn full_disk(path: &impl std::fmt::Display) -> Error {
    Error::new(Kind::OutboxFull, format!("the disk of the outbox `{path}` is full: the rows were not accepted"))
        .with_hint("make room on the disk; rows that were accepted before are still sent")
}

/// The failure of an operation of the system on `path`.
pub(super) fn system(doing: &str, path: &Path, error: &io::Error) -> Error {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => "the folder has to be there: make it first",
        _ => "look at the permissions of the file and its folder",
    };
    Error::new(Kind::Outbox, format!("{doing} `{}`: {error}", path.display())).with_hint(hint)
}
