//! What a licence allows, and which windows of it hold for what is sent to.

use std::time::Duration;

use crate::rate_limit::{Counts, Holds, Quotas, Window};

/// Requests of one dataset that may be out at once. The service allows 5 that wait for their answer
/// ("Push semantic model limitations"); one place is kept for an answer that got lost.
pub const IN_FLIGHT: usize = 4;
/// A place whose request was never answered may still be taken at the service for this long.
const LOST_ANSWER: Duration = Duration::from_secs(120);
/// From so many rows on a table has a quota of its own ("Push semantic model limitations").
const LARGE_TABLE: u64 = 250_000;
/// Queries of one user in a minute. Source: "Datasets - Execute Queries", limitations.
const QUERIES: u64 = 120;

/// A span of time, and how much longer it is held.
type Span = (Duration, Duration);

const SECOND: Span = (Duration::from_secs(1), Duration::from_millis(10));
const MINUTE: Span = (Duration::from_secs(60), Duration::from_millis(500));
const HOUR: Span = (Duration::from_secs(3_600), Duration::from_secs(20));

/// What may be sent to one dataset, as users say it. `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Allowance {
    /// Requests that add rows, a second; for push URLs without history only.
    pub requests_per_second: Option<u64>,
    /// Requests that add rows, a minute.
    pub requests_per_minute: Option<u64>,
    /// Rows, an hour.
    pub rows_per_hour: Option<u64>,
    /// Requests that add rows, an hour, once one table of the dataset is large.
    pub large_table_requests_per_hour: Option<u64>,
    /// Requests that may be out at once.
    pub in_flight: usize,
    /// How long the place of a request that was never answered is kept.
    pub lost_answer: Duration,
}

impl Allowance {
    /// What "Push semantic model limitations" (learn.microsoft.com, `push-datasets-limitations`) allows a paid licence,
    /// and for a push URL without history the comparison of real-time models in "Real-time streaming in Power BI", which
    /// names no unit of time: a second is the usual reading.
    pub const PRO: Self = Self {
        requests_per_second: Some(5),
        requests_per_minute: Some(120),
        rows_per_hour: Some(1_000_000),
        large_table_requests_per_hour: Some(120),
        in_flight: IN_FLIGHT,
        lost_answer: LOST_ANSWER,
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
        in_flight: IN_FLIGHT,
        lost_answer: Duration::ZERO,
    };

    /// The quotas of a dataset: where it turns out that it only streams, those of a push URL without history.
    #[must_use]
    pub fn of_dataset(&self) -> Quotas {
        let second = window(self.requests_per_second, Counts::Requests, SECOND, Holds::Unstored);
        self.holding(self.of_stored_rows().into_iter().chain([second]))
    }

    /// Those of a push URL: with history a push dataset's, else its own rate.
    #[must_use]
    pub fn of_push_url(&self, history: bool) -> Quotas {
        if history {
            return self.holding(self.of_stored_rows());
        }
        self.holding([window(self.requests_per_second, Counts::Requests, SECOND, Holds::Always)])
    }

    /// Those of queries, which are a user's whatever the dataset.
    #[must_use]
    pub fn of_queries(&self) -> Quotas {
        let queries = self.requests_per_minute.and(Some(QUERIES));
        Self::NONE.holding([window(queries, Counts::Requests, MINUTE, Holds::Always)])
    }

    fn of_stored_rows(&self) -> [Option<Window>; 3] {
        let large = Holds::StoredRows(LARGE_TABLE);
        [
            window(self.requests_per_minute, Counts::Requests, MINUTE, Holds::StoredRows(0)),
            window(self.rows_per_hour, Counts::Rows, HOUR, Holds::StoredRows(0)),
            window(self.large_table_requests_per_hour, Counts::Requests, HOUR, large),
        ]
    }

    fn holding(&self, windows: impl IntoIterator<Item = Option<Window>>) -> Quotas {
        let windows = windows.into_iter().flatten().collect();
        Quotas { windows, in_flight: self.in_flight, lost_answer: self.lost_answer }
    }
}

fn window(most: Option<u64>, counts: Counts, (span, margin): Span, holds: Holds) -> Option<Window> {
    most.map(|most| Window { most, counts, span, margin, holds })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(quotas: &Quotas) -> Vec<String> {
        quotas.windows.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_windows_of_a_profile_are_told_as_people_say_them() {
        let large = "120 requests an hour for a table of 250,000 rows";
        let stored = ["120 requests a minute", "1,000,000 rows an hour", large];
        assert_eq!(told(&Allowance::PRO.of_push_url(true)), stored);
        assert_eq!(told(&Allowance::PRO.of_push_url(false)), ["5 requests a second"]);
        assert_eq!(told(&Allowance::PRO.of_dataset()), [stored.as_slice(), &["5 requests a second"]].concat());
        assert_eq!(told(&Allowance::PRO.of_queries()), ["120 requests a minute"]);
        assert_eq!(told(&Allowance::FREE.of_push_url(true))[1], "10,000 rows an hour");
        assert_eq!(told(&Allowance::NONE.of_dataset()), [""; 0]);
    }

    #[test]
    fn one_request_fewer_is_out_than_the_service_takes() {
        for allowance in [Allowance::PRO, Allowance::FREE, Allowance::NONE] {
            let all = [allowance.of_dataset(), allowance.of_push_url(true), allowance.of_push_url(false)];
            assert_eq!(all.map(|quotas| quotas.in_flight), [4; 3]);
        }
    }
}
