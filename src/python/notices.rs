//! What a person should know while something is under way goes to Python's log.
//!
//! Whoever waits for it logs it, on a thread of Python's; where nobody may be waiting, the callback thread does.

use std::sync::{Arc, Weak};

use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use super::callback_thread::{self, Call, CallbackThread};
use super::wakeup::Wakeup;
use super::{door, errors};
use crate::clock::Clock;
use crate::delivery::Route;
use crate::delivery::queue::Queue;
use crate::delivery::worker::{Delivery, Notice, Waits};
use crate::error::shown;
use crate::rows::encode::OldDate;

/// The waits of an operation; `wakeup` rings where there is something to log.
pub(super) fn waits(clock: &Clock, wakeup: &Arc<Wakeup>) -> Arc<Waits> {
    let ringing = Arc::clone(wakeup);
    Arc::new(Waits::new(clock.clone()).telling(move |_| ringing.ring()))
}

/// Logs notices about `place`, on the caller's own thread.
pub(super) fn log(py: Python<'_>, place: &str, notices: &[Notice]) -> PyResult<()> {
    for notice in notices {
        function(py)?.call1((line(place, notice),))?;
    }
    Ok(())
}

/// Says that there are dates before 1900, which nobody wants to hear of each.
pub(super) fn old_date(py: Python<'_>, found: Option<&(OldDate, &str)>) -> PyResult<()> {
    let Some((OldDate { row, column }, words)) = found else { return Ok(()) };
    let line = format!("column `{}` has dates before 1900, first in row {row}: {words}", shown(column));
    function(py)?.call1((line,)).map(drop)
}

/// Tells on the caller's own thread what a `queue` has to tell of what he has just asked of it, such as to be opened: a short
/// program may end before another thread has its turn. What a handler of the user's raises keeps nobody from sending.
pub(super) fn at_once(py: Python<'_>, place: &str, queue: &Queue) -> PyResult<()> {
    let Some(disk) = queue.on_disk() else { return Ok(()) };
    for notice in door::away(py, || disk.hand_out()) {
        let is_kept = notice.is_kept();
        let function = if is_kept { loss_function(py) } else { function(py) }?;
        match function.call1((line(place, &Notice::Queue(notice)),)) {
            Ok(told) if is_kept && told.is_truthy()? => door::away(py, || disk.heard()),
            Ok(_) => {}
            Err(raised) if raised.is_instance_of::<PyException>(py) => raised.write_unraisable(py, None),
            Err(raised) => return Err(raised),
        }
    }
    Ok(())
}

/// Has each notice of `delivery` logged by the callback thread, at once. What its `queue` keeps until somebody has heard it
/// is told in a way that reaches somebody.
pub(super) fn by_callback_thread(
    py: Python<'_>,
    route: &Route,
    queue: &Arc<Queue>,
    delivery: Delivery,
) -> PyResult<Delivery> {
    callback_thread::start(py, CallbackThread::Users)?;
    let call = |function: Bound<'_, PyAny>| Arc::new(Call { function: function.unbind(), argument: None });
    let (log, tell) = (call(function(py)?), call(loss_function(py)?));
    let (place, queue) = (route.place.clone(), Arc::downgrade(queue));
    Ok(delivery.noticing(move |notice| match notice {
        Notice::Queue(kept) if kept.is_kept() => {
            let queue = Weak::clone(&queue);
            let heard = move || {
                if let Some(queue) = queue.upgrade()
                    && let Some(disk) = queue.on_disk()
                {
                    disk.heard();
                }
            };
            callback_thread::log_until_heard(Arc::clone(&tell), line(&place, notice), heard);
        }
        _ => callback_thread::log(Arc::clone(&log), line(&place, notice)),
    }))
}

fn function(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    errors::face(py, "delivery.notices")?.getattr("log")
}

fn loss_function(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    errors::face(py, "delivery.notices")?.getattr("tell_loss")
}

fn line(place: &str, notice: &Notice) -> String {
    format!("{place}: {notice}")
}
