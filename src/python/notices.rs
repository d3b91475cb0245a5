//! What a person should know while rows are on their way goes to Python's log.

use std::sync::Arc;

use pyo3::prelude::*;

use super::errors;
use super::porter::{self, Call, Porter};
use crate::client::Route;
use crate::courier::{Lane, Notice};

/// Logs what the lane has to tell, on the caller's own thread.
pub(super) fn log(py: Python<'_>, route: &Route, lane: &Lane) -> PyResult<()> {
    for notice in lane.notices() {
        function(py)?.call1((line(&route.place(), &notice),))?;
    }
    Ok(())
}

/// Has each notice of `lane` logged by the porter, at once: nobody may be waiting for its rows.
pub(super) fn by_porter(py: Python<'_>, route: &Route, lane: Lane) -> PyResult<Lane> {
    porter::start(py, Porter::Users)?;
    let call = Arc::new(Call { function: function(py)?.unbind(), argument: None });
    let place = route.place();
    Ok(lane.noticing(move |notice| porter::log(Arc::clone(&call), line(&place, notice))))
}

fn function(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    errors::face(py, "notices")?.getattr("log")
}

fn line(place: &str, notice: &Notice) -> String {
    format!("{place}: {notice}")
}
