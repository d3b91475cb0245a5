//! The honest answer: what became of each of the caller's rows, and what it took.

use std::ops::Range;
use std::time::Duration;

use serde::Serialize;

use crate::delivery::queue::{Ledger, RowState};
use crate::http::{Attempt, Outcome};
use crate::rows::encode::{Code, Problems, RowError, Value};

/// Request ids kept, the newest.
const MAX_REQUEST_IDS: usize = 1_000;

/// What sending has cost so far.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    /// Requests sent, resends included.
    pub requests: u64,
    /// Resends.
    pub retries: u64,
    /// Bytes of bodies sent, resends included.
    pub bytes_sent: u64,
    /// Time in which at least one request was held back.
    pub waited: Duration,
    /// The ids that the service gave its answers.
    pub request_ids: Vec<String>,
}

impl Meter {
    /// The same with what `other` has cost besides.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.requests += other.requests;
        self.retries += other.retries;
        self.bytes_sent += other.bytes_sent;
        self.waited += other.waited;
        for id in &other.request_ids {
            self.note_id(Some(id));
        }
        self
    }

    /// Takes note of an attempt whose body has so many `bytes`; one that was cut short has no outcome.
    pub fn note(&mut self, attempt: &Attempt, bytes: u64, outcome: Option<&Outcome>) {
        if attempt.progress.has_begun() {
            self.requests += 1;
            self.retries += u64::from(attempt.again);
        }
        if attempt.progress.sent_whole() {
            self.bytes_sent += bytes;
        }
        if let Some(Outcome::Answered(answer)) = outcome {
            self.note_id(answer.request_id.as_deref());
        }
    }

    fn note_id(&mut self, id: Option<&str>) {
        if self.request_ids.len() == MAX_REQUEST_IDS {
            self.request_ids.remove(0);
        }
        self.request_ids.extend(id.map(str::to_owned));
    }
}

/// Rows that the service itself has refused, and that others went on without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which ones, in the queue's counting.
    pub rows: Range<u64>,
    /// What it said.
    pub words: String,
}

impl Refused {
    /// The problem of `row` in the caller's counting.
    fn error(&self, row: u64) -> RowError {
        let message = match self.rows.end - self.rows.start {
            1 => self.words.clone(),
            rows => format!("is one of {rows} rows that were refused together: {}", self.words),
        };
        RowError { row, column: None, code: Code::Refused, message, value_type: "dict".into(), value: Value::None }
    }
}

/// The report on one call. `read == confirmed + rejected + in_doubt + unsent`, always.
#[derive(Debug, Clone, Default, Serialize)]
#[allow(missing_docs, reason = "the fields are described where users read them: Python's `PushResult`")]
pub struct Report {
    pub read: u64,
    pub confirmed: u64,
    pub rejected: u64,
    pub in_doubt: u64,
    pub unsent: u64,
    pub maybe_twice: u64,
    pub ranges: Vec<(u64, u64, &'static str)>,
    pub resume_from: u64,
    pub errors: Vec<RowError>,
    pub error_count: u64,
    pub requests: u64,
    pub retries: u64,
    pub bytes_sent: u64,
    pub elapsed_seconds: f64,
    pub waited_seconds: f64,
    pub request_ids: Vec<String>,
    pub repeated_keys: u64,
}

impl Report {
    /// Puts together what was read, what was wrong with it, and what became of the rest, whose first row is number
    /// `first` of the ledger. Invalid rows that were `skipped` on purpose are nothing to come back for.
    #[must_use]
    pub fn new(
        read: u64,
        problems: &Problems,
        skipped: bool,
        first: u64,
        ledger: &Ledger,
        meter: &Meter,
        elapsed: Duration,
    ) -> Self {
        let mut report = Self {
            read,
            resume_from: read,
            maybe_twice: ledger.maybe_twice(),
            errors: problems.errors().to_vec(),
            error_count: problems.count(),
            requests: meter.requests,
            retries: meter.retries,
            bytes_sent: meter.bytes_sent,
            elapsed_seconds: elapsed.as_secs_f64(),
            waited_seconds: meter.waited.as_secs_f64(),
            request_ids: meter.request_ids.clone(),
            ..Self::default()
        };
        report.walk(problems.invalid_rows(), skipped, first, ledger);
        report
    }

    /// The report on rows that were read and not sent.
    #[must_use]
    pub fn unsent(read: u64) -> Self {
        let ranges = if read == 0 { Vec::new() } else { vec![(0, read, "unsent")] };
        Self { read, unsent: read, ranges, ..Self::default() }
    }

    /// The same with what the service said of the rows that it refused, at most `max_errors` problems in all. The caller's
    /// row that was accepted first has the number `first` of the queue.
    #[must_use]
    pub fn with_refused(
        mut self,
        mut refused: Vec<Refused>,
        problems: &Problems,
        first: u64,
        max_errors: usize,
    ) -> Self {
        refused.sort_by_key(|one| one.rows.start);
        for one in &refused {
            let rows = one.rows.clone().filter(|number| *number >= first);
            self.error_count += rows.clone().count() as u64;
            let room = max_errors.saturating_sub(self.errors.len() - problems.errors().len());
            self.errors.extend(rows.take(room).map(|number| one.error(row_of(number - first, problems))));
        }
        self.errors.sort_by_key(|error| error.row);
        self.errors.truncate(max_errors);
        self
    }

    /// Rows were accepted in the caller's order, the invalid ones left out: walk both countings side by side.
    fn walk(&mut self, invalid: &[Range<u64>], skipped: bool, first: u64, ledger: &Ledger) {
        let (mut row, mut accepted) = (0, first);
        let end = self.read..self.read;
        for gap in invalid.iter().chain([&end]) {
            let valid = gap.start - row;
            for (piece, state) in ledger.pieces(accepted..accepted + valid) {
                let rows = row + (piece.start - accepted)..row + (piece.end - accepted);
                if state != Some(RowState::Confirmed) {
                    self.resume_from = self.resume_from.min(rows.start);
                }
                self.add(rows, state);
            }
            if !gap.is_empty() && !skipped {
                self.resume_from = self.resume_from.min(gap.start);
            }
            self.add(gap.clone(), Some(RowState::Rejected));
            row = gap.end;
            accepted += valid;
        }
    }

    fn add(&mut self, rows: Range<u64>, state: Option<RowState>) {
        if rows.is_empty() {
            return;
        }
        let (state, count) = match state {
            Some(RowState::Confirmed) => ("confirmed", &mut self.confirmed),
            Some(RowState::Rejected) => ("rejected", &mut self.rejected),
            Some(RowState::InDoubt) => ("in_doubt", &mut self.in_doubt),
            None => ("unsent", &mut self.unsent),
        };
        *count += rows.end - rows.start;
        match self.ranges.last_mut() {
            Some((_, stop, known)) if *stop == rows.start && *known == state => *stop = rows.end,
            _ => self.ranges.push((rows.start, rows.end, state)),
        }
    }
}

/// Which of the caller's rows was accepted as number `accepted`: the invalid ones were left out.
fn row_of(accepted: u64, problems: &Problems) -> u64 {
    problems
        .invalid_rows()
        .iter()
        .fold(accepted, |row, gap| if gap.start <= row { row + gap.end - gap.start } else { row })
}
