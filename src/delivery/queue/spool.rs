//! A file for bytes that wait: nobody else can open it, and it is gone with whoever made it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Kind, Result};

/// Names that are tried before it is given up.
const TRIES: usize = 16;

/// A file without a name, which grows.
#[derive(Debug)]
pub struct Spool {
    file: Arc<File>,
    length: u64,
}

impl Spool {
    /// Makes it in `folder`.
    pub fn new(folder: &Path) -> Result<Self> {
        let mut last = None;
        for _ in 0..TRIES {
            let path = folder.join(format!(".powerbi_push-{:016x}.spool", fastrand::u64(..)));
            match open(&path) {
                Ok(file) => return Ok(Self { file: Arc::new(file), length: 0 }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = Some(error),
                Err(error) => return Err(unusable(folder, error)),
            }
        }
        Err(unusable(folder, last.unwrap_or_else(|| io::ErrorKind::AlreadyExists.into())))
    }

    /// How much is in it.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The file, to be read at places that are written already.
    #[must_use]
    pub fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// Appends `bytes`.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        (&*self.file).write_all(bytes).map_err(full)?;
        self.length += bytes.len() as u64;
        Ok(())
    }
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
    std::fs::remove_file(path)?;
    Ok(file)
}

#[cfg(windows)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt;
    /// `FILE_FLAG_DELETE_ON_CLOSE`.
    const GONE_WITH_ITS_OWNER: u32 = 0x0400_0000;
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .share_mode(0)
        .custom_flags(GONE_WITH_ITS_OWNER)
        .open(path)
}

fn unusable(folder: &Path, error: io::Error) -> Error {
    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    let kind = if full { Kind::OutboxFull } else { Kind::Outbox };
    Error::new(kind, format!("no file for waiting rows can be made in `{}`: {error}", folder.display()))
        .with_hint("spool_dir= names a folder on another disk")
        .caused_by(error)
}

fn full(error: io::Error) -> Error {
    Error::new(Kind::OutboxFull, format!("the rows that wait cannot be written to the disk: {error}"))
        .with_hint("spool_dir= names a folder on another disk; nothing was published")
        .caused_by(error)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{FileExt, MetadataExt};

    use super::*;

    #[test]
    fn it_has_no_name_and_belongs_to_its_owner_alone() {
        let folder = std::env::temp_dir().join(format!("spool-{:x}", fastrand::u64(..)));
        std::fs::create_dir(&folder).unwrap();
        let mut spool = Spool::new(&folder).unwrap();
        spool.write(b"some").unwrap();
        spool.write(b" rows").unwrap();
        let mut read = [0; 9];
        spool.file().read_exact_at(&mut read, 0).unwrap();
        assert_eq!((&read, spool.len()), (b"some rows", 9));
        let about = spool.file().metadata().unwrap();
        assert_eq!((about.mode() & 0o777, about.nlink()), (0o600, 0));
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
        std::fs::remove_dir(&folder).unwrap();
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = Spool::new(Path::new("/no/such/folder")).unwrap_err();
        assert_eq!(error.kind, Kind::Outbox);
        assert!(error.message.contains("/no/such/folder"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_as_such() {
        let file = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut spool = Spool { file: Arc::new(file), length: 0 };
        assert_eq!(spool.write(b"x").unwrap_err().kind, Kind::OutboxFull);
    }
}
