//! Waiting for a sender's rows: until all so far have their end, or for good.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pyo3::prelude::*;

use super::Shared;
use crate::clock::Moment;
use crate::error::{Error, Kind, amount};
use crate::python::errors;
use crate::python::operation::{Operation, Step, Work};
use crate::python::runtime::Running;
use crate::python::wakeup::Wakeup;

/// Everything accepted so far.
pub(super) struct Flush {
    shared: Arc<Shared>,
    rows: u64,
    patience: Option<Running<()>>,
    interrupted: Option<PyErr>,
}

impl Flush {
    pub(super) fn start(shared: &Arc<Shared>, timeout: Option<Duration>, needs_loop: bool) -> PyResult<Operation> {
        let wakeup = shared.wakeups.add();
        shared.delivery.hurry();
        let rows = shared.queue.accepted();
        let patience = patience(shared, &wakeup, timeout)?;
        let flush = Self { shared: Arc::clone(shared), rows, patience, interrupted: None };
        Ok(Operation::new(flush, wakeup, needs_loop))
    }
}

impl Work for Flush {
    fn step(&mut self, py: Python<'_>, _soon: bool) -> PyResult<Step> {
        let reached = self.shared.queue.first_pending() >= self.rows;
        // What is withdrawn counts as taken, and has no end.
        let is_cut_off = self.shared.queue.is_withdrawn();
        let ended = self.shared.ended.load(Ordering::Acquire);
        let raised = if let Some(raised) = self.interrupted.take() {
            raised
        } else if let Some(error) = self.shared.refusals.first().take() {
            errors::to_py(py, &error)
        } else if ended && !self.shared.closed.load(Ordering::Acquire) {
            return Err(self.shared.died(py)?);
        } else if ended && self.shared.stats().pending > 0 {
            let message = "the sender was closed before everything that was accepted had been delivered";
            errors::to_py(py, &Error::new(Kind::Closed, message))
        } else if reached && (ended || !is_cut_off) {
            return Ok(Step::Done(self.shared.result(py)?.unbind()));
        } else if self.patience.as_ref().is_some_and(Running::is_over) {
            let message = "not everything that was accepted has been delivered within the timeout of flush";
            let hint = "the sender goes on; sender.stats says what it waits for";
            errors::to_py(py, &self.shared.delivery.caused(Error::new(Kind::Deadline, message).with_hint(hint)))
        } else {
            return Ok(Step::Wait);
        };
        Err(with_result(&self.shared, py, raised)?)
    }

    fn interrupt(&mut self, raised: PyErr) {
        self.interrupted.get_or_insert(raised);
    }
}

/// The end of a sender.
pub(super) struct Close {
    shared: Arc<Shared>,
    wakeup: Arc<Wakeup>,
    patience: Option<Running<()>>,
    /// Rows that ended in doubt before this ran out of patience.
    in_doubt: Option<u64>,
    interrupted: Option<PyErr>,
}

impl Close {
    pub(super) fn start(shared: &Arc<Shared>, timeout: Option<Duration>, needs_loop: bool) -> PyResult<Operation> {
        let wakeup = shared.wakeups.add();
        shared.queue.close();
        let patience = patience(shared, &wakeup, Some(timeout.unwrap_or(shared.options.close_timeout)))?;
        let close = Self {
            shared: Arc::clone(shared),
            wakeup: Arc::clone(&wakeup),
            patience,
            in_doubt: None,
            interrupted: None,
        };
        Ok(Operation::new(close, wakeup, needs_loop))
    }
}

impl Work for Close {
    fn step(&mut self, py: Python<'_>, _soon: bool) -> PyResult<Step> {
        if !self.shared.ended.load(Ordering::Acquire) || !self.shared.queue.is_complete() {
            if self.patience.as_ref().is_some_and(Running::is_over) {
                self.abort();
            }
            return Ok(if self.interrupted.is_some() { Step::Ending } else { Step::Wait });
        }
        let result = self.shared.result(py)?;
        let stats = self.shared.stats();
        // What was cut off in the middle was not delivered either.
        let undelivered = if self.shared.is_durable() {
            0 // They wait for the next sender.
        } else {
            stats.pending + self.in_doubt.map_or(0, |before| stats.in_doubt - before)
        };
        let raised = match (self.interrupted.take(), self.shared.refusals.first().take()) {
            (Some(raised), _) => raised,
            (None, _) if undelivered > 0 => errors::to_py(py, &self.undelivered(undelivered)),
            (None, Some(error)) => errors::to_py(py, &error),
            (None, None) => return Ok(Step::Done(result.unbind())),
        };
        Err(with_result(&self.shared, py, raised)?)
    }

    fn interrupt(&mut self, raised: PyErr) {
        if self.interrupted.is_some() {
            self.abort();
        }
        self.interrupted.get_or_insert(raised);
        self.wakeup.ring();
    }

    fn abort(&mut self) {
        self.patience = None;
        self.in_doubt.get_or_insert_with(|| self.shared.stats().in_doubt);
        self.shared.delivery.abort(None);
    }
}

impl Close {
    fn undelivered(&self, rows: u64) -> Error {
        let lost = self.shared.delivery.failure().filter(|failure| failure.kind == Kind::Bug);
        let message = format!("the sender was closed with {} that could not be delivered", amount(rows, "row"));
        let error = Error::new(Kind::Undelivered, message).with_hint(
            "give close a longer timeout, or the sender an outbox=\"path\" that keeps them for the next run",
        );
        match lost.or_else(|| self.shared.delivery.trouble().map(|trouble| trouble.error)) {
            Some(cause) => error.caused_by(cause),
            None => error,
        }
    }
}

/// Rings the wakeup once `timeout` has passed.
fn patience(shared: &Shared, wakeup: &Arc<Wakeup>, timeout: Option<Duration>) -> PyResult<Option<Running<()>>> {
    let clock = shared.sink.route.clock.clone();
    let end: Option<Moment> = timeout.map(|timeout| clock.now() + timeout);
    end.map(|end| Running::start(wakeup, async move { clock.deadline(end).await })).transpose()
}

pub(super) fn with_result(shared: &Shared, py: Python<'_>, raised: PyErr) -> PyResult<PyErr> {
    let result = shared.result(py)?;
    raised.value(py).setattr("result", result)?;
    Ok(raised)
}
