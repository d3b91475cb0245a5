//! Whom a token is for: one for somebody else is refused before it is sent, since the service says no more than 401.

use serde_json::Value;

use super::AccessToken;
use crate::error::{Error, Kind, Result, shown};

/// Whom else a token may be for, by what people take by mistake.
const OTHERS: [(&str, &str); 7] = [
    ("https://graph.microsoft.com", "Microsoft Graph"),
    ("00000003-0000-0000-c000-000000000000", "Microsoft Graph"),
    ("https://management.azure.com", "Azure's management"),
    ("https://management.core.windows.net", "Azure's management"),
    ("https://api.fabric.microsoft.com", "Microsoft Fabric"),
    ("https://storage.azure.com", "Azure Storage"),
    ("https://database.windows.net", "Azure SQL"),
];

/// A service as tokens name it.
#[derive(Debug)]
pub struct Service {
    /// What people call it.
    pub name: &'static str,
    /// What Entra's portal calls it.
    pub portal: &'static str,
    /// Its own id, which a token may name in place of the address.
    pub id: &'static str,
    /// Its address in the public cloud.
    pub public: &'static str,
    /// How its addresses in all clouds end.
    pub path: &'static str,
}

impl Service {
    /// `words` with what they leave open: `{service}`, `{portal}` and `{public}`.
    pub(super) fn said(&self, words: &str) -> String {
        let open = [("{service}", self.name), ("{portal}", self.portal), ("{public}", self.public)];
        open.iter().fold(words.to_owned(), |said, (open, name)| said.replace(open, name))
    }
}

/// A service in one cloud.
#[derive(Debug, Clone)]
pub struct Audience {
    /// Whom a token has to be for.
    pub service: &'static Service,
    /// What people call the cloud.
    pub cloud: String,
    /// What a credential is asked for: `resource/.default`.
    pub scope: String,
    /// Whether it is a service of this machine, which may stand for any cloud: the emulator's tokens are for the public one.
    pub is_local: bool,
}

impl Audience {
    /// Refuses `token` where it says that it is for somebody else. A token that says nothing may be for anybody.
    pub(super) fn check(&self, token: &AccessToken) -> Result<()> {
        match self.missed_by(token) {
            None => Ok(()),
            Some(meant) => {
                let message =
                    format!("the token is for {meant}, not for {} of the cloud {}", self.service.name, self.cloud);
                Err(Error::new(Kind::Authentication, message).with_hint(self.advice(&meant)))
            }
        }
    }

    /// Whom `token` is for instead, as people say it.
    pub(super) fn missed_by(&self, token: &AccessToken) -> Option<String> {
        let claims = super::jwt::claims(&token.secret)?;
        if !self.is_local && super::jwt::is_unsigned(&token.secret) {
            return Some("a local emulator".into());
        }
        let named: Vec<&str> = match claims.get("aud")? {
            Value::String(one) => vec![one],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ => return None,
        };
        let named: Vec<&str> = named.iter().map(|name| name.trim_end_matches('/')).collect();
        let first = named.first().filter(|name| !name.is_empty())?;
        let ours = self.scope.trim_end_matches("/.default");
        let is_ours =
            |name: &str| name == ours || name == self.service.id || self.is_local && name == self.service.public;
        if named.iter().any(|name| is_ours(name)) {
            return None;
        }
        let known = OTHERS.iter().find(|(audience, _)| audience == first).map(|(_, name)| (*name).to_owned());
        Some(known.unwrap_or_else(|| {
            if first.ends_with(self.service.path) {
                return format!("the {} of another cloud, `{}`", self.service.name, shown(first));
            }
            format!("`{}`", shown(first))
        }))
    }

    /// What to do about a token for `meant`.
    pub(super) fn advice(&self, meant: &str) -> String {
        let ask = format!("ask for a token with the scope {}", self.scope);
        if meant.contains("another cloud") { format!("pass the cloud= that it is for, or {ask}") } else { ask }
    }
}
