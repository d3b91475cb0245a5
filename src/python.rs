//! The door to Python: the only room that names pyo3.
//!
//! ```text
//!  intake     Python objects → cells                    push     one push, in steps
//!  schema     schemas, payloads, validation             client   requests
//!  operation  run by a thread, stepped by an event loop  runtime  the threads of Rust
//!  porter     the threads that run Python               bell     what wakes who waits
//! ```
//!
//! Rust threads never attach to Python; what needs Python is done by the caller's thread or by a porter.

mod bell;
mod client;
mod credential;
#[cfg(feature = "emulator")]
mod emulator;
mod errors;
mod intake;
mod operation;
mod options;
mod porter;
mod push;
mod runtime;
mod schema;
mod streaming;

/// The Rust core of `powerbi_push`.
#[pyo3::pymodule]
mod _core {
    #[pymodule_export]
    use super::client::Client;
    #[cfg(feature = "emulator")]
    #[pymodule_export]
    use super::emulator::Emulator;
    #[pymodule_export]
    use super::operation::Operation;
    #[pymodule_export]
    use super::porter::{Errand, close_porter, next_errand};
    #[pymodule_export]
    use super::runtime::leave;
    #[pymodule_export]
    use super::schema::{
        Payloads, TableSchema, data_type_name, dataset_json, infer_columns, read_dataset, read_dataset_json,
    };
    #[pymodule_export]
    use super::streaming::PushUrl;

    /// The version of the package.
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}
