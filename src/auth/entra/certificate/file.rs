//! A certificate and its key, out of a file.

use std::fs;
use std::path::Path;

use ring::signature::RsaKeyPair;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::SecretString;

use crate::error::{Error, Result, shown};

/// A chain of certificates and a key have some kilobytes.
const LONGEST: u64 = 1_000_000;
const HINT: &str = "certificate_path is a PEM file that holds the certificate and its private key; \
                    `openssl pkcs12 -in cert.pfx -out cert.pem -nodes` makes one of a .pfx";

/// A certificate, and the key that belongs to it.
pub(super) struct Pair {
    /// In DER.
    pub(super) certificate: Vec<u8>,
    pub(super) key: RsaKeyPair,
}

impl Pair {
    /// Reads a PEM file.
    pub(super) fn read(path: &Path, password: Option<&SecretString>) -> Result<Self> {
        let wrong = |why: &str| {
            Error::configuration(format!("the certificate in `{}` {why}", shown(&path.to_string_lossy())))
                .with_hint(HINT)
        };
        let known = fs::metadata(path).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
        if !known.is_file() || known.len() > LONGEST {
            return Err(wrong("is none: it is no file, or too long"));
        }
        let text = fs::read(path).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
        Self::from_pem(&text, password).map_err(wrong)
    }

    fn from_pem(text: &[u8], _password: Option<&SecretString>) -> Result<Self, &'static str> {
        let has = |words: &[u8]| text.windows(words.len()).any(|window| window == words);
        if !has(b"-----BEGIN ") {
            return Err("is no PEM file");
        }
        if has(b"BEGIN ENCRYPTED PRIVATE KEY") || has(b"Proc-Type: 4,ENCRYPTED") {
            return Err("has a key that is encrypted, which is not supported: `openssl pkey` decrypts it");
        }
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(text).filter_map(Result::ok).collect();
        if certificates.is_empty() {
            return Err("holds no certificate");
        }
        let key = PrivateKeyDer::from_pem_slice(text).map_err(|_| "holds no private key: both must be in one file")?;
        let key = match &key {
            PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
            _ => return Err("has a key of another kind than RSA, which is all that Microsoft Entra takes"),
        };
        let key = key.map_err(|_| "has a key that is no RSA key of 2048 bits or more")?;
        // A public key stands in its certificate as it is: whichever has it is the key's own one.
        let public: &[u8] = key.public().as_ref();
        let own = certificates.iter().find(|one| one.windows(public.len()).any(|window| window == public));
        let certificate = own.ok_or("and the key in it do not belong together")?.to_vec();
        Ok(Self { certificate, key })
    }
}
