//! What a password locks: the schemes of PKCS#5 and those of PKCS#12, the old ones among them, which Windows writes.
//!
//! Sources: RFC 8018 (PBES2, PBKDF2), RFC 7292 appendices B and C; the ciphers are those that OpenSSL and Windows use.

use std::num::NonZeroU32;

use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt, KeyInit, KeyIvInit};
use ring::digest::{Algorithm, Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512};
use ring::{hmac, pbkdf2};

use super::der::{Der, OBJECT, OCTETS, SEQUENCE};

/// 1.2.840.113549.1.5.13 and 12, 1.2.840.113549.2, 1.2.840.113549.1.12.1.
const PBES2: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05, 0x0D];
const PBKDF2: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05, 0x0C];
const HMACS: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x02];
const OF_PKCS12: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x01];
/// 2.16.840.1.101.3.4.1 (AES) and .2 (SHA-2), 1.2.840.113549.3.7 (triple DES), 1.3.14.3.2.26 (SHA-1).
const AES: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01];
const SHA2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];
const TRIPLE_DES: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x03, 0x07];
const SHA1: &[u8] = &[0x2B, 0x0E, 0x03, 0x02, 0x1A];
/// Nobody waits longer than for so many rounds.
const MOST_ROUNDS: u32 = 10_000_000;

/// Why something stays locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Locked {
    /// The password is not the one, or what is locked is damaged: the padding does not tell them apart.
    Password,
    /// It is locked in a way that nobody here knows.
    Scheme,
}

/// A password in the two ways that it is written.
pub(super) struct Password {
    utf8: Vec<u8>,
    /// In two bytes each, and two at the end; none at all where there is no password.
    wide: Vec<u8>,
}

impl Password {
    pub(super) fn new(text: &str) -> Self {
        let wide = text.encode_utf16().chain([0]).flat_map(u16::to_be_bytes).collect();
        Self { utf8: text.as_bytes().to_vec(), wide }
    }

    /// The other way to write that there is none.
    pub(super) fn none() -> Self {
        Self { utf8: Vec::new(), wide: Vec::new() }
    }

    /// Opens `data`, which was locked as `scheme` says.
    pub(super) fn open(&self, mut scheme: Der<'_>, data: &[u8]) -> Result<Vec<u8>, Locked> {
        let object = scheme.take(OBJECT).ok_or(Locked::Scheme)?;
        if object == PBES2 {
            return self.open_newer(scheme, data);
        }
        match object.strip_prefix(OF_PKCS12) {
            Some([kind]) => self.open_older(*kind, scheme, data),
            _ => Err(Locked::Scheme),
        }
    }

    fn open_newer(&self, mut scheme: Der<'_>, data: &[u8]) -> Result<Vec<u8>, Locked> {
        let mut parts = scheme.enter(SEQUENCE).ok_or(Locked::Scheme)?;
        let (deriving, ciphering) = (parts.enter(SEQUENCE), parts.enter(SEQUENCE));
        let (mut deriving, mut ciphering) = deriving.zip(ciphering).ok_or(Locked::Scheme)?;
        let cipher = ciphering.take(OBJECT).ok_or(Locked::Scheme)?;
        let start = ciphering.take(OCTETS).ok_or(Locked::Scheme)?;
        let length = match cipher.strip_prefix(AES) {
            Some([2]) => 16,
            Some([22]) => 24,
            Some([42]) => 32,
            _ if cipher == TRIPLE_DES => 24,
            _ => return Err(Locked::Scheme),
        };
        let key = self.pbkdf2(&mut deriving, length).ok_or(Locked::Scheme)?;
        match (cipher == TRIPLE_DES, length) {
            (true, _) => opened::<des::TdesEde3>(&key, start, data),
            (_, 16) => opened::<aes::Aes128>(&key, start, data),
            (_, 24) => opened::<aes::Aes192>(&key, start, data),
            _ => opened::<aes::Aes256>(&key, start, data),
        }
    }

    fn pbkdf2(&self, deriving: &mut Der<'_>, length: usize) -> Option<Vec<u8>> {
        if deriving.take(OBJECT)? != PBKDF2 {
            return None;
        }
        let mut given = deriving.enter(SEQUENCE)?;
        let (salt, rounds) = (given.take(OCTETS)?, rounds(given.number()?)?);
        let mut algorithm = pbkdf2::PBKDF2_HMAC_SHA1;
        while let Some((tag, content)) = given.next() {
            // Between them there may be the length of the key, which the cipher tells anyway.
            if tag == SEQUENCE {
                algorithm = match Der::new(content).take(OBJECT)?.strip_prefix(HMACS)? {
                    [7] => pbkdf2::PBKDF2_HMAC_SHA1,
                    [9] => pbkdf2::PBKDF2_HMAC_SHA256,
                    [10] => pbkdf2::PBKDF2_HMAC_SHA384,
                    [11] => pbkdf2::PBKDF2_HMAC_SHA512,
                    _ => return None,
                };
            }
        }
        let mut key = vec![0; length];
        pbkdf2::derive(algorithm, rounds, salt, &self.utf8, &mut key);
        Some(key)
    }

    fn open_older(&self, kind: u8, mut scheme: Der<'_>, data: &[u8]) -> Result<Vec<u8>, Locked> {
        let mut given = scheme.enter(SEQUENCE).ok_or(Locked::Scheme)?;
        let salt = given.take(OCTETS).ok_or(Locked::Scheme)?;
        let rounds = given.number().and_then(rounds).ok_or(Locked::Scheme)?;
        let derived = |what, length| derive(&SHA1_FOR_LEGACY_USE_ONLY, what, &self.wide, salt, rounds, length);
        let start = derived(2, 8);
        match kind {
            3 => opened::<des::TdesEde3>(&derived(1, 24), &start, data),
            4 => opened::<des::TdesEde2>(&derived(1, 16), &start, data),
            5 => opened::<rc2::Rc2>(&derived(1, 16), &start, data),
            6 => opened::<rc2::Rc2>(&derived(1, 5), &start, data),
            _ => Err(Locked::Scheme),
        }
    }

    /// Whether it is the password of what was sealed: `seal` is the `MacData` of PKCS#12.
    pub(super) fn has_sealed(&self, mut seal: Der<'_>, data: &[u8]) -> Result<bool, Locked> {
        let read = || {
            let mut digest = seal.enter(SEQUENCE)?;
            let object = digest.enter(SEQUENCE)?.take(OBJECT)?;
            let mac = digest.take(OCTETS)?;
            let salt = seal.take(OCTETS)?;
            let rounds = if seal.is_empty() { Some(NonZeroU32::MIN) } else { rounds(seal.number()?) };
            Some((object, mac, salt, rounds?))
        };
        let mut read = read;
        let (object, mac, salt, rounds) = read().ok_or(Locked::Scheme)?;
        let (hash, algorithm) = match object.strip_prefix(SHA2) {
            Some([1]) => (&SHA256, hmac::HMAC_SHA256),
            Some([2]) => (&SHA384, hmac::HMAC_SHA384),
            Some([3]) => (&SHA512, hmac::HMAC_SHA512),
            _ if object == SHA1 => (&SHA1_FOR_LEGACY_USE_ONLY, hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
            _ => return Err(Locked::Scheme),
        };
        let key = derive(hash, 3, &self.wide, salt, rounds, hash.output_len());
        Ok(hmac::verify(&hmac::Key::new(algorithm, &key), data, mac).is_ok())
    }
}

fn rounds(count: u32) -> Option<NonZeroU32> {
    NonZeroU32::new(count).filter(|count| count.get() <= MOST_ROUNDS)
}

fn opened<C>(key: &[u8], start: &[u8], data: &[u8]) -> Result<Vec<u8>, Locked>
where
    C: BlockCipherDecrypt + KeyInit,
{
    let cipher = Decryptor::<C>::new_from_slices(key, start).map_err(|_| Locked::Scheme)?;
    let mut bytes = data.to_vec();
    let length = cipher.decrypt_padded::<Pkcs7>(&mut bytes).map_err(|_| Locked::Password)?.len();
    bytes.truncate(length);
    Ok(bytes)
}

/// What a password becomes by RFC 7292, appendix B.2: a key is 1, a start 2, the key of a seal 3.
fn derive(
    hash: &'static Algorithm,
    what: u8,
    password: &[u8],
    salt: &[u8],
    rounds: NonZeroU32,
    length: usize,
) -> Vec<u8> {
    let block = hash.block_len();
    let filled =
        |text: &[u8]| -> Vec<u8> { text.iter().copied().cycle().take(block * text.len().div_ceil(block)).collect() };
    let mut input = [filled(salt), filled(password)].concat();
    let mut derived = Vec::new();
    while derived.len() < length {
        let mut context = Context::new(hash);
        context.update(&vec![what; block]);
        context.update(&input);
        let mut round = context.finish();
        for _ in 1..rounds.get() {
            round = ring::digest::digest(hash, round.as_ref());
        }
        derived.extend_from_slice(round.as_ref());
        let added: Vec<u8> = round.as_ref().iter().copied().cycle().take(block).collect();
        for piece in input.chunks_mut(block) {
            let mut carry = 1;
            for (place, add) in piece.iter_mut().zip(&added).rev() {
                let sum = u16::from(*place) + u16::from(*add) + carry;
                *place = sum.to_be_bytes()[1];
                carry = sum >> 8;
            }
        }
    }
    derived.truncate(length);
    derived
}
