//! One Python value to one cell: the everyday types by their exact type, everything else on a slower path.

use pyo3::PyTypeInfo;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyBool, PyDate, PyDateAccess, PyDateTime, PyDelta, PyDeltaAccess, PyFloat, PyInt, PyString, PyTime, PyTimeAccess,
    PyType, PyTzInfo, PyTzInfoAccess,
};

use super::ffi::{exact, small_int, utf8};
use crate::rows::cell::{Cell, Date, DateTime, Row, Time};

/// An Enum may hold another Enum; none holds this many.
const MAX_ENUM_DEPTH: usize = 16;

/// Hands the cell that `value` is to `row`, for the column at `place`.
#[inline(never)]
pub(super) fn give(value: &Bound<'_, PyAny>, place: usize, row: &mut impl Row) -> PyResult<()> {
    if give_plain(value, place, row) {
        return Ok(());
    }
    visit_rare(value, &mut |cell| row.cell(place, cell), 0)
}

/// The same for a value of an everyday type, without running any Python; `false` for any other.
#[inline(always)]
pub(super) fn give_plain(value: &Bound<'_, PyAny>, place: usize, row: &mut impl Row) -> bool {
    if let Some(text) = exact::<PyString>(value) {
        match utf8(text) {
            Some(text) => row.text(place, text),
            None => row.cell(place, Cell::BrokenText),
        }
    } else if let Some(number) = exact::<PyInt>(value) {
        let Some(small) = small_int(number) else { return false };
        row.int(place, small);
    } else if let Some(number) = exact::<PyFloat>(value) {
        row.float(place, number.value());
    } else if value.is_none() {
        row.null(place);
    } else if let Some(flag) = exact::<PyBool>(value) {
        row.bool(place, flag.is_true());
    } else if let Some(moment) = exact::<PyDateTime>(value) {
        let utc_offset = match moment.get_tzinfo() {
            None => None,
            Some(zone) if is_utc(&zone) => Some(0),
            Some(_) => return false,
        };
        row.datetime(place, &datetime(moment, utc_offset));
    } else {
        return false;
    }
    true
}

/// Calls `see` once with the cell that `value` is.
pub(super) fn visit(value: &Bound<'_, PyAny>, see: &mut dyn FnMut(Cell<'_>)) -> PyResult<()> {
    give(value, 0, &mut Seen(see))
}

/// A row of one cell.
struct Seen<'s>(&'s mut dyn FnMut(Cell<'_>));

impl Row for Seen<'_> {
    fn place(&mut self, _: &str) -> Option<usize> {
        None
    }

    fn cell(&mut self, _: usize, cell: Cell<'_>) {
        (self.0)(cell);
    }

    fn cell_without_place(&mut self, _: &str, cell: Cell<'_>) {
        (self.0)(cell);
    }

    fn bad_key(&mut self, _: &str) {}

    fn not_a_mapping(&mut self, _: &str, _: Option<&str>) {}
}

/// What users call the type of `value`.
pub(super) fn type_name(value: &Bound<'_, PyAny>) -> String {
    value.get_type().fully_qualified_name().map_or_else(|_| "?".into(), |name| name.to_string())
}

fn visit_int(number: &Bound<'_, PyInt>, see: &mut dyn FnMut(Cell<'_>)) -> PyResult<()> {
    if let Some(small) = small_int(number) {
        see(Cell::Int(small));
        return Ok(());
    }
    // int's own repr, whatever a subclass makes of it. Python refuses to write out absurdly long numbers, and no
    // column takes those: an empty text reads as out of range.
    let digits = PyInt::type_object(number.py()).call_method1(intern!(number.py(), "__repr__"), (number,));
    match digits {
        Ok(digits) => see(Cell::WideInt(&digits.extract::<String>()?)),
        Err(_) => see(Cell::WideInt("")),
    }
    Ok(())
}

fn date(day: &Bound<'_, PyDate>) -> Date {
    Date { year: day.get_year(), month: day.get_month(), day: day.get_day() }
}

#[inline(always)]
fn datetime(moment: &Bound<'_, PyDateTime>, utc_offset: Option<i64>) -> DateTime {
    DateTime {
        date: Date { year: moment.get_year(), month: moment.get_month(), day: moment.get_day() },
        hour: moment.get_hour(),
        minute: moment.get_minute(),
        second: moment.get_second(),
        microsecond: moment.get_microsecond(),
        utc_offset,
        fold: moment.get_fold(),
    }
}

#[inline]
fn is_utc(zone: &Bound<'_, PyTzInfo>) -> bool {
    PyTzInfo::utc(zone.py()).is_ok_and(|utc| zone.is(utc))
}

/// In microseconds; a zone that does not know is no zone, as in Python.
fn utc_offset(moment: &Bound<'_, PyDateTime>) -> PyResult<Option<i64>> {
    let Some(zone) = moment.get_tzinfo() else { return Ok(None) };
    if is_utc(&zone) {
        return Ok(Some(0));
    }
    let offset = moment.call_method0(intern!(moment.py(), "utcoffset"))?;
    Ok(offset.cast::<PyDelta>().ok().map(microseconds))
}

fn time_of_day(time: &Bound<'_, PyTime>) -> PyResult<Time> {
    let offset = time.call_method0(intern!(time.py(), "utcoffset"))?;
    Ok(Time {
        hour: time.get_hour(),
        minute: time.get_minute(),
        second: time.get_second(),
        microsecond: time.get_microsecond(),
        utc_offset: offset.cast::<PyDelta>().ok().map(microseconds),
    })
}

fn microseconds(delta: &Bound<'_, PyDelta>) -> i64 {
    let seconds = i64::from(delta.get_days()) * 86_400 + i64::from(delta.get_seconds());
    seconds * 1_000_000 + i64::from(delta.get_microseconds())
}

/// Subclasses, the standard library's numbers and ids, and scalars of numpy and pandas.
#[inline(never)]
fn visit_rare(value: &Bound<'_, PyAny>, see: &mut dyn FnMut(Cell<'_>), depth: usize) -> PyResult<()> {
    static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static UUID: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let py = value.py();
    if let Ok(day) = value.cast_exact::<PyDate>() {
        see(Cell::Date(date(day)));
        return Ok(());
    }
    if is_enum(value)? && depth < MAX_ENUM_DEPTH {
        let inner = value.getattr(intern!(py, "value"))?;
        return if is_enum(&inner)? { visit_rare(&inner, see, depth + 1) } else { visit(&inner, see) };
    }
    let name = type_name(value);
    // NaT calls itself a datetime, so that it has to be asked first.
    if is_missing(&name) {
        see(Cell::Null);
    } else if let Ok(text) = value.cast::<PyString>() {
        see(utf8(text).map_or(Cell::BrokenText, Cell::Text));
    } else if let Ok(number) = value.cast::<PyInt>() {
        visit_int(number, see)?;
    } else if let Ok(number) = value.cast::<PyFloat>() {
        see(Cell::Float(number.value()));
    } else if let Ok(moment) = value.cast::<PyDateTime>() {
        // pandas keeps years beyond Python's to itself: the attribute shows them.
        let year = moment.getattr(intern!(py, "year"))?.extract()?;
        let plain = datetime(moment, utc_offset(moment)?);
        see(Cell::DateTime(DateTime { date: Date { year, ..plain.date }, ..plain }));
    } else if let Ok(day) = value.cast::<PyDate>() {
        see(Cell::Date(date(day)));
    } else if let Ok(time) = value.cast::<PyTime>() {
        see(Cell::Time(time_of_day(time)?));
    } else if value.is_instance(DECIMAL.import(py, "decimal", "Decimal")?)? {
        let text = DECIMAL.import(py, "decimal", "Decimal")?.call_method1(intern!(py, "__str__"), (value,))?;
        see(Cell::Decimal(text.cast::<PyString>()?.to_str()?));
    } else if value.is_instance(UUID.import(py, "uuid", "UUID")?)? {
        see(Cell::Uuid(value.str()?.to_str()?));
    } else if name.starts_with("numpy.")
        && value.hasattr(intern!(py, "item"))?
        && !value.hasattr(intern!(py, "__len__"))?
    {
        visit_numpy(value, &name, see)?;
    } else {
        see(Cell::Unsupported(&name));
    }
    Ok(())
}

/// `pandas.NA`, `pandas.NaT` and numpy's masked element. pandas moves its types around between releases.
fn is_missing(type_name: &str) -> bool {
    let pandas =
        type_name.starts_with("pandas.") && (type_name.ends_with(".NAType") || type_name.ends_with(".NaTType"));
    pandas || type_name.starts_with("numpy.ma.") && type_name.ends_with(".MaskedConstant")
}

fn is_enum(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    static ENUM: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    value.is_instance(ENUM.import(value.py(), "enum", "Enum")?)
}

/// A scalar of numpy as the Python value that it stands for.
fn visit_numpy(value: &Bound<'_, PyAny>, name: &str, see: &mut dyn FnMut(Cell<'_>)) -> PyResult<()> {
    let py = value.py();
    let item = match name {
        "numpy.datetime64" => return visit_datetime64(value, see),
        // Its `item` would be a number of something.
        "numpy.timedelta64" => value.clone(),
        "numpy.longdouble" => PyFloat::type_object(py).call1((value,))?,
        _ => value.call_method0(intern!(py, "item"))?,
    };
    if item.get_type().is(value.get_type()) {
        see(Cell::Unsupported(name));
        return Ok(());
    }
    visit(&item, see)
}

/// Of any unit. Its year is asked for first: a conversion beyond the years of Python's datetime wraps around.
fn visit_datetime64(value: &Bound<'_, PyAny>, see: &mut dyn FnMut(Cell<'_>)) -> PyResult<()> {
    let as_unit = |unit: &str| value.call_method1("astype", (unit,))?.call_method0("item");
    // A unit too fine to be counted in years does not reach beyond them either.
    let beyond = as_unit("datetime64[Y]").is_ok_and(|year| !year.is_none() && !year.is_instance_of::<PyDate>());
    if !beyond {
        return visit(&as_unit("datetime64[us]")?, see);
    }
    let date = Date { year: 0, month: 1, day: 1 };
    see(Cell::DateTime(DateTime {
        date,
        hour: 0,
        minute: 0,
        second: 0,
        microsecond: 0,
        utc_offset: None,
        fold: false,
    }));
    Ok(())
}
