//! What a push would take under the quotas: the usage, played through in thought.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

use super::ask::{Ask, Ending, Reason, Word};
use super::tables::Holding;
use super::usage::{Gone, Usage};
use super::{RateLimit, Window};
use crate::clock::Moment;
use crate::error::amount;
use crate::retry::Retry;

/// How long an answer is taken to take.
const EXCHANGE: Duration = Duration::from_millis(500);
/// Requests that are played through one by one; what is beyond them goes on as their second half did.
const MOST_PLAYED: u64 = 20_000;

/// What a push would take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// How many requests.
    pub requests: u64,
    /// How many seconds.
    pub eta: f64,
    /// What holds it back the longest, if anything does.
    pub bound_by: Option<String>,
    /// What has to be true for it.
    pub assumes: Vec<String>,
}

impl RateLimit {
    /// What `requests` of them would take, the n-th of which carries `rows_of(n)`. A table whose count nobody knows is
    /// taken to be empty, unless `rows_in_table` says otherwise.
    #[must_use]
    pub fn plan(&self, requests: u64, rows_of: impl Fn(u64) -> u64, rows_in_table: Option<u64>) -> Plan {
        let now = self.shared.clock.now();
        let mut usage = self.shared.lock().clone();
        let known = usage.tables.of(&self.table);
        let holding = match (rows_in_table, known) {
            (Some(rows), _) => Holding::Counted(rows),
            (None, Holding::Unknown) => Holding::Counted(0),
            (None, known) => known,
        };
        usage.tables.set(&self.table, holding);
        let used = usage.log_of_the_hour(now);
        let mut stage = Stage { limit: self, usage, now, out: VecDeque::new(), waits: Vec::new() };
        let played = requests.min(MOST_PLAYED);
        let mut middle = now;
        for number in 0..played {
            stage.send(rows_of(number));
            if number == played / 2 {
                middle = stage.now;
            }
        }
        let mut eta = stage.last_answer() - now;
        if let Some(each) = (requests - played).checked_mul(2).filter(|_| requests > played) {
            #[allow(clippy::cast_precision_loss, reason = "an estimate")]
            let times = each as f64 / played as f64;
            eta += Duration::try_from_secs_f64((stage.now - middle).as_secs_f64() * times).unwrap_or(Duration::MAX / 2);
        }
        let windows = self.quotas.windows(!stage.usage.tables.stores_nothing, |_| true);
        let assumes = assumptions(windows, known, rows_in_table, used);
        Plan { requests, eta: eta.as_secs_f64(), bound_by: stage.longest_wait(), assumes }
    }
}

/// Requests leaving in thought, each as soon as it may.
struct Stage<'l> {
    limit: &'l RateLimit,
    usage: Usage,
    now: Moment,
    /// What is out and when it is answered, the earliest first.
    out: VecDeque<(Moment, Gone)>,
    waits: Vec<(Reason, Duration)>,
}

impl Stage<'_> {
    fn send(&mut self, rows: u64) {
        let (quotas, table) = (&self.limit.quotas, &self.limit.table);
        let ask = Ask { rows, retry: Retry::default(), failed: None };
        loop {
            self.answer();
            let next = match self.usage.word(self.now, &ask, quotas, table) {
                Word::Go => {
                    let gone = self.usage.go(self.now, &ask, table);
                    self.out.push_back((self.now + EXCHANGE, gone));
                    return;
                }
                Word::Wait(until, reason) => {
                    let next = self.out.front().map_or(until, |(answered, _)| until.min(*answered));
                    self.wait(reason, next - self.now);
                    next
                }
                Word::Queue(until) => {
                    self.out.front().map(|(answered, _)| *answered).or(until).unwrap_or(self.now + EXCHANGE)
                }
            };
            self.now = self.now.max(next);
        }
    }

    /// What is due is answered.
    fn answer(&mut self) {
        while self.out.front().is_some_and(|(answered, _)| *answered <= self.now) {
            if let Some((_, gone)) = self.out.pop_front() {
                self.usage.end(self.now, &gone, Ending::Taken, &self.limit.quotas, &Retry::default());
            }
        }
    }

    fn wait(&mut self, reason: Reason, length: Duration) {
        match self.waits.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, sum)) => *sum += length,
            None => self.waits.push((reason, length)),
        }
    }

    fn last_answer(&self) -> Moment {
        self.out.back().map_or(self.now, |(answered, _)| *answered)
    }

    fn longest_wait(&self) -> Option<String> {
        self.waits.iter().max_by_key(|(_, length)| *length).map(|(reason, _)| reason.to_string())
    }
}

fn assumptions(
    windows: impl Iterator<Item = Window>,
    known: Holding,
    told: Option<u64>,
    used: [u64; 2],
) -> Vec<String> {
    let windows: Vec<_> = windows.map(|window| window.to_string()).collect();
    let quotas =
        if windows.is_empty() { "no quota is held".into() } else { format!("the quotas are {}", windows.join(", ")) };
    let table = match (told, known) {
        (Some(rows), _) => format!("the table holds {}", amount(rows, "row")),
        (None, Holding::Unknown) => "the table is empty; rows_in_table= says otherwise".into(),
        (None, Holding::Counted(rows)) => {
            format!("the table holds the {} that this process has sent", amount(rows, "row"))
        }
        (None, Holding::Newest) => "the table keeps its newest rows only and is never large".into(),
        (None, Holding::Shown(rows)) => {
            format!("the table holds {} or more, as the service has shown", amount(rows, "row"))
        }
    };
    let sent = match used {
        [0, _] => "nothing was sent to the dataset in the last hour".into(),
        [requests, rows] => {
            let counts = if requests == 1 { "counts" } else { "count" };
            let (requests, rows) = (amount(requests, "request"), amount(rows, "row"));
            format!("of the last hour, {requests} with {rows} {counts}, which this process has sent")
        }
    };
    let answers = format!("an answer takes {} s", EXCHANGE.as_secs_f64());
    vec![quotas, table, sent, "nobody else sends to the dataset".into(), answers]
}
