//! The tests of the core, one binary.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail as the test itself may")]

#[cfg(feature = "emulator")]
mod delivery;
mod csv;
mod door;
#[cfg(feature = "emulator")]
mod emulator;
mod encode;
mod layering;
mod outbox;
mod powerbi;
mod quotas;
mod sample;
mod skipped;
mod slices;
mod scripted_server;
mod scripted_service;
mod rows_by_columns;
