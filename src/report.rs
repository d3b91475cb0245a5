//! The honest answer: what became of each of the caller's rows, and what it took.

use std::ops::Range;
use std::time::Duration;

use serde::Serialize;

use crate::encode::{Problems, RowError};
use crate::outbox::{Fate, Ledger};

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
    /// Takes note of an answer's id.
    pub fn note_id(&mut self, id: Option<&str>) {
        if self.request_ids.len() == MAX_REQUEST_IDS {
            self.request_ids.remove(0);
        }
        self.request_ids.extend(id.map(str::to_owned));
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

    /// Rows were accepted in the caller's order, the invalid ones left out: walk both countings side by side.
    fn walk(&mut self, invalid: &[Range<u64>], skipped: bool, first: u64, ledger: &Ledger) {
        let (mut row, mut accepted) = (0, first);
        let end = self.read..self.read;
        for gap in invalid.iter().chain([&end]) {
            let valid = gap.start - row;
            for (piece, fate) in ledger.pieces(accepted..accepted + valid) {
                let rows = row + (piece.start - accepted)..row + (piece.end - accepted);
                if fate != Some(Fate::Confirmed) {
                    self.resume_from = self.resume_from.min(rows.start);
                }
                self.add(rows, fate);
            }
            if !gap.is_empty() && !skipped {
                self.resume_from = self.resume_from.min(gap.start);
            }
            self.add(gap.clone(), Some(Fate::Rejected));
            row = gap.end;
            accepted += valid;
        }
    }

    fn add(&mut self, rows: Range<u64>, fate: Option<Fate>) {
        if rows.is_empty() {
            return;
        }
        let (state, count) = match fate {
            Some(Fate::Confirmed) => ("confirmed", &mut self.confirmed),
            Some(Fate::Rejected) => ("rejected", &mut self.rejected),
            Some(Fate::InDoubt) => ("in_doubt", &mut self.in_doubt),
            None => ("unsent", &mut self.unsent),
        };
        *count += rows.end - rows.start;
        match self.ranges.last_mut() {
            Some((_, stop, known)) if *stop == rows.start && *known == state => *stop = rows.end,
            _ => self.ranges.push((rows.start, rows.end, state)),
        }
    }
}
