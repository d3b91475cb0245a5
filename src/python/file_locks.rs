//! SQLite's locks, held by its open files and not by the process.
//!
//! SQLite asks for record locks, which fall as soon as the process closes *any* handle of the file, and which never stand
//! between two users in one process. But here are two: Python has a copy of SQLite of its own. Whoever opens an outbox with
//! `sqlite3` in the sender's process, or only reads the file, would take its locks away; the other copy would take itself
//! for the first one, cut the index that is mapped here (a SIGBUS) and delete the log. Linux has the same locks by open
//! file. SQLite is told to ask for those, so that the two copies stand to each other as two processes do.
//!
//! A forked child shares the open files, and with them the locks; see [`leave_to_parent`].
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::mem::transmute;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use libc::{F_GETLK, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_SETLK, F_SETLKW, F_UNLCK, O_ACCMODE, O_RDONLY};
use rusqlite::ffi::{sqlite3_syscall_ptr, sqlite3_vfs_find};

/// The open files that SQLite has locked, by their numbers; a process has far fewer.
static LOCKED: [AtomicU64; 1 << 10] = [const { AtomicU64::new(0) }; 1 << 10];

type Fcntl = unsafe extern "C" fn(c_int, c_int, *mut c_void) -> c_int;
type Close = unsafe extern "C" fn(c_int) -> c_int;

/// Has SQLite ask for locks of open files.
pub(super) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: SQLite makes its own vfs known before it answers, and that lives for ever. The functions have the
        // signatures by which it calls the two of these names. On Linux, `fcntl`'s third argument is passed in the same
        // place whether the function takes any number of them or three.
        unsafe {
            let vfs = sqlite3_vfs_find(ptr::null());
            if let Some(set) = vfs.as_ref().and_then(|vfs| vfs.xSetSystemCall) {
                set(vfs, c"fcntl".as_ptr(), transmute::<Fcntl, sqlite3_syscall_ptr>(fcntl));
                set(vfs, c"close".as_ptr(), transmute::<Close, sqlite3_syscall_ptr>(close));
            }
        }
    });
}

/// Replaces what a forked child has of its parent's locked files: it would hold the locks of a parent that is dead. Each
/// number, and each piece of memory that shows such a file, leads to the same file as before, opened anew and without a
/// lock.
pub(super) fn leave_to_parent() {
    for number in (0..).take(64 * LOCKED.len()).filter(|number| forget(*number)) {
        let path = format!("/proc/self/fd/{number}");
        let mapped = fs::read_link(&path).map(|file| mappings(&file)).unwrap_or_default();
        // SAFETY: numbers alone are handed over. This one is SQLite's, which has not closed it.
        let can_write = unsafe { libc::fcntl(number, libc::F_GETFL) } & O_ACCMODE != O_RDONLY;
        let anew = OpenOptions::new().read(true).write(can_write).open(&path);
        // A number that leads nowhere could soon be another file's.
        let Ok(file) = anew.or_else(|_| File::open("/dev/null")) else { continue };
        // SAFETY: as above.
        unsafe { libc::dup3(file.as_raw_fd(), number, libc::O_CLOEXEC) };
        for Mapping { memory, writable, offset } in mapped {
            let access = libc::PROT_READ | if writable { libc::PROT_WRITE } else { 0 };
            // SAFETY: the memory is SQLite's and shows this file; it is used for nothing else, and shows it again.
            unsafe {
                let (start, kind) =
                    (ptr::with_exposed_provenance_mut(memory.start), libc::MAP_SHARED | libc::MAP_FIXED);
                libc::mmap(start, memory.len(), access, kind, number, offset);
            }
        }
    }
}

/// Memory that shows a part of a file.
struct Mapping {
    memory: Range<usize>,
    writable: bool,
    offset: libc::off_t,
}

/// The memory of this process that shows `file`. Source: `proc_pid_maps(5)`.
fn mappings(file: &Path) -> Vec<Mapping> {
    let number = |digits: &str| usize::from_str_radix(digits, 16).ok();
    let mapping = |line: &str| {
        let mut words = line.splitn(6, ' ');
        let ((start, end), access, offset) = (words.next()?.split_once('-')?, words.next()?, words.next()?);
        let is_of_file = access.ends_with('s') && Path::new(words.nth(2)?.trim_start()) == file;
        let memory = number(start)?..number(end)?;
        is_of_file.then_some(Mapping {
            memory,
            writable: access.contains('w'),
            offset: number(offset)?.try_into().ok()?,
        })
    };
    fs::read("/proc/self/maps")
        .unwrap_or_default()
        .split(|byte| *byte == b'\n')
        .filter_map(|line| mapping(&String::from_utf8_lossy(line)))
        .collect()
}

/// SQLite's `fcntl`.
unsafe extern "C" fn fcntl(number: c_int, command: c_int, argument: *mut c_void) -> c_int {
    let of_file = match command {
        F_GETLK => F_OFD_GETLK,
        F_SETLK => F_OFD_SETLK,
        F_SETLKW => F_OFD_SETLKW,
        // SAFETY: it is passed on as it came.
        _ => return unsafe { libc::fcntl(number, command, argument) },
    };
    // SAFETY: with these commands SQLite passes a lock of its own, which it uses in no other thread.
    let (outcome, kind) = unsafe {
        let lock = argument.cast::<libc::flock>();
        // The system wants it so.
        (*lock).l_pid = 0;
        let kind = (*lock).l_type;
        let outcome = libc::fcntl(number, of_file, lock);
        // A system that does not know such locks.
        let is_unknown = outcome == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::EINVAL);
        (if is_unknown { libc::fcntl(number, command, lock) } else { outcome }, kind)
    };
    if outcome != -1 && command != F_GETLK && c_int::from(kind) != F_UNLCK {
        remember(number);
    }
    outcome
}

/// SQLite's `close`.
unsafe extern "C" fn close(number: c_int) -> c_int {
    forget(number);
    // SAFETY: it is passed on as it came.
    unsafe { libc::close(number) }
}

fn remember(number: c_int) {
    if let Some((word, bit)) = place(number) {
        word.fetch_or(bit, Ordering::AcqRel);
    }
}

/// Answers whether it was there.
fn forget(number: c_int) -> bool {
    place(number).is_some_and(|(word, bit)| {
        word.load(Ordering::Acquire) & bit != 0 && word.fetch_and(!bit, Ordering::AcqRel) & bit != 0
    })
}

fn place(number: c_int) -> Option<(&'static AtomicU64, u64)> {
    let number = usize::try_from(number).ok()?;
    Some((LOCKED.get(number / 64)?, 1 << (number % 64)))
}
