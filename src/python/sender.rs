//! A sender: rows are accepted one by one and delivered in the background, on a delivery that never gives up.
//!
//! ```text
//!  send ─▶ accept ─▶ queue ─ lingers ─▶ delivery ─▶ ledger ─▶ flush, close, stats
//! ```
//!
//! The queue is memory, or a file whose rows outlive the process.

mod accept;
mod wakeups;
mod end;
mod options;
mod refusals;
mod stats;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pythonize::pythonize;

use self::accept::{Accept, Single};
use self::end::{Close, Flush};
use self::options::{OnFull, SenderOptions};
use self::refusals::Refusals;
use self::wakeups::{End, Wakeups};
use super::callback_thread::{self, Call, CallbackThread};
use super::door;
use super::errors::{self, raise};
use super::input::{KeptKeys, Source};
use super::operation::Operation;
use super::options::{RowOptions, seconds};
use super::push::{PushSink, encoder};
use super::runtime::{self, Running};
use super::{notices, results};
use crate::clock::Moment;
use crate::delivery::queue::{Destination, DiskQueue, Queue, Settings};
use crate::delivery::report::Report;
use crate::delivery::worker::{Delivery, OnFailure, Opening, Policy};
use crate::error::{Error, Kind, Result};
use crate::rate_limit::IN_FLIGHT;
use crate::rows::encode::{Encoder, Framing, Options, Problems, Run, Seen, position};

/// A sender to one destination.
#[pyclass(frozen, module = "powerbi_push._core")]
pub(super) struct Sender {
    shared: Arc<Shared>,
    /// Whose functions only an event loop can call.
    needs_loop: bool,
    generation: u32,
}

/// What a sender's verbs and its delivery share.
struct Shared {
    sink: PushSink,
    rows: RowOptions,
    options: SenderOptions,
    started: Moment,
    /// The number of the first row that is accepted here.
    first: u64,
    queue: Arc<Queue>,
    delivery: Arc<Delivery>,
    /// Ends the delivery with the sender.
    _running: Running<()>,
    /// Whether the delivery has ended.
    ended: Arc<AtomicBool>,
    /// Whoever waits for room or for an end.
    wakeups: Arc<Wakeups>,
    refusals: Arc<Refusals>,
    spares: Mutex<Vec<Spare>>,
    told_old_date: AtomicBool,
    closed: AtomicBool,
}

impl Sender {
    /// A sender to `sink`; its delivery begins to run.
    pub(super) fn start(py: Python<'_>, sink: PushSink, numbered: bool, given: &Bound<'_, PyDict>) -> PyResult<Self> {
        let (options, rows) = SenderOptions::read(given)?;
        if sink.schema.is_none() {
            rows.refuse_without_schema(py)?;
        }
        let listener = options.on_error.as_ref().map(|function| {
            let call = Call { function: function.clone_ref(py), argument: None };
            callback_thread::start(py, CallbackThread::Users).map(|()| Arc::new(call))
        });
        let refusals = Arc::new(Refusals {
            listener: listener.transpose()?,
            first: Mutex::new(None),
            told: AtomicBool::new(false),
        });
        let limits = sink.route.sink.limits();
        let full = options.full_request(limits);
        let (clock, wakeups) = (sink.route.clock.clone(), Arc::<Wakeups>::default());
        let queue = raise(py, door::away(py, || make_queue(&options, &sink, &wakeups)))?;
        notices::at_once(py, &sink.route.place, &queue)?;
        let queue = Arc::new(queue);
        let policy = Policy {
            retry: sink.route.retry,
            resend_doubt: rows.resend_doubt,
            isolate: rows.isolate,
            deadline: None,
            workers: if sink.ordered || numbered { 1 } else { IN_FLIGHT },
            on_failure: OnFailure::Continue,
            linger: Some(options.max_delay),
        };
        let (heard, rung) = (Arc::clone(&refusals), Arc::clone(&wakeups));
        let opening = Opening { replace: false, numbered };
        let delivery = sink.delivery(&queue, policy).opening(opening).limited(full);
        let delivery = notices::by_callback_thread(
            py,
            &sink.route,
            &queue,
            delivery.telling(move |error| heard.hear(error, &rung)),
        )?;
        let delivery = Arc::new(delivery);
        let ended = Arc::<AtomicBool>::default();
        let end = End { ended: Arc::clone(&ended), wakeups: Arc::clone(&wakeups), queue: Arc::clone(&queue) };
        let delivering = Arc::clone(&delivery).run();
        let running = Running::start(&Arc::default(), async move {
            let _end = end;
            delivering.await;
        })?;
        let needs_loop = sink.needs_loop;
        let shared = Shared {
            sink,
            rows,
            options,
            started: clock.now(),
            first: queue.accepted(),
            queue,
            delivery,
            _running: running,
            ended,
            wakeups,
            refusals,
            spares: Mutex::default(),
            told_old_date: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        };
        Ok(Self { shared: Arc::new(shared), needs_loop, generation: runtime::generation() })
    }

    fn open(&self, py: Python<'_>) -> PyResult<&Arc<Shared>> {
        if self.generation != runtime::generation() {
            let message = "the sender belongs to the process that this one was forked from";
            let error = Error::new(Kind::Closed, message).with_hint("make a sender in each process");
            return Err(errors::to_py(py, &error));
        }
        if self.shared.closed.load(Ordering::Acquire) {
            return Err(errors::to_py(py, &Error::new(Kind::Closed, "the sender is closed")));
        }
        if let Some(error) = self.shared.refusals.first().take() {
            return Err(errors::to_py(py, &error));
        }
        if self.shared.ended.load(Ordering::Acquire) {
            return Err(self.shared.died(py)?);
        }
        Ok(&self.shared)
    }
}

#[pymethods]
impl Sender {
    /// Accepts one row; answers an operation where there is no room for it yet, or where it has to go to the disk
    /// `elsewhere` than on this thread.
    #[pyo3(signature = (row, elsewhere = false))]
    fn send(&self, row: &Bound<'_, PyAny>, elsewhere: bool) -> PyResult<Option<Operation>> {
        door::through(row.py(), || self.accept(row, elsewhere))
    }

    /// Accepts rows; `convert` is for these alone.
    #[pyo3(signature = (rows, convert = None))]
    fn send_many(&self, rows: &Bound<'_, PyAny>, convert: Option<bool>) -> PyResult<Operation> {
        door::through(rows.py(), || {
            let shared = self.open(rows.py())?;
            let own = shared.rows.cells;
            let cells = Options { convert: convert.unwrap_or(own.convert), ..own };
            let (source, encoder) = (Source::new(rows, shared.sink.wanted(cells))?, shared.encoder(cells));
            Ok(Accept::rows(Arc::clone(shared), source, encoder).into_operation(self.needs_loop))
        })
    }

    /// Waits until everything accepted so far has its end.
    fn flush(&self, timeout: &Bound<'_, PyAny>) -> PyResult<Operation> {
        door::through(timeout.py(), || {
            let timeout_seconds = seconds("timeout", timeout)?;
            Flush::start(self.open(timeout.py())?, timeout_seconds, self.needs_loop)
        })
    }

    /// Delivers what there is, then ends.
    fn close(&self, timeout: &Bound<'_, PyAny>) -> PyResult<Option<Operation>> {
        door::through(timeout.py(), || {
            let timeout = seconds("timeout", timeout)?;
            if self.generation != runtime::generation() || self.shared.closed.swap(true, Ordering::AcqRel) {
                return Ok(None);
            }
            Close::start(&self.shared, timeout, self.needs_loop).map(Some)
        })
    }

    /// The file where rows wait, by its real path.
    fn outbox_path<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let path = self.shared.queue.on_disk().map(DiskQueue::path);
        door::through(py, || path.map(|path| path.into_bound_py_any(py)).transpose())
    }

    /// Puts the dead letters behind the rows that wait; answers how many rows that were.
    fn retry(&self, py: Python<'_>) -> PyResult<u64> {
        door::through(py, || self.clear_up(py, Queue::retry_dead_letters))
    }

    /// Deletes the dead letters; answers how many rows that were.
    fn drop(&self, py: Python<'_>) -> PyResult<u64> {
        let drop = |queue: &Queue| queue.on_disk().map_or(Ok(0), DiskQueue::drop_dead_letters);
        door::through(py, || self.clear_up(py, drop))
    }

    /// What has become of the rows so far.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        door::through(py, || {
            let stats = pythonize(py, &self.shared.stats())?;
            let error = self.shared.delivery.trouble().map(|trouble| errors::to_py(py, &trouble.error));
            stats.set_item("last_error", error.map(|raised| raised.into_value(py)))?;
            Ok(stats)
        })
    }
}

impl Sender {
    /// Does something with the dead letters, and tells which of them it has found to be lost.
    fn clear_up(&self, py: Python<'_>, work: impl FnOnce(&Queue) -> Result<u64> + Send) -> PyResult<u64> {
        let rows = raise(py, door::away(py, || work(&self.shared.queue)))?;
        notices::at_once(py, &self.shared.sink.route.place, &self.shared.queue)?;
        Ok(rows)
    }

    fn accept(&self, row: &Bound<'_, PyAny>, elsewhere: bool) -> PyResult<Option<Operation>> {
        let py = row.py();
        let shared = self.open(py)?;
        let mut spare = shared.spare();
        let mut single = Single::new(row, spare.keys);
        let bare = spare.encoder.one(&mut single).map_err(|failure| failure.into_py(py, 0))?;
        let (framing, mut run) = (shared.framing(), None);
        if let Some(bare) = bare
            && !raise(py, shared.queue.accept_one(framing, bare))?
        {
            let ends = std::iter::once(position(bare.len()));
            run = Some(Run::join(framing, [(bare, ends)]));
        }
        spare.keys = single.into_keys();
        shared.tell_old_date(py, &mut spare.encoder)?;
        shared.refuse_invalid(py, spare)?;
        let Some(run) = run else { return Ok(None) };
        let left = match shared.is_durable() {
            true if elsewhere => Some(run),
            true => raise(py, door::away(py, || shared.accept(run)))?,
            false => raise(py, shared.accept(run))?,
        };
        Ok(left.map(|run| Accept::rest(Arc::clone(shared), run).into_operation(self.needs_loop)))
    }
}

/// An encoder for single rows, and the keys that the last one had.
struct Spare {
    encoder: Encoder,
    keys: KeptKeys,
}

/// Where the rows wait.
fn make_queue(options: &SenderOptions, sink: &PushSink, wakeups: &Arc<Wakeups>) -> Result<Queue> {
    let (route, wakeups) = (&sink.route, Arc::clone(wakeups));
    let drained = move || wakeups.ring();
    let Some(path) = &options.outbox else {
        return Ok(Queue::compact(options.buffer_bytes, route.clock.clone(), drained));
    };
    let disk = DiskQueue::open(Settings {
        path: path.clone(),
        destination: Some(Destination::new(route.sink.key(), route.sink.framing())),
        capacity: options.outbox_bytes as u64,
        forced: false,
        clock: route.clock.clone(),
    })?;
    Ok(Queue::on_the_disk(disk, drained))
}

impl Shared {
    fn spare(&self) -> Spare {
        let spare = self.spares.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let new = || Spare { encoder: self.encoder(self.rows.cells), keys: KeptKeys::default() };
        spare.unwrap_or_else(new)
    }

    fn encoder(&self, cells: Options) -> Encoder {
        encoder(&self.sink, cells, self.rows.max_errors)
    }

    /// Says it once that a date is old, however many rows come.
    fn tell_old_date(&self, py: Python<'_>, encoder: &mut Encoder) -> PyResult<()> {
        match encoder.take_old_date() {
            Some(found) if !self.told_old_date.swap(true, Ordering::Relaxed) => notices::old_date(py, Some(&found)),
            _ => Ok(()),
        }
    }

    fn framing(&self) -> &'static Framing {
        self.sink.route.sink.framing()
    }

    /// Raises what does not fit; otherwise keeps the encoder for the next row.
    fn refuse_invalid(&self, py: Python<'_>, spare: Spare) -> PyResult<()> {
        let problems = spare.encoder.problems();
        if problems.count() > 0 {
            return Err(errors::validation(py, problems, Seen { rows: 1, ended: true, can_skip: false })?);
        }
        self.spares.lock().unwrap_or_else(PoisonError::into_inner).push(spare);
        Ok(())
    }

    /// Whether there is room for a run; where the oldest rows may go for it, they do.
    fn has_room_for(&self, run: &Run) -> Result<bool> {
        let fits = self.queue.has_room_for(run.bytes());
        if fits || self.options.on_full != OnFull::DropOldest {
            return Ok(fits);
        }
        self.queue.drop_oldest(run.bytes())?;
        Ok(self.queue.has_room_for(run.bytes()))
    }

    /// Accepts a run, or gives it back where there is no room for it.
    fn accept(&self, run: Run) -> Result<Option<Run>> {
        let _admitted = self.queue.admit()?;
        if !self.has_room_for(&run)? {
            return Ok(Some(run));
        }
        if !self.is_durable() {
            return self.queue.accept([run]).map(|()| None);
        }
        let spare = run.clone();
        match self.queue.accept([run]) {
            // Another thread was faster.
            Err(error) if error.kind == Kind::OutboxFull && !self.queue.has_room_for(spare.bytes()) => Ok(Some(spare)),
            outcome => outcome.map(|()| None),
        }
    }

    /// The error for a delivery that has ended by itself, with the account.
    fn died(&self, py: Python<'_>) -> PyResult<PyErr> {
        let raised = self.delivery.failure().map_or_else(|| runtime::lost(py), |error| errors::to_py(py, &error));
        end::with_result(self, py, raised)
    }

    /// Whether rows outlive the process.
    fn is_durable(&self) -> bool {
        self.queue.on_disk().is_some()
    }

    fn report(&self) -> Report {
        let accepted = self.queue.stats().accepted;
        let elapsed = self.sink.route.clock.now() - self.started;
        let none = Problems::new(0);
        Report::new(accepted, &none, false, self.first, &self.queue.ledger(), &self.delivery.meter(), elapsed)
            .with_refused(self.delivery.refused(), &none, self.first, self.rows.max_errors)
    }

    fn result<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        results::push_result(py, &self.report(), false)
    }
}
