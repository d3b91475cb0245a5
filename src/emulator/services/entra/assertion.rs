//! What vouches for an app in place of its secret: a token that a registered certificate or a trusted provider has
//! signed (facts/entra 5c, 5d). Signature and claims are checked.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use serde_json::{Map, Value as Json};
use webpki::ring::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256_LEGACY_KEY};
use webpki::{EndEntityCert, Error, KeyUsage};

use super::failure::Failure;
use crate::emulator::switch::Reception;

/// The one kind of assertion there is (RFC 7523, section 2.2).
const KIND: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// For whom the token of another provider has to be.
const EXCHANGE: &str = "api://AzureADTokenExchange";
/// How far two clocks may be apart, in seconds.
const SKEW: u64 = 300;
/// What vouches may last so long, in seconds; documented are five to ten minutes, and clocks differ.
const LONGEST: u64 = 600 + SKEW;
/// Base64 of URLs; some clients leave the padding.
const CODED: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A provider whose tokens stand in for a secret of the app.
#[derive(Debug, Clone)]
pub(super) struct Trust {
    pub(super) issuer: String,
    pub(super) subject: String,
    /// Whose key signs, in DER.
    pub(super) certificate: Vec<u8>,
}

/// What the app is known by, and who asks.
pub(super) struct Known<'a> {
    pub(super) client: &'a str,
    /// The addresses of the token endpoint.
    pub(super) endpoints: &'a [String],
    /// The app's certificates, in DER.
    pub(super) certificates: &'a [Vec<u8>],
    pub(super) trusts: &'a [Trust],
    /// In seconds since 1970.
    pub(super) now: u64,
}

/// The names of assertions that were taken, and until when they are good.
#[derive(Default)]
pub(super) struct Used(HashMap<String, u64>);

impl Used {
    /// Notes an assertion by its name; or refuses it where one of this name was taken and that is not allowed.
    pub(super) fn note(&mut self, named: Named, now: u64, again: Reception) -> Result<(), Failure> {
        self.0.retain(|_, ends| *ends + SKEW > now);
        if self.0.insert(named.jti, named.ends).is_some() && again == Reception::Refused {
            return Err(Failure::new(50_013, "Assertion is invalid: one with this jti was used before."));
        }
        Ok(())
    }
}

/// An assertion of the app's own.
pub(super) struct Named {
    jti: String,
    ends: u64,
}

/// A token as it came.
struct Token<'a> {
    header: Map<String, Json>,
    claims: Map<String, Json>,
    signed: &'a str,
    signature: Vec<u8>,
}

/// Whether `kind` and `assertion` vouch for the app; gives the name of what the app made for this once.
pub(super) fn check(kind: Option<&str>, assertion: &str, known: &Known<'_>) -> Result<Option<Named>, Failure> {
    if kind != Some(KIND) {
        let message = "The request body must contain the following parameter: 'client_assertion_type'.";
        return Err(Failure::new(900_144, message));
    }
    let token = read(assertion).ok_or_else(|| Failure::new(50_027, "JWT token is invalid or malformed."))?;
    let issuer = token.text("iss").unwrap_or_default();
    if issuer.eq_ignore_ascii_case(known.client) {
        return of_certificate(&token, known).map(Some);
    }
    of_provider(&token, known).map(|()| None)
}

fn of_certificate(token: &Token<'_>, known: &Known<'_>) -> Result<Named, Failure> {
    let print = |name: &str| token.header.get(name).and_then(Json::as_str).and_then(|text| CODED.decode(text).ok());
    let (newer, older) = (print("x5t#S256"), print("x5t"));
    let is_named = |certificate: &Vec<u8>| match (&newer, &older) {
        (Some(print), _) => digest(&SHA256, certificate).as_ref() == print.as_slice(),
        (None, Some(print)) => digest(&SHA1_FOR_LEGACY_USE_ONLY, certificate).as_ref() == print.as_slice(),
        (None, None) => false,
    };
    let certificate = known.certificates.iter().find(|certificate| is_named(certificate)).ok_or_else(|| {
        let message =
            "The certificate with identifier used to sign the client assertion is not registered on application.";
        Failure::new(700_027, message)
    })?;
    if !token.is_signed_by(certificate) {
        return Err(Failure::new(700_027, "Client assertion failed signature validation."));
    }
    check_dates(certificate, known.now)?;
    let ends = token.check_times(known.now, Some(LONGEST))?;
    if token.text("sub") != Some(known.client) {
        let message = "Client assertion application identifier doesn't match 'client_id' parameter.";
        return Err(Failure::new(700_021, message));
    }
    if !token.is_for(known.endpoints) {
        return Err(Failure::new(700_023, "Client assertion audience claim does not match Realm issuer."));
    }
    let jti = token.text("jti").filter(|jti| !jti.is_empty());
    let jti = jti.ok_or_else(|| Failure::new(50_027, "JWT token is invalid or malformed: there is no jti."))?;
    Ok(Named { jti: jti.to_owned(), ends })
}

/// Refuses a certificate before and after its time (facts/entra 5n).
fn check_dates(certificate: &[u8], now: u64) -> Result<(), Failure> {
    let (der, time) = (CertificateDer::from(certificate), UnixTime::since_unix_epoch(Duration::from_secs(now)));
    // Nobody is trusted to have issued it, which is found out after its dates.
    let outcome = EndEntityCert::try_from(&der).and_then(|certificate| {
        certificate.verify_for_usage(&[], &[], &[], time, KeyUsage::client_auth(), None, None).map(|_| ())
    });
    let reason = match outcome {
        Err(Error::CertExpired { .. }) => "The key used is expired.",
        Err(Error::CertNotValidYet { .. }) => "The key used is not valid yet.",
        _ => return Ok(()),
    };
    let message = format!("Client assertion contains an invalid signature. [Reason - {reason}]");
    Err(Failure::new(700_027, message))
}

fn of_provider(token: &Token<'_>, known: &Known<'_>) -> Result<(), Failure> {
    let (issuer, subject) = (token.text("iss").unwrap_or_default(), token.text("sub").unwrap_or_default());
    let of_issuer: Vec<&Trust> = known.trusts.iter().filter(|trust| trust.issuer == issuer).collect();
    if of_issuer.is_empty() {
        let message = format!("No matching federated identity record found for presented assertion issuer '{issuer}'.");
        return Err(Failure::new(700_211, message));
    }
    if !token.is_for(&[EXCHANGE.to_owned()]) {
        let message = "No matching federated identity record found for presented assertion audience.";
        return Err(Failure::new(700_212, message));
    }
    let trust = of_issuer.into_iter().find(|trust| trust.subject == subject).ok_or_else(|| {
        let message =
            format!("No matching federated identity record found for presented assertion subject '{subject}'.");
        Failure::new(700_213, message)
    })?;
    if !token.is_signed_by(&trust.certificate) {
        return Err(Failure::new(50_012, "Signature validation of the assertion failed."));
    }
    token.check_times(known.now, None).map(drop)
}

fn read(assertion: &str) -> Option<Token<'_>> {
    let (signed, signature) = assertion.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let part = |text: &str| serde_json::from_slice(&CODED.decode(text).ok()?).ok();
    Some(Token { header: part(header)?, claims: part(claims)?, signed, signature: CODED.decode(signature).ok()? })
}

impl Token<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Json::as_str)
    }

    fn is_for(&self, audiences: &[String]) -> bool {
        let named: Vec<&str> = match self.claims.get("aud") {
            Some(Json::String(one)) => vec![one],
            Some(Json::Array(several)) => several.iter().filter_map(Json::as_str).collect(),
            _ => Vec::new(),
        };
        named.iter().any(|name| audiences.iter().any(|audience| audience == name))
    }

    fn is_signed_by(&self, certificate: &[u8]) -> bool {
        let algorithm: &dyn SignatureVerificationAlgorithm = match self.header.get("alg").and_then(Json::as_str) {
            Some("PS256") => RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
            Some("RS256") => RSA_PKCS1_2048_8192_SHA256,
            _ => return false,
        };
        let der = CertificateDer::from(certificate);
        let certificate = EndEntityCert::try_from(&der);
        certificate.is_ok_and(|it| it.verify_signature(algorithm, self.signed.as_bytes(), &self.signature).is_ok())
    }

    /// It has begun, has not ended, and lasts no longer than it may; gives when it ends.
    fn check_times(&self, now: u64, longest: Option<u64>) -> Result<u64, Failure> {
        // A time may have a fraction (facts/entra 5m).
        let time = |name: &str| self.claims.get(name).and_then(Json::as_f64).and_then(whole);
        let begins = time("nbf").or_else(|| time("iat"));
        let has_begun = begins.is_none_or(|begins| begins <= now + SKEW);
        let is_short = |ends: u64| longest.is_none_or(|longest| ends <= begins.unwrap_or(now) + longest);
        let ends = time("exp").filter(|ends| has_begun && ends + SKEW > now && is_short(*ends));
        ends.ok_or_else(|| Failure::new(700_024, "Client assertion is not within its valid time range."))
    }
}

/// The whole seconds of a time.
fn whole(time: f64) -> Option<u64> {
    std::time::Duration::try_from_secs_f64(time).ok().map(|time| time.as_secs())
}

/// The certificate of a PEM file that could be registered, in DER.
pub(super) fn certificate(pem: &str) -> Option<Vec<u8>> {
    use rustls::pki_types::pem::PemObject;
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    EndEntityCert::try_from(&certificate).is_ok().then(|| certificate.to_vec())
}
