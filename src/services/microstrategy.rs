//! MicroStrategy's Push Data API: the session, the operations, the model of a dataset, and uploads in one request or many.
//!
//! ```text
//!  rows ─▶ arrays (rows::encode) ─▶ files that wait (delivery::queue) ─▶ chunks (delivery::worker) ─▶ upload, a sink
//!                              └▶ few rows of one table: records, one request
//! ```
//!
//! Facts and their sources: `docs/facts/microstrategy.md`.

mod address;
mod answers;
pub mod client;
mod cookies;
mod create;
mod datasets;
mod unpublished;
pub mod keys;
mod model;
mod operation;
mod projects;
mod read;
mod records;
mod rules;
mod session;
pub mod waiting;
pub mod upload;

pub use self::address::base_url;
pub use self::client::Client;
pub use self::datasets::{Described, Info, TableInfo};
pub use self::model::{Model, Role};
pub use self::rules::TARGET;
pub use self::session::SignIn;
pub use self::unpublished::Unpublished;

use std::fmt;

/// What an update does with rows whose keys are there already, and with those that are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// New keys are added, known ones stay as they are.
    Add,
    /// Known keys are overwritten, new ones left out.
    Update,
    /// Both.
    Upsert,
    /// The table is emptied first.
    Replace,
}

impl Policy {
    /// The service's word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Update => "update",
            Self::Upsert => "upsert",
            Self::Replace => "replace",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
