//! Whoever is signed in to the Azure CLI: `az` is run, and what it prints is read.
//!
//! Source: "az account get-access-token"; its `expires_on` is the second since 1970, `expiresOn` the local time.

mod process;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{Local, NaiveDateTime, TimeZone};
use reqwest::Url;
use secrecy::SecretString;
use serde_json::Value;

use self::process::{Ended, Ran};
use super::account::{FetchContext, TokenSource};
use super::{AccessToken, Fetching, exchange};
use crate::error::{Error, Kind, Result, blotted, one_line};
use crate::http::BYTE_ORDER_MARK;

/// `az` takes about a second; longer than this it waits for something that never comes.
const PATIENCE: Duration = Duration::from_secs(30);
const DOING: &str = "signing in by the Azure CLI";
const LOGIN: &str = "run `az login`, or sign in with another credential";

/// Whoever is signed in to the Azure CLI.
#[derive(Debug)]
pub struct AzureCli {
    tenant: Option<String>,
}

impl AzureCli {
    /// The account that `az` has chosen, in `tenant` where one is named. Nothing is run.
    pub fn new(tenant: Option<&str>) -> Result<Self> {
        let tenant = tenant.map(str::trim).filter(|tenant| !tenant.is_empty());
        if let Some(tenant) = tenant {
            super::entra::check_tenant_of_people(tenant)?;
        }
        Ok(Self { tenant: tenant.map(str::to_owned) })
    }

    async fn token(&self, context: &FetchContext) -> Result<AccessToken> {
        let resource = context.resource();
        // It becomes part of a command line, which on Windows a shell reads.
        if !resource.chars().all(|c| c.is_ascii_alphanumeric() || "-._:/".contains(c)) {
            return Err(failed("the scope cannot be one of the Azure CLI's", "ask for one scope, resource/.default"));
        }
        let Some(program) = find(std::env::var_os("PATH")) else {
            return Err(failed(
                "there is no `az` on this machine's PATH",
                "install it, or sign in with another credential",
            ));
        };
        let mut command = command(&program);
        command.args(["account", "get-access-token", "--output", "json", "--resource", resource]);
        if let Some(tenant) = &self.tenant {
            command.args(["--tenant", tenant]);
        }
        let patience = PATIENCE.min(context.transport.timeout());
        let ran = match process::run(&context.clock, command, patience).await {
            Ended::Itself(ran) => ran,
            Ended::Unstarted(error) => return Err(failed(&format!("`az` cannot be run: {error}"), LOGIN)),
            Ended::Late => {
                let message = format!("`az` did not answer within {} s", patience.as_secs_f64());
                return Err(failed(&message, LOGIN));
            }
        };
        match token(&read(&ran.out)).filter(|_| ran.succeeded) {
            Some(token) => Ok(token),
            None => Err(refused(&ran)),
        }
    }
}

impl TokenSource for AzureCli {
    fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    fn asks(&self, _authority: &Url) -> Vec<Url> {
        Vec::new()
    }

    fn fetch(self: Arc<Self>, context: FetchContext) -> Fetching {
        Box::pin(async move { self.token(&context).await })
    }
}

/// Where `az` is. A folder that depends on where this program was started is not looked into.
fn find(path: Option<OsString>) -> Option<PathBuf> {
    let name = if cfg!(windows) { "az.cmd" } else { "az" };
    let path = path?;
    let mut found = std::env::split_paths(&path).filter(|folder| folder.is_absolute()).map(|folder| folder.join(name));
    found.find(|program| program.is_file())
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A telemetry upload would keep the pipes open behind the answer.
    command.env("AZURE_CORE_COLLECT_TELEMETRY", "no");
    command
}

/// What `az` has printed, where that is JSON.
fn read(out: &[u8]) -> Value {
    serde_json::from_slice(out.strip_prefix(BYTE_ORDER_MARK).unwrap_or(out)).unwrap_or(Value::Null)
}

fn refused(ran: &Ran) -> Error {
    let said = String::from_utf8_lossy(&ran.said);
    let said = one_line(&said).map_or_else(|| "`az` gave no token".into(), |line| blotted(&line, &[]));
    failed(&said, LOGIN)
}

fn failed(what: &str, hint: &str) -> Error {
    Error::new(Kind::Authentication, format!("{DOING}: {what}")).with_hint(hint)
}

/// The token in what `az` prints.
fn token(said: &Value) -> Option<AccessToken> {
    let text = |name: &str| said.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let token = AccessToken::reading_expiry(SecretString::from(text("accessToken")?));
    let exact = exchange::seconds(said, "expires_on").and_then(|since| UNIX_EPOCH.checked_add(since));
    let ends = exact.or(token.expires).or_else(|| text("expiresOn").and_then(local));
    Some(AccessToken { expires: ends, ..token })
}

/// A time without a zone, as the machine's own clock shows it; the earlier one where it comes twice.
fn local(text: &str) -> Option<SystemTime> {
    let naive = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok()?;
    Local.from_local_datetime(&naive).earliest().map(SystemTime::from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_end_is_the_second_where_it_is_told_and_else_the_local_time() {
        let ends = |said: Value| token(&said).unwrap().expires;
        let at = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let shown = chrono::DateTime::<Local>::from(at).format("%Y-%m-%d %H:%M:%S.000000").to_string();
        assert_eq!(ends(json!({"accessToken": "t", "expiresOn": shown})), Some(at));
        assert_eq!(ends(json!({"accessToken": "t", "expiresOn": shown, "expires_on": 1_700_000_000})), {
            Some(UNIX_EPOCH + Duration::from_secs(1_700_000_000))
        });
        assert_eq!(ends(json!({"accessToken": "t", "expiresOn": "soon"})), None);
        for none in [json!({}), json!({"accessToken": ""}), json!([])] {
            assert!(token(&none).is_none(), "{none}");
        }
    }

    #[test]
    fn what_az_prints_is_read_with_a_byte_order_mark_too() {
        assert_eq!(read("\u{FEFF}{\"accessToken\": \"t\"}".as_bytes()), json!({"accessToken": "t"}));
        assert_eq!(read(b"hello"), Value::Null);
    }

    #[test]
    fn a_folder_that_depends_on_where_we_are_is_not_looked_into() {
        assert_eq!(find(Some(OsString::from(".:bin:"))), None);
        assert_eq!(find(None), None);
    }
}
