//! Rows from Python into Power BI: checked, batched, delivered, and answered for. This page is the map.
//!
//! # The road
//!
//! Become the data: you are `[{"ProductID": 1, "Name": "Adjustable Race", ...}, ...]`, or a frame of a million of
//! them, and this is your way.
//!
//! ```text
//!             THE CALLER'S THREAD
//!  rows ──▶ 1 intake       Python objects, Arrow columns → cells, borrowed      python/intake
//!           2 encode       cells → bytes in the destination's dialect, checked  encode, by the schema
//!           3 outbox       runs: encoded rows and where each of them ends,      outbox
//!                          in memory, or in a file that outlives the process
//!  ══════════ accepted: from here a row leaves only by being settled, or withdrawn before its first byte ══════════
//!             COURIERS, up to four on one lane
//!           4 batch        cut when taken, frozen from then on                  outbox::Batch, courier
//!           5 destination  batch → request: a push dataset, a push URL          destination
//!           6 wire         leave, token, one exchange                           wire → limit, auth, transport
//!  HTTP ◀──
//!           7 verdict      what the outcome means for the rows                  verdict
//!                            └─▶ settle: the one way back; it carries no rows   outbox::Ledger
//!           8 report       what became of each of the caller's rows             report
//! ```
//!
//! - Python is entered once, at 1, by the caller's own thread. Everything else compiles, runs and is tested without it.
//! - A row is encoded once. A retry sends the same bytes.
//! - Every request takes leave and a token, resends included.
//! - A push ends with every row in exactly one state: confirmed, rejected, in doubt, or unsent.
//!
//! Beside the road stand two smaller houses: [`powerbi`], the operations that are plain requests and answers, and the
//! emulator, a second reading of the vendors' documents, which shares nothing with the client but [`clock`] and the
//! shape of an [`error`]. Time comes from [`clock`] alone.
//!
//! # The emulator
//!
//! ```text
//!  HTTP ──▶ emulator/http ──▶ emulator/app ──┬─▶ emulator/console            the page, told of changes
//!           connections, TLS,                └─▶ emulator/services/<name>    one folder a service: a `Service`
//!           faults, log, changes
//! ```
//!
//! A `Service` says which requests are its own, answers them, owns its state, and tells what its rows are and what the
//! page shows. `http` and `console` name no service, and no service names another; what Entra and Power BI share is in
//! `emulator/identity`, what the switches of all services share in `emulator/switch`. A further service is a folder and
//! a line in `Emulator::start`.
//!
//! # Who may know whom
//!
//! `tests/core/layering.rs` holds the table and checks it against the source. `python` is the only room that names
//! pyo3, and nobody knows `python`.

// What everyone shares.
pub mod clock;
pub mod error;
pub mod retry;

// The road, in the order of the flow.
pub mod rows;
pub mod delivery;
pub mod http;
pub mod rate_limit;
pub mod auth;

// Beside the road.
pub mod services;
#[cfg(feature = "emulator")]
pub mod emulator;
#[cfg(feature = "python")]
mod python;
