//! Whose rows a queue holds, and how they stand in it. The metadata, the definition of their table and the lock file
//! all say so in the same bytes: whichever of them is damaged, the rows are cut where they were joined.

use std::fmt;
use std::path::Path;

use crate::error::{Error, Kind, Result};
use crate::rows::encode::Framing;

const HASH: usize = 32;
const LONGEST: usize = Framing::LONGEST_SEPARATOR;
/// The version of framing that is written here: encoded rows with a separator between them, and nothing around them.
const SEPARATED: u8 = 1;
/// What stands between the rows of a file that does not say it: they are JSON objects.
const COMMA: &[u8] = b",";

/// A destination, as its sender knows it.
#[derive(Debug, Clone, Copy)]
pub struct Destination {
    hash: [u8; HASH],
    /// How it wants its rows wrapped.
    pub(super) framing: &'static Framing,
}

impl Destination {
    /// The destination that `key` names, such as a push URL. The file gets a hash of it, which does not tell what it is.
    #[must_use]
    pub fn new(key: &str, framing: &'static Framing) -> Self {
        let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
        digest.update(b"powerbi-push outbox\0");
        digest.update(key.as_bytes());
        let mut hash = [0; HASH];
        hash.copy_from_slice(digest.finish().as_ref());
        Self { hash, framing }
    }
}

/// A destination, as a file knows it: its hash, zeros where nobody knows it; the version of framing; the separator.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct StoredDestination {
    bytes: [u8; HASH + 1 + LONGEST],
    length: usize,
}

impl StoredDestination {
    fn new(hash: &[u8], framing_version: u8, separator: &[u8]) -> Self {
        let (mut bytes, length) = ([0; HASH + 1 + LONGEST], HASH + 1 + separator.len());
        bytes[..HASH].copy_from_slice(hash);
        bytes[HASH] = framing_version;
        bytes[HASH + 1..length].copy_from_slice(separator);
        Self { bytes, length }
    }

    /// What stands in a file, if it makes sense. Of an unknown version only the number is kept.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (hash, framing) = bytes.split_at_checked(HASH)?;
        match framing {
            [] => Some(Self::new(hash, SEPARATED, COMMA)),
            [SEPARATED, separator @ ..] => (separator.len() <= LONGEST).then(|| Self::new(hash, SEPARATED, separator)),
            [framing_version, ..] => Some(Self::new(hash, *framing_version, &[])),
        }
    }

    /// The same in the words of [`fmt::Display`], which other words may follow.
    pub(super) fn parse(words: &[u8]) -> Option<Self> {
        let digit = |digit: &u8| char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let digits: Vec<u8> = words.iter().map_while(digit).collect();
        Self::read(&digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect::<Vec<_>>())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Whether anybody knows which destination it is.
    pub(super) fn is_known(&self) -> bool {
        self.bytes[..HASH] != [0; HASH]
    }

    /// Whether both are known, and are not the same destination.
    pub(super) fn is_not(&self, other: &Self) -> bool {
        self.is_known() && other.is_known() && self.bytes[..HASH] != other.bytes[..HASH]
    }

    pub(super) fn is(&self, destination: &Destination) -> bool {
        self.bytes[..HASH] == destination.hash
    }

    /// What stands between two rows.
    pub(super) fn separator(&self) -> &[u8] {
        &self.bytes()[HASH + 1..]
    }

    /// Refuses the file at `path` where nobody here knows how its rows are to be cut.
    pub(super) fn check(&self, path: &Path) -> Result<()> {
        let framing_version = self.bytes[HASH];
        if framing_version == SEPARATED {
            return Ok(());
        }
        let message = format!(
            "the rows of the outbox `{}` are framed by a newer powerbi-push (framing {framing_version}, known here: {SEPARATED})",
            path.display()
        );
        Err(Error::new(Kind::Outbox, message).with_hint("upgrade powerbi-push"))
    }
}

impl Default for StoredDestination {
    /// Nobody's.
    fn default() -> Self {
        Self::new(&[0; HASH], SEPARATED, COMMA)
    }
}

impl From<Destination> for StoredDestination {
    fn from(Destination { hash, framing }: Destination) -> Self {
        Self::new(&hash, SEPARATED, framing.separator)
    }
}

impl fmt::Display for StoredDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for StoredDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredDestination({self})")
    }
}
