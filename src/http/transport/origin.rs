//! Scheme and host as a user writes them: https, or http to this machine.

use std::net::IpAddr;

use reqwest::Url;

use crate::error::{Error, Result};

/// Reads the scheme and host that a user gave as `name`; `example` is a good one.
pub fn origin(name: &str, text: &str, example: &str) -> Result<Url> {
    let wrong = |why: &str| {
        Error::configuration(format!("{name} {why}"))
            .with_hint(format!("give scheme and host only, such as {example}; http is for loopback"))
    };
    let url = address(text, wrong)?;
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("must not hold a path, a query or a fragment"));
    }
    Ok(url)
}

/// Reads an address that requests may go to, whatever its path; `wrong` makes the error of what it is or lacks.
pub fn address(text: &str, wrong: impl Fn(&str) -> Error) -> Result<Url> {
    let url = Url::parse(text).map_err(|_| wrong("is not a URL"))?;
    if url.host_str().is_none() {
        return Err(wrong("has no host"));
    }
    if !(url.scheme() == "https" || url.scheme() == "http" && is_loopback(&url)) {
        return Err(wrong("must be https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("must not hold a user or a password"));
    }
    Ok(url)
}

/// Whether `url` leads to this machine, by what it says alone: a name is not looked up.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    // A host with a dot behind it is the same host.
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(['.', ']']);
    match host.parse() {
        Ok(address) => IpAddr::is_loopback(&address),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_is_for_loopback_only() {
        for good in [
            "https://api.powerbi.com",
            "https://api.powerbi.com/",
            "http://127.0.0.1:8765",
            "http://127.8.9.10",
            "http://localhost",
            "http://LOCALHOST.:1",
            "http://[::1]:1",
            "http://2130706433",
        ] {
            assert!(origin("base_url", good, "").is_ok(), "{good}");
        }
        for bad in [
            "http://api.powerbi.com",
            "http://127.0.0.1.example.org",
            "http://localhost.example.org",
            "http://notlocalhost",
            "http://128.0.0.1",
            "http://[::2]",
            "http://[::ffff:127.0.0.1]:1",
            "https://user@host",
            "https://:p@host",
            "https://host/path",
            "https://host?x=1",
            "https://host#x",
            "ftp://localhost",
            "api.powerbi.com",
            "",
            "file:///etc/passwd",
        ] {
            assert!(origin("base_url", bad, "").is_err(), "{bad}");
        }
    }
}
