//! The door to Python: the only room that names pyo3.

use pyo3::prelude::*;

/// What `powerbi_push._core` holds.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))
}
