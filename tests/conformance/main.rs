//! What every sink must keep to, whatever the service: exact accounts under each ending. A sink declares what it can do,
//! and all of that is tried against a far end that a script drives.
//!
//! A new service adds one file here, a [`subject::Subject`], which is named here and in `subjects`.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail as the test itself may")]

mod endings;
mod far_end;
mod microstrategy;
mod powerbi;
mod queue;
#[path = "../core/sample.rs"]
mod sample;
#[path = "../core/scripted_server.rs"]
mod scripted_server;
mod subject;
mod toy;
