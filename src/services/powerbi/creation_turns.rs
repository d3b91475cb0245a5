//! Turns to create: those who would make a dataset of one name at once, on any thread of this process, make one.
//!
//! The service itself makes as many as it is asked for, and its list lags behind by seconds: whoever would take what there
//! is, and comes next, is told the id of what was made just now.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;

use super::{Api, DatasetInfo};
use crate::clock::Moment;
use crate::error::{Kind, Result};

/// How long a list may lag behind; it was seen to do so by seconds.
const LIST_LAG: Duration = Duration::from_secs(60);

/// What was made last under a name, and when.
pub(super) type Made = Option<(Moment, String)>;

type Key = (u32, String, Option<String>, String);

/// A forked child takes turns of its own: nobody would end those that it was born into.
static TURNS: Mutex<BTreeMap<Key, Arc<tokio::sync::Mutex<Made>>>> = Mutex::new(BTreeMap::new());

impl Api {
    /// Waits until nobody else makes a dataset of that name; the turn lasts as long as the guard.
    pub(super) async fn creation_turn(&self, workspace: Option<&str>, name: &str) -> OwnedMutexGuard<Made> {
        let workspace = workspace.map(str::to_ascii_lowercase);
        let key = (std::process::id(), self.root.authority().to_owned(), workspace, name.to_owned());
        let turn = {
            let mut turns = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| Arc::strong_count(turn) > 1 || turn.try_lock().is_ok_and(|made| self.is_new(&made)));
            Arc::clone(turns.entry(key).or_default())
        };
        turn.lock_owned().await
    }

    /// What was made just now, where the list does not show it yet.
    pub(super) async fn just_made(&self, workspace: Option<&str>, made: &Made) -> Result<Option<DatasetInfo>> {
        let Some((_, id)) = made.as_ref().filter(|_| self.is_new(made)) else { return Ok(None) };
        match self.dataset(workspace, id).await {
            Ok(info) => Ok(Some(info)),
            Err(error) if error.kind == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn is_new(&self, made: &Made) -> bool {
        let now = self.clock.now();
        made.as_ref().is_some_and(|(at, _)| *at <= now && now < *at + LIST_LAG)
    }
}
