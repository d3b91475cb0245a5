//! The map.

pub mod cell;
pub mod clock;
pub mod encode;
pub mod error;
pub mod schema;
