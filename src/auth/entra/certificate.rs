//! An app and its certificate: what vouches for it is signed here, with the certificate's key.
//!
//! Source: "Microsoft identity platform application authentication certificate credentials".

mod der;
mod file;
mod locked;
mod pkcs12;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use self::file::Pair;
use super::super::account::FetchContext;
use super::super::{AccessToken, exchange};
use super::app::App;
use super::grant;
use super::random::random;
use super::way::Way;
use crate::error::{Error, Kind, Result};

/// Entra takes what lasts five to ten minutes.
const LIFETIME: Duration = Duration::from_secs(600);

/// An app that signs in with a certificate.
#[derive(Debug)]
pub struct Certificate {
    app: App,
    path: PathBuf,
    password: Option<SecretString>,
    /// The newer kind of signature was refused, and the older one was taken.
    is_older: AtomicBool,
}

/// How it is signed, and by what the certificate is named.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kinds {
    /// `PS256`, and the SHA-256 of the certificate.
    Newer,
    /// `RS256`, and its SHA-1: what some authorities on premises take.
    Older,
}

impl Certificate {
    /// An app of `tenant`. The file is read at once, so that what is wrong with it is told here, and again each time, so
    /// that it may be renewed; nothing is sent.
    pub fn new(
        tenant: &str,
        client: &str,
        path: PathBuf,
        password: Option<SecretString>,
        authority: Option<&str>,
    ) -> Result<Self> {
        let app = App::by_itself(tenant, client, authority)?;
        Pair::read(&path, password.as_ref())?;
        Ok(Self { app, path, password, is_older: AtomicBool::new(false) })
    }

    async fn sign_in(&self, context: &FetchContext) -> Result<AccessToken> {
        let pair = Pair::read(&self.path, self.password.as_ref())?;
        if self.is_older.load(Ordering::Relaxed) {
            return self.ask(context, &pair, Kinds::Older).await;
        }
        match self.ask(context, &pair, Kinds::Newer).await {
            Err(error) if error.answer.code.as_deref() == Some("invalid_client") => {
                // What is told is what the newer one was refused for: the older one seldom is the reason.
                let token = self.ask(context, &pair, Kinds::Older).await.map_err(|_| error)?;
                self.is_older.store(true, Ordering::Relaxed);
                Ok(token)
            }
            asked => asked,
        }
    }

    async fn ask(&self, context: &FetchContext, pair: &Pair, kinds: Kinds) -> Result<AccessToken> {
        let assertion = self.assertion(context, pair, kinds)?;
        grant::post(context, &self.app.asserted(context, &assertion), exchange::token).await
    }

    /// What vouches for the app.
    fn assertion(&self, context: &FetchContext, pair: &Pair, kinds: Kinds) -> Result<SecretString> {
        let now = seconds(context.clock.wall());
        let id = random()?;
        let claims = json!({
            "aud": self.app.url(context, "token").as_str(),
            "iss": self.app.client(),
            "sub": self.app.client(),
            "jti": id.expose_secret(),
            "nbf": now,
            "iat": now,
            "exp": now + LIFETIME.as_secs(),
        });
        let (algorithm, name, hash, signing): (_, _, _, &'static dyn RsaEncoding) = match kinds {
            Kinds::Newer => ("PS256", "x5t#S256", &SHA256, &RSA_PSS_SHA256),
            Kinds::Older => ("RS256", "x5t", &SHA1_FOR_LEGACY_USE_ONLY, &RSA_PKCS1_SHA256),
        };
        let print = URL_SAFE_NO_PAD.encode(digest(hash, &pair.certificate));
        let header = json!({"alg": algorithm, "typ": "JWT", name: print});
        let signed = format!("{}.{}", encoded(&header), encoded(&claims));
        let mut signature = vec![0; pair.key.public().modulus_len()];
        let made = pair.key.sign(signing, &SystemRandom::new(), signed.as_bytes(), &mut signature);
        made.map_err(|_| {
            Error::new(Kind::Authentication, "the key of the certificate cannot sign")
                .with_hint("make a new certificate with an RSA key of 2048 bits or more, and upload it")
        })?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
    }
}

impl Way for Certificate {
    fn app(&self) -> &App {
        &self.app
    }

    async fn token(&self, context: &FetchContext) -> Result<AccessToken> {
        self.sign_in(context).await
    }
}

fn encoded(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
