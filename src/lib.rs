//! The map.

pub mod clock;
#[cfg(feature = "emulator")]
pub mod emulator;
pub mod error;
