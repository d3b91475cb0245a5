//! Schemas across the door: specifications in the service's spelling come in, checked schemas stay.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use pythonize::{depythonize, pythonize};
use serde_json::Value;

use super::door;
use super::errors::{self, raise};
use super::input::{Source, Wanted};
use super::options::{RowOptions, hides_values, within};
use super::payloads::{Payloads, check_ahead, fill, in_kept_memory, is_checked_ahead};
use crate::error::Error;
use crate::rows::encode::{Encoder, Framing, Limits, Options, Seen, Watching};
use crate::rows::schema::{self, DataType, Inference, Inferred, Known, Target};
use crate::services::microstrategy::waiting::{self, LONGEST_ROW, ROWS};
use crate::services::powerbi::sinks::{PUSH_ARRAY, PUSH_ROWS, PushDataset, Streaming};
use crate::services::{microstrategy, powerbi};

pub(super) fn specification(given: &Bound<'_, PyAny>) -> PyResult<Value> {
    depythonize(given).map_err(|error| {
        let error = Error::configuration(format!("the schema holds something that is not JSON: {error}"));
        errors::to_py(given.py(), &error)
    })
}

/// How rows of a target are judged.
struct Judged {
    target: &'static Target,
    /// How a push writes them.
    framing: &'static Framing,
    limits: Limits,
    longest_row: usize,
}

/// Whom a schema may be for.
static TARGETS: [Judged; 2] = [
    Judged {
        target: &powerbi::TARGET,
        framing: &PUSH_ROWS,
        limits: PushDataset::LIMITS,
        longest_row: PushDataset::LIMITS.max_bytes,
    },
    Judged { target: &microstrategy::TARGET, framing: &ROWS, limits: waiting::LIMITS, longest_row: LONGEST_ROW },
];

/// Whom a schema is for, by the name that users know. Python has looked at it before.
fn named(py: Python<'_>, target: &str) -> PyResult<&'static Target> {
    judged(py, target).map(|judged| judged.target)
}

fn judged(py: Python<'_>, target: &str) -> PyResult<&'static Judged> {
    let found = TARGETS.iter().find(|known| known.target.name == target);
    found.ok_or_else(|| errors::bug(py, "a schema is for somebody whom nobody knows"))
}

/// The type that `name` means, spelled as the documentation spells it.
#[pyfunction]
pub(super) fn data_type_name(name: &Bound<'_, PyAny>) -> PyResult<Option<&'static str>> {
    door::through(name.py(), || {
        let text = name.cast::<PyString>().ok().and_then(|name| name.to_str().ok());
        // A column is made before it is known whom it is for: which types that one has is judged with the table.
        let read = |name: &str| microstrategy::TARGET.type_named(name).filter(|known| *known == DataType::Time);
        Ok(text.and_then(|name| read(name).or_else(|| DataType::parse(name))).map(DataType::name))
    })
}

/// Checks a dataset given in the service's spelling and answers it in Python's.
#[pyfunction]
pub(super) fn read_dataset<'py>(spec: &Bound<'py, PyAny>, target: &str) -> PyResult<Bound<'py, PyAny>> {
    let py = spec.py();
    door::through(py, || {
        let dataset = raise(py, schema::read_dataset_for(&specification(spec)?, named(spec.py(), target)?))?;
        Ok(pythonize(py, &dataset)?)
    })
}

/// The same for JSON text.
#[pyfunction]
pub(super) fn read_dataset_json<'py>(py: Python<'py>, text: &str, target: &str) -> PyResult<Bound<'py, PyAny>> {
    door::through(py, || {
        let parsed = serde_json::from_str(text);
        let value: Value =
            raise(py, parsed.map_err(|error| Error::configuration(format!("the text is not JSON: {error}"))))?;
        let dataset = raise(py, schema::read_dataset_for(&value, named(py, target)?))?;
        Ok(pythonize(py, &dataset)?)
    })
}

/// The service's JSON for a dataset given in its spelling.
#[pyfunction]
pub(super) fn dataset_json(spec: &Bound<'_, PyAny>, indent: bool, target: &str) -> PyResult<String> {
    door::through(spec.py(), || {
        let dataset = raise(spec.py(), schema::read_dataset_for(&specification(spec)?, named(spec.py(), target)?))?;
        let json = powerbi::dataset_json(&dataset);
        Ok(if indent { format!("{json:#}") } else { json.to_string() })
    })
}

/// Raises where `owner` has far too many of `what` for `target` to look at; `at_least` says that there are more than `count`.
#[pyfunction]
pub(super) fn check_count(
    py: Python<'_>,
    target: &str,
    owner: &str,
    what: &str,
    count: usize,
    at_least: bool,
) -> PyResult<()> {
    door::through(py, || {
        let problem = named(py, target)?.counts.far_too_many(owner, what, count, at_least);
        raise(py, problem.map_or(Ok(()), |problem| Err(Error::configuration(problem))))
    })
}

/// Names of columns and of their types.
type Types = Vec<(String, &'static str)>;

/// Infers the columns of `rows`: pairs of name and type, and the same for text that reads as something else. `types` are
/// known already.
#[pyfunction]
pub(super) fn infer_columns(
    rows: &Bound<'_, PyAny>,
    types: Vec<(String, String)>,
    convert: bool,
    target: &str,
) -> PyResult<(Types, Types)> {
    door::through(rows.py(), || infer(rows, types, convert, named(rows.py(), target)?))
}

fn infer(
    rows: &Bound<'_, PyAny>,
    types: Vec<(String, String)>,
    convert: bool,
    target: &'static Target,
) -> PyResult<(Types, Types)> {
    let py = rows.py();
    let given = types.into_iter().map(|(column, name)| {
        let data_type = target.type_named(&name);
        let known =
            data_type.ok_or_else(|| Error::configuration(format!("column `{column}`: there is no data type `{name}`")));
        raise(py, known).map(|data_type| (column, data_type))
    });
    let given = given.collect::<PyResult<Vec<_>>>()?;
    let cells = Options { convert, hide_values: hides_values(), values: target.values, ..Options::default() };
    let takes_times = target.types.contains(&DataType::Time);
    let mut source = Source::new(rows, Wanted::new(None, cells).with_times(takes_times).at_most(&target.counts))?;
    let known = Known { target, given, declared: source.declared()?, convert };
    let mut watching = Watching::new(Inference::new(known), cells, target.types);
    let watched = match source.arrow() {
        Some(rows) => door::away(py, || watching.watch(rows)),
        None => watching.watch(&mut source),
    };
    watched.map_err(|failure| failure.into_py(py, watching.row()))?;
    let Inferred { columns, hints } = raise(py, watching.finish())?;
    let columns = columns.into_iter().map(|column| (column.name, column.data_type.name())).collect();
    Ok((columns, hints.into_iter().map(|(name, data_type)| (name, data_type.name())).collect()))
}

/// A checked table, ready for judging rows.
#[pyclass(frozen, module = "powerbi_push._core")]
pub(super) struct TableSchema {
    pub(super) schema: Arc<schema::TableSchema>,
    judged: &'static Judged,
    canonical: Py<PyAny>,
}

#[pymethods]
impl TableSchema {
    #[new]
    fn new(spec: &Bound<'_, PyAny>, target: &str) -> PyResult<Self> {
        let py = spec.py();
        door::through(py, || {
            let judged = judged(py, target)?;
            let table = raise(py, schema::read_table_for(&specification(spec)?, judged.target))?;
            let canonical = pythonize(py, &table)?.unbind();
            let schema = Arc::new(schema::TableSchema::new(&table).under(judged.target.values));
            Ok(Self { schema, judged, canonical })
        })
    }

    /// The table as checked: names and types in their canonical spelling.
    #[getter]
    fn canonical<'py>(&self, py: Python<'py>) -> &Bound<'py, PyAny> {
        self.canonical.bind(py)
    }

    /// Judges rows without sending them: rows, problems, the first of them in full, and one line for each mistake. What one
    /// request may hold is what a push takes, or what goes through a push URL.
    #[pyo3(signature = (rows, options, by_push_url = false))]
    fn validate<'py>(
        &self,
        rows: &Bound<'py, PyAny>,
        options: &Bound<'py, PyDict>,
        by_push_url: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        door::through(rows.py(), || self.judge(rows, options, by_push_url))
    }

    /// Raises what a push of `rows` would raise before it sends anything.
    fn check(&self, rows: &Bound<'_, PyAny>, options: &Bound<'_, PyDict>) -> PyResult<()> {
        let py = rows.py();
        door::through(py, || {
            let options = RowOptions::read(options)?;
            if !is_checked_ahead(rows, &options)? {
                return Ok(());
            }
            let source = self.source(rows, &options)?;
            if !source.is_sized() {
                return Ok(());
            }
            check_ahead(py, source, self.judging(&options))
        })
    }

    /// The bodies that a push would send.
    fn payloads(
        &self,
        rows: &Bound<'_, PyAny>,
        max_rows: &Bound<'_, PyAny>,
        max_bytes: &Bound<'_, PyAny>,
        options: &Bound<'_, PyDict>,
    ) -> PyResult<Payloads> {
        let py = rows.py();
        let most = PushDataset::LIMITS;
        door::through(py, || {
            let max_rows = within("max_rows", max_rows, 1..=most.max_rows)?;
            let max_bytes = within("max_bytes", max_bytes, 100..=most.max_bytes)?;
            let options = RowOptions::read(options)?;
            let encoder = self.encoder(&PUSH_ROWS, &options, Limits { max_rows, max_bytes });
            Payloads::new(py, self.source(rows, &options)?, encoder, &options)
        })
    }
}

impl TableSchema {
    fn judge<'py>(
        &self,
        rows: &Bound<'py, PyAny>,
        options: &Bound<'py, PyDict>,
        by_push_url: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = rows.py();
        let options = RowOptions::read(options)?;
        let mut source = self.source(rows, &options)?;
        let mut encoder =
            if by_push_url { self.encoder(&PUSH_ARRAY, &options, Streaming::TILES) } else { self.judging(&options) };
        encoder.only_check();
        while !fill(py, &mut encoder, &mut source)?.ended {}
        let (problems, rows) = (encoder.problems(), encoder.rows_read());
        let lines = problems.lines(Seen { rows, ended: true, can_skip: false });
        Ok(pythonize(py, &(rows, problems.count(), problems.errors(), lines))?)
    }

    /// An encoder that takes what a push takes.
    fn judging(&self, options: &RowOptions) -> Encoder {
        let Judged { framing, limits, longest_row, .. } = self.judged;
        self.encoder(framing, options, *limits).with_long_rows(*longest_row)
    }

    fn encoder(&self, framing: &'static Framing, options: &RowOptions, limits: Limits) -> Encoder {
        let schema = Some(Arc::clone(&self.schema));
        in_kept_memory(Encoder::new(framing, schema, options.cells, limits, options.max_errors))
    }

    fn source<'py>(&self, rows: &Bound<'py, PyAny>, options: &RowOptions) -> PyResult<Source<'py>> {
        Source::new(rows, Wanted::new(Some(&self.schema), options.cells).at_most(&self.judged.target.counts))
    }
}
