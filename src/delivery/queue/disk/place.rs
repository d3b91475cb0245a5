//! Where a queue lies: its file, the files beside it, and what kind of disk that is.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::failure::system;
use super::notice::QueueNotice;
use crate::error::{Error, Kind, Result};

/// The file of a queue, by its real path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(PathBuf);

impl Place {
    /// The place that `path` names. The folder has to be there, the file need not. Devices and pipes are refused before
    /// anybody opens them.
    pub(super) fn find(path: &Path) -> Result<Self> {
        // Without a slash at its end.
        let path: &Path = &path.components().collect::<PathBuf>();
        if let Ok(real) = path.canonicalize() {
            return match fs::metadata(&real).map_err(|error| system("the outbox", path, &error))? {
                found if found.is_dir() => Err(folder_instead(path)),
                found if found.is_file() => Ok(Self(real)),
                _ => Err(unfit(path, "a device or a pipe")),
            };
        }
        if path.is_symlink() {
            return Err(unfit(path, "a link that leads nowhere"));
        }
        let name = path.file_name().ok_or_else(|| folder_instead(path))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = folder.canonicalize().map_err(|error| system("the folder of the outbox", folder, &error))?;
        Ok(Self(folder.join(name)))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn folder(&self) -> &Path {
        self.0.parent().unwrap_or(Path::new("/"))
    }

    /// The file beside it whose name ends in `suffix`.
    pub(super) fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = OsString::from(&self.0);
        name.push(suffix);
        name.into()
    }

    pub(super) fn wal(&self) -> PathBuf {
        self.beside("-wal")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.beside("-lock")
    }

    /// Where a damaged file is mended to be read, while a new one is built here.
    pub(super) fn copy(&self) -> Self {
        Self(self.beside("-copy"))
    }

    /// Where a new file is built, by a name that nobody else gives.
    pub(super) fn draft(&self, number: u64) -> Self {
        Self(self.beside(&format!(".draft-{number:016x}")))
    }

    /// Where a damaged file is kept.
    pub(super) fn kept(&self, number: u64) -> Self {
        Self(self.beside(&format!(".corrupt-{number}")))
    }

    /// Makes the folder's entries disk.
    pub(super) fn sync_folder(&self) -> Result<()> {
        #[cfg(unix)]
        File::open(self.folder())
            .and_then(|folder| folder.sync_all())
            .map_err(|error| system("the folder of the outbox", self.folder(), &error))?;
        Ok(())
    }

    /// How many bytes the disk has left; `None` where that is not known.
    pub(super) fn free(&self) -> Option<u64> {
        #[cfg(unix)]
        {
            let disk = rustix::fs::statvfs(self.folder()).ok()?;
            (disk.f_blocks > 0).then(|| disk.f_bavail.saturating_mul(disk.f_frsize))
        }
        #[cfg(not(unix))]
        None
    }

    /// Refuses a network file system, where locks and the shared memory of SQLite do not work, unless it is `forced`.
    #[cfg(target_os = "linux")]
    pub(super) fn check_disk(&self, forced: bool) -> Result<Option<QueueNotice>> {
        let kind = self.kind_of_disk()?;
        if let Some((_, name)) = network(kind).filter(|_| !forced) {
            let message = format!("the outbox `{}` would lie on a network file system ({name})", self.0.display());
            return Err(Error::new(Kind::Outbox, message).with_hint("put it on a disk of this machine"));
        }
        Ok(VOLATILE.contains(&kind).then(|| QueueNotice::Volatile { path: self.0.clone() }))
    }

    /// Elsewhere that is not known.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn check_disk(&self, _: bool) -> Result<Option<QueueNotice>> {
        Ok(None)
    }

    #[cfg(target_os = "linux")]
    pub(super) fn is_on_network(&self) -> bool {
        self.kind_of_disk().is_ok_and(|kind| network(kind).is_some())
    }

    #[cfg(target_os = "linux")]
    fn kind_of_disk(&self) -> Result<u32> {
        let disk = rustix::fs::statfs(self.folder())
            .map_err(|error| system("the folder of the outbox", self.folder(), &error.into()))?;
        // The field's width and sign differ from machine to machine; the numbers have 32 bits.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "32 bits are all there is to it")]
        Ok(disk.f_type as u32)
    }
}

/// Source: linux/magic.h and the file systems' own headers.
#[cfg(target_os = "linux")]
const NETWORKS: [(u32, &str); 10] = [
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFE53_4D42, "SMB2"),
    (0xFF53_4D42, "CIFS"),
    (0x5346_414F, "AFS"),
    (0x7375_7245, "Coda"),
    (0x00C3_6400, "Ceph"),
    (0x0BD0_0BD0, "Lustre"),
    (0x0102_1997, "9P"),
    (0x786F_4256, "VirtualBox shared folder"),
];

#[cfg(target_os = "linux")]
fn network(kind: u32) -> Option<&'static (u32, &'static str)> {
    NETWORKS.iter().find(|(number, _)| *number == kind)
}

/// tmpfs and ramfs: what is there survives no power loss. Source: linux/magic.h.
#[cfg(target_os = "linux")]
const VOLATILE: [u32; 2] = [0x0102_1994, 0x8584_58F6];

fn folder_instead(path: &Path) -> Error {
    Error::new(Kind::Outbox, format!("the outbox `{}` is a folder", path.display()))
        .with_hint("name a file in it, such as outbox.db")
}

fn unfit(path: &Path, what: &str) -> Error {
    Error::new(Kind::Outbox, format!("the outbox `{}` is {what}", path.display()))
        .with_hint("name a file, such as outbox.db")
}

/// Makes the file at `path` for our eyes only.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.truncate(false).open(path)
}

/// Opens the file at `path` for reading and writing, and makes it for our eyes only where it is missing; answers whether
/// it was. What is no file, and a link that may lead to anybody's, is refused: opening it may already do something.
pub(super) fn open_own(path: &Path) -> io::Result<(File, bool)> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    }
    match options.clone().create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return Ok((made?, true)),
    }
    if !fs::symlink_metadata(path)?.is_file() {
        return Err(io::Error::other("it is there and is not a file of an outbox"));
    }
    Ok((options.open(path)?, false))
}

/// Takes from others what they may do with the file at `path`, where that is ours to decide.
pub(super) fn keep_private(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let is_open = fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0);
        if is_open {
            // Another user's file cannot be changed; whether we may use it is decided elsewhere.
            let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o600));
        }
    }
}

/// The files that were opened, to see whether they are still the ones that their names lead to. They are asked for with
/// every commit, and so by their folder's handle, and not for their times: once somebody has seen a file's time, its next
/// write has to leave another one on the disk.
#[derive(Debug)]
pub(super) struct Watch {
    #[cfg(target_os = "linux")]
    folder: Option<File>,
    files: Vec<(PathBuf, Option<Identity>)>,
}

type Identity = (u64, u64);

impl Watch {
    /// Watches files that lie in one folder.
    pub(super) fn over(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let files: Vec<_> =
            paths.into_iter().map(|path| (identity(&path), path)).map(|(found, path)| (path, found)).collect();
        Self {
            #[cfg(target_os = "linux")]
            folder: files.first().and_then(|(path, _)| File::open(path.parent()?).ok()),
            files,
        }
    }

    /// The file that was removed or replaced, if there is one.
    pub(super) fn missing(&self) -> Option<&Path> {
        let gone = self.files.iter().find(|(path, known)| known.is_none() || self.identity(path) != *known);
        gone.map(|(path, _)| path.as_path())
    }

    #[cfg(target_os = "linux")]
    fn identity(&self, path: &Path) -> Option<Identity> {
        let (Some(folder), Some(name)) = (&self.folder, path.file_name()) else { return identity(path) };
        let (flags, only) = (rustix::fs::AtFlags::SYMLINK_NOFOLLOW, rustix::fs::StatxFlags::INO);
        let file = rustix::fs::statx(folder, name, flags, only).ok()?;
        Some((rustix::fs::makedev(file.stx_dev_major, file.stx_dev_minor), file.stx_ino))
    }

    #[cfg(not(target_os = "linux"))]
    #[allow(clippy::unused_self, reason = "there are no handles of folders here")]
    fn identity(&self, path: &Path) -> Option<Identity> {
        identity(path)
    }
}

pub(super) fn identity(path: &Path) -> Option<Identity> {
    let file = fs::symlink_metadata(path).ok()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Some((file.dev(), file.ino()))
    }
    #[cfg(not(unix))]
    {
        file.is_file().then_some((0, 0))
    }
}
