//! A file that nobody else can read, in a folder that nobody else can enter; it changes whole or not at all.
//!
//! The folder is what makes it so: nobody else can put a link, or another file, in its place. On Windows both inherit
//! whatever their folder allows, which below a person's own one is nobody else.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Component, Path, PathBuf};

use super::wrong;
use crate::error::{Error, Result};

/// Some thousand sign-ins.
const LONGEST: u64 = 10_000_000;
const FOLDER_HINT: &str = "put it into a folder of its own, which nobody else can enter: chmod 700; one that is missing \
                           is made so";

const HOME_HINT: &str = "give the whole path; ~/ alone stands for this user's own home folder";

/// A path below this user's own folder where it says so, as a shell reads it.
fn at_home(path: &Path) -> Result<PathBuf> {
    let Some(Component::Normal(first)) = path.components().next() else { return Ok(path.to_owned()) };
    if !first.as_encoded_bytes().starts_with(b"~") {
        return Ok(path.to_owned());
    }
    let home = std::env::home_dir().filter(|home| first == "~" && home.is_absolute());
    let home = home.ok_or_else(|| wrong(path, "begins with ~ and is in no home folder").with_hint(HOME_HINT))?;
    Ok(home.join(path.strip_prefix("~").unwrap_or(path)))
}

/// Such a file, or the place for one.
#[derive(Debug, Clone)]
pub(super) struct PrivateFile {
    folder: PathBuf,
    path: PathBuf,
}

impl PrivateFile {
    pub(super) fn new(path: &Path) -> Result<Self> {
        let path = &at_home(path)?;
        let path = std::path::absolute(path).map_err(|error| wrong(path, &format!("cannot be found: {error}")))?;
        match (path.parent(), path.file_name()) {
            (Some(folder), Some(_)) => Ok(Self { folder: folder.to_owned(), path }),
            _ => Err(wrong(&path, "is no file").with_hint("cache= is the path of a file, which may be missing")),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What is in it; `None` where it is missing.
    pub(super) fn read(&self) -> Result<Option<Vec<u8>>> {
        match fs::symlink_metadata(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            _ => self.check_folder()?,
        }
        let known = match fs::symlink_metadata(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            known => known.map_err(|error| self.failed("read", &error))?,
        };
        if !known.is_file() {
            let kind = if known.is_symlink() { "is a link, and none is followed" } else { "is no file" };
            return Err(wrong(&self.path, kind).with_hint("name the file itself as cache="));
        }
        let mut options = OpenOptions::new();
        options.read(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::custom_flags(
            &mut options,
            rustix::fs::OFlags::NOFOLLOW.bits().cast_signed(),
        );
        let file = options.open(&self.path).map_err(|error| self.failed("read", &error))?;
        self.check_file(&file)?;
        let mut bytes = Vec::new();
        file.take(LONGEST).read_to_end(&mut bytes).map_err(|error| self.failed("read", &error))?;
        Ok(Some(bytes))
    }

    /// Puts into it what `change` makes of what is in it, or deletes it; other processes wait meanwhile.
    pub(super) fn change<T>(&self, change: impl FnOnce(Option<Vec<u8>>) -> Result<(Option<Vec<u8>>, T)>) -> Result<T> {
        let is_there = fs::symlink_metadata(&self.folder).is_ok();
        if !is_there {
            let mut builder = DirBuilder::new();
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.recursive(true).create(&self.folder).map_err(|error| self.failed("made", &error))?;
        }
        self.check_folder()?;
        let _turn = self.turn()?;
        let before = self.read()?;
        let was_there = before.is_some();
        let (after, answer) = change(before)?;
        match after {
            Some(bytes) => self.replace(&bytes).map_err(|error| self.failed("written", &error))?,
            None if was_there => fs::remove_file(&self.path).map_err(|error| self.failed("deleted", &error))?,
            None => {}
        }
        Ok(answer)
    }

    /// The right to change it, until it is let go.
    #[cfg(unix)]
    fn turn(&self) -> Result<File> {
        let folder = File::open(&self.folder).map_err(|error| self.failed("locked", &error))?;
        rustix::fs::flock(&folder, rustix::fs::FlockOperation::LockExclusive)
            .map_err(|error| self.failed("locked", &error.into()))?;
        Ok(folder)
    }

    /// Of two processes that change it at the same moment the later one wins.
    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "as it is elsewhere")]
    fn turn(&self) -> Result<()> {
        Ok(())
    }

    /// Writes a file beside it, which then takes its place: whoever reads finds the one or the other, whole.
    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let beside = self.folder.join(format!(".{name}.{:016x}", fastrand::u64(..)));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&beside).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        let replaced = written.and_then(|()| fs::rename(&beside, &self.path));
        if replaced.is_err() {
            let _ = fs::remove_file(&beside);
        }
        replaced
    }

    /// Refuses a folder that others can enter, or that is not ours.
    #[cfg(unix)]
    fn check_folder(&self) -> Result<()> {
        let known = fs::symlink_metadata(&self.folder).map_err(|error| self.failed("read", &error))?;
        if !known.is_dir() {
            let what = if known.is_symlink() { "a link, and none is followed" } else { "no folder" };
            return Err(wrong(&self.path, &format!("is refused: what it lies in is {what}")).with_hint(FOLDER_HINT));
        }
        let others = flaw(&known).map(|flaw| wrong(&self.path, &format!("is refused: its folder {flaw}")));
        others.map_or(Ok(()), |error| Err(error.with_hint(FOLDER_HINT)))
    }

    #[cfg(unix)]
    fn check_file(&self, file: &File) -> Result<()> {
        let known = file.metadata().map_err(|error| self.failed("read", &error))?;
        let others = flaw(&known).map(|flaw| wrong(&self.path, &format!("is refused: it {flaw}")));
        let hint = "whoever has read it can sign in: end those sign-ins (Revoke sessions of the user, in the Entra admin \
                    center), delete the file, and sign in again";
        others.map_or(Ok(()), |error| Err(error.with_hint(hint)))
    }

    #[cfg(not(unix))]
    fn check_folder(&self) -> Result<()> {
        match fs::symlink_metadata(&self.folder) {
            Ok(known) if known.is_dir() => Ok(()),
            Ok(_) => Err(wrong(&self.path, "is refused: what it lies in is no folder").with_hint(FOLDER_HINT)),
            Err(error) => Err(self.failed("read", &error)),
        }
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "as it is elsewhere")]
    fn check_file(&self, _file: &File) -> Result<()> {
        Ok(())
    }

    fn failed(&self, what: &str, error: &io::Error) -> Error {
        wrong(&self.path, &format!("cannot be {what}: {error}"))
            .with_hint("name a file that this user may write as cache=")
    }
}

/// What is wrong with whom a file or a folder is for.
#[cfg(unix)]
fn flaw(known: &fs::Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let mode = known.mode() & 0o777;
    if known.uid() != rustix::process::geteuid().as_raw() {
        return Some("belongs to another user".to_owned());
    }
    (mode & 0o077 != 0).then(|| format!("can be reached by other users (mode {mode:o})"))
}
