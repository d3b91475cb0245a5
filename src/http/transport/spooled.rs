//! A body of which a part lies in a file: it is read, and made Base64, while it is sent.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use base64::Engine;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
use base64::engine::GeneralPurpose as Base64;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use base64::engine::Simd as Base64;
use bytes::Bytes;

/// Bytes that are read at a time: a multiple of three, so that the pieces of Base64 join.
const READ: usize = 48 * 1024;

/// A part of a file as it is sent, and what stands around it.
#[derive(Debug, Clone)]
pub struct Spooled {
    /// The file, which nobody changes any more at `range`.
    pub file: Arc<File>,
    /// Where in the file the bytes are.
    pub range: Range<u64>,
    /// What stands around these bytes, and is made Base64 with them.
    pub frame: [&'static [u8]; 2],
    /// Whether all of that is made Base64.
    pub in_base64: bool,
    /// What stands around the whole, as it is.
    pub around: [Bytes; 2],
}

/// What a request sends.
#[derive(Debug, Clone)]
pub enum Body {
    /// What is in memory.
    Memory(Bytes),
    /// What is in a file.
    Spooled(Arc<Spooled>),
}

impl Default for Body {
    fn default() -> Self {
        Bytes::new().into()
    }
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

    /// The same with `before` before it and `after` after it.
    #[must_use]
    pub fn within(self, before: Bytes, after: Bytes) -> Self {
        match self {
            Self::Memory(bytes) => Bytes::from([before, bytes, after].concat()).into(),
            Self::Spooled(spooled) => {
                Self::Spooled(Arc::new(Spooled { around: [before, after], ..Arc::unwrap_or_clone(spooled) }))
            }
        }
    }
}

/// How many bytes of Base64 so many bytes are.
#[must_use]
pub fn base64_length(bytes: u64) -> u64 {
    bytes.div_ceil(3) * 4
}

impl Spooled {
    /// The bytes that are read: those of the file, and their frame.
    fn bytes(&self) -> u64 {
        self.range.end - self.range.start + self.frame.iter().map(|part| part.len() as u64).sum::<u64>()
    }

    /// How many bytes so many of these are when they are sent.
    fn sent(&self, bytes: u64) -> u64 {
        if self.in_base64 { base64_length(bytes) } else { bytes }
    }

    fn len(&self) -> u64 {
        self.sent(self.bytes()) + self.around.iter().map(|part| part.len() as u64).sum::<u64>()
    }

    /// So many bytes of the file and its frame, from `at` on, into `bytes`.
    fn read(&self, at: u64, count: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
        let [opening, closing] = self.frame;
        let (mut at, end) = (at, at + count as u64);
        bytes.clear();
        let start = opening.len() as u64;
        let in_file = self.range.end - self.range.start;
        if at < start {
            bytes.extend_from_slice(&opening[index(at)..index(end.min(start))]);
            at = end.min(start);
        }
        if at < end && at < start + in_file {
            let (old, stop) = (bytes.len(), end.min(start + in_file));
            bytes.resize(old + index(stop - at), 0);
            read_exact_at(&self.file, &mut bytes[old..], self.range.start + at - start)?;
            at = stop;
        }
        if at < end {
            let behind = start + in_file;
            bytes.extend_from_slice(&closing[index(at - behind)..index(end - behind)]);
        }
        Ok(())
    }
}

/// A place within what is read at once, or within a frame.
fn index(place: u64) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

/// The rest of a body that is being sent.
#[derive(Debug)]
pub(super) struct Rest {
    spooled: Arc<Spooled>,
    /// The next byte to be read.
    next: u64,
    /// The memory of what was read last.
    read: Vec<u8>,
    base64: Base64,
}

impl Rest {
    /// All of it but what stands before.
    pub(super) fn new(spooled: Arc<Spooled>) -> Self {
        Self { next: 0, spooled, read: Vec::new(), base64: base64() }
    }

    /// How much of it there is.
    pub(super) fn len(&self) -> u64 {
        self.spooled.sent(self.spooled.bytes() - self.next) + self.spooled.around[1].len() as u64
    }

    /// The next piece, and whether it is the last one.
    pub(super) fn read(&mut self) -> io::Result<(Bytes, bool)> {
        let spooled = &*self.spooled;
        let left = index(spooled.bytes() - self.next).min(READ);
        spooled.read(self.next, left, &mut self.read)?;
        let mut bytes = if spooled.in_base64 {
            self.base64.encode(&self.read).into_bytes()
        } else {
            std::mem::take(&mut self.read)
        };
        self.next += left as u64;
        let is_last = self.next == spooled.bytes();
        if is_last {
            bytes.extend_from_slice(&spooled.around[1]);
        }
        Ok((bytes.into(), is_last))
    }
}

/// What makes Base64, as fast as the processor can.
fn base64() -> Base64 {
    use base64::engine::general_purpose::PAD;
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    return Base64::standard(PAD);
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    Base64::new(&base64::alphabet::STANDARD, PAD)
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

#[cfg(all(test, unix))]
mod tests {
    use std::io::Write;

    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn what_is_sent_is_the_frame_and_the_part_of_the_file_as_one() {
        for count in [0, 1, 2, 3, READ - 2, READ - 1, READ, READ + 1, 2 * READ, 3 * READ + 7] {
            let path = std::env::temp_dir().join(format!("spooled-{:x}", fastrand::u64(..)));
            let text: Vec<u8> = (0..count).map(|place| u8::try_from(place % 251).unwrap()).collect();
            File::create(&path).unwrap().write_all(&[b"no", text.as_slice(), b"no"].concat()).unwrap();
            let file = Arc::new(File::open(&path).unwrap());
            std::fs::remove_file(&path).unwrap();
            let range = 2..2 + count as u64;
            let spooled = Spooled { file, range, frame: [b"[", b"]"], in_base64: true, around: Default::default() };
            for in_base64 in [false, true] {
                let body = Body::Spooled(Arc::new(Spooled { in_base64, ..spooled.clone() }));
                let body = body.within(Bytes::from_static(b"{\""), Bytes::from_static(b"\"}"));
                let (length, Body::Spooled(spooled)) = (body.len(), body) else { unreachable!() };
                let (mut sent, mut rest) = (spooled.around[0].to_vec(), Rest::new(spooled));
                loop {
                    let left = rest.len();
                    let (piece, is_last) = rest.read().unwrap();
                    assert_eq!(rest.len() * u64::from(!is_last), (left - piece.len() as u64) * u64::from(!is_last));
                    sent.extend_from_slice(&piece);
                    if is_last {
                        break;
                    }
                }
                let framed = [b"[", text.as_slice(), b"]"].concat();
                let inner = if in_base64 { STANDARD.encode(framed).into_bytes() } else { framed };
                assert!(sent == [b"{\"", inner.as_slice(), b"\"}"].concat() && length == sent.len() as u64, "{count}");
            }
        }
    }
}
