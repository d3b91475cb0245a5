//! Texts that nobody can guess.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::SecretString;

use crate::error::{Error, Kind, Result};

/// As many bytes as a guess is hopeless against.
const LENGTH: usize = 32;

/// One of them, of 43 letters.
pub(super) fn random() -> Result<SecretString> {
    let mut bytes = [0; LENGTH];
    let drawn = SystemRandom::new().fill(&mut bytes);
    drawn.map_err(|_| Error::new(Kind::Authentication, "the system gives no random numbers"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes).into())
}
