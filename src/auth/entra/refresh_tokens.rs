//! What is left of a person's sign-in for the next time: in memory, or in a file that outlives the process.

use std::sync::{Mutex, MutexGuard, PoisonError};

use secrecy::SecretString;

use super::cache::Cache;
use crate::error::Result;

/// Where a refresh token is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) tenant: String,
    pub(super) client: String,
    pub(super) authority: String,
    pub(super) scope: String,
}

/// The newest refresh token of each key.
#[derive(Debug)]
pub(super) enum RefreshTokens {
    Memory(Mutex<Vec<(Key, SecretString)>>),
    File(Cache),
}

impl RefreshTokens {
    /// In the file of `cache`, where there is one.
    pub(super) fn new(cache: Option<Cache>) -> Self {
        cache.map_or_else(|| Self::Memory(Mutex::default()), Self::File)
    }

    pub(super) fn find(&self, key: &Key) -> Result<Option<SecretString>> {
        match self {
            Self::Memory(known) => Ok(lock(known).iter().find(|(one, _)| one == key).map(|(_, token)| token.clone())),
            Self::File(cache) => cache.find(key),
        }
    }

    /// Keeps `token` in place of the one before.
    pub(super) fn keep(&self, key: Key, token: SecretString) -> Result<()> {
        match self {
            Self::Memory(known) => {
                let mut known = lock(known);
                known.retain(|(one, _)| *one != key);
                known.push((key, token));
                Ok(())
            }
            Self::File(cache) => cache.keep(&key, &token),
        }
    }

    /// Forgets what is good for nothing any more.
    pub(super) fn forget(&self, key: &Key) -> Result<()> {
        match self {
            Self::Memory(known) => {
                lock(known).retain(|(one, _)| one != key);
                Ok(())
            }
            Self::File(cache) => cache.forget(key),
        }
    }
}

fn lock<T>(known: &Mutex<T>) -> MutexGuard<'_, T> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}
