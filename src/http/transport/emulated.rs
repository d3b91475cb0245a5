//! While the environment names an emulator nothing leads anywhere else: no test reaches production by mistake.

use std::env;

use reqwest::Url;

use super::origin::is_loopback;
use crate::error::{Error, Result};

/// Holds the address of the emulator that this process is to use.
const VARIABLE: &str = "POWERBI_PUSH_EMULATOR";

/// Where the emulator is that this process is to use, without a slash at its end.
pub fn emulator_url() -> Result<Option<String>> {
    read(&env::var(VARIABLE).unwrap_or_default())
}

/// Refuses `url`, which people call `what`, where this process is to use an emulator and it leads elsewhere. Asked again
/// for each request: what was made before the variable was set must not go on.
pub fn check_emulated(what: &str, url: &Url) -> Result<()> {
    judge(emulator_url()?.as_deref(), what, url)
}

fn read(text: &str) -> Result<Option<String>> {
    let text = text.trim().trim_end_matches('/');
    if text.is_empty() {
        return Ok(None);
    }
    match Url::parse(text) {
        Ok(url) if url.scheme() == "http" && is_loopback(&url) => Ok(Some(text.to_owned())),
        _ => Err(Error::configuration(format!(
            "{VARIABLE} must be the address of an emulator on this machine, such as http://127.0.0.1:8765"
        ))),
    }
}

fn judge(emulator: Option<&str>, what: &str, url: &Url) -> Result<()> {
    let Some(emulator) = emulator else { return Ok(()) };
    let is_the_same = |known: &Url| {
        is_same_host(url, known)
            && url.scheme() == known.scheme()
            && url.port_or_known_default() == known.port_or_known_default()
    };
    if Url::parse(emulator).is_ok_and(|known| is_the_same(&known)) {
        return Ok(());
    }
    let host = url.host_str().unwrap_or_default();
    Err(Error::configuration(format!("{VARIABLE} is set, and {what} leads elsewhere: nothing is sent to {host}"))
        .with_hint(format!(
            "use what the emulator at {emulator} gives out, such as the URL of its streaming_dataset(...)"
        )))
}

/// This machine has many addresses, and a port of each its own owner. Its name stands for the two that it is found by.
fn is_same_host(one: &Url, other: &Url) -> bool {
    const NAME: &str = "localhost";
    let named = |url| [NAME, "127.0.0.1", "[::1]"].contains(&host(url));
    let (first, second) = (host(one), host(other));
    first == second || (first == NAME || second == NAME) && named(one) && named(other)
}

/// A host with a dot behind it is the same host.
fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default().trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goes(emulator: Option<&str>, url: &str) -> bool {
        judge(emulator, "it", &Url::parse(url).unwrap()).is_ok()
    }

    #[test]
    fn beside_an_emulator_nothing_leads_elsewhere() {
        let emulator = Some("http://127.0.0.1:8765");
        for good in ["http://127.0.0.1:8765/v1.0/myorg", "http://localhost:8765/beta/x?key=k", "http://localhost.:8765"]
        {
            assert!(goes(emulator, good), "{good}");
        }
        for good in ["http://127.0.0.1:8765", "http://[::1]:8765", "http://LocalHost:8765"] {
            assert!(goes(Some("http://localhost:8765"), good), "{good}");
        }
        for bad in [
            "https://api.powerbi.com",
            "https://login.microsoftonline.com/t/oauth2/v2.0/token",
            "http://127.0.0.1:8766",
            "http://127.0.0.2:8765",
            "http://127.1.2.3:8765/v1.0/myorg",
            "http://[::1]:8765",
            "http://[::ffff:127.0.0.1]:8765",
            "http://127.0.0.1",
            "https://127.0.0.1:8765",
            "https://127.0.0.1.example.org:8765",
            "http://example.org:8765",
        ] {
            assert!(!goes(emulator, bad), "{bad}");
            assert!(goes(None, bad), "{bad}");
        }
    }

    #[test]
    fn what_is_refused_is_named_without_its_key() {
        let url = Url::parse("https://api.powerbi.com/beta/t/datasets/d/rows?key=canary").unwrap();
        let error = judge(Some("http://127.0.0.1:1"), "the push URL", &url).unwrap_err();
        let said = "POWERBI_PUSH_EMULATOR is set, and the push URL leads elsewhere: nothing is sent to api.powerbi.com";
        assert_eq!(error.message, said);
        assert!(!error.hint.unwrap().contains("canary"));
    }

    #[test]
    fn only_this_machine_can_be_the_emulator() {
        assert_eq!(read(" ").unwrap(), None);
        assert_eq!(read(" http://localhost:1/ ").unwrap().as_deref(), Some("http://localhost:1"));
        for wrong in ["https://127.0.0.1:1", "http://example.org", "127.0.0.1:1", "x", "http://127.0.0.1.example.org"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
