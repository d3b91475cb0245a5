//! How far the clocks of a zone are ahead of UTC, as Python's own `zoneinfo` says: the two roads must not differ.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDelta, PyDeltaAccess};

use crate::python::door;

const SECONDS_OF_AN_HOUR: i64 = 3_600;
/// Hours that are remembered of one zone: some years.
const HOURS: usize = 50_000;

/// A zone of a column.
pub(super) enum Zone {
    /// Always as many seconds ahead of UTC.
    Fixed(i64),
    /// One whose clocks change.
    Named {
        zone: Py<PyAny>,
        /// How far its clocks were ahead throughout an hour since 1970; `None` where they changed in it.
        hours: Mutex<HashMap<i64, Option<i64>>>,
    },
}

impl Zone {
    /// The zone of a name or offset as Arrow has it; `None` where nobody knows it.
    pub(super) fn called(name: &str) -> Option<Arc<Self>> {
        static KNOWN: Mutex<Option<HashMap<String, Arc<Zone>>>> = Mutex::new(None);
        let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(zone) = known().as_ref().and_then(|known| known.get(name)) {
            return Some(Arc::clone(zone));
        }
        let zone = match fixed(name) {
            Some(offset) => Self::Fixed(offset),
            None => door::back(|py| {
                let zone = py.import(intern!(py, "zoneinfo")).ok()?.getattr("ZoneInfo").ok()?.call1((name,)).ok()?;
                Some(Self::Named { zone: zone.unbind(), hours: Mutex::default() })
            })??,
        };
        let zone = Arc::new(zone);
        known().get_or_insert_default().insert(name.to_owned(), Arc::clone(&zone));
        Some(zone)
    }

    /// Seconds that its clocks are ahead of UTC, so many seconds after 1970 began.
    pub(super) fn offset(&self, seconds: i64) -> i64 {
        let (zone, hours) = match self {
            Self::Fixed(offset) => return *offset,
            Self::Named { zone, hours } => (zone, hours),
        };
        let hour = seconds.div_euclid(SECONDS_OF_AN_HOUR);
        let remembered = || hours.lock().unwrap_or_else(PoisonError::into_inner);
        let known = remembered().get(&hour).copied();
        if let Some(Some(offset)) = known {
            return offset;
        }
        // Asked without the lock: who waits for Python must not hold what others need.
        let ask = |seconds| door::back(|py| ask(zone.bind(py), seconds).ok()).flatten();
        if known.is_some() {
            return ask(seconds).unwrap_or(0);
        }
        let (start, end) = (ask(hour * SECONDS_OF_AN_HOUR), ask((hour + 1) * SECONDS_OF_AN_HOUR));
        let constant = start.filter(|_| start == end);
        let mut remembered = remembered();
        if remembered.len() >= HOURS {
            remembered.clear();
        }
        remembered.insert(hour, constant);
        drop(remembered);
        constant.or_else(|| ask(seconds)).unwrap_or(0)
    }
}

/// `+02:00`, and UTC by its names, which some machines have no zone of.
fn fixed(name: &str) -> Option<i64> {
    if matches!(name, "UTC" | "Etc/UTC" | "GMT" | "Z") {
        return Some(0);
    }
    let (sign, digits) = match name.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_once(':').or_else(|| digits.split_at_checked(2))?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    Some(sign * (hours * 60 + minutes) * 60)
}

/// Beyond Python's calendar there is no answer, and no column that takes such a moment.
fn ask(zone: &Bound<'_, PyAny>, seconds: i64) -> PyResult<i64> {
    let py = zone.py();
    let module = py.import(intern!(py, "datetime"))?;
    let start = module.getattr("datetime")?.call1((1970, 1, 1, 0, 0, 0, 0, zone))?;
    let moment = start.call_method1("__add__", (module.getattr("timedelta")?.call1((0, seconds))?,))?;
    let offset = zone.call_method1("fromutc", (moment,))?.call_method0("utcoffset")?;
    let offset = offset.cast::<PyDelta>()?;
    Ok(i64::from(offset.get_days()) * 86_400 + i64::from(offset.get_seconds()))
}
