//! The secrets of the app.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use uuid::Uuid;

/// The secrets of the app; the last one is good, those before it have expired.
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    pub(super) fn new() -> Self {
        Self(vec![secret()])
    }

    /// The one that is good.
    pub(super) fn good(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    /// Makes the good one expired, and a new one good.
    pub(super) fn expire(&mut self) {
        self.0.push(secret());
    }

    /// Whether it was good once.
    pub(super) fn is_expired(&self, secret: &str) -> bool {
        self.0.iter().any(|known| known == secret) && secret != self.good()
    }
}

/// A new secret, with signs that a form must spell otherwise.
fn secret() -> String {
    loop {
        let bytes = [(); 2].map(|()| Uuid::new_v4().into_bytes()).concat();
        let text = BASE64_STANDARD.encode(&bytes[..27]);
        if text.contains('+') && text.contains('/') {
            return format!("~{text}");
        }
    }
}
