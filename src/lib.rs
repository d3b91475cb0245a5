//! The map.

pub mod clock;
pub mod error;
#[cfg(feature = "python")]
mod python;
