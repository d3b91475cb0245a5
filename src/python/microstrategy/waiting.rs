//! Rows read, checked and put where they wait: nothing is sent before all of them are there and fit.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::accounts::Account;
use super::telling::{Shown, Telling};
use super::upload::{State, WaitingPush};
use crate::clock::{Clock, Moment};
use crate::delivery::queue::Ledger;
use crate::delivery::report::Meter;
use crate::python::door;
use crate::python::input::{Rest, Source, Wanted};
use crate::python::notices;
use crate::python::operation::{Operation, Step, Work};
use crate::python::options::RowOptions;
use crate::python::reading::{Early, InTime, Stop, TIME_SLICE, Time};
use crate::python::results;
use crate::python::runtime::lost;
use crate::python::wakeup::Wakeup;
use crate::rows::encode::{Encoder, Filled};
use crate::rows::schema::{Table, TableSchema};
use crate::services::microstrategy::TARGET;
use crate::services::microstrategy::waiting::{LIMITS, LONGEST_ROW, ROWS, WaitingRows};

/// Puts `rows` where the others of an upload wait; the answer is how many there are.
pub(super) fn collect(
    state: Arc<Mutex<State>>,
    waiting: WaitingRows,
    rows: &Bound<'_, PyAny>,
    mut options: RowOptions,
    clock: &Clock,
) -> PyResult<Operation> {
    let table = Table {
        name: waiting.table.name.clone(),
        columns: waiting.table.columns.clone(),
        measures: Vec::new(),
        description: None,
        is_hidden: None,
    };
    let schema = Arc::new(TableSchema::new(&table).under(TARGET.values));
    let source = Source::new(rows, Wanted::new(Some(&schema), options.cells));
    let source = source.map_err(|raised| results::before_the_first(rows.py(), raised, 0))?;
    let sized = source.is_sized();
    let total = if sized { rows.len().ok() } else { None };
    let encoder = Encoder::new(&ROWS, Some(schema), options.cells, LIMITS, options.max_errors);
    let encoder = encoder.with_long_rows(LONGEST_ROW).with_key(waiting.key());
    let progress = std::mem::replace(&mut options.progress, crate::python::options::Progress::Never);
    let started = clock.now();
    let deadline = options.timeout.map(|timeout| started + timeout);
    let work = Collecting {
        state,
        waiting: Some(waiting),
        encoder,
        rows: Some(source.into_rest()),
        sized,
        total: total.map(|total| total as u64),
        time: Time::new(clock, deadline),
        telling: Telling::new(progress, clock.clone()),
        options,
        started,
        clock: clock.clone(),
        raised: None,
    };
    Ok(Operation::new(work, Arc::new(Wakeup::default()), false))
}

struct Collecting {
    state: Arc<Mutex<State>>,
    waiting: Option<WaitingRows>,
    encoder: Encoder,
    rows: Option<Rest>,
    sized: bool,
    total: Option<u64>,
    time: Time,
    telling: Telling,
    options: RowOptions,
    started: Moment,
    clock: Clock,
    /// Who interrupted it.
    raised: Option<PyErr>,
}

impl Collecting {
    fn read_some(&mut self, py: Python<'_>, soon: bool) -> Result<bool, Stop> {
        let interrupted = |raised| Stop::Early(Early::Interrupted(raised));
        let Some(rest) = self.rows.take() else { return Err(interrupted(lost(py))) };
        let time = self.time.time_slice_of(soon.then_some(TIME_SLICE).or(self.telling.time_slice()));
        let mut source = Source::resume(py, rest);
        let encoder = &mut self.encoder;
        let filled = match source.arrow() {
            Some(rows) => door::away(py, || encoder.fill_in_slices(&mut InTime::new(rows, time))),
            None => encoder.fill(&mut InTime::new(&mut source, time)),
        };
        self.rows = Some(source.into_rest());
        let Filled { run, ended } = filled?;
        notices::old_date(py, self.encoder.take_old_date().as_ref()).map_err(interrupted)?;
        let refused = !self.options.skip_invalid && self.encoder.problems().count() > 0;
        if refused {
            // Of rows that are all at hand every problem is told.
            if ended || !self.sized {
                return Err(Stop::Early(Early::Invalid { ended }));
            }
            self.encoder.only_check();
            return Ok(false);
        }
        if let (Some(run), Some(waiting)) = (run, &mut self.waiting) {
            let memory = door::away(py, || waiting.take(run)).map_err(|error| Stop::Early(Early::Failed(error)))?;
            self.encoder.reuse(memory);
        }
        Ok(ended)
    }

    fn read(&self, py: Python<'_>) -> u64 {
        self.encoder.rows_read() + self.rows.as_ref().map_or(0, |rows| rows.left(py)) as u64
    }

    fn account(&self, py: Python<'_>, rows: u64, repeated_keys: u64) -> Account {
        let (read, skip_invalid) = (self.read(py), self.options.skip_invalid);
        Account { read, problems: self.encoder.problems().clone(), skip_invalid, rows, repeated_keys }
    }

    /// All rows are there.
    fn finish(&mut self, py: Python<'_>) -> PyResult<Step> {
        let Some(mut waiting) = self.waiting.take() else { return Err(lost(py)) };
        let finished = door::away(py, || {
            let finished = waiting.finish();
            (waiting, finished)
        });
        let (waiting, finished) = finished;
        let (repeated, whole) = match finished {
            Ok(finished) => finished,
            Err(error) => return Err(self.raise(py, Early::Failed(error))?),
        };
        let rows = waiting.rows;
        let account = self.account(py, rows, repeated);
        self.telling.close(py)?;
        let push = WaitingPush { rows: waiting, whole, account, started: self.started };
        State::lock(&self.state).waiting.push(push);
        Ok(Step::Done(pythonize::pythonize(py, &rows)?.unbind()))
    }

    /// The exception for `early`, with the account in it.
    fn raise(&mut self, py: Python<'_>, early: Early) -> PyResult<PyErr> {
        self.telling.close(py)?;
        let raised = early.into_raised(py, &self.encoder)?;
        let account = self.account(py, 0, 0);
        let elapsed: Duration = self.clock.now() - self.started;
        let result = account.result(py, &Ledger::default(), 0, &Meter::default(), elapsed)?;
        results::with_result(py, &raised, &result)?;
        Ok(raised)
    }
}

impl Work for Collecting {
    fn step(&mut self, py: Python<'_>, soon: bool) -> PyResult<Step> {
        if let Some(raised) = self.raised.take() {
            return Err(self.raise(py, Early::Interrupted(raised))?);
        }
        py.check_signals()?;
        match self.read_some(py, soon) {
            Ok(true) => return self.finish(py),
            Ok(false) | Err(Stop::TimeSlice) => {}
            Err(Stop::Dry) => return Ok(Step::Feed),
            Err(Stop::Early(early)) => return Err(self.raise(py, early)?),
        }
        let (read, total) = (self.read(py), self.total);
        self.telling.show(py, || Shown { read, total, ..Shown::default() })?;
        Ok(Step::Again)
    }

    fn interrupt(&mut self, raised: PyErr) {
        self.raised.get_or_insert(raised);
    }

    fn awaited_rows(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.rows.as_ref()?.awaited(py)
    }

    fn feed(&mut self, rows: Py<PyList>, ended: bool, raised: Option<PyErr>) {
        if let Some(rest) = &mut self.rows {
            rest.feed(rows, ended, raised);
        }
    }
}
