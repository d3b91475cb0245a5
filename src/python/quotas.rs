//! The quotas of Power BI as users give them.

use pyo3::prelude::*;

use super::door;
use super::options::{choice, field, wrong};
use crate::services::powerbi::{Allowance, IN_FLIGHT};

/// `"pro"`, `"free"`, `None`, or an object with the fields of `Quotas`.
pub(super) fn quotas(value: &Bound<'_, PyAny>) -> PyResult<Allowance> {
    if value.is_none() {
        return Ok(Allowance::NONE);
    }
    if !value.hasattr("requests_per_minute").unwrap_or(false) {
        let words = "`quotas` takes \"pro\" or \"free\", a Quotas or None";
        return choice("quotas", value, &[("pro", Allowance::PRO), ("free", Allowance::FREE)])
            .or_else(|_| wrong(value, words.into()));
    }
    let limit = |name: &str| match field(value, name).extract::<Option<u64>>() {
        Ok(limit @ (None | Some(1..))) => Ok(limit),
        _ => wrong(value, format!("`Quotas.{name}` takes a whole number from 1, or None")),
    };
    let Ok(in_flight @ 1..=IN_FLIGHT) = field(value, "in_flight").extract::<usize>() else {
        return wrong(value, format!("`Quotas.in_flight` takes a whole number from 1 to {IN_FLIGHT}"));
    };
    Ok(Allowance {
        in_flight,
        requests_per_second: limit("requests_per_second")?,
        requests_per_minute: limit("requests_per_minute")?,
        rows_per_hour: limit("rows_per_hour")?,
        large_table_requests_per_hour: limit("large_table_requests_per_hour")?,
        ..Allowance::PRO
    })
}

/// A `Quotas` whose fields make sense.
#[pyfunction]
pub(super) fn check_quotas(given: &Bound<'_, PyAny>) -> PyResult<()> {
    door::through(given.py(), || quotas(given).map(drop))
}
