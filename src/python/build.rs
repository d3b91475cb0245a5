//! Lets the source ask which `CPython` it is built for: `cfg(Py_3_14)` and its like, as pyo3 has them.

fn main() {
    #[cfg(feature = "python")]
    pyo3_build_config::use_pyo3_cfgs();
}
