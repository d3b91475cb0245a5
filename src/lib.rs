//! The map.

pub mod auth;
pub mod cell;
pub mod clock;
pub mod destination;
pub mod encode;
pub mod error;
pub mod limit;
pub mod outbox;
pub mod report;
pub mod retry;
pub mod schema;
pub mod transport;
pub mod verdict;
pub mod wire;
