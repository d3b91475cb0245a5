//! Where an exchange was to take place, told with each failure: who reads of it has to know whom to ask.

use reqwest::Url;

use super::Failure;

/// `failure` with host and port of `url`; never more of it, since the rest may be a secret.
pub(super) fn placed(failure: Failure, url: &Url) -> Failure {
    let host = url.host_str().unwrap_or_default();
    let place = url.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let message = match failure.message.split_once("to the service") {
        Some((before, behind)) => format!("{before}to {place}{behind}"),
        // It names the host already, or it was the proxy.
        None if [&place, host, "the proxy"].iter().any(|known| failure.message.contains(known)) => failure.message,
        None => match failure.message.split_once(": ") {
            Some((what, why)) => format!("{what} ({place}): {why}"),
            None => format!("{} ({place})", failure.message),
        },
    };
    Failure { message, ..failure }
}
