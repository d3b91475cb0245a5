//! The caller's rows, read no longer than the call may take, and on an event loop's thread no longer than its time slice.

use std::ops::Range;
use std::time::Duration;

use pyo3::{PyErr, PyResult, Python};

use super::errors;
use crate::clock::{Clock, Moment};
use crate::error::{Error, Kind};
use crate::python::input::Failure;
use crate::rows::cell::{Row, Rows, Slices, Window};
use crate::rows::encode::{Encoder, Seen};

/// How long an event loop's thread reads rows before others have theirs.
pub(super) const TIME_SLICE: Duration = Duration::from_millis(5);

/// What ended a push early.
pub(super) enum Early {
    /// A failure of ours or of the service, on the delivery or before it began.
    Failed(Error),
    /// Rows that do not fit; whether the source was read to its end.
    Invalid { ended: bool },
    /// The source raised.
    Source(PyErr),
    /// The source holds something that is no row at all, which the exception says itself.
    NoRows(PyErr),
    /// Ctrl-C and its like: stays itself.
    Interrupted(PyErr),
}

impl Early {
    /// The exception for it; `encoder` knows the rows that came before, which may be left out.
    pub(super) fn into_raised(self, py: Python<'_>, encoder: &Encoder) -> PyResult<PyErr> {
        Ok(match self {
            Self::Failed(error) => errors::ending(py, &error),
            Self::Invalid { ended } => {
                let seen = Seen { rows: encoder.rows_read(), ended, can_skip: true };
                errors::validation(py, encoder.problems(), seen)?
            }
            Self::Source(raised) => errors::source(py, raised, encoder.rows_read()),
            Self::NoRows(raised) | Self::Interrupted(raised) => raised,
        })
    }
}

/// Why reading stopped before a request was full.
pub(super) enum Stop {
    /// The time slice is over.
    TimeSlice,
    /// The next rows have to be awaited.
    Dry,
    /// For good.
    Early(Early),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Early(match failure {
            Failure::Dry => return Self::Dry,
            Failure::NoRows(raised) => Early::NoRows(raised),
            Failure::Raised(raised) => Early::Source(raised),
            Failure::Interrupted(raised) => Early::Interrupted(raised),
        })
    }
}

/// How long rows may be read: a generator may wait for each of its rows.
#[derive(Clone)]
pub(super) struct Time {
    pub(super) clock: Clock,
    pub(super) deadline: Option<Moment>,
    /// The machine's own clock and the end of the time slice on it: others have theirs, or there is something to show.
    slice_end: Option<(Clock, Moment)>,
}

impl Time {
    pub(super) fn new(clock: &Clock, deadline: Option<Moment>) -> Self {
        Self { clock: clock.clone(), deadline, slice_end: None }
    }

    /// The same, for one time slice that begins now where it must end `soon`.
    pub(super) fn time_slice(&self, soon: bool) -> Self {
        self.time_slice_of(soon.then_some(TIME_SLICE))
    }

    /// The same, for one time slice of this length.
    pub(super) fn time_slice_of(&self, length: Option<Duration>) -> Self {
        let slice_end = length.map(|length| {
            let clock = Clock::real();
            let end = clock.now() + length;
            (clock, end)
        });
        Self { slice_end, ..self.clone() }
    }
}

/// Rows as they are read in time.
pub(super) struct InTime<R> {
    rows: R,
    time: Time,
    /// A time slice is never so short that nothing is read.
    read: bool,
}

impl<R> InTime<R> {
    pub(super) fn new(rows: R, time: Time) -> Self {
        Self { rows, time, read: false }
    }

    /// Fails once there is no time left.
    #[inline]
    fn check(&mut self) -> Result<(), Stop> {
        if self.time.deadline.is_some_and(|deadline| deadline <= self.time.clock.now()) {
            let message = "the time limit of this call has passed while rows were read";
            return Err(Stop::Early(Early::Failed(Error::new(Kind::Deadline, message))));
        }
        if self.read && self.time.slice_end.as_ref().is_some_and(|(clock, end)| *end <= clock.now()) {
            return Err(Stop::TimeSlice);
        }
        self.read = true;
        Ok(())
    }
}

impl<R: Rows<Failure = Failure>> Rows for InTime<R> {
    type Failure = Stop;

    fn begin(&mut self) {
        self.rows.begin();
    }

    #[inline]
    fn visit(&mut self, row: &mut impl Row) -> Result<bool, Stop> {
        self.check()?;
        Ok(self.rows.visit(row)?)
    }

    fn window(&mut self, most: usize) -> Result<Option<Window<'_>>, Stop> {
        self.check()?;
        Ok(self.rows.window(most)?)
    }

    fn pass(&mut self, rows: usize) {
        self.rows.pass(rows);
    }
}

impl<R: Slices<Failure = Failure>> Slices for InTime<R> {
    type Slice = InTime<R::Slice>;

    fn at_hand(&mut self) -> Result<usize, Stop> {
        self.check()?;
        Ok(self.rows.at_hand()?)
    }

    fn slice(&self, rows: Range<usize>) -> Self::Slice {
        InTime::new(self.rows.slice(rows), self.time.clone())
    }

    fn until(&self, slice: &Self::Slice) -> Option<usize> {
        self.rows.until(&slice.rows)
    }

    fn skip(&mut self, rows: usize) {
        self.rows.skip(rows);
    }
}
