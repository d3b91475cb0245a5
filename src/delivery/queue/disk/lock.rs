//! One writer at a time: a lock that dies with its process and that no fork inherits.
//!
//! On Linux it is two locks. A `flock` belongs to the open file, so it holds whatever else is opened and closed in this
//! process; a forked child shares it, and closes its handle first of all (see [`after_fork`]). Beside it stands a record
//! lock (`fcntl`), which names its process and keeps earlier versions out; it falls when this process closes *any* handle
//! of the file. A child that was forked without Python's knowledge keeps the queue locked for as long as it lives.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::destination::StoredDestination;
use super::failure::system;
use super::place::{Place, identity, open_own};
use super::schema::{self, REMARK};
use crate::error::{Error, Kind, Result};

/// How often the lock is asked for while nobody seems to have it.
const TRIES: u32 = 10;
/// Our words are far shorter.
const MOST_WORDS: u64 = 256;
/// What the words say of the process, before its number.
const OPEN_IN: &str = "open in process ";
/// What they say of the queue, before its number.
const NUMBER: &str = ", number ";

type List = BTreeMap<Place, HeldLock>;

/// The queues that this process holds, and those that its parent held when it was forked.
static HELD: Mutex<List> = Mutex::new(BTreeMap::new());

thread_local! {
    /// The list, while this thread forks.
    static STILL: RefCell<Option<MutexGuard<'static, List>>> = const { RefCell::new(None) };
}

#[derive(Debug)]
struct HeldLock {
    process: u32,
    file: File,
}

/// To be called before a fork: nobody is about to take a lock, or to give one back, while the process is copied.
pub fn before_fork() {
    STILL.with_borrow_mut(|still| {
        still.get_or_insert_with(held);
    });
}

/// To be called after a fork, in both processes: a child closes what it inherited, or it would go on holding the queues
/// of a parent that is dead.
pub fn after_fork() {
    if let Some(mut held) = STILL.take() {
        let process = std::process::id();
        held.retain(|_, one| one.process == process);
    }
}

/// The right to write to one queue.
#[derive(Debug)]
pub(super) struct Lock {
    place: Place,
    process: u32,
    /// Whether there was no lock file.
    made: bool,
    /// What the lock file said before.
    words: String,
}

impl Lock {
    /// Takes the lock of `place`, or says who has it.
    pub(super) fn take(place: &Place) -> Result<Self> {
        let process = std::process::id();
        let mut held = held();
        if held.get(place).is_some_and(|held| held.process == process) {
            return Err(taken(place, &Owner::Process(process)));
        }
        held.remove(place);
        let path = place.lock();
        let mut tries = 0;
        loop {
            tries += 1;
            let (file, made) = match open_own(&path) {
                // It was there, and whoever made it has removed it.
                Err(error) if error.kind() == ErrorKind::NotFound && tries < TRIES => continue,
                opened => opened.map_err(|error| system("the lock of the outbox", &path, &error))?,
            };
            match seize(&file, place)? {
                Seized::Ours => {}
                // Between our asking for the lock and our asking for its owner, the owner may have let it go.
                Seized::Theirs(None) if tries < TRIES => continue,
                Seized::Theirs(None) => return Err(taken(place, &named(&words(&file, place)?))),
                Seized::Theirs(Some(owner)) => return Err(taken(place, &Owner::Process(owner))),
            }
            // Whoever had it may have removed it in the meantime; then it locks nothing.
            if !is_still_at(&file, place) {
                continue;
            }
            let words = words(&file, place)?;
            held.insert(place.clone(), HeldLock { process, file });
            return Ok(Self { place: place.clone(), process, made, words });
        }
    }

    /// Whether the lock file was there before, with our words in it: then the file beside it is a queue.
    pub(super) fn is_known(&self) -> bool {
        self.words.starts_with(REMARK)
    }

    /// The destination that the queue was for.
    pub(super) fn destination(&self) -> StoredDestination {
        schema::destination(self.words.as_bytes()).unwrap_or_default()
    }

    /// The number of the queue, by which it knows its mark.
    pub(super) fn id(&self) -> Option<u64> {
        self.words.split_once(NUMBER)?.1.split_once(',')?.0.parse().ok()
    }

    /// Says in the lock file whose it is; from then on the file beside it is known to be a queue.
    pub(super) fn sign(&mut self, destination: &StoredDestination, id: u64) {
        let words = format!("{}{NUMBER}{id}, {OPEN_IN}{}\n", schema::remark(destination), self.process);
        if let Some(HeldLock { file, .. }) = held().get_mut(&self.place) {
            // The words are for people. The lock holds without them.
            let _ = file.rewind().and_then(|()| file.write_all(words.as_bytes()));
            let _ = file.set_len(words.len() as u64);
        }
    }

    /// Removes the lock file that was made here: there was no queue.
    pub(super) fn remove(&self) {
        if self.made {
            // A lock file that stays is only litter.
            let _ = fs::remove_file(self.place.lock());
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.process == std::process::id()
            && let Some(HeldLock { file, .. }) = held().remove(&self.place)
        {
            // A child may have it open, if only until it is another program. The end of its last handle frees it, too.
            let _ = file.unlock();
        }
    }
}

/// Whether this process has the queue at `place` open. It does not open the files besides: on systems other than Linux
/// and Windows, closing them would take SQLite's own locks from it.
pub(super) fn is_held_here(place: &Place) -> bool {
    held().get(place).is_some_and(|held| held.process == std::process::id())
}

fn held() -> MutexGuard<'static, List> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a lock file says. A file that says anything else than we do is somebody else's.
fn words(mut file: &File, place: &Place) -> Result<String> {
    let mut words = Vec::new();
    let read = file.rewind().and_then(|()| file.take(MOST_WORDS).read_to_end(&mut words));
    if cfg!(unix) {
        read.map_err(|error| system("the lock of the outbox", &place.lock(), &error))?;
    }
    // Windows lets nobody read what another process has locked; what cannot be read is not our words.
    // A power cut may leave their length alone, with nothing written yet.
    let is_blank = words.iter().all(|byte| *byte == 0) && (words.len() as u64) < MOST_WORDS;
    let words = if is_blank { String::new() } else { String::from_utf8_lossy(&words).into_owned() };
    let is_left_by_us = is_blank && has_one_name(file);
    if is_left_by_us || words.starts_with(REMARK) {
        return Ok(words);
    }
    let message = format!("`{}` is there and is not the lock of an outbox", place.lock().display());
    Err(Error::new(Kind::Outbox, message).with_hint("move it away, or name another file for the outbox"))
}

#[cfg(unix)]
fn has_one_name(file: &File) -> bool {
    file.metadata().is_ok_and(|found| std::os::unix::fs::MetadataExt::nlink(&found) <= 1)
}

#[cfg(not(unix))]
fn has_one_name(_: &File) -> bool {
    true
}

/// Who has a lock.
enum Owner {
    Process(u32),
    /// The process that signed last, or what it left behind.
    Signed(u32),
    Unknown,
}

/// The owner by the words of the lock file, where the system does not name it.
fn named(words: &str) -> Owner {
    let number = words.split_once(OPEN_IN).and_then(|(_, number)| number.trim_end().parse().ok());
    // Another machine, or another container, has processes of the same numbers.
    number.filter(|number| *number != std::process::id()).map_or(Owner::Unknown, Owner::Signed)
}

fn taken(place: &Place, owner: &Owner) -> Error {
    let path = place.path().display();
    let message = match owner {
        Owner::Process(process) if *process == std::process::id() => {
            format!("the outbox `{path}` is already open in this process ({process})")
        }
        Owner::Process(process) => format!("the outbox `{path}` is in use by process {process}"),
        Owner::Signed(process) => {
            format!("the outbox `{path}` is in use by process {process}, or by one that was forked from it")
        }
        Owner::Unknown => format!("the outbox `{path}` is in use by another process"),
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
#[cfg(target_os = "linux")]
fn seize(file: &File, place: &Place) -> Result<Seized> {
    use rustix::io::Errno;
    use rustix::process::{Flock, FlockOffsetType, FlockType, fcntl_getlk};
    match rustix::fs::fcntl_lock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        // On a network's file system a `flock` is a record lock too, of another owner: ours would be in its own way.
        Ok(()) if place.is_on_network() => Ok(Seized::Ours),
        Ok(()) => seize_file(file, place),
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

/// Locks `file`; elsewhere than on Linux, a record lock of an earlier version is in the way of this lock too.
#[cfg(not(target_os = "linux"))]
fn seize(file: &File, place: &Place) -> Result<Seized> {
    seize_file(file, place)
}

/// Locks the open file; the system does not say who has the lock where that fails.
fn seize_file(file: &File, place: &Place) -> Result<Seized> {
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
