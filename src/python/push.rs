//! One push, in steps: check, fill the queue, wait for the delivery, report.
//!
//! ```text
//!  sized rows ──check whole──▶ runs kept, by what is free ──┐
//!                  └ the rows behind them, read again ───────┤
//!  one-shot rows ────────────────────────────────────────────┴─▶ queue ─▶ delivery ─▶ report
//! ```
//!
//! However it ends, the report is exact and the exception carries it as `.result`.

mod end;
mod opening;
mod telling;

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use self::telling::Telling;
use super::door;
use super::input::{Rest, Source, Wanted};
use super::operation::{Operation, Step, Work};
use super::options::RowOptions;
use super::reading::{Early, InTime, Stop, Time};
use super::runtime::{Running, lost};
use super::wakeup::Wakeup;
use super::{notices, results};
use crate::clock::Moment;
use crate::delivery::Route;
use crate::delivery::queue::Queue;
use crate::delivery::worker::{Delivery, OnFailure, Opening, Policy};
use crate::error::Result;
use crate::rate_limit::IN_FLIGHT;
use crate::rows::encode::{BOUNDLESS, CheckedRows, Encoder, FREE_MEMORY, Filled, LEAST, Options, Run, Share};
use crate::rows::schema::{TableSchema, Target};

/// Rows encoded ahead of what is on the wire.
const AHEAD_BYTES: usize = 32_000_000;

/// Where the rows of a push or a sender go, and what is known of them.
pub(super) struct PushSink {
    pub(super) route: Route,
    /// Whose rules hold where no schema says so.
    pub(super) target: &'static Target,
    pub(super) schema: Option<Arc<TableSchema>>,
    pub(super) ordered: bool,
    /// The credential can only be asked by an event loop.
    pub(super) needs_loop: bool,
}

impl PushSink {
    /// What is wanted of a frame of rows for it.
    pub(super) fn wanted(&self, cells: Options) -> Wanted<'_> {
        Wanted::new(self.schema.as_deref(), cells).at_most(&self.target.counts)
    }

    /// A delivery for the rows of `queue`.
    pub(super) fn delivery(&self, queue: &Arc<Queue>, policy: Policy) -> Delivery {
        let delivery = self.route.delivery(Arc::clone(queue), policy);
        if self.schema.is_some() { delivery } else { delivery.without_schema() }
    }
}

/// A push of `rows`, whose answer is Python's `PushResult`.
pub(super) fn push(
    sink: PushSink,
    rows: &Bound<'_, PyAny>,
    options: &Bound<'_, PyDict>,
    opening: Opening,
) -> PyResult<Operation> {
    let options = RowOptions::read(options)?;
    if sink.schema.is_none() {
        options.refuse_without_schema(rows.py())?;
    }
    let source = Source::new(rows, sink.wanted(options.cells))
        .map_err(|raised| results::before_the_first(rows.py(), raised, 0))?;
    let total = if source.is_sized() { rows.len().ok() } else { None };
    let needs_loop = sink.needs_loop;
    let wakeup = Arc::new(Wakeup::default());
    let mut push = Push::new(sink, options, source, opening, Arc::clone(&wakeup))?;
    push.telling = Telling::new(rows.py(), &push, total)?;
    Ok(Operation::new(push, wakeup, needs_loop))
}

struct Push {
    sink: PushSink,
    options: RowOptions,
    started: Moment,
    time: Time,
    rows: Option<Rest>,
    encoder: Encoder,
    /// Rows seen while checking them before anything is sent.
    checked: u64,
    /// The room of the bodies that were kept from the check.
    kept: Option<Share>,
    wakeup: Arc<Wakeup>,
    queue: Arc<Queue>,
    delivery: Arc<Delivery>,
    running: Running<()>,
    opening: Opening,
    phase: Phase,
    early: Option<Early>,
    telling: Telling,
}

/// How far a push has come, in order.
enum Phase {
    /// Reading and checking everything before anything is sent.
    Check(CheckedRows),
    /// The sink is being opened.
    Open { running: Running<Result<()>>, kept: Option<CheckedRows> },
    /// Reading and handing over, run by run.
    Send { ready: Option<Run>, ended: bool },
    /// Everything is handed over: the delivery has the word.
    Settle,
}

impl Push {
    fn new(
        sink: PushSink,
        options: RowOptions,
        source: Source<'_>,
        opening: Opening,
        wakeup: Arc<Wakeup>,
    ) -> PyResult<Self> {
        let started = sink.route.clock.now();
        let deadline = options.timeout.map(|timeout| started + timeout);
        let drained = Arc::clone(&wakeup);
        let encoder = encoder(&sink, options.cells, options.max_errors);
        let sized = source.is_sized();
        let checks = opening.replace || (options.check_all && !options.skip_invalid && sized);
        // Where as much was kept, reading on must not wait for it to go.
        let ahead = if checks { LEAST } else { AHEAD_BYTES };
        let queue = Arc::new(Queue::new(ahead, move || drained.ring()));
        let policy = Policy {
            retry: sink.route.retry,
            resend_doubt: options.resend_doubt,
            isolate: options.isolate,
            deadline,
            workers: if sink.ordered { 1 } else { IN_FLIGHT },
            on_failure: OnFailure::Stop,
            linger: None,
        };
        let noticed = Arc::clone(&wakeup);
        let delivery = sink.delivery(&queue, policy).opening(opening).noticing(move |_| noticed.ring());
        let delivery = Arc::new(delivery);
        let running = Running::start(&wakeup, Arc::clone(&delivery).run())?;
        let phase = if checks {
            // What can be read only once has to be kept, however much it is.
            Phase::Check(CheckedRows::new(if sized { &FREE_MEMORY } else { &BOUNDLESS }, &encoder))
        } else {
            open(&wakeup, &delivery, None)?
        };
        Ok(Self {
            time: Time::new(&sink.route.clock, deadline),
            encoder,
            rows: Some(source.into_rest()),
            sink,
            options,
            started,
            checked: 0,
            kept: None,
            wakeup,
            queue,
            delivery,
            running,
            opening,
            phase,
            early: None,
            telling: Telling::default(),
        })
    }

    /// Checks as far as one request goes.
    fn check_some(&mut self, py: Python<'_>, soon: bool) -> Result<Step, Stop> {
        let filled = self.encode(py, soon)?;
        self.checked = self.encoder.rows_read();
        let refused = self.refuses();
        let ended = filled.ended;
        let Phase::Check(kept) = &mut self.phase else { return Ok(Step::Again) };
        kept.take(filled, &mut self.encoder, refused);
        if !ended {
            return Ok(Step::Again);
        }
        if refused {
            return Err(Stop::Early(Early::Invalid { ended }));
        }
        let Phase::Check(kept) = std::mem::replace(&mut self.phase, Phase::Settle) else { return Ok(Step::Again) };
        self.phase = open(&self.wakeup, &self.delivery, Some(kept)).map_err(interrupted)?;
        Ok(Step::Again)
    }

    /// Hands over the run that is ready, once there is room, and reads the next one.
    fn send_some(&mut self, py: Python<'_>, soon: bool) -> Result<Step, Stop> {
        let Phase::Send { ready, ended } = &mut self.phase else { return Ok(Step::Again) };
        if ready.is_some() && !self.queue.has_room() {
            return Ok(Step::Wait);
        }
        let open = !self.queue.is_closed();
        let (run, ended) = (ready.take().filter(|_| open), *ended);
        self.accept(run)?;
        if ended || !open {
            self.queue.close();
            self.phase = Phase::Settle;
            return Ok(Step::Again);
        }
        let filled = self.encode(py, soon)?;
        if self.refuses() {
            return Err(Stop::Early(Early::Invalid { ended: filled.ended }));
        }
        self.phase = Phase::Send { ready: filled.run, ended: filled.ended };
        Ok(Step::Again)
    }

    fn accept(&self, runs: impl IntoIterator<Item = Run>) -> Result<(), Stop> {
        self.queue.accept(runs).map_err(|error| Stop::Early(Early::Failed(error)))
    }

    fn refuses(&self) -> bool {
        !self.options.skip_invalid && self.encoder.problems().count() > 0
    }

    fn encode(&mut self, py: Python<'_>, soon: bool) -> Result<Filled, Stop> {
        py.check_signals().map_err(interrupted)?;
        let time = self.time.time_slice_of(self.telling.time_slice(soon));
        if let Some(memory) = self.queue.spare() {
            self.encoder.reuse(memory);
        }
        let filled = self.with_source(py, |encoder, source| match source.arrow() {
            Some(rows) => door::away(py, || encoder.fill_in_slices(&mut InTime::new(rows, time))),
            None => encoder.fill(&mut InTime::new(source, time)),
        });
        let filled = filled.map_err(|stop| match stop {
            Stop::Early(Early::Failed(error)) => Stop::Early(Early::Failed(self.delivery.caused(error))),
            other => other,
        });
        if let Err(Stop::Early(Early::Failed(error))) = &filled {
            self.delivery.abort(Some(error.clone()));
        }
        notices::old_date(py, self.encoder.take_old_date().as_ref()).map_err(interrupted)?;
        filled
    }

    fn with_source<T, F: Into<Stop>>(
        &mut self,
        py: Python<'_>,
        read: impl FnOnce(&mut Encoder, &mut Source<'_>) -> Result<T, F>,
    ) -> Result<T, Stop> {
        let Some(rest) = self.rows.take() else { return Err(interrupted(lost(py))) };
        let mut source = Source::resume(py, rest);
        let outcome = read(&mut self.encoder, &mut source);
        self.rows = Some(source.into_rest());
        outcome.map_err(Into::into)
    }
}

impl Work for Push {
    fn step(&mut self, py: Python<'_>, soon: bool) -> PyResult<Step> {
        let interrupted = matches!(self.early, Some(Early::Interrupted(_)));
        let stepped = match self.phase {
            Phase::Check(_) => self.check_some(py, soon),
            Phase::Open { .. } => self.wait_until_open(py),
            Phase::Send { .. } => self.send_some(py, soon),
            Phase::Settle => return self.settle(py),
        };
        match stepped {
            Ok(Step::Wait) if interrupted => Ok(Step::Ending),
            Ok(step) => Ok(self.told(py, step)),
            Err(Stop::TimeSlice) => Ok(self.told(py, Step::Again)),
            Err(Stop::Dry) => Ok(self.told(py, Step::Feed)),
            Err(Stop::Early(early)) => {
                self.phase = Phase::Settle;
                if !interrupted {
                    self.end_early(early);
                }
                Ok(Step::Again)
            }
        }
    }

    fn interrupt(&mut self, raised: PyErr) {
        if matches!(self.early, Some(Early::Interrupted(_))) {
            self.abort();
        } else {
            self.end_early(Early::Interrupted(raised));
        }
    }

    fn abort(&mut self) {
        self.delivery.abort(None);
        self.phase = Phase::Settle;
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

/// Has the sink opened, before any row is handed over.
fn open(wakeup: &Arc<Wakeup>, delivery: &Arc<Delivery>, kept: Option<CheckedRows>) -> PyResult<Phase> {
    let delivery = Arc::clone(delivery);
    let running = Running::start(wakeup, async move { delivery.open().await })?;
    Ok(Phase::Open { running, kept })
}

fn interrupted(raised: PyErr) -> Stop {
    Stop::Early(Early::Interrupted(raised))
}

/// An encoder for the rows of one call.
pub(super) fn encoder(sink: &PushSink, cells: Options, max_errors: usize) -> Encoder {
    let PushSink { route, target, schema, .. } = sink;
    let cells = Options { values: target.values, ..cells };
    Encoder::new(route.sink.framing(), schema.clone(), cells, route.sink.limits(), max_errors)
}
