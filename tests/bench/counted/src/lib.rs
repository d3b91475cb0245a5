//! The road of a row from Python into a request body, taken out of the package: its own source, built as the release is.
//!
//! What sends and stores is left out, with all that it needs: that takes minutes to build, this takes seconds.
#![allow(dead_code, unused_imports, unreachable_pub, reason = "others use what is not used here")]

use pyo3::prelude::*;

use self::package::{error, rows};

#[path = "../../../../src"]
mod package {
    pub mod error;
    pub mod rows;

    #[path = "services/powerbi/rules.rs"]
    pub mod rules;
}

#[path = "../../../../src/python"]
mod python {
    mod door;
    mod errors;
    mod input;

    mod callback_thread {
        use pyo3::{PyResult, Python};

        pub(super) fn close_all() {}

        pub(super) fn join_all(_: Python<'_>) -> PyResult<()> {
            Ok(())
        }
    }

    mod operation {
        use pyo3::PyErr;
        use pyo3::exceptions::PyTypeError;

        pub(super) fn unreadable() -> PyErr {
            PyTypeError::new_err("async iterables are not counted")
        }
    }

    use std::sync::Arc;

    use pyo3::prelude::*;
    use pythonize::depythonize;

    use self::input::{Source, Wanted};
    use crate::rows::cell::Rows;
    use crate::rows::encode::{Encoder, Filled, Framing, Limits, Options};
    use crate::package::rules::TARGET;
    use crate::rows::schema::{TableSchema, read_table_for};

    /// More than any of the bodies takes: how many instructions it takes to grow depends on where memory happens to be.
    const ROOM: usize = 1 << 20;
    static FRAMING: Framing = Framing::new(b"{\"rows\":[", b",", b"]}");
    const LIMITS: Limits = Limits { max_rows: 1_000, max_bytes: 16_000_000 };

    /// What callgrind counts, from its first instruction to its last.
    #[inline(never)]
    fn counted_fill<R: Rows>(encoder: &mut Encoder, rows: &mut R) -> Result<Filled, R::Failure> {
        encoder.fill(rows)
    }

    /// Encodes `rows` of a table, given in the service's spelling; answers the bodies.
    #[pyfunction]
    pub(crate) fn bodies(py: Python<'_>, rows: &Bound<'_, PyAny>, table: &Bound<'_, PyAny>) -> PyResult<Vec<Vec<u8>>> {
        let table = errors::raise(py, read_table_for(&depythonize(table)?, &TARGET))?;
        let schema = Some(Arc::new(TableSchema::new(&table).under(TARGET.values)));
        let mut encoder = Encoder::new(&FRAMING, schema, Options::default(), LIMITS, 1);
        encoder.reuse(vec![0; ROOM]);
        let mut source = Source::new(rows, Wanted::default())?;
        let mut bodies = Vec::new();
        loop {
            let filled = match source.arrow() {
                Some(rows) => py.detach(|| counted_fill(&mut encoder, rows)),
                None => counted_fill(&mut encoder, &mut source),
            };
            let filled = filled.map_err(|failure| failure.into_py(py, encoder.rows_read()))?;
            if let Some(run) = filled.run {
                bodies.push(run.body(0..run.rows()).to_vec());
                let mut memory = run.into_memory();
                memory.resize(ROOM, 0);
                encoder.reuse(memory);
            }
            if filled.ended {
                return Ok(bodies);
            }
        }
    }
}

#[pymodule]
mod counted {
    #[pymodule_export]
    use super::python::bodies;
}
