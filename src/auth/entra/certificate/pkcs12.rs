//! A PKCS#12 file (`.pfx`, `.p12`): certificates and keys, sealed and locked by one password. Source: RFC 7292.

use super::der::{Der, FIRST, FIRST_IN_PLACE, OBJECT, OCTETS, SEQUENCE};
use super::locked::{Locked, Password};

/// 1.2.840.113549.1.7: data is 1 below it, what is locked 6.
const CONTENT: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07];
/// 1.2.840.113549.1.12.10.1: a key is 1 below it, a locked one 2, a certificate 3, more of them 6.
const BAG: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x0A, 0x01];
/// Bags in bags; nobody packs deeper.
const DEEPEST: usize = 8;

/// Why nothing came of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is none.
    Other,
    Locked(Locked),
}

impl From<Locked> for Refused {
    fn from(locked: Locked) -> Self {
        Self::Locked(locked)
    }
}

/// What is in a file.
#[derive(Default)]
pub(super) struct Contents {
    /// In DER.
    pub(super) certificates: Vec<Vec<u8>>,
    /// In PKCS#8.
    pub(super) keys: Vec<Vec<u8>>,
}

/// Reads a file with a password; one that has none may be written in two ways.
pub(super) fn read(file: &[u8], password: Option<&str>) -> Result<Contents, Refused> {
    let tried = read_with(file, &Password::new(password.unwrap_or_default()));
    match (tried, password) {
        (Err(Refused::Locked(Locked::Password)), None | Some("")) => read_with(file, &Password::none()),
        (tried, _) => tried,
    }
}

fn read_with(file: &[u8], password: &Password) -> Result<Contents, Refused> {
    let mut whole = Der::new(file).enter(SEQUENCE).ok_or(Refused::Other)?;
    let version = whole.number().filter(|version| *version == 3);
    let mut safe = version.and_then(|_| whole.enter(SEQUENCE)).ok_or(Refused::Other)?;
    let (Some([1]), Some(mut content)) = (below(CONTENT, safe.take(OBJECT)), safe.enter(FIRST)) else {
        return Err(Refused::Other);
    };
    let content = content.take(OCTETS).ok_or(Refused::Other)?;
    if let Some(seal) = whole.enter(SEQUENCE)
        && !password.has_sealed(seal, content)?
    {
        return Err(Locked::Password.into());
    }
    let mut contents = Contents::default();
    let mut parts = Der::new(content).enter(SEQUENCE).ok_or(Refused::Other)?;
    while let Some(part) = parts.enter(SEQUENCE) {
        let bags = opened(part, password)?;
        contents.add(Der::new(&bags), password, DEEPEST)?;
    }
    Ok(contents)
}

/// The bags of one part, which may be locked together.
fn opened(mut part: Der<'_>, password: &Password) -> Result<Vec<u8>, Refused> {
    let kind = below(CONTENT, part.take(OBJECT));
    let mut content = part.enter(FIRST).ok_or(Refused::Other)?;
    match kind {
        Some([1]) => content.take(OCTETS).map(<[u8]>::to_vec).ok_or(Refused::Other),
        Some([6]) => {
            let read = || {
                let mut locked = content.enter(SEQUENCE)?;
                locked.number()?;
                let mut inner = locked.enter(SEQUENCE)?;
                inner.take(OBJECT)?;
                Some((inner.enter(SEQUENCE)?, inner.take(FIRST_IN_PLACE)?))
            };
            let mut read = read;
            let (scheme, data) = read().ok_or(Refused::Other)?;
            Ok(password.open(scheme, data)?)
        }
        _ => Err(Locked::Scheme.into()),
    }
}

impl Contents {
    fn add(&mut self, mut bags: Der<'_>, password: &Password, deep: usize) -> Result<(), Refused> {
        let mut bags = bags.enter(SEQUENCE).ok_or(Refused::Other)?;
        while let Some(mut bag) = bags.enter(SEQUENCE) {
            let kind = below(BAG, bag.take(OBJECT));
            let held = bag.take(FIRST).ok_or(Refused::Other)?;
            match kind {
                Some([1]) => self.keys.push(held.to_vec()),
                Some([2]) => self.keys.push(key(held, password)?),
                Some([3]) => self.certificates.extend(certificate(held)),
                Some([6]) if deep > 0 => self.add(Der::new(held), password, deep - 1)?,
                // Secrets and lists of what was revoked.
                _ => {}
            }
        }
        Ok(())
    }
}

/// A key that is locked by itself (RFC 5958), in PKCS#8.
pub(super) fn key(locked: &[u8], password: &Password) -> Result<Vec<u8>, Refused> {
    let parts =
        Der::new(locked).enter(SEQUENCE).and_then(|mut parts| Some((parts.enter(SEQUENCE)?, parts.take(OCTETS)?)));
    let (scheme, data) = parts.ok_or(Refused::Other)?;
    Ok(password.open(scheme, data)?)
}

fn certificate(bag: &[u8]) -> Option<Vec<u8>> {
    let mut parts = Der::new(bag).enter(SEQUENCE)?;
    parts.take(OBJECT)?;
    parts.enter(FIRST)?.take(OCTETS).map(<[u8]>::to_vec)
}

fn below<'a>(parent: &[u8], object: Option<&'a [u8]>) -> Option<&'a [u8]> {
    object?.strip_prefix(parent)
}
