//! Proxies: which one stands between this machine and a host, and what is said when it does not let through.
//!
//! What leads to this machine never goes through one: http is allowed there, and a proxy would read all of it.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use reqwest::Url;

use super::origin::is_loopback;
use crate::error::{Error, Result};

/// How a name and a password are given.
pub const SIGN_IN: &str =
    "give a name and a password: proxy='http://name:password@host:port', or the same in HTTPS_PROXY";

const PROXY: &str = "give the address of an HTTP proxy; NO_PROXY names hosts that are reached without one";

/// The proxies that a client may use.
#[derive(Clone)]
pub(super) struct Proxies {
    matcher: Arc<Matcher>,
    /// Where they were named, for people.
    named: &'static str,
    /// The variable that names something else than a proxy, and which hosts would be reached through it.
    unfit: Option<(&'static str, Arc<Matcher>)>,
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proxies")
    }
}

impl Proxies {
    /// The proxy `given`, or else those of the environment (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`) or the system.
    pub(super) fn new(given: Option<&str>) -> Result<Self> {
        let Some(given) = given else {
            let (matcher, named) = (Arc::new(Matcher::from_system()), "HTTPS_PROXY or ALL_PROXY");
            return Ok(Self { matcher, named, unfit: unfit(|name| std::env::var(name).ok()) });
        };
        let wrong = || Error::configuration("`proxy` is not the URL of a proxy");
        let url = read(given).ok_or_else(wrong)?;
        let matcher = Arc::new(Matcher::builder().all(String::from(url)).build());
        let proxies = Self { matcher, named: "proxy=", unfit: None };
        let anywhere = Url::parse("https://service.invalid").map_err(|_| wrong())?;
        // Else what cannot be used would silently be left out.
        proxies.intercept(&anywhere).ok_or_else(wrong)?;
        proxies.check(&anywhere)?;
        Ok(proxies)
    }

    /// No proxy, whatever the environment says.
    pub(super) fn none() -> Self {
        Self { matcher: Arc::new(Matcher::builder().build()), named: "", unfit: None }
    }

    /// Refuses a proxy on the way to `url` that speaks what we do not: the first request would fail otherwise.
    pub(super) fn check(&self, url: &Url) -> Result<()> {
        if let Some((name, matcher)) = &self.unfit
            && intercept(matcher, url).is_some()
        {
            return Err(Error::configuration(format!("{name} is not the URL of a proxy")).with_hint(PROXY));
        }
        let Some(found) = self.intercept(url) else { return Ok(()) };
        let scheme = found.uri().scheme_str().unwrap_or_default();
        if matches!(scheme, "http" | "https") {
            return Ok(());
        }
        let (proxy, named) = (authority(&found), self.named);
        Err(Error::configuration(format!(
            "{named} names the proxy {scheme}://{proxy}, and only http and https are spoken"
        ))
        .with_hint(PROXY))
    }

    /// Host and port of the proxy on the way to `url`, without what signs in to it.
    pub(super) fn on_the_way_to(&self, url: &Url) -> Option<String> {
        self.intercept(url).map(|found| authority(&found))
    }

    /// Whether a name and a password are known for it.
    pub(super) fn signs_in_for(&self, url: &Url) -> bool {
        self.intercept(url).is_some_and(|found| found.basic_auth().is_some())
    }

    /// The proxy on the way to `url`, with what signs in to it.
    pub(super) fn address_for(&self, url: &Url) -> Option<Url> {
        let found = self.intercept(url)?;
        let mut address = Url::parse(&found.uri().to_string()).ok()?;
        let basic = found.basic_auth().and_then(|value| value.to_str().ok()?.strip_prefix("Basic "));
        if let Some(known) = basic.and_then(|coded| String::from_utf8(BASE64_STANDARD.decode(coded).ok()?).ok()) {
            let (name, password) = known.split_once(':').unwrap_or((&known, ""));
            address.set_username(name).ok()?;
            address.set_password(Some(password)).ok()?;
        }
        Some(address)
    }

    fn intercept(&self, url: &Url) -> Option<Intercept> {
        intercept(&self.matcher, url)
    }
}

fn intercept(matcher: &Matcher, url: &Url) -> Option<Intercept> {
    if is_loopback(url) { None } else { matcher.intercept(&url.as_str().parse().ok()?) }
}

/// The first of the environment's variables that is set, if it names no proxy: it would be passed over in silence.
fn unfit(variable: impl Fn(&str) -> Option<String>) -> Option<(&'static str, Arc<Matcher>)> {
    // Servers of web pages put words of strangers into such variables.
    if variable("REQUEST_METHOD").is_some() {
        return None;
    }
    let first = |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, variable(name)?)));
    let filled = |found: &(&str, String)| !found.1.is_empty();
    let named = first(["HTTPS_PROXY", "https_proxy"]).filter(filled);
    let (name, value) = named.or_else(|| first(["ALL_PROXY", "all_proxy"]).filter(filled))?;
    let anywhere = "https://service.invalid".parse().ok()?;
    if Matcher::builder().all(value).build().intercept(&anywhere).is_some() {
        return None;
    }
    let not = first(["NO_PROXY", "no_proxy"]).map_or_else(String::new, |(_, hosts)| hosts);
    Some((name, Arc::new(Matcher::builder().all("http://proxy.invalid").no(not).build())))
}

fn authority(found: &Intercept) -> String {
    found.uri().authority().map(ToString::to_string).unwrap_or_default()
}

/// A proxy's URL as people write it, which may be host and port alone.
fn read(given: &str) -> Option<Url> {
    let given = given.trim();
    let with_scheme = if given.contains("://") { given.to_owned() } else { format!("http://{given}") };
    Url::parse(&with_scheme).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn this_machine_is_never_reached_through_a_proxy() {
        let proxies = Proxies::new(Some("http://user:pass@proxy.example:3128")).unwrap();
        for here in [
            "http://127.0.0.1:1/v1.0",
            "http://127.3.2.1",
            "http://localhost/x?key=k",
            "http://LOCALHOST.:80",
            "http://[::1]:8",
            "https://localhost",
            "https://127.0.0.1:8443",
        ] {
            assert_eq!(proxies.address_for(&url(here)), None, "{here}");
            assert_eq!(proxies.on_the_way_to(&url(here)), None, "{here}");
        }
        let there = url("https://api.powerbi.com/v1.0");
        assert_eq!(proxies.on_the_way_to(&there).as_deref(), Some("proxy.example:3128"));
        assert_eq!(proxies.address_for(&there), Some(url("http://user:pass@proxy.example:3128")));
        assert!(proxies.signs_in_for(&there));
    }

    #[test]
    fn a_password_with_any_signs_stays_itself() {
        for written in ["http://us%3Aer:p%40s%3As%2F%25@host:1", "https://user@host", "http://host:3128"] {
            let proxies = Proxies::new(Some(written)).unwrap();
            let there = url("https://api.powerbi.com");
            let address = proxies.address_for(&there).unwrap();
            let signed_in = |address: &str| {
                let matcher = Matcher::builder().all(address).build();
                matcher.intercept(&"https://x.example".parse().unwrap()).unwrap().basic_auth().cloned()
            };
            assert_eq!(signed_in(address.as_str()), signed_in(written), "{written}");
        }
    }

    #[test]
    fn a_proxy_may_be_host_and_port_alone() {
        let proxies = Proxies::new(Some(" proxy.example:3128 ")).unwrap();
        assert_eq!(proxies.address_for(&url("https://a.example")), Some(url("http://proxy.example:3128")));
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_its_password() {
        for wrong in ["", "[", "http://user:canary@[", "ftp://user:canary@host", "http://"] {
            let error = Proxies::new(Some(wrong)).unwrap_err();
            assert_eq!(error.message, "`proxy` is not the URL of a proxy", "{wrong}");
        }
        for scheme in ["socks4", "socks4a", "socks5", "socks5h"] {
            let error = Proxies::new(Some(&format!("{scheme}://user:canary@host:1080"))).unwrap_err();
            let said = format!("proxy= names the proxy {scheme}://host:1080, and only http and https are spoken");
            assert_eq!(error.message, said);
        }
    }
}
