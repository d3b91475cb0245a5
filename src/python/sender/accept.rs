//! Rows on their way into a sender's queue: checked, then handed over as there is room.

use std::collections::VecDeque;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::{OnFull, Shared, end};
use crate::error::{Error, Kind};
use crate::python::door;
use crate::python::errors::{self, raise};
use crate::python::input::{Failure, KeptKeys, Rest, RowReaders, Source};
use crate::python::operation::{Operation, Step, Work};
use crate::python::reading::{Early, InTime, Stop, Time};
use crate::python::runtime::{Received, Running, lost};
use crate::python::wakeup::Wakeup;
use crate::rows::cell::{Row, Rows};
use crate::rows::encode::{Encoder, Run, Seen};

/// One row by itself.
pub(super) struct Single<'a, 'py> {
    row: Option<&'a Bound<'py, PyAny>>,
    readers: RowReaders<'py>,
}

impl<'a, 'py> Single<'a, 'py> {
    /// The row, which has probably the same keys as the last one.
    pub(super) fn new(row: &'a Bound<'py, PyAny>, keys: KeptKeys) -> Self {
        Self { row: Some(row), readers: RowReaders::resume(row.py(), keys) }
    }

    pub(super) fn into_keys(self) -> KeptKeys {
        self.readers.into_keys()
    }
}

impl Rows for Single<'_, '_> {
    type Failure = Failure;

    fn begin(&mut self) {}

    fn visit(&mut self, row: &mut impl Row) -> Result<bool, Failure> {
        let Some(object) = self.row.take() else { return Ok(false) };
        self.readers.visit(object, row)?;
        Ok(true)
    }
}

/// Rows being accepted.
pub(super) struct Accept {
    shared: Arc<Shared>,
    rows: Option<Rest>,
    encoder: Option<Encoder>,
    /// All are checked before the first is accepted.
    whole: bool,
    ended: bool,
    /// Rows of these that were accepted.
    accepted: u64,
    /// Rows that are being handed over.
    handed: u64,
    ready: VecDeque<Run>,
    /// A run on its way to the disk.
    committing: Option<Running<Result<Option<Run>, Error>>>,
    wakeup: Arc<Wakeup>,
    /// Rings when room has been waited for long enough.
    patience: Option<Running<()>>,
    interrupted: Option<PyErr>,
}

impl Accept {
    /// A run for which there was no room.
    pub(super) fn rest(shared: Arc<Shared>, run: Run) -> Self {
        Self::new(shared, None, VecDeque::from([run]), false)
    }

    /// Many rows. Those that can be checked whole are; one-shot rows are accepted a request at a time.
    pub(super) fn rows(shared: Arc<Shared>, source: Source<'_>, encoder: Encoder) -> Self {
        let whole = source.is_sized();
        Self::new(shared, Some((source.into_rest(), encoder)), VecDeque::new(), whole)
    }

    fn new(shared: Arc<Shared>, rows: Option<(Rest, Encoder)>, ready: VecDeque<Run>, whole: bool) -> Self {
        let (wakeup, ended) = (shared.wakeups.add(), rows.is_none());
        let (rows, encoder) = rows.unzip();
        let (committing, patience, interrupted) = (None, None, None);
        let (accepted, handed) = (0, 0);
        Self { shared, rows, encoder, whole, ended, accepted, handed, ready, committing, wakeup, patience, interrupted }
    }

    pub(super) fn into_operation(self, needs_loop: bool) -> Operation {
        let wakeup = Arc::clone(&self.wakeup);
        Operation::new(self, wakeup, needs_loop)
    }

    fn read_some(&mut self, py: Python<'_>, soon: bool) -> Result<Step, Stop> {
        let (Some(rest), Some(encoder)) = (self.rows.take(), &mut self.encoder) else {
            self.ended = true;
            return Ok(Step::Again);
        };
        let mut source = Source::resume(py, rest);
        let time = Time::new(&self.shared.sink.route.clock, None).time_slice(soon);
        let filled = match source.arrow() {
            Some(rows) => door::away(py, || encoder.fill_in_slices(&mut InTime::new(rows, time))),
            None => encoder.fill(&mut InTime::new(&mut source, time)),
        };
        self.rows = Some(source.into_rest());
        self.shared.tell_old_date(py, encoder).map_err(|raised| Stop::Early(Early::Interrupted(raised)))?;
        let filled = filled?;
        if encoder.problems().count() > 0 && (filled.ended || !self.whole) {
            return Err(Stop::Early(Early::Invalid { ended: filled.ended }));
        }
        self.ready.extend(filled.run);
        self.ended = filled.ended;
        Ok(Step::Again)
    }

    fn hand_over(&mut self, py: Python<'_>) -> PyResult<Step> {
        loop {
            let left = if let Some(committing) = &self.committing {
                match committing.look() {
                    Received::NotYet => return Ok(Step::Wait),
                    Received::Lost => return Err(lost(py)),
                    Received::Done(outcome) => raise(py, outcome)?,
                }
            } else {
                let Some(run) = self.ready.pop_front() else { return Ok(Step::Again) };
                self.handed = run.rows() as u64;
                if self.shared.is_durable() {
                    self.commit(run)?;
                    continue;
                }
                raise(py, self.shared.accept(run))?
            };
            self.committing = None;
            if let Some(run) = left {
                self.ready.push_front(run);
                return self.wait_for_room(py);
            }
            self.patience = None;
            self.accepted += self.handed;
        }
    }

    /// Has a run accepted where waiting for the disk keeps nobody.
    fn commit(&mut self, run: Run) -> PyResult<()> {
        let shared = Arc::clone(&self.shared);
        self.committing = Some(Running::start(&self.wakeup, async move { shared.accept(run) })?);
        Ok(())
    }

    fn wait_for_room(&mut self, py: Python<'_>) -> PyResult<Step> {
        let shared = &self.shared;
        let Some(patience) = &self.patience else {
            if shared.options.on_full != OnFull::Block {
                return Err(full(py, "the buffer is full"));
            }
            let clock = shared.sink.route.clock.clone();
            let end = clock.now() + shared.options.full_timeout;
            self.patience = Some(Running::start(&self.wakeup, async move { clock.deadline(end).await })?);
            return Ok(Step::Wait);
        };
        if patience.is_over() {
            return Err(full(py, "the buffer was full for as long as full_timeout allows"));
        }
        Ok(Step::Wait)
    }

    fn raise(&self, py: Python<'_>, stop: Stop) -> PyResult<Step> {
        let row = self.encoder.as_ref().map_or(0, Encoder::rows_read);
        Err(match stop {
            Stop::TimeSlice => return Ok(Step::Again),
            Stop::Dry => return Ok(Step::Feed),
            Stop::Early(Early::Failed(error)) => errors::to_py(py, &error),
            Stop::Early(Early::Source(raised)) => errors::source(py, raised, row),
            Stop::Early(Early::NoRows(raised) | Early::Interrupted(raised)) => raised,
            Stop::Early(Early::Invalid { ended }) => {
                let Some(problems) = self.encoder.as_ref().map(Encoder::problems) else { return Ok(Step::Again) };
                errors::validation(py, problems, Seen { rows: row, ended, can_skip: false })?
            }
        })
    }
}

impl Accept {
    /// What ends many rows early, with the account of the sender and how many of these rows are in it.
    fn accounted(&self, py: Python<'_>, raised: PyErr) -> PyErr {
        let one = self.accepted == 1;
        let (rows, were) = if one { ("row", "was") } else { ("rows", "were") };
        let note = format!("{} {rows} of this call {were} accepted", self.accepted);
        // An exception of somebody else's may not take them.
        let _ = end::with_result(&self.shared, py, raised.clone_ref(py))
            .and_then(|raised| raised.value(py).call_method1("add_note", (note,)));
        raised
    }

    fn go_on(&mut self, py: Python<'_>, soon: bool) -> PyResult<Step> {
        if self.interrupted.is_some() && self.committing.as_ref().is_some_and(|committing| !committing.is_over()) {
            return Ok(Step::Ending);
        }
        if let Some(raised) = self.interrupted.take() {
            return Err(raised);
        }
        if !self.whole || self.ended {
            match self.hand_over(py)? {
                Step::Again => {}
                step => return Ok(step),
            }
        }
        if self.ended {
            return Ok(Step::Done(py.None()));
        }
        py.check_signals()?;
        match self.read_some(py, soon) {
            Ok(step) => Ok(step),
            Err(stop) => self.raise(py, stop),
        }
    }
}

impl Work for Accept {
    fn step(&mut self, py: Python<'_>, soon: bool) -> PyResult<Step> {
        self.go_on(py, soon).map_err(|raised| if self.encoder.is_some() { self.accounted(py, raised) } else { raised })
    }

    fn interrupt(&mut self, raised: PyErr) {
        self.interrupted.get_or_insert(raised);
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

fn full(py: Python<'_>, why: &str) -> PyErr {
    let error = Error::new(Kind::OutboxFull, format!("{why}: rows come faster than they can be delivered"));
    errors::to_py(
        py,
        &error.with_hint("look at sender.stats.last_error; raise buffer_bytes, or on_full=\"drop_oldest\""),
    )
}
