//! What a service allows in windows of time, as data: the service hands the windows, and the usage applies them.

use std::fmt;
use std::time::Duration;

use super::{IN_FLIGHT, LONGEST_WINDOW};
use crate::error::Grouped;

/// What a window counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counts {
    /// Requests that add rows.
    Requests,
    /// Rows.
    Rows,
}

/// When a window holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holds {
    /// Always.
    Always,
    /// Where rows are stored, once one table has so many of them.
    StoredRows(u64),
    /// Where no rows are stored: they pass through.
    Unstored,
}

/// So much in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// How much.
    pub most: u64,
    /// Of what.
    pub counts: Counts,
    /// In how long, as the service says it.
    pub span: Duration,
    /// How much longer it is held: the service's clock is not ours.
    pub margin: Duration,
    /// When.
    pub holds: Holds,
}

impl Window {
    /// How long it is held.
    pub(super) fn length(&self) -> Duration {
        (self.span + self.margin).min(LONGEST_WINDOW)
    }

    /// Which column of the log it counts.
    pub(super) fn column(&self) -> usize {
        match self.counts {
            Counts::Requests => 0,
            Counts::Rows => 1,
        }
    }

    /// From how many stored rows of one table on it holds, where that matters.
    pub(super) fn stored_rows(&self) -> Option<u64> {
        match self.holds {
            Holds::StoredRows(rows) if rows > 0 => Some(rows),
            _ => None,
        }
    }

    /// Whether both are the same but for how much they let through.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        Self { most: 0, ..*self } == Self { most: 0, ..*other }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = match self.counts {
            Counts::Requests => "requests",
            Counts::Rows => "rows",
        };
        write!(f, "{} {counted} ", Grouped(self.most))?;
        match self.span.as_secs() {
            1 => f.write_str("a second")?,
            60 => f.write_str("a minute")?,
            3_600 => f.write_str("an hour")?,
            seconds => write!(f, "in {seconds} s")?,
        }
        match self.stored_rows() {
            Some(rows) => write!(f, " for a table of {} rows", Grouped(rows)),
            None => Ok(()),
        }
    }
}

/// What may be sent to one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotas {
    /// What holds a request.
    pub windows: Vec<Window>,
    /// Requests that may be out at once. The service itself takes one more: a place for an answer that got lost.
    pub in_flight: usize,
    /// How long the place of a request that was never answered is kept.
    pub lost_answer: Duration,
}

impl Quotas {
    /// Nothing is held back, but that only so many requests are out at once.
    pub const NONE: Self = Self { windows: Vec::new(), in_flight: IN_FLIGHT, lost_answer: Duration::ZERO };

    /// Its windows; of those that hold from some number of stored rows on, all that `has` holds for.
    pub(super) fn windows(&self, stores: bool, has: impl Fn(u64) -> bool) -> impl Iterator<Item = Window> {
        self.windows.iter().copied().filter(move |window| match window.holds {
            Holds::Always => true,
            Holds::Unstored => !stores,
            Holds::StoredRows(rows) => stores && (rows == 0 || has(rows)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn window(most: u64, counts: Counts, span: Duration, holds: Holds) -> Window {
        Window { most, counts, span, margin: Duration::ZERO, holds }
    }

    #[test]
    fn windows_are_told_as_people_say_them() {
        for (most, counts, seconds, holds, told) in [
            (5, Counts::Requests, 1, Holds::Unstored, "5 requests a second"),
            (120, Counts::Requests, 60, Holds::Always, "120 requests a minute"),
            (1_000_000, Counts::Rows, 3_600, Holds::StoredRows(0), "1,000,000 rows an hour"),
            (12, Counts::Requests, 3_600, Holds::StoredRows(9_000), "12 requests an hour for a table of 9,000 rows"),
            (7, Counts::Rows, 90, Holds::Always, "7 rows in 90 s"),
        ] {
            assert_eq!(window(most, counts, SECOND * seconds, holds).to_string(), told);
        }
    }

    #[test]
    fn a_window_holds_where_and_from_when_its_service_says() {
        let all = [Holds::Always, Holds::StoredRows(0), Holds::StoredRows(9), Holds::Unstored];
        let windows = all.map(|holds| window(1, Counts::Rows, SECOND, holds)).into();
        let quotas = Quotas { windows, ..Quotas::NONE };
        let holding = |stores, count| quotas.windows(stores, move |rows| count >= rows).map(|window| window.holds);
        assert_eq!(holding(true, 8).collect::<Vec<_>>(), all[..2]);
        assert_eq!(holding(true, 9).collect::<Vec<_>>(), all[..3]);
        assert_eq!(holding(false, 9).collect::<Vec<_>>(), [Holds::Always, Holds::Unstored]);
    }
}
