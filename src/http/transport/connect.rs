//! How connections are made: TLS, proxies, certificates, time limits.

use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

use reqwest::{Certificate, Client, ClientBuilder, Proxy, Url, redirect};

use super::proxy::Proxies;
use crate::error::{Error, Result};

/// Connecting takes at most this long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// An idle connection is dropped before the service's own side forgets it: a request into a dead connection is in doubt.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// What a user may choose about connections.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Silence, within one exchange, that counts as a failure.
    pub timeout: Duration,
    /// A proxy's URL; without it the environment's (`HTTPS_PROXY`, `NO_PROXY`) counts. This machine needs none.
    pub proxy: Option<String>,
    /// A PEM file of further authorities to trust.
    pub ca_bundle: Option<PathBuf>,
}

impl Settings {
    /// Refuses a proxy on the way to `url` that cannot be used: the first request would fail otherwise.
    pub fn check_way(&self, url: &Url) -> Result<()> {
        Proxies::new(self.proxy.as_deref())?.check(url)
    }
}

pub(super) fn client(settings: &Settings, proxies: &Proxies) -> Result<Client> {
    let proxies = proxies.clone();
    client_through(settings, &Proxy::custom(move |url| proxies.address_for(url)))
}

/// A client that speaks through the proxy `address` wherever it goes.
pub(super) fn client_of_proxy(settings: &Settings, address: Url) -> Result<Client> {
    let proxy = Proxy::all(address).map_err(|error| Error::configuration("no proxy").caused_by(error.without_url()))?;
    client_through(settings, &proxy)
}

fn client_through(settings: &Settings, proxy: &Proxy) -> Result<Client> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // An `Err` means that the process has a provider already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    let built = builder(settings)?.proxy(proxy.clone()).build();
    // A machine without any certificate store cannot build a client at all: give it Mozilla's roots.
    let built = match built {
        Err(_) if settings.ca_bundle.is_none() => {
            builder(settings)?.proxy(proxy.clone()).tls_certs_only(mozilla_roots()?).build()
        }
        built => built,
    };
    built.map_err(|error| Error::configuration("the HTTP client could not be made").caused_by(error.without_url()))
}

fn builder(settings: &Settings) -> Result<ClientBuilder> {
    let mut builder = Client::builder()
        .user_agent(concat!("powerbi-push/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .referer(false)
        .http1_only()
        .min_tls_version(reqwest::tls::Version::TLS_1_2)
        .connect_timeout(CONNECT_TIMEOUT.min(settings.timeout))
        .pool_idle_timeout(IDLE_TIMEOUT);
    if let Some(path) = settings.ca_bundle.clone().or_else(bundle_of_environment) {
        builder = builder.tls_certs_merge(read_bundle(&path)?);
    }
    Ok(builder)
}

/// The variables that Python's `requests` and curl read.
fn bundle_of_environment() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("REQUESTS_CA_BUNDLE").or_else(|| set("CURL_CA_BUNDLE"))
}

fn read_bundle(path: &Path) -> Result<Vec<Certificate>> {
    let unusable = |why: String| {
        Error::configuration(format!("the CA bundle `{}` {why}", path.display())).with_hint(
            "ca_bundle= takes the path of a PEM file; without it REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE count",
        )
    };
    let pem = std::fs::read(path).map_err(|error| unusable(format!("cannot be read: {error}")))?;
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|_| unusable("is not PEM".into()))?;
    if certificates.is_empty() {
        return Err(unusable("holds no certificate".into()));
    }
    Ok(certificates)
}

fn mozilla_roots() -> Result<Vec<Certificate>> {
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    let read = roots.map(|der| Certificate::from_der(der)).collect::<reqwest::Result<_>>();
    read.map_err(|error| Error::configuration("the built-in certificates cannot be read").caused_by(error))
}
