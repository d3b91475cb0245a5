//! Entra ID: the endpoints at which the tenant's one app and its one user sign in, and those at which a machine does
//! (facts/entra 2, 5).
//!
//! ```text
//!  GET  authorize, deviceauth ──▶ page: a person lets the app in, or not ──▶ codes, devices
//!  POST devicecode ──▶ devices                                                 │
//!  POST token ──▶ form ──▶ tenant? app? secret, assertion? scope? grant? ◀──────┘ ──▶ tokens of the app or the user
//!                            └────── no ──────▶ failure (AADSTS...)
//!  GET  metadata, msi ──▶ machine ──▶ a token of the app
//! ```

mod assertion;
mod authorize;
mod codes;
mod device_page;
mod devices;
mod discovery;
mod failure;
mod form;
mod machine;
mod page;
mod refresh;
mod secrets;
mod token;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use uuid::Uuid;

use self::assertion::{Trust, Used};
use self::codes::Codes;
use self::devices::Devices;
use self::failure::Failure;
use self::machine::Machine;
use self::refresh::RefreshTokens;
use self::secrets::Secrets;
use crate::emulator::http::{Answer, Arrived, FailNext, Route, Service, Site, Visible};
use crate::emulator::identity::Identity;
use crate::emulator::switch::Reception;
use crate::error::{Error, Result};

/// Its operations, under names of ours: the vendor has none.
const OPERATIONS: [&str; 8] = [
    "Entra_Token",
    "Entra_OpenIdConfiguration",
    "Entra_Authorize",
    "Entra_DeviceCode",
    "Entra_DevicePage",
    "Entra_Keys",
    "ManagedIdentity_Metadata",
    "ManagedIdentity_AppService",
];
/// The words that its paths are made of.
const WORDS: [&str; 13] = [
    "oauth2",
    "v2.0",
    "token",
    ".well-known",
    "openid-configuration",
    "authorize",
    "devicecode",
    "deviceauth",
    "discovery",
    "keys",
    "metadata",
    "identity",
    "msi",
];
/// Tenants that stand for many, of which an app that signs in by itself has none (facts/entra 2).
const NO_TENANTS: [&str; 3] = ["common", "consumers", "organizations"];
/// The largest body that it reads.
const MAX_BODY: usize = 16_000_000;

/// The service.
pub(in crate::emulator) struct Entra {
    site: Arc<Site>,
    identity: Arc<Identity>,
    /// What becomes of an assertion that was used before.
    used_assertions: Reception,
    state: Mutex<State>,
}

/// What the app is known by, and what was given out.
struct State {
    secrets: Secrets,
    /// In DER.
    certificates: Vec<Vec<u8>>,
    trusts: Vec<Trust>,
    used: Used,
    codes: Codes,
    devices: Devices,
    refresh: RefreshTokens,
    machine: Machine,
}

impl Entra {
    pub(in crate::emulator) fn new(site: Arc<Site>, identity: Arc<Identity>, used_assertions: Reception) -> Self {
        let state = State {
            secrets: Secrets::new(),
            certificates: Vec::new(),
            trusts: Vec::new(),
            used: Used::default(),
            codes: Codes::default(),
            devices: Devices::default(),
            refresh: RefreshTokens::default(),
            machine: Machine::new(),
        };
        Self { site, identity, used_assertions, state: Mutex::new(state) }
    }

    /// The app's secret that is good.
    pub(in crate::emulator) fn client_secret(&self) -> String {
        self.state().secrets.good().to_owned()
    }

    /// Makes the good secret expired, and a new one good.
    pub(in crate::emulator) fn expire_client_secret(&self) {
        self.state().secrets.expire();
    }

    /// Lets the app sign in with the certificate in `pem`.
    pub(in crate::emulator) fn add_certificate(&self, pem: &str) -> Result<()> {
        let certificate = known_certificate(pem)?;
        self.state().certificates.push(certificate);
        Ok(())
    }

    /// Takes tokens of the provider `issuer` about `subject`, signed with the key of the certificate in `pem`, in place
    /// of a secret of the app.
    pub(in crate::emulator) fn trust(&self, issuer: &str, subject: &str, pem: &str) -> Result<()> {
        let certificate = known_certificate(pem)?;
        let (issuer, subject) = (issuer.to_owned(), subject.to_owned());
        self.state().trusts.push(Trust { issuer, subject, certificate });
        Ok(())
    }

    /// Ends every sign-in of the user: refresh tokens so far are good for nothing.
    pub(in crate::emulator) fn revoke_sign_ins(&self) {
        self.state().refresh.revoke();
    }

    /// The variables of a machine with an identity: `imds`, `app_service` or `arc`.
    pub(in crate::emulator) fn machine(&self, kind: &str) -> Result<Vec<(&'static str, String)>> {
        let url = self.site.url();
        match kind {
            "imds" => Ok(vec![("AZURE_POD_IDENTITY_AUTHORITY_HOST", url)]),
            "app_service" => Ok(vec![
                ("IDENTITY_ENDPOINT", format!("{url}{}", machine::APP_SERVICE_PATH)),
                ("IDENTITY_HEADER", self.state().machine.header.clone()),
            ]),
            "arc" => {
                Ok(vec![("IDENTITY_ENDPOINT", format!("{url}{}", machine::METADATA_PATH)), ("IMDS_ENDPOINT", url)])
            }
            _ => {
                Err(Error::configuration("`kind` is no machine with an identity").with_hint("imds, app_service or arc"))
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its time, in seconds since 1970.
    fn seconds(&self) -> u64 {
        self.site.wall().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
    }
}

fn known_certificate(pem: &str) -> Result<Vec<u8>> {
    let hint = "it is the text of a PEM file with an X.509 certificate of version 3";
    assertion::certificate(pem).ok_or_else(|| Error::configuration("`pem` holds no certificate").with_hint(hint))
}

/// A text that nobody guesses.
fn random() -> String {
    let bytes = [(); 2].map(|()| Uuid::new_v4().into_bytes()).concat();
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// What there is at a path, and the tenant that it names.
enum Endpoint<'a> {
    Token(&'a str),
    Discovery(&'a str),
    Authorize(&'a str),
    DeviceCode(&'a str),
    DevicePage,
    Keys,
    Metadata,
    AppService,
}

fn endpoint<'a>(method: &Method, path: &'a str) -> Option<Endpoint<'a>> {
    let gets = method == Method::GET;
    if path == device_page::PATH {
        return gets.then_some(Endpoint::DevicePage);
    }
    if path == machine::METADATA_PATH || path == machine::APP_SERVICE_PATH {
        let is_metadata = path == machine::METADATA_PATH;
        return gets.then_some(if is_metadata { Endpoint::Metadata } else { Endpoint::AppService });
    }
    match path.split('/').collect::<Vec<_>>().as_slice() {
        ["", tenant, "oauth2", "v2.0", "token"] => Some(Endpoint::Token(tenant)),
        ["", tenant, "oauth2", "v2.0", "devicecode"] => Some(Endpoint::DeviceCode(tenant)),
        ["", tenant, "oauth2", "v2.0", "authorize"] if gets => Some(Endpoint::Authorize(tenant)),
        ["", tenant, "v2.0", ".well-known", "openid-configuration"] if gets => Some(Endpoint::Discovery(tenant)),
        ["", _, "discovery", "v2.0", "keys"] if gets => Some(Endpoint::Keys),
        _ => None,
    }
}

impl Service for Entra {
    fn route(&self, method: &Method, path: &str) -> Option<Route> {
        let operation = match endpoint(method, path)? {
            Endpoint::Token(_) => OPERATIONS[0],
            Endpoint::Discovery(_) => OPERATIONS[1],
            Endpoint::Authorize(_) => OPERATIONS[2],
            Endpoint::DeviceCode(_) => OPERATIONS[3],
            Endpoint::DevicePage => OPERATIONS[4],
            Endpoint::Keys => OPERATIONS[5],
            Endpoint::Metadata => OPERATIONS[6],
            Endpoint::AppService => OPERATIONS[7],
        };
        Some(Route { operation: Some(operation), signs_in: true, ..Route::default() })
    }

    fn answer(&self, request: &Arrived) -> Answer {
        match endpoint(&request.parts.method, request.parts.uri.path()) {
            Some(Endpoint::Discovery(tenant)) => self.document(tenant),
            Some(Endpoint::Token(tenant)) => self.token(request, tenant),
            Some(Endpoint::Authorize(tenant)) => self.authorize(request, tenant),
            Some(Endpoint::DeviceCode(tenant)) => self.device_code(request, tenant),
            Some(Endpoint::DevicePage) => self.device_page(request),
            Some(Endpoint::Keys) => Self::keys(),
            Some(Endpoint::Metadata) => self.metadata(request),
            Some(Endpoint::AppService) => self.app_service(request),
            None => Answer::empty(StatusCode::NOT_FOUND),
        }
    }

    /// A refusal whose number stands in the code, or goes with the status.
    fn fault(&self, fault: &FailNext) -> Answer {
        let number = fault.code.as_deref().and_then(|code| code.trim_start_matches("AADSTS").parse().ok());
        let number = number.unwrap_or(match fault.status {
            401 => 7_000_215,
            429 | 500.. => 90_033,
            _ => 900_144,
        });
        let message = fault.message.as_deref().unwrap_or("ordered by `fail_next`");
        Failure::new(number, message).answer(self.site.wall(), None)
    }

    fn add_headers(&self, headers: &mut HeaderMap) {
        if let Ok(id) = HeaderValue::try_from(Uuid::new_v4().to_string()) {
            headers.insert("x-ms-request-id", id);
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-cache"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    }

    fn knows(&self, text: &str) -> bool {
        OPERATIONS.contains(&text) || text.split('/').any(|segment| WORDS.contains(&segment))
    }

    fn operations(&self) -> &'static [&'static str] {
        &OPERATIONS
    }

    fn secret_headers(&self) -> &'static [&'static str] {
        &["x-identity-header"]
    }

    fn visible(&self, request: &Arrived) -> Visible {
        let body = form::redacted(&String::from_utf8_lossy(&request.body));
        Visible { query: form::redacted(request.query()), body: body.into() }
    }

    fn most_bytes(&self) -> usize {
        MAX_BODY
    }
}
