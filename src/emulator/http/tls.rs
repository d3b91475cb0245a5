//! The certificate that an emulator makes for itself, and the TLS acceptor that shows it.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::TlsAcceptor;

use crate::clock::Clock;
use crate::error::{Error, Result};

/// The names under which the emulator may be addressed.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// How long the certificate is good, from a day ago on; some machines refuse those of more than 825 days.
const DAYS: i64 = 800;

/// A certificate of the emulator's own, and whom to trust for it.
pub(in crate::emulator) struct Identity {
    pub(in crate::emulator) acceptor: TlsAcceptor,
    /// The certificate of its issuer, as PEM.
    pub(in crate::emulator) ca_pem: String,
}

impl Identity {
    /// Makes an issuer and one certificate of it; the issuer's key is then forgotten.
    pub(in crate::emulator) fn new() -> Result<Self> {
        let issuer = CertifiedIssuer::self_signed(issuer()?, key()?).map_err(failed)?;
        let key = key()?;
        let certificate = server()?.signed_by(&key, &issuer).map_err(failed)?;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let chain = vec![certificate.der().clone()];
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let mut config = builder.map_err(failed)?.with_no_client_auth().with_single_cert(chain, key.into());
        if let Ok(config) = config.as_mut() {
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
        }
        let acceptor = TlsAcceptor::from(Arc::new(config.map_err(failed)?));
        Ok(Self { acceptor, ca_pem: pem(issuer.der()) })
    }
}

fn key() -> Result<KeyPair> {
    KeyPair::generate().map_err(failed)
}

/// One that may issue, but name no further issuer.
fn issuer() -> Result<CertificateParams> {
    let mut params = named(&[])?;
    params.distinguished_name.push(DnType::CommonName, "powerbi_push emulator");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    Ok(params)
}

fn server() -> Result<CertificateParams> {
    let mut params = named(&NAMES)?;
    params.distinguished_name.push(DnType::CommonName, NAMES[0]);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// The parameters of a certificate for these names. Its validity follows the machine's time, by which clients check it.
fn named(names: &[&str]) -> Result<CertificateParams> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).map_err(failed)?;
    let yesterday = DateTime::<Utc>::from(Clock::real().wall()) - TimeDelta::days(1);
    let day = |at: DateTime<Utc>| {
        let part = |number: u32| u8::try_from(number).unwrap_or(1);
        date_time_ymd(at.year(), part(at.month()), part(at.day()))
    };
    params.not_before = day(yesterday);
    params.not_after = day(yesterday + TimeDelta::days(DAYS));
    Ok(params)
}

/// In lines of 64 signs, as every reader takes it.
fn pem(der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::configuration("the certificate of the emulator could not be made").caused_by(error)
}
