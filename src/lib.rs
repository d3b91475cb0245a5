//! The map.

pub mod clock;
pub mod error;
