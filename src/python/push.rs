//! One push, on the caller's thread: check, fill the outbox, wait for the lane, report.
//!
//! ```text
//!  sized rows ──check whole──▶ runs kept ──┐
//!                  └ too many bytes to keep ┤ read again
//!  one-shot rows ───────────────────────────┴─▶ outbox ─▶ lane ─▶ report
//! ```
//!
//! However it ends, the report is exact and the exception carries it as `.result`.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::errors;
use super::intake::{Failure, Source};
use super::options::RowOptions;
use super::runtime::{Received, Running, SLICE, check, closing, lost, may_stay};
use crate::cell::{Row, Rows};
use crate::client::Route;
use crate::clock::{Clock, Moment};
use crate::courier::{Lane, Policy};
use crate::encode::{Encoder, Filled, Run};
use crate::error::{Error, Kind};
use crate::limit::IN_FLIGHT;
use crate::outbox::Outbox;
use crate::report::Report;
use crate::schema::TableSchema;

/// Bodies kept from the check of sized rows; beyond this they are encoded a second time.
const KEPT_BYTES: usize = 64_000_000;
/// Rows encoded ahead of what is on the wire.
const AHEAD_BYTES: usize = 32_000_000;

/// Where one push goes.
pub(super) struct Target {
    pub(super) route: Route,
    pub(super) schema: Option<Arc<TableSchema>>,
    pub(super) ordered: bool,
}

/// Pushes `rows` and answers Python's `PushResult`. `before` is called once everything has been read and checked, and
/// nothing sent: it deletes the rows that are to be replaced.
pub(super) fn push<'py>(
    target: &Target,
    rows: &Bound<'py, PyAny>,
    options: &Bound<'py, PyDict>,
    before: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = rows.py();
    let options = RowOptions::read(options)?;
    let only = target.schema.as_deref().filter(|_| options.cells.ignore_unknown_columns);
    let mut source = Source::new(rows, only)?;
    if before.is_some() {
        source.hold()?;
    }
    let before = before.map(|before| before.clone().unbind());
    Push::new(target, options, before).run(py, source)
}

struct Push<'t> {
    target: &'t Target,
    options: RowOptions,
    started: Moment,
    deadline: Option<Moment>,
    encoder: Encoder,
    /// Rows seen while checking a sized source whole.
    checked: u64,
    before: Option<Py<PyAny>>,
    /// Whether `before` has been called.
    replaced: bool,
    outbox: Arc<Outbox>,
    lane: Arc<Lane>,
}

/// The caller's rows, read no longer than the call may take: a generator may wait for each of its rows.
struct InTime<'s, R> {
    rows: &'s mut R,
    clock: &'s Clock,
    deadline: Option<Moment>,
}

impl<R: Rows<Failure = Failure>> Rows for InTime<'_, R> {
    type Failure = Early;

    fn visit(&mut self, row: &mut impl Row) -> Result<bool, Early> {
        if self.deadline.is_some_and(|deadline| deadline <= self.clock.now()) {
            let message = "the time limit of this call has passed while rows were read";
            return Err(Early::Failed(Error::new(Kind::Deadline, message)));
        }
        if closing() {
            return Err(Early::Failed(Error::new(Kind::Closed, "Python is shutting down")));
        }
        Ok(self.rows.visit(row)?)
    }
}

/// What ended a push early.
enum Early {
    /// A failure of ours or of the service, on the lane or before it began.
    Failed(Error),
    /// Rows that do not fit.
    Invalid,
    /// The source raised.
    Source(PyErr),
    /// The source holds something that is no row at all, which the exception says itself.
    NoRows(PyErr),
    /// Ctrl-C and its like: stays itself.
    Interrupted(PyErr),
}

impl From<Failure> for Early {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NoRows(raised) => Self::NoRows(raised),
            Failure::Raised(raised) => Self::Source(raised),
            Failure::Interrupted(raised) => Self::Interrupted(raised),
        }
    }
}

impl<'t> Push<'t> {
    fn new(target: &'t Target, options: RowOptions, before: Option<Py<PyAny>>) -> Self {
        let started = target.route.clock.now();
        let deadline = options.timeout.map(|timeout| started + timeout);
        let outbox = Arc::new(Outbox::new(AHEAD_BYTES));
        let policy = Policy {
            retry: target.route.retry,
            resend_doubt: options.resend_doubt,
            deadline,
            couriers: if target.ordered { 1 } else { IN_FLIGHT },
        };
        let lane = target.route.lane(Arc::clone(&outbox), policy);
        let encoder = encoder(target, &options);
        Self {
            target,
            options,
            started,
            deadline,
            encoder,
            checked: 0,
            before,
            replaced: false,
            outbox,
            lane: Arc::new(lane),
        }
    }

    fn run<'py>(mut self, py: Python<'py>, mut source: Source<'py>) -> PyResult<Bound<'py, PyAny>> {
        let running = Running::start(py, Arc::clone(&self.lane).run())?;
        let filled = self.fill(py, &mut source);
        match &filled {
            // What is on the wire has one more slice of time to be answered.
            Err(Early::Interrupted(_)) => self.lane.finish(),
            _ => self.outbox.close(),
        }
        let waited = self.wait(py, &running, matches!(filled, Err(Early::Interrupted(_))));
        let early = filled.err().or(waited.err()).or_else(|| self.lane.failure().map(Early::Failed));
        let result = self.report(py)?;
        match early {
            None => Ok(result),
            Some(early) => Err(self.raise(py, early, &result)?),
        }
    }

    /// Reads the rows and fills the outbox with them.
    fn fill<'py>(&mut self, py: Python<'py>, source: &mut Source<'py>) -> Result<(), Early> {
        let whole = self.options.check_all && !self.options.skip_invalid && source.is_sized();
        if whole || self.before.is_some() {
            let kept = self.check(py, source)?;
            if let Some(before) = &self.before {
                before.call0(py).map_err(Early::Interrupted)?;
                self.replaced = true;
            }
            if let Some(runs) = kept {
                for run in runs {
                    self.outbox.offer(run);
                }
                return Ok(());
            }
            source.rewind()?;
            self.encoder = encoder(self.target, &self.options);
        }
        loop {
            let (run, ended) = self.next_run(py, source)?;
            self.offer(py, run)?;
            if ended || self.outbox.is_closed() {
                return Ok(());
            }
        }
    }

    /// Checks all rows; answers their bodies, unless they are too many to keep.
    fn check<'py>(&mut self, py: Python<'py>, source: &mut Source<'py>) -> Result<Option<Vec<Run>>, Early> {
        let (mut kept, mut bytes) = (Vec::new(), 0);
        loop {
            let filled = self.encode(py, source)?;
            self.checked = self.encoder.rows_read();
            bytes += filled.run.as_ref().map_or(0, Run::bytes);
            let refused = !self.options.skip_invalid && self.encoder.problems().count() > 0;
            if bytes <= KEPT_BYTES && !refused {
                kept.extend(filled.run);
            } else {
                kept.clear();
            }
            if !filled.ended {
                continue;
            }
            if refused {
                return Err(Early::Invalid);
            }
            return Ok((bytes <= KEPT_BYTES).then_some(kept));
        }
    }

    fn next_run<'py>(&mut self, py: Python<'py>, source: &mut Source<'py>) -> Result<(Option<Run>, bool), Early> {
        let filled = self.encode(py, source)?;
        if !self.options.skip_invalid && self.encoder.problems().count() > 0 {
            return Err(Early::Invalid);
        }
        Ok((filled.run, filled.ended))
    }

    fn encode<'py>(&mut self, py: Python<'py>, source: &mut Source<'py>) -> Result<Filled, Early> {
        py.check_signals().map_err(Early::Interrupted)?;
        let clock = &self.target.route.clock;
        let (encoder, deadline) = (&mut self.encoder, self.deadline);
        let filled = match source.arrow() {
            Some(rows) => py.detach(|| encoder.fill(&mut InTime { rows, clock, deadline })),
            None => encoder.fill(&mut InTime { rows: source, clock, deadline }),
        };
        may_stay(py).map_err(Early::Interrupted)?;
        if let Err(Early::Failed(error)) = &filled {
            self.lane.abort(Some(error.clone()));
        }
        filled
    }

    /// Waits for room, then hands the run over.
    fn offer(&self, py: Python<'_>, run: Option<Run>) -> Result<(), Early> {
        self.tell(py).map_err(Early::Interrupted)?;
        let Some(run) = run else { return Ok(()) };
        while !py.detach(|| self.outbox.wait_for_room(SLICE)) {
            check(py).map_err(Early::Interrupted)?;
        }
        if !self.outbox.is_closed() {
            self.outbox.offer(run);
        }
        Ok(())
    }

    /// Waits until the lane has settled everything, or is cut short by Ctrl-C.
    fn wait(&self, py: Python<'_>, running: &Running<()>, mut ending: bool) -> Result<(), Early> {
        let mut interrupted = None;
        loop {
            match running.receive(py) {
                // Ctrl-C in the very moment of the last answer still finds its result.
                Received::Done(()) if interrupted.is_none() => return check(py).map_err(Early::Interrupted),
                Received::Done(()) => return interrupted.map_or(Ok(()), Err),
                Received::Lost => return Err(interrupted.unwrap_or_else(|| Early::Interrupted(lost()))),
                // Whoever was interrupted has given the wire one slice of time.
                Received::NotYet if ending => self.lane.abort(None),
                Received::NotYet => {}
            }
            if let Err(raised) = check(py).and_then(|()| if ending { Ok(()) } else { self.tell(py) }) {
                if !ending {
                    self.lane.finish();
                    ending = true;
                }
                interrupted.get_or_insert(Early::Interrupted(raised));
            }
        }
    }

    /// Shows the result so far to whoever wants to see it.
    fn tell(&self, py: Python<'_>) -> PyResult<()> {
        match &self.options.progress {
            Some(progress) => progress.call1(py, (self.report(py)?,)).map(drop),
            None => Ok(()),
        }
    }

    fn report<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let read = self.encoder.rows_read().max(self.checked);
        let elapsed = self.target.route.clock.now() - self.started;
        let report = Report::new(
            read,
            self.encoder.problems(),
            self.options.skip_invalid,
            &self.outbox.ledger(),
            &self.lane.meter(),
            elapsed,
        );
        let fields = pythonize::pythonize(py, &report)?;
        fields.set_item("deleted", self.replaced)?;
        errors::face(py, "results")?.getattr("push_result")?.call1((fields,))
    }

    /// The exception for `early`, with the result in it.
    fn raise(&self, py: Python<'_>, early: Early, result: &Bound<'_, PyAny>) -> PyResult<PyErr> {
        let raised = match early {
            Early::Failed(error) => errors::to_py(py, &self.advise(error)),
            Early::Invalid => {
                let problems = self.encoder.problems();
                errors::validation(py, problems.errors(), problems.count())?
            }
            Early::Source(raised) => errors::source(py, raised, self.encoder.rows_read()),
            Early::NoRows(raised) | Early::Interrupted(raised) => raised,
        };
        let exception = raised.value(py);
        exception.setattr("result", result)?;
        exception.call_method1("add_note", (result.call_method0("summary")?,))?;
        Ok(raised)
    }

    /// Without a schema the service is the first to look at column names, and says no more than 404.
    fn advise(&self, error: Error) -> Error {
        if error.kind != Kind::NotFound || self.target.schema.is_some() {
            return error;
        }
        let keys = self.encoder.names_seen().join(", ");
        error.with_hint(format!("the rows had the columns {keys}; pass schema= to have names checked before sending"))
    }
}

fn encoder(target: &Target, options: &RowOptions) -> Encoder {
    let destination = &target.route.destination;
    Encoder::new(destination.dialect(), target.schema.clone(), options.cells, destination.limits(), options.max_errors)
}
