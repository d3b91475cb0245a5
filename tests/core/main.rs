//! The tests of the core, one binary.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail as the test itself may")]

#[cfg(feature = "emulator")]
mod delivery;
#[cfg(feature = "emulator")]
mod emulator;
mod encode;
mod folder;
mod layering;
mod outbox;
mod outbox_damage;
mod outbox_durable;
mod outbox_model;
mod outbox_place;
mod outbox_rescue;
mod outbox_speed;
mod sample;
