//! Problems told as people mend them: one line for each mistake, however many rows it is in.

use super::problems::RowError;
use crate::error::Grouped;

/// Mistakes told apart: two for each of a table's 75 columns.
const MOST: usize = 150;
/// Mistakes told in one message.
const SHOWN: usize = 20;

/// What many problems have in common: column, cause and type of value.
#[derive(Debug, Clone)]
struct Mistake {
    first: RowError,
    last: u64,
    rows: u64,
    problems: u64,
}

impl Mistake {
    fn new(first: &RowError) -> Self {
        Self { first: first.clone(), last: first.row, rows: 1, problems: 1 }
    }

    fn explains(&self, other: &RowError) -> bool {
        let first = &self.first;
        first.code == other.code
            && first.column == other.column
            && first.value_type == other.value_type
            && (first.message == other.message || constant(&first.message).eq(constant(&other.message)))
    }

    /// So many more problems in rows from `first` to `last`.
    fn grow(&mut self, first: u64, last: u64, rows: u64, problems: u64) {
        self.rows += rows - u64::from(first == self.last);
        self.problems += problems;
        self.last = last;
    }

    fn line(&self, read: u64, ended: bool) -> String {
        let RowError { row, column, message, .. } = &self.first;
        let which = match (self.rows, Grouped(self.rows)) {
            (1, _) => format!("row {row}"),
            (rows, count) if rows == read && ended => format!("all {count} rows, first in row {row}"),
            (rows, count) if rows == read => format!("all {count} rows so far, first in row {row}"),
            (_, count) => format!("{count} rows, first in row {row}"),
        };
        let Some(column) = column else { return format!("{which}: {message}") };
        let column = format!("column `{column}`");
        let what = message.strip_prefix(&column).map_or(message.as_str(), str::trim_start);
        format!("{column}: {which}: {what}")
    }
}

/// What messages of one kind have in common: all but digits, and but the values that stand between backticks.
fn constant(message: &str) -> impl Iterator<Item = char> {
    let mut inside = false;
    message.chars().filter(move |c| {
        inside ^= *c == '`';
        !inside && !c.is_ascii_digit()
    })
}

/// The mistakes of one call, in the order in which they were met.
#[derive(Debug, Clone, Default)]
pub(super) struct Mistakes {
    met: Vec<Mistake>,
    /// The one that was met last: rows have probably the same ones in the same order.
    last: usize,
}

impl Mistakes {
    pub(super) fn note(&mut self, error: &RowError) {
        let count = self.met.len();
        let found = (1..=count).map(|step| (self.last + step) % count).find(|&at| self.met[at].explains(error));
        match found {
            Some(at) => self.met[at].grow(error.row, error.row, 1, 1),
            None if count < MOST => self.met.push(Mistake::new(error)),
            None => return,
        }
        self.last = found.unwrap_or(count);
    }

    /// Takes those of rows that follow.
    pub(super) fn append(&mut self, later: Self) {
        for other in later.met {
            match self.met.iter().position(|known| known.explains(&other.first)) {
                Some(at) => self.met[at].grow(other.first.row, other.last, other.rows, other.problems),
                None if self.met.len() < MOST => self.met.push(other),
                None => {}
            }
        }
    }

    /// One line for each, and one for what is left of `problems`, of `read` rows, which are all there are where the
    /// source has `ended`.
    pub(super) fn lines(&self, problems: u64, read: u64, ended: bool) -> Vec<String> {
        let shown = &self.met[..self.met.len().min(SHOWN)];
        let mut lines: Vec<_> = shown.iter().map(|mistake| mistake.line(read, ended)).collect();
        let left = problems - shown.iter().map(|mistake| mistake.problems).sum::<u64>();
        if left > 0 {
            lines.push(format!("and {} more problems of other kinds", Grouped(left)));
        }
        lines
    }

    /// Whether one of them is of this kind.
    pub(super) fn any(&self, kind: impl Fn(&RowError) -> bool) -> bool {
        self.met.iter().any(|mistake| kind(&mistake.first))
    }
}
