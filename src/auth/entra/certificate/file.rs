//! A certificate and its key, out of a file.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::RsaKeyPair;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::{ExposeSecret, SecretString};

use super::locked::{Locked, Password};
use super::pkcs12::{self, Contents, Refused};
use crate::error::{Error, Result, shown};
use crate::http::BYTE_ORDER_MARK;

/// A chain of certificates and a key have some kilobytes.
const LONGEST: u64 = 1_000_000;
const HINT: &str = "certificate_path is a PEM or PKCS#12 (.pfx) file that holds the certificate and its private key, and \
                    password= what it is encrypted with; `openssl pkcs12 -in cert.pfx -out cert.pem -nodes` makes a PEM \
                    file of the other";
/// The names of files are no longer than this, while keys in Base64 are.
const LONGEST_NAME: usize = 255;
const MARK: &[u8] = b"-----BEGIN ";
const NO_KEY: &str = "holds no private key: both must be in one file";
const NO_RSA: &str = "has a key that is no RSA key of 2048 bits or more";
const NO_PASSWORD: &str = "is encrypted: pass its password=";

/// A certificate, and the key that belongs to it.
pub(super) struct Pair {
    /// In DER.
    pub(super) certificate: Vec<u8>,
    pub(super) key: RsaKeyPair,
}

impl Pair {
    /// Reads a PEM or PKCS#12 file.
    pub(super) fn read(path: &Path, password: Option<&SecretString>) -> Result<Self> {
        let wrong = |why: &str| {
            Error::configuration(format!("the certificate in `{}` {why}", shown(&path.to_string_lossy())))
                .with_hint(HINT)
        };
        if is_content(path) {
            let message = "`certificate_path` holds a key or a certificate itself, and not the path of a file";
            return Err(Error::configuration(message).with_hint(HINT));
        }
        let known = fs::metadata(path).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
        if !known.is_file() || known.len() > LONGEST {
            return Err(wrong("is none: it is no file, or too long"));
        }
        let bytes = fs::read(path).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
        Self::from(&bytes, password).map_err(wrong)
    }

    fn from(bytes: &[u8], password: Option<&SecretString>) -> Result<Self, &'static str> {
        let password = password.map(ExposeSecret::expose_secret);
        if bytes.windows(MARK.len()).any(|window| window == MARK) {
            return Self::from_pem(&flush(bytes), password);
        }
        match pkcs12::read(bytes, password) {
            Ok(contents) => Self::from_pkcs12(&contents),
            Err(refused) => Err(told(refused, password)),
        }
    }

    fn from_pkcs12(contents: &Contents) -> Result<Self, &'static str> {
        let mut outcome = Err(NO_KEY);
        for key in &contents.keys {
            outcome = key_of_pkcs8(key).and_then(|key| Self::with(key, &contents.certificates));
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    fn from_pem(text: &[u8], password: Option<&str>) -> Result<Self, &'static str> {
        let has = |words: &[u8]| text.windows(words.len()).any(|window| window == words);
        if has(b"Proc-Type: 4,ENCRYPTED") {
            return Err(
                "has a key that is encrypted in the older way of OpenSSL: `openssl pkcs8 -topk8` writes it anew",
            );
        }
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(text).filter_map(Result::ok).collect();
        let certificates: Vec<_> = certificates.iter().map(|certificate| certificate.to_vec()).collect();
        if certificates.is_empty() {
            return Err("holds no certificate");
        }
        let key = match locked_key(text) {
            Some(locked) => {
                let Some(password) = password else { return Err(NO_PASSWORD) };
                let key = pkcs12::key(&locked, &Password::new(password));
                key_of_pkcs8(&key.map_err(|refused| told(refused, Some(password)))?)?
            }
            None => match PrivateKeyDer::from_pem_slice(text).map_err(|_| NO_KEY)? {
                PrivateKeyDer::Pkcs8(key) => key_of_pkcs8(key.secret_pkcs8_der())?,
                PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()).map_err(|_| NO_RSA)?,
                _ => return Err("has a key of another kind than RSA, which is all that Microsoft Entra takes"),
            },
        };
        Self::with(key, &certificates)
    }

    /// The key, and whichever of the certificates is its own: a public key stands in its certificate as it is.
    fn with(key: RsaKeyPair, certificates: &[Vec<u8>]) -> Result<Self, &'static str> {
        if certificates.is_empty() {
            return Err("holds no certificate");
        }
        let public: &[u8] = key.public().as_ref();
        let own = certificates.iter().find(|one| one.windows(public.len()).any(|window| window == public));
        let certificate = own.ok_or("and the key in it do not belong together")?.clone();
        Ok(Self { certificate, key })
    }
}

/// Whether the path is what should stand in the file; no such name can be told.
fn is_content(path: &Path) -> bool {
    let text = path.to_string_lossy();
    let text = text.trim_start_matches(['"', '\'', ' ', '\n']);
    text.starts_with("-----BEGIN ") || text.starts_with("MII") && text.len() > LONGEST_NAME
}

/// A PEM file without white space before its lines, and without a mark of the byte order.
fn flush(text: &[u8]) -> Vec<u8> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).collect::<Vec<_>>().join(&b'\n')
}

fn key_of_pkcs8(key: &[u8]) -> Result<RsaKeyPair, &'static str> {
    RsaKeyPair::from_pkcs8(key).map_err(|_| NO_RSA)
}

/// The key of a PEM file that is locked, in DER.
fn locked_key(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let (_, rest) = text.split_once("-----BEGIN ENCRYPTED PRIVATE KEY-----")?;
    let (coded, _) = rest.split_once("-----END")?;
    STANDARD.decode(coded.split_whitespace().collect::<String>()).ok()
}

/// What is said of a file that stays closed.
fn told(refused: Refused, password: Option<&str>) -> &'static str {
    match (refused, password) {
        (Refused::Other, _) => "is neither a PEM file nor a PKCS#12 file that can be read",
        (Refused::Locked(Locked::Scheme), _) => "is encrypted in a way that is not known here",
        (Refused::Locked(Locked::Password), None) => NO_PASSWORD,
        (Refused::Locked(Locked::Password), Some(_)) => "is encrypted with another password than `password`",
    }
}
