//! Why no answer came: what is said of it, and who stood in the way where it was a proxy.

use std::error::Error as StdError;

use super::body::Progress;
use crate::error::{Error, Kind};

/// What to look at where nothing better is known.
const LOOK_AROUND: &str = "check the network, the proxy (proxy=, HTTPS_PROXY) and the certificates (ca_bundle=)";

/// What to look at where a certificate is not of this time.
const CLOCK: &str =
    "check the clock of this machine, which may not know the time yet; else the certificate has to be renewed";

/// Why no answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Whether the whole body had been handed to the network: then the service may have acted on it.
    pub sent_whole: bool,
    /// Whether it was silence that ended the exchange.
    pub timed_out: bool,
    /// What happened, without any URL.
    pub message: String,
    /// What to do, where that is known better than to look at everything.
    pub hint: Option<String>,
}

impl Failure {
    /// The failure as users see it.
    #[must_use]
    pub fn to_error(&self) -> Error {
        let kind = if self.timed_out { Kind::TransportTimeout } else { Kind::Transport };
        Error::new(kind, self.message.clone()).with_hint(self.hint.as_deref().unwrap_or(LOOK_AROUND))
    }

    /// Nothing moved for so many seconds; `proxy` is on the way.
    pub(super) fn silence(sent_whole: bool, seconds: f64, proxy: Option<&str>) -> Self {
        let what = if sent_whole { "no answer came" } else { "the request could not be sent" };
        let message = format!("{what}{} within {seconds} s", through(proxy));
        Self { sent_whole, timed_out: true, message, hint: None }
    }

    /// The answer had begun, and broke off; `proxy` is on the way.
    pub(super) fn torn(error: &reqwest::Error, proxy: Option<&str>) -> Self {
        let message = format!("the connection{} ended in the middle of the answer: {}", through(proxy), causes(error));
        Self { sent_whole: true, timed_out: false, message, hint: None }
    }

    /// The answer had begun, and did not end within so many seconds.
    pub(super) fn endless(seconds: f64, proxy: Option<&str>) -> Self {
        let message = format!("the answer{} did not end within {seconds} s", through(proxy));
        Self { sent_whole: true, timed_out: true, message, hint: None }
    }

    /// The connection could not be made, or ended too early; `proxy` is on the way.
    pub(super) fn of(error: &reqwest::Error, progress: &Progress, proxy: Option<&str>) -> Self {
        let sent_whole = progress.sent_whole() && !error.is_connect();
        let through = through(proxy);
        let what = if error.is_connect() {
            format!("could not connect to the service{through}")
        } else if sent_whole {
            format!("the connection{through} ended before an answer came")
        } else {
            format!("the connection{through} ended while the request was being sent")
        };
        let causes = causes(error);
        let message = if causes.is_empty() { what } else { format!("{what}: {causes}") };
        let hint = is_of_another_time(&causes).then(|| CLOCK.to_owned());
        Self { sent_whole, timed_out: error.is_timeout(), message, hint }
    }
}

/// Whether a certificate was refused for its dates: boards without a battery start in 1970.
fn is_of_another_time(causes: &str) -> bool {
    ["certificate not valid yet", "certificate expired"].iter().any(|said| causes.contains(said))
}

fn through(proxy: Option<&str>) -> String {
    proxy.map(|proxy| format!(" through the proxy {proxy}")).unwrap_or_default()
}

/// What lies below `error`: its own text would show the URL, its causes do not.
pub(super) fn causes(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(current) = cause {
        causes.push(current.to_string());
        cause = current.source();
    }
    causes.dedup();
    causes.join(": ")
}

#[cfg(test)]
mod tests {
    use rustls::CertificateError;
    use rustls::pki_types::UnixTime;
    use std::time::Duration;

    use super::is_of_another_time;

    #[test]
    fn a_certificate_of_another_time_is_told_from_a_wrong_one() {
        let (now, other) =
            (UnixTime::since_unix_epoch(Duration::ZERO), UnixTime::since_unix_epoch(Duration::from_secs(9)));
        let early = CertificateError::NotValidYetContext { time: now, not_before: other };
        let late = CertificateError::ExpiredContext { time: other, not_after: now };
        let said = [early, late, CertificateError::UnknownIssuer].map(|why| rustls::Error::from(why).to_string());
        assert_eq!(said.each_ref().map(|said| is_of_another_time(said)), [true, true, false], "{said:?}");
    }
}
