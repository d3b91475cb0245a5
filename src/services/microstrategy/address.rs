//! Where a MicroStrategy Library is: its address as people write it, and the paths below it.

use reqwest::Url;

use crate::error::{Error, Result};
use crate::http::transport::address;

const EXAMPLE: &str = "https://example.com/MicroStrategyLibrary";

/// Reads what a user gave as `base_url`, with or without `/api` (or `/app`, which the browser shows) at its end. The
/// application's name is whatever the deployment chose.
pub fn base_url(text: &str) -> Result<Url> {
    let wrong = |why: &str| {
        Error::configuration(format!("base_url {why}"))
            .with_hint(format!("give the address of the Library, such as {EXAMPLE}; http is for loopback"))
    };
    let mut url = address(text.trim(), wrong)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("must not hold a query or a fragment"));
    }
    let mut segments: Vec<String> = url.path().split('/').filter(|one| !one.is_empty()).map(str::to_owned).collect();
    if segments.last().is_some_and(|last| last == "api" || last == "app") {
        segments.pop();
    }
    url.set_path(&segments.join("/"));
    Ok(url)
}

/// The address of an operation: `segments` below `/api`.
pub(super) fn below(root: &Url, segments: &[&str]) -> Result<Url> {
    let mut url = root.clone();
    url.path_segments_mut()
        .map_err(|()| Error::configuration("base_url cannot have paths"))?
        .pop_if_empty()
        .push("api")
        .extend(segments);
    Ok(url)
}

/// Whether it has the shape of an id: 32 hexadecimal digits.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_taken_with_or_without_api() {
        for (given, root) in [
            ("https://h/MicroStrategyLibrary", "https://h/MicroStrategyLibrary/api/status"),
            ("https://h/MicroStrategyLibrary/", "https://h/MicroStrategyLibrary/api/status"),
            ("https://h/MicroStrategyLibrary/api", "https://h/MicroStrategyLibrary/api/status"),
            ("https://h/MicroStrategyLibrary/api/", "https://h/MicroStrategyLibrary/api/status"),
            ("https://h/MicroStrategyLibrary/app", "https://h/MicroStrategyLibrary/api/status"),
            ("https://h/api-gw/Lib", "https://h/api-gw/Lib/api/status"),
            ("https://h/api/Lib", "https://h/api/Lib/api/status"),
            ("http://127.0.0.1:1", "http://127.0.0.1:1/api/status"),
        ] {
            assert_eq!(below(&base_url(given).unwrap(), &["status"]).unwrap().as_str(), root);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for wrong in ["", "h/Lib", "http://example.com/Lib", "https://u:p@h/Lib", "https://h/Lib?x=1", "ftp://h"] {
            assert!(base_url(wrong).is_err(), "{wrong}");
        }
    }
}
