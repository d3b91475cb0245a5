//! What the page shows of a service, as plain data: the service fills it in, the page draws it.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

/// The rows of a table that are shown, from the newest back.
pub(super) const ROWS: usize = 10;
/// Moments of arrival that are kept for a table.
const MOMENTS: usize = 6_000;
/// Rows that come within this count as of one moment.
const MOMENT: Duration = Duration::from_millis(50);

/// A place with datasets, such as a workspace or a project.
#[derive(Debug, Serialize)]
pub(super) struct Section {
    pub(super) title: String,
    /// Short remarks beside the title.
    pub(super) badges: Vec<String>,
    pub(super) datasets: Vec<Dataset>,
}

/// A dataset.
#[derive(Debug, Serialize)]
pub(super) struct Dataset {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) badges: Vec<String>,
    /// The limits it is held to.
    pub(super) quotas: Vec<Quota>,
    /// Whether the service says how programs push into it; see `ApiInfo`.
    pub(super) has_api_info: bool,
    pub(super) tables: Vec<Table>,
}

/// How programs push rows into a dataset: what the page calls API Info.
#[derive(Debug, Serialize)]
pub(super) struct ApiInfo {
    /// The address that takes rows by the key in it, where there is one. The key is a secret.
    pub(super) push_url: Option<String>,
    /// The same call in several languages, ready to paste.
    pub(super) snippets: Vec<Snippet>,
}

/// A few lines of a program.
#[derive(Debug, Serialize)]
pub(super) struct Snippet {
    pub(super) title: &'static str,
    pub(super) text: String,
}

/// A limit in a span of time.
#[derive(Debug, Serialize)]
pub(super) struct Quota {
    /// What is counted: requests, or rows.
    pub(super) what: &'static str,
    /// The span: second, minute or hour.
    pub(super) span: &'static str,
    pub(super) used: u64,
    pub(super) most: u64,
}

/// A table, and the newest of its rows.
#[derive(Debug, Serialize)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) badges: Vec<String>,
    pub(super) columns: Vec<Column>,
    /// All its rows.
    pub(super) count: usize,
    /// The newest rows, newest last, with a cell for each column; `None` is null.
    pub(super) newest: Vec<Vec<Option<String>>>,
}

/// A column.
#[derive(Debug, Serialize)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) type_name: String,
    pub(super) is_number: bool,
}

/// Some of the rows of a table, and when they came.
#[derive(Debug, Serialize)]
pub(super) struct Sample {
    /// How many rows ever came into the table.
    pub(super) added: u64,
    /// Oldest first: when the row came, in seconds from the start of the clock, and its cells.
    pub(super) rows: Vec<(f64, Vec<Option<String>>)>,
}

impl Sample {
    /// The places of `most` at most of the rows from `first` to `end`, evenly spread, the last among them.
    pub(super) fn places(first: usize, end: usize, most: usize) -> impl Iterator<Item = usize> {
        let step = (end.saturating_sub(first)).div_ceil(most.max(1)).max(1);
        let offset = end.saturating_sub(first + 1) % step;
        (first + offset..end).step_by(step)
    }
}

/// When the rows of a table came; of the oldest it may be forgotten.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    /// How many rows had come at a moment, oldest first.
    log: VecDeque<(u64, Duration)>,
    /// How many rows came.
    pub(super) added: u64,
}

impl Arrivals {
    /// Counts rows that came at a moment.
    pub(super) fn add(&mut self, rows: usize, at: Duration) {
        self.added += u64::try_from(rows).unwrap_or(u64::MAX);
        match self.log.back_mut().filter(|(_, last)| at.saturating_sub(*last) < MOMENT) {
            Some((added, _)) => *added = self.added,
            None => self.log.push_back((self.added, at)),
        }
        if self.log.len() > MOMENTS {
            self.log.pop_front();
        }
    }

    /// When the row of this number came; the first has 0.
    pub(super) fn of(&self, number: u64) -> Duration {
        let at = self.log.partition_point(|(added, _)| *added <= number);
        self.log.get(at).map_or(Duration::ZERO, |(_, at)| *at)
    }
}

/// A number with commas: `336,776`.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let comma = |at: usize| at > 0 && (digits.len() - at).is_multiple_of(3);
    digits.char_indices().flat_map(|(at, digit)| comma(at).then_some(',').into_iter().chain([digit])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_and_has_the_last() {
        let places = |first, end, most| Sample::places(first, end, most).collect::<Vec<_>>();
        assert_eq!(places(0, 10, 4), [0, 3, 6, 9]);
        assert_eq!(places(3, 10, 3), [3, 6, 9]);
        assert_eq!(places(2, 10, 3), [3, 6, 9]);
        assert_eq!(places(0, 3, 5), [0, 1, 2]);
        assert_eq!(places(3, 3, 5), [0; 0]);
    }

    #[test]
    fn a_row_came_when_its_request_came() {
        let second = Duration::from_secs;
        let mut arrivals = Arrivals::default();
        arrivals.add(2, second(1));
        arrivals.add(1, second(1) + MOMENT / 2);
        arrivals.add(3, second(4));
        assert_eq!([0, 2, 3, 5].map(|number| arrivals.of(number)), [1, 1, 4, 4].map(second));
        for at in 0..MOMENTS as u64 {
            arrivals.add(1, second(5 + at));
        }
        assert_eq!((arrivals.added, arrivals.of(0)), (6 + MOMENTS as u64, second(5)), "the oldest are forgotten");
    }

    #[test]
    fn numbers_are_grouped_in_threes() {
        let grouped = [0, 999, 1_000, 336_776, 10_000_000].map(grouped);
        assert_eq!(grouped, ["0", "999", "1,000", "336,776", "10,000,000"]);
    }
}
