//! A body of which a part lies in a file: it is read, and made Base64, while it is sent.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

/// Bytes of the file that are read at a time: a multiple of three, so that the pieces of Base64 join.
const READ: usize = 48 * 1024;

/// A part of a file as Base64, and what stands around it.
#[derive(Debug, Clone)]
pub struct Spooled {
    /// Before the Base64.
    pub before: Bytes,
    /// The file, which nobody changes any more at `range`.
    pub file: Arc<File>,
    /// Where in the file the bytes are.
    pub range: Range<u64>,
    /// After the Base64.
    pub after: Bytes,
}

/// What a request sends.
#[derive(Debug, Clone)]
pub enum Body {
    /// What is in memory.
    Memory(Bytes),
    /// What is in a file.
    Spooled(Arc<Spooled>),
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Memory(bytes)
    }
}

impl Body {
    /// How many bytes are sent.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Spooled(spooled) => spooled.len(),
        }
    }

    /// Whether nothing is sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// How many bytes of Base64 so many bytes are.
#[must_use]
pub fn base64_length(bytes: u64) -> u64 {
    bytes.div_ceil(3) * 4
}

impl Spooled {
    fn len(&self) -> u64 {
        self.before.len() as u64 + base64_length(self.range.end - self.range.start) + self.after.len() as u64
    }
}

/// The rest of a body that is being sent.
#[derive(Debug)]
pub(super) struct Rest {
    spooled: Arc<Spooled>,
    /// The next byte of the file.
    next: u64,
}

impl Rest {
    /// All of it but what stands before the Base64.
    pub(super) fn new(spooled: Arc<Spooled>) -> Self {
        Self { next: spooled.range.start, spooled }
    }

    /// How much of it there is.
    pub(super) fn len(&self) -> u64 {
        base64_length(self.spooled.range.end - self.next) + self.spooled.after.len() as u64
    }

    /// The next piece, and whether it is the last one.
    pub(super) fn read(&mut self) -> io::Result<(Bytes, bool)> {
        let Spooled { file, range, after, .. } = &*self.spooled;
        let left = usize::try_from(range.end - self.next).unwrap_or(usize::MAX).min(READ);
        let mut bytes = vec![0; left];
        read_exact_at(file, &mut bytes, self.next)?;
        self.next += left as u64;
        let mut text = STANDARD.encode(bytes);
        let is_last = self.next == range.end;
        if is_last {
            text.push_str(&String::from_utf8_lossy(after));
        }
        Ok((text.into(), is_last))
    }
}

/// Reads without moving the place at which others read and write.
#[cfg(unix)]
pub(crate) fn read_exact_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(windows)]
pub(crate) fn read_exact_at(file: &File, mut bytes: &mut [u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, bytes, at)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes = &mut bytes[read..];
        at += read as u64;
    }
    Ok(())
}
