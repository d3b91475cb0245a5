//! Rows from Python into Power BI and MicroStrategy: checked, batched, delivered, and answered for. This page is the map.
//!
//! # The road
//!
//! Become the data: you are `[{"ProductID": 1, "Name": "Adjustable Race", ...}, ...]`, or a frame of a million of
//! them, and this is your way.
//!
//! ```text
//!             THE CALLER'S THREAD
//!  rows ──▶ 1 input        Python objects, Arrow, CSV → cells, borrowed          python/input, rows/csv
//!           2 encode       cells → bytes in the sink's framing, checked         rows/encode, by rows/schema
//!           3 queue        runs: encoded rows and where each of them ends,      delivery/queue
//!                          in memory, in files without a name, or in one that outlives the process
//!  ══════════ accepted: from here a row leaves only by being settled, or withdrawn before its first byte ══════════
//!             WORKERS, up to four for one sink
//!           4 batch        cut when taken, frozen from then on                  delivery/queue, delivery/worker
//!           5 sink         batch → request; answer → verdict                    services/<name>
//!           6 http         permit, sign-in, one exchange                        http → rate_limit, authentication
//!  HTTP ◀──
//!           7 verdict      what the outcome means for the rows                  delivery/verdict
//!                            └─▶ settle: confirmed, staged, rejected, in doubt  delivery/queue/ledger
//!           8 report       what became of each of the caller's rows             delivery/report
//! ```
//!
//! - For rows, Python is entered once, at 1, by the caller's own thread. What else needs Python (a credential of the
//!   user's, `on_error`, the log) is called by a callback thread of `python`. Everything else compiles, runs and is tested
//!   without it.
//! - A row is encoded once. A retry sends the same bytes.
//! - Every request takes a permit and a sign-in, resends included.
//! - An exchange is tried again in one place, `http/retry`, whatever it is for: rows, an operation, a sign-in. Around it
//!   a sender that cannot go on holds and looks again, staged rows begin anew in another session, and what takes the
//!   service its time is asked for again and again.
//! - A push ends with every row in exactly one state: confirmed, rejected, in doubt, or unsent.
//!
//! # A service
//!
//! The engine knows none: `rows`, `delivery`, `http`, `rate_limit` and `auth` name no service. Each one is a folder of
//! `services`, and hands the engine three things: a [`delivery::Sink`] (where rows go, what an answer means for them,
//! how a session is opened, committed and abandoned), an [`http::Dialect`] (what its answers say, in its words) and an
//! [`http::Authentication`] (how its requests are signed). With them its client makes a [`delivery::Route`]: with a
//! route and a `Target`, `python` has `push`, `plan`, `sender`, the outbox and the log, which know no service either. A
//! sink whose rows count only once they are published stages them: the engine keeps its batches until the commit, and
//! sends them again where the session has ended.
//!
//! To add one, `x` (a module is `x.rs` and a folder `x`; Python's root is `python/powerbi_push`):
//!
//! | part | what is new | which lines name it |
//! |---|---|---|
//! | the sink | `services/x`: its `Sink`, `Dialect` and `Authentication`, a client that makes a [`delivery::Route`] of them | `services.rs`; `WORDS_OF_SERVICES` and `TEXTS_OF_SERVICES` in `tests/core/layering.rs`, which say what the engine may not hold |
//! | its proof | `tests/conformance/x.rs`, a `Subject` for the suite that every sink passes; the toy there shows how little that is | `main.rs` and `subject.rs` there |
//! | what it accepts | a [`rows::schema::Target`] there, called `TARGET` | `TARGETS` in `python/schema.rs` and in Python's `schema/table.py` |
//! | for users | `python/x`, a subpackage of Python's, its tests in `tests/python/x`, a page of `docs` and one of `docs/facts` | `python.rs`, `_core.pyi`, `__init__.py`, `calls/options.py`, `mkdocs.yml`, `FOR_SERVICES` in `tests/core/layering.rs` |
//! | to test against | `emulator/services/x`, a `Service` of `emulator/http`; its half in `python/emulator`, a class in Python's `emulator`, a fixture | `emulator/services.rs`, `emulator.rs`, `python/emulator.rs`, `python.rs`, `_core.pyi`, `__init__.py` and `local.py` of Python's `emulator`, `pytest_plugin.py`, `INSIDE` in `tests/core/layering.rs` |
//!
//! Lists in tests name what is public: `test_exports.py`, `test_arguments.py`, `test_keys_at_wrong_places.py`.
//!
//! Time comes from [`clock`] alone. The emulator is a second reading of the vendors' documents, and shares nothing with
//! the client but [`clock`] and the shape of an [`error`].
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
//! `emulator/identity`, what the switches of all services share in `emulator/switch`. A further service is a folder; `Emulator`
//! starts it, and has its options and its state at hand for whoever tests.
//!
//! # Who may know whom
//!
//! `tests/core/layering.rs` holds the table and checks it against the source. `python` is the only room that names
//! pyo3, and nobody knows `python`. Its files that are for every sink know no service; those of services are in a list there.

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
