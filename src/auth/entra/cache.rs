//! Refresh tokens in a file, so that a person need not come again in each process.
//!
//! Several processes may use one file: each change is made to what the file holds by then, and takes its place at once.

mod private_file;

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use self::private_file::PrivateFile;
use super::refresh_tokens::Key;
use crate::error::{Error, Result, shown};

/// What the file says first, to whoever finds it.
const ABOUT: &str = "sign-ins of powerbi-push: whoever reads this file can sign in with them";
/// The form of the file.
const VERSION: u32 = 1;

/// A file of refresh tokens.
#[derive(Debug, Clone)]
pub struct Cache {
    file: PrivateFile,
}

/// What is in it, the newest last.
#[derive(Serialize, Deserialize)]
struct Content {
    about: String,
    version: u32,
    sign_ins: Vec<Kept>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    tenant: String,
    client: String,
    authority: String,
    scope: String,
    refresh_token: String,
}

impl Kept {
    fn is_for(&self, key: &Key) -> bool {
        (&self.tenant, &self.client, &self.authority, &self.scope)
            == (&key.tenant, &key.client, &key.authority, &key.scope)
    }

    fn key(&self) -> Key {
        let Self { tenant, client, authority, scope, .. } = self;
        let (tenant, client) = (tenant.clone(), client.clone());
        Key { tenant, client, authority: authority.clone(), scope: scope.clone() }
    }
}

impl Cache {
    /// The file at `path`, which may be missing. One that others can read is refused, and so is one that is not ours.
    pub fn new(path: &Path) -> Result<Self> {
        let cache = Self { file: PrivateFile::new(path)? };
        cache.content(cache.file.read()?)?;
        Ok(cache)
    }

    /// Deletes the file; whether a sign-in was in it.
    pub fn clear(&self) -> Result<bool> {
        if self.file.read()?.is_none() {
            // Nothing is made in order to be deleted.
            return Ok(false);
        }
        self.file.change(|bytes| {
            let content = self.content(bytes)?;
            Ok((None, !content.sign_ins.is_empty()))
        })
    }

    /// Whether there is a sign-in of `authority`.
    pub(super) fn is_of(&self, authority: &str) -> Result<bool> {
        Ok(self.content(self.file.read()?)?.sign_ins.iter().any(|kept| kept.authority == authority))
    }

    /// The newest sign-in that is good at `authority` for `scope`.
    pub(super) fn newest(&self, authority: &str, scope: &str) -> Result<Option<Key>> {
        let content = self.content(self.file.read()?)?;
        let found = content.sign_ins.iter().rev().find(|kept| kept.authority == authority && kept.scope == scope);
        Ok(found.map(Kept::key))
    }

    pub(super) fn find(&self, key: &Key) -> Result<Option<SecretString>> {
        let content = self.content(self.file.read()?)?;
        Ok(content.sign_ins.into_iter().find(|kept| kept.is_for(key)).map(|kept| kept.refresh_token.into()))
    }

    pub(super) fn keep(&self, key: &Key, token: &SecretString) -> Result<()> {
        self.change(|sign_ins| {
            sign_ins.retain(|kept| !kept.is_for(key));
            let Key { tenant, client, authority, scope } = key.clone();
            sign_ins.push(Kept { tenant, client, authority, scope, refresh_token: token.expose_secret().to_owned() });
        })
    }

    pub(super) fn forget(&self, key: &Key) -> Result<()> {
        self.change(|sign_ins| sign_ins.retain(|kept| !kept.is_for(key)))
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Kept>)) -> Result<()> {
        self.file.change(|bytes| {
            let mut content = self.content(bytes)?;
            change(&mut content.sign_ins);
            let written = serde_json::to_vec_pretty(&content);
            let written = written.map_err(|error| self.wrong(&format!("cannot be written: {error}")))?;
            Ok((Some(written), ()))
        })
    }

    fn content(&self, bytes: Option<Vec<u8>>) -> Result<Content> {
        let bytes = bytes.filter(|bytes| !bytes.is_empty());
        let Some(bytes) = bytes else {
            return Ok(Content { about: ABOUT.into(), version: VERSION, sign_ins: Vec::new() });
        };
        // What serde says of a wrong place may repeat what stands there.
        let content = serde_json::from_slice::<Content>(&bytes).ok().filter(|content| content.version == VERSION);
        content.ok_or_else(|| self.wrong("is no cache of sign-ins, or one of another version"))
    }

    fn wrong(&self, why: &str) -> Error {
        wrong(self.file.path(), why).with_hint("name another file as cache=, or move this one away")
    }
}

/// What is said of the file at `path`.
fn wrong(path: &Path, why: &str) -> Error {
    Error::configuration(format!("the cache `{}` {why}", shown(&path.to_string_lossy())))
}

#[cfg(test)]
mod tests;
