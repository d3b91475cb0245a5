//! What a service allows in a window of time, as data: profiles, and the windows of one request.

use std::fmt;
use std::time::Duration;

use super::IN_FLIGHT;
use crate::error::Grouped;

/// A place whose request was never answered may still be taken at the service for this long.
const LOST_ANSWER: Duration = Duration::from_secs(120);

/// What may be sent to one dataset. `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quotas {
    /// Requests that add rows, a second; for push URLs without history only.
    pub requests_per_second: Option<u64>,
    /// Requests that add rows, a minute.
    pub requests_per_minute: Option<u64>,
    /// Rows, an hour.
    pub rows_per_hour: Option<u64>,
    /// Requests that add rows, an hour, once one table of the dataset is large.
    pub large_table_requests_per_hour: Option<u64>,
    /// From this many rows on a table is large.
    pub large_table_rows: u64,
    /// Requests that may be out at once. The service itself takes one more: a place for an answer that got lost.
    pub in_flight: usize,
    /// How long the place of a request that was never answered is kept.
    pub lost_answer: Duration,
}

impl Quotas {
    /// What "Push semantic model limitations" (learn.microsoft.com, `push-datasets-limitations`) allows a paid licence,
    /// and for a push URL without history the comparison of real-time models in "Real-time streaming in Power BI", which
    /// names no unit of time: a second is the usual reading.
    pub const PRO: Self = Self {
        requests_per_second: Some(5),
        requests_per_minute: Some(120),
        rows_per_hour: Some(1_000_000),
        large_table_requests_per_hour: Some(120),
        lost_answer: LOST_ANSWER,
        ..Self::NONE
    };

    /// The same with the rows of a free licence. Source: the documentation of 2016 (`dn950053`); the current one is
    /// silent.
    pub const FREE: Self = Self { rows_per_hour: Some(10_000), ..Self::PRO };

    /// Nothing is held back, but that only so many requests are out at once.
    pub const NONE: Self = Self {
        requests_per_second: None,
        requests_per_minute: None,
        rows_per_hour: None,
        large_table_requests_per_hour: None,
        large_table_rows: 250_000,
        in_flight: IN_FLIGHT,
        lost_answer: Duration::ZERO,
    };

    /// Those of a push dataset, which also hold for a push URL with history.
    #[must_use]
    pub fn of_stored_rows(self) -> Self {
        Self { requests_per_second: None, ..self }
    }

    /// Those of a push URL without history.
    #[must_use]
    pub fn of_stream(self) -> Self {
        let Self { requests_per_second, in_flight, lost_answer, .. } = self;
        Self { requests_per_second, in_flight, lost_answer, ..Self::NONE }
    }

    /// Those of queries, which are a user's whatever the dataset. Source: "Datasets - Execute Queries", limitations.
    #[must_use]
    pub fn of_queries(self) -> Self {
        Self { requests_per_minute: self.requests_per_minute.and(Some(120)), ..Self::NONE }
    }

    /// The windows that hold a request, while a table of the dataset is `large` or none is.
    pub(super) fn windows(&self, large: bool) -> impl Iterator<Item = Window> {
        let windows = [
            (Span::Second, self.requests_per_second),
            (Span::Minute, self.requests_per_minute),
            (Span::Hour, self.rows_per_hour),
            (Span::LargeHour, self.large_table_requests_per_hour.filter(|_| large)),
        ];
        let rows = self.large_table_rows;
        windows.into_iter().filter_map(move |(span, most)| most.map(|most| Window { span, most, rows }))
    }
}

/// Over what a window counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    Second,
    Minute,
    /// An hour of rows.
    Hour,
    /// An hour of requests to a dataset with a large table.
    LargeHour,
}

impl Span {
    pub(super) const COUNT: usize = 4;

    /// A window is held a little longer than it is: the service's clock is not ours.
    pub(super) const fn length(self) -> Duration {
        match self {
            Self::Second => Duration::from_millis(1_010),
            Self::Minute => Duration::from_millis(60_500),
            Self::Hour | Self::LargeHour => Duration::from_secs(3_620),
        }
    }

    /// Which column of the log it counts: requests, or rows.
    pub(super) const fn column(self) -> usize {
        matches!(self, Self::Hour) as usize
    }
}

/// So much in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub(super) span: Span,
    pub(super) most: u64,
    rows: u64,
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = Grouped(self.most);
        match self.span {
            Span::Second => write!(f, "{most} requests a second"),
            Span::Minute => write!(f, "{most} requests a minute"),
            Span::Hour => write!(f, "{most} rows an hour"),
            Span::LargeHour => write!(f, "{most} requests an hour for a table of {} rows", Grouped(self.rows)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_windows_of_a_profile_are_told_as_people_say_them() {
        let names = |quotas: Quotas, large| quotas.windows(large).map(|window| window.to_string()).collect::<Vec<_>>();
        let pro = ["5 requests a second", "120 requests a minute", "1,000,000 rows an hour"];
        assert_eq!(names(Quotas::PRO, false), pro);
        assert_eq!(names(Quotas::PRO, true)[3], "120 requests an hour for a table of 250,000 rows");
        assert_eq!(names(Quotas::FREE, false)[2], "10,000 rows an hour");
        assert_eq!(names(Quotas::NONE, true), [""; 0]);
    }
}
