//! The map.

pub mod auth;
pub mod cell;
pub mod client;
pub mod clock;
pub mod courier;
pub mod destination;
pub mod encode;
pub mod error;
pub mod limit;
pub mod outbox;
pub mod powerbi;
pub mod report;
pub mod retry;
pub mod schema;
pub mod transport;
pub mod verdict;
pub mod wire;
#[cfg(feature = "python")]
mod python;
