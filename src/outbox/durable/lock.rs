//! One writer at a time: a lock that dies with its process and that no fork inherits.
//!
//! It is a record lock (`fcntl`) and no `flock`: a forked child shares a `flock` and would hold it after its parent's
//! death. A record lock falls when its process closes *any* handle of the file, so nothing else here opens the lock
//! file, and what this process holds is listed in [`HELD`].

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::failure::system;
use super::place::{Place, create_private, identity};
use super::schema::{self, REMARK};
use crate::error::{Error, Kind, Result};

/// How often the lock is asked for while nobody seems to have it.
const TRIES: u32 = 10;
/// The outboxes that processes hold, by process: a forked child inherits the list and none of the locks.
static HELD: Mutex<BTreeSet<(u32, Place)>> = Mutex::new(BTreeSet::new());

/// The right to write to one outbox.
#[derive(Debug)]
pub(super) struct Lock {
    place: Place,
    process: u32,
    file: File,
    /// What the lock file said before.
    words: String,
}

impl Lock {
    /// Takes the lock of `place`, or says who has it.
    pub(super) fn take(place: &Place) -> Result<Self> {
        let process = std::process::id();
        let mut held = held();
        if held.contains(&(process, place.clone())) {
            return Err(taken(place, Some(process)));
        }
        let path = place.lock();
        let mut tries = 0;
        loop {
            tries += 1;
            let mut file = create_private(&path).map_err(|error| system("the lock of the outbox", &path, &error))?;
            match seize(&file, place)? {
                Seized::Ours => {}
                // Between our asking for the lock and our asking for its owner, the owner may have let it go.
                Seized::Theirs(None) if tries < TRIES => continue,
                Seized::Theirs(owner) => return Err(taken(place, owner)),
            }
            // Whoever had it may have removed it in the meantime; then it locks nothing.
            if !is_still_at(&file, place) {
                continue;
            }
            let mut words = String::new();
            // What cannot be read is not our words.
            let _ = file.read_to_string(&mut words);
            held.insert((process, place.clone()));
            return Ok(Self { place: place.clone(), process, file, words });
        }
    }

    /// Whether the lock file was there before, with our words in it: then the file beside it is an outbox.
    pub(super) fn is_known(&self) -> bool {
        self.words.starts_with(REMARK)
    }

    /// The destination that the outbox was for.
    pub(super) fn destination(&self) -> [u8; 32] {
        schema::destination(self.words.as_bytes()).unwrap_or_default()
    }

    /// Says in the lock file whose it is; from then on the file beside it is known to be an outbox.
    pub(super) fn sign(&mut self, destination: &[u8; 32]) {
        let words = format!("{}, open in process {}\n", schema::remark(destination), self.process);
        // The words are for people. The lock holds without them.
        let _ = self.file.rewind().and_then(|()| self.file.write_all(words.as_bytes()));
        let _ = self.file.set_len(words.len() as u64);
    }

    /// Removes the lock file: there was no outbox.
    pub(super) fn remove(&self) {
        // A lock file that stays is only litter.
        let _ = fs::remove_file(self.place.lock());
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        held().remove(&(self.process, self.place.clone()));
    }
}

fn held() -> MutexGuard<'static, BTreeSet<(u32, Place)>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

fn taken(place: &Place, process: Option<u32>) -> Error {
    let path = place.path().display();
    let message = match process {
        Some(process) if process == std::process::id() => {
            format!("the outbox `{path}` is already open in this process ({process})")
        }
        Some(process) => format!("the outbox `{path}` is in use by process {process}"),
        None => format!("the outbox `{path}` is in use by another process"),
    };
    Error::new(Kind::Outbox, message).with_hint("one process writes to an outbox; give each its own")
}

/// What came of asking for a lock.
enum Seized {
    Ours,
    /// Some other process has it; this one, where that is known.
    Theirs(Option<u32>),
}

/// Locks `file`.
#[cfg(unix)]
fn seize(file: &File, place: &Place) -> Result<Seized> {
    use rustix::io::Errno;
    use rustix::process::{Flock, FlockOffsetType, FlockType, fcntl_getlk};
    match rustix::fs::fcntl_lock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Seized::Ours),
        Err(Errno::ACCESS | Errno::AGAIN) => {
            let all =
                Flock { start: 0, length: 0, pid: None, typ: FlockType::WriteLock, offset_type: FlockOffsetType::Set };
            let owner = fcntl_getlk(file, &all).ok().flatten().and_then(|lock| lock.pid);
            let owner = owner.and_then(|process| u32::try_from(process.as_raw_nonzero().get()).ok());
            Ok(Seized::Theirs(owner))
        }
        Err(error) => Err(system("the lock of the outbox", &place.lock(), &error.into())),
    }
}

/// Locks `file`; the system does not say who has the lock where that fails.
#[cfg(not(unix))]
fn seize(file: &File, place: &Place) -> Result<Seized> {
    match file.try_lock() {
        Ok(()) => Ok(Seized::Ours),
        Err(fs::TryLockError::WouldBlock) => Ok(Seized::Theirs(None)),
        Err(fs::TryLockError::Error(error)) => Err(system("the lock of the outbox", &place.lock(), &error)),
    }
}

#[cfg(unix)]
fn is_still_at(file: &File, place: &Place) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.metadata().is_ok_and(|file| identity(&place.lock()) == Some((file.dev(), file.ino())))
}

#[cfg(not(unix))]
fn is_still_at(_: &File, place: &Place) -> bool {
    identity(&place.lock()).is_some()
}
