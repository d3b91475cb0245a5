//! Keeps the state of an emulator in a file, so that the next start has it again.
//!
//! ```text
//!  change ──▶ at most each second: all that there is ──▶ FILE.new, synced ──▶ renamed to FILE
//! ```
//!
//! The file is lines of JSON: what it is and whose; each service; rows, some hundred a line; the end. Beside it lies
//! `FILE.lock`, which one emulator holds at a time. It holds secrets, all of which are the emulator's own.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::http::{Dispatcher, Site};
use super::identity::Directory;
use super::kept::{self, Kept, Rows};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};

/// The version of the file's form.
const VERSION: u64 = 1;
/// The least time between two times that all is written.
const PAUSE: Duration = Duration::from_secs(1);
/// Of all time, the part that writing may take: one in so many.
const SHARE: u32 = 10;
/// Rows in one line.
const ROWS: usize = 500;

/// The file, which this emulator alone may write.
#[derive(Debug)]
pub(super) struct KeepFile {
    path: PathBuf,
    /// Held until it is dropped.
    _lock: File,
}

/// What an earlier start left in the file.
#[derive(Default)]
pub(super) struct Found {
    /// The ids of the directory; `None` where the file is new.
    pub(super) directory: Option<Json>,
    /// What each service held, in their order.
    pub(super) services: Vec<Kept>,
}

impl Found {
    /// The directory that the file names.
    pub(super) fn directory(&self) -> Result<Option<Directory>> {
        let found = self.directory.clone().map(serde_json::from_value).transpose();
        found.map_err(|error| Error::configuration(format!("the kept file names no directory: {error}")))
    }
}

impl KeepFile {
    /// Takes the file for this emulator alone.
    pub(super) fn take(path: &Path) -> Result<Self> {
        if path.as_os_str().is_empty() || path.is_dir() {
            let message = format!("`keep` names no file: `{}` is a folder", path.display());
            return Err(Error::configuration(message).with_hint("name a file, which need not be there yet"));
        }
        let failed = |error: io::Error| {
            Error::configuration(format!("`keep`: the file {} cannot be kept: {error}", path.display()))
                .caused_by(error)
        };
        let path = &behind_links(path).map_err(failed)?;
        let lock_path = beside(path, "lock");
        let lock = private().truncate(false).open(&lock_path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                let message = format!("the file {} is kept by another emulator that runs", path.display());
                Err(Error::configuration(message).with_hint("stop that one, or keep another file"))
            }
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Reads what an earlier start left.
    pub(super) fn read(&self) -> Result<Found> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::default()),
            Err(error) => return Err(self.wrong(0, &error.to_string())),
            Ok(file) => file,
        };
        let (mut found, mut has_end) = (Found::default(), false);
        for (at, line) in BufReader::new(file).split(b'\n').enumerate() {
            let line = line.map_err(|error| self.wrong(at + 1, &error.to_string()))?;
            let json: Json = serde_json::from_slice(&line).map_err(|error| self.wrong(at + 1, &error.to_string()))?;
            has_end = take_in(json, at == 0, &mut found).map_err(|reason| self.wrong(at + 1, &reason))?;
        }
        if has_end { Ok(found) } else { Err(self.wrong(0, "its end is missing")) }
    }

    /// An error about a line; 0 is none.
    pub(super) fn wrong(&self, line: usize, reason: &str) -> Error {
        let line = if line == 0 { String::new() } else { format!(", line {line}") };
        let hint = "it is no file that an emulator kept, or it was changed; begin another one, or delete this one";
        Error::configuration(format!("the file {}{line}: {reason}", self.path.display())).with_hint(hint)
    }

    fn write(&self, directory: &Json, services: Vec<Kept>) -> io::Result<()> {
        let new = beside(&self.path, "new");
        let mut file = BufWriter::new(private().truncate(true).open(&new)?);
        let mut line = |json: &Json| writeln!(file, "{json}");
        line(&json!({"powerbi_push_emulator": VERSION, "directory": directory}))?;
        for service in services {
            line(&json!({"service": service.about, "tables": service.tables.len()}))?;
            for (at, rows) in service.tables.iter().enumerate() {
                for some in rows.chunks(ROWS) {
                    line(&json!({"table": at, "rows": some.iter().map(kept::told).collect::<Vec<_>>()}))?;
                }
            }
        }
        line(&json!({"end": true}))?;
        file.into_inner()?.sync_all()?;
        fs::rename(&new, &self.path)
    }
}

/// Takes in a line of the file; whether it is the end.
fn take_in(mut json: Json, is_first: bool, found: &mut Found) -> std::result::Result<bool, String> {
    if is_first {
        if json["powerbi_push_emulator"] != VERSION {
            return Err(format!("it does not begin as a file of an emulator does, version {VERSION}"));
        }
        found.directory = Some(json["directory"].take());
    } else if let Some(tables) = json["tables"].as_u64() {
        let tables = (0..tables).map(|_| Vec::new()).collect();
        found.services.push(Kept { about: json["service"].take(), tables });
    } else if let Some(at) = json["table"].as_u64() {
        let tables = found.services.last_mut().map(|service| &mut service.tables);
        let table =
            tables.and_then(|tables| tables.get_mut(usize::try_from(at).ok()?)).ok_or("there is no such table")?;
        let mut rows = Rows::default();
        for row in json["rows"].as_array().into_iter().flatten() {
            rows.add(row.as_object().ok_or("a row is no object")?)?;
        }
        table.append(&mut rows.rows);
    } else {
        return if json["end"] == true { Ok(true) } else { Err("it is no line of such a file".into()) };
    }
    Ok(false)
}

/// Writes the file whenever something has changed, until it is stopped.
pub(super) struct Keeper {
    running: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
    failure: Arc<Mutex<Option<Error>>>,
}

impl Keeper {
    /// Begins to keep what the services of `dispatcher` hold.
    pub(super) fn start(file: KeepFile, directory: Json, site: Arc<Site>, dispatcher: Arc<Dispatcher>) -> Result<Self> {
        let failure = Arc::new(Mutex::default());
        let (stop, stopped) = mpsc::channel();
        let mut writer = Writer { file, directory, site, dispatcher, written: None, failure: Arc::clone(&failure) };
        writer.write();
        if let Some(error) = lock(&failure).take() {
            return Err(error);
        }
        let work = move || {
            let mut pause = PAUSE;
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                pause = writer.write();
            }
            writer.write();
        };
        let thread = thread::Builder::new().name("powerbi-emulator-keep".into()).spawn(work);
        let thread = thread.map_err(|error| Error::bug("no thread to keep a file").caused_by(error))?;
        Ok(Self { running: Mutex::new(Some((stop, thread))), failure })
    }

    /// Writes a last time and gives the file free; a second call does nothing.
    pub(super) fn stop(&self) {
        let running = lock(&self.running).take();
        if let Some((stop, thread)) = running {
            drop(stop);
            // Where the thread has panicked there is nothing to wait for.
            let _ = thread.join();
        }
    }

    /// Why the file could not be written the last time.
    pub(super) fn failure(&self) -> Option<Error> {
        lock(&self.failure).clone()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Writer {
    file: KeepFile,
    directory: Json,
    site: Arc<Site>,
    dispatcher: Arc<Dispatcher>,
    /// What had changed when the file was written.
    written: Option<u64>,
    failure: Arc<Mutex<Option<Error>>>,
}

impl Writer {
    /// Writes the file if something has changed; gives how long to wait after that.
    fn write(&mut self) -> Duration {
        let changed = self.site.state_changes();
        if self.written == Some(changed) {
            return PAUSE;
        }
        let clock = Clock::real();
        let began = clock.now();
        let written = self.file.write(&self.directory, self.dispatcher.kept());
        self.written = written.is_ok().then_some(changed);
        *lock(&self.failure) = written.err().map(|error| {
            let message = format!("the state cannot be kept in {}", self.file.path.display());
            Error::new(Kind::Configuration, format!("{message}: {error}")).caused_by(error)
        });
        PAUSE.max((clock.now() - began) * SHARE)
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The file that a link leads to, so that it has one lock and is the one that is written.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    if path.is_symlink() { fs::canonicalize(path) } else { Ok(path.to_owned()) }
}

/// The path of a file beside another.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// How a file is opened that its owner alone may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
