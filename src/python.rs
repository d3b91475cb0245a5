//! The door to Python: the only room that names pyo3.
//!
//! | file | what it is |
//! |---|---|
//! | `input` | Python objects → cells, as `reading` gives them the time |
//! | `schema`, `payloads` | schemas, their JSON, validation |
//! | `push`, `plan`, `results` | one push, in steps; what it would take; what became of it |
//! | `sender`, `outbox` | rows accepted, delivered in the background; a sender's file, looked into |
//! | `client`, `table`, `streaming`, `quotas` | the requests of Power BI, its sinks, and what it allows |
//! | `microstrategy` | that service: sessions, models, uploads |
//! | `emulator` | the local Power BI and its neighbours |
//! | `credential`, `account` | what is given as one; our own credentials |
//! | `operation`, `runtime` | run by a thread, stepped by an event loop; the threads of Rust |
//! | `callback_thread`, `wakeup` | the threads that run Python; what wakes who waits |
//! | `options`, `text`, `deadline` | arguments judged, and never repeated; the time limit of a call |
//! | `errors`, `notices` | exceptions; what goes to the log |
//! | `door`, `file_locks` | the way in, which closes with Python; SQLite's locks beside Python's own SQLite |
//!
//! Rust threads never attach to Python; what needs Python is done by the caller's thread or by a callback thread.

use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;

mod account;
mod wakeup;
mod client;
mod credential;
mod deadline;
mod door;
#[cfg(feature = "emulator")]
mod emulator;
mod errors;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod file_locks;
mod input;
mod microstrategy;
mod notices;
mod operation;
mod options;
mod outbox;
mod payloads;
mod plan;
mod quotas;
mod callback_thread;
mod push;
mod reading;
mod results;
mod runtime;
mod schema;
mod sender;
mod streaming;
mod table;
mod text;
mod verb;

/// What is static here belongs to the first interpreter of a process. pyo3 looks at this for submodules only.
fn refuse_another_interpreter(py: Python<'_>) -> PyResult<()> {
    static FIRST: AtomicUsize = AtomicUsize::new(0);
    let this = py.import("sys")?.as_ptr().addr();
    match FIRST.compare_exchange(0, this, Ordering::AcqRel, Ordering::Acquire) {
        Err(first) if first != this => {
            Err(PyImportError::new_err("powerbi_push cannot be used in a subinterpreter: use threads or processes"))
        }
        _ => Ok(()),
    }
}

/// The Rust core of `powerbi_push`.
#[pyo3::pymodule]
mod _core {
    #[pymodule_export]
    use super::account::{Account, logout};
    #[pymodule_export]
    use super::callback_thread::{Callback, next_callback};
    #[pymodule_export]
    use super::client::{Client, emulator_url, is_loopback};
    #[pymodule_export]
    use super::deadline::Deadline;
    #[pymodule_export]
    use super::door::leave;
    #[cfg(feature = "emulator")]
    #[pymodule_export]
    use super::emulator::Emulator;
    #[cfg(feature = "emulator")]
    #[pymodule_export]
    use super::emulator::microstrategy::MicroStrategyEmulator;
    #[pymodule_export]
    use super::input::{CsvBatch, CsvReader, CsvRows};
    #[pymodule_export]
    use super::microstrategy::{Library, LibraryModel, LibraryUpload};
    #[pymodule_export]
    use super::operation::Operation;
    #[pymodule_export]
    use super::outbox::Outbox;
    #[pymodule_export]
    use super::payloads::{Payloads, keep_at_most};
    #[pymodule_export]
    use super::quotas::check_quotas;
    #[pymodule_export]
    use super::schema::{
        TableSchema, check_count, data_type_name, dataset_json, infer_columns, read_dataset, read_dataset_json,
    };
    #[pymodule_export]
    use super::sender::Sender;
    #[pymodule_export]
    use super::streaming::PushUrl;
    #[pymodule_export]
    use super::table::Table;
    #[pymodule_export]
    use super::text::{
        check_flag, check_optional_flag, check_optional_text, check_path, check_retry, check_row_options, check_text,
        check_whole, check_word, holds_key, json_keys, without_keys,
    };
    #[pymodule_export]
    use super::verb::{inside, run, settled, taken, taken_rows, unread_rows};

    /// The version of the package.
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_init]
    fn init(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        super::refuse_another_interpreter(module.py())?;
        #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
        super::file_locks::install();
        super::runtime::count_forks(module)?;
        super::door::register(module)
    }
}
