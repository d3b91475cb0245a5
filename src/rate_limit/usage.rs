//! The usage of one place: what was sent, what is out, and whether the next request may go. It never waits itself.

mod throttle;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::LONGEST_WINDOW;
use super::ask::{Ask, Ending, Reason, Word};
use super::circuit::Circuit;
use super::log::{Log, Tally};
use super::quotas::{Counts, Quotas, Window};
use super::share::Share;
use super::tables::Tables;
use crate::clock::Moment;
use crate::retry::Retry;

/// While the service is down, one request goes in so long, and one resend beyond the budget.
const PROBE_EVERY: Duration = Duration::from_secs(15);
/// While others seem to send too, one request at a time: a window that is full then refuses one of ours and not four.
const IN_FLIGHT_OF_MANY: u64 = 1;

/// A request that is out.
#[derive(Debug, Clone)]
pub(super) struct Gone {
    at: Moment,
    rows: u64,
    table: Arc<str>,
    is_probe: bool,
}

/// See the first line.
#[derive(Debug, Clone)]
pub(super) struct Usage {
    since: Moment,
    not_before: Moment,
    /// The service has just refused: one request at a time until it takes one.
    is_careful: bool,
    /// The one request is out.
    is_probing: bool,
    throttles: u32,
    /// Requests that are out, and their rows.
    out: Tally,
    /// Until when the places of requests that were never answered are kept.
    kept: VecDeque<Moment>,
    /// What was answered. Until it is answered, the service may not have counted a request.
    log: Log,
    /// Of each kind of window that somebody else seems to use too.
    shares: Vec<(Window, Share)>,
    pub(super) tables: Tables,
    circuit: Circuit,
}

impl Usage {
    /// An usage that nothing is on.
    pub(super) fn new(now: Moment) -> Self {
        Self {
            since: now,
            not_before: Moment::default(),
            is_careful: false,
            is_probing: false,
            throttles: 0,
            out: [0; 2],
            kept: VecDeque::new(),
            log: Log::new(LONGEST_WINDOW),
            shares: Vec::new(),
            tables: Tables::default(),
            circuit: Circuit::new(),
        }
    }

    /// Whether `ask` may go to `table` now.
    pub(super) fn word(&self, now: Moment, ask: &Ask, quotas: &Quotas, table: &str) -> Word {
        if self.not_before > now {
            return Word::Wait(self.not_before, Reason::RetryAfter);
        }
        if self.goes_singly() && self.is_probing {
            return Word::Queue(None);
        }
        let every = PROBE_EVERY.min(ask.retry.max_delay);
        let is_down = self.circuit.is_down();
        let (at, reason) = match ask.failed {
            _ if is_down => (self.circuit.probe_at(every), Reason::Down),
            Some((failed, again)) => (self.circuit.resend_at(failed, again, every, now), Reason::BackOff),
            None => (now, Reason::BackOff),
        };
        if at > now {
            return Word::Wait(at, reason);
        }
        if let Some((at, window)) = self.held(now, ask.rows, quotas, table) {
            return Word::Wait(at, Reason::Quota(window));
        }
        self.place(now, quotas, is_down)
    }

    /// `ask` goes.
    pub(super) fn go(&mut self, now: Moment, ask: &Ask, table: &Arc<str>) -> Gone {
        let is_probe = self.goes_singly();
        self.is_probing |= is_probe;
        self.out = [self.out[0] + 1, self.out[1] + ask.rows];
        self.tables.add(table, ask.rows);
        self.circuit.go(now, ask.failed.is_some());
        Gone { at: now, rows: ask.rows, table: Arc::clone(table), is_probe }
    }

    /// What went has ended.
    pub(super) fn end(&mut self, now: Moment, gone: &Gone, ending: Ending, quotas: &Quotas, retry: &Retry) {
        self.out = [self.out[0] - 1, self.out[1] - gone.rows];
        self.is_probing &= !gone.is_probe;
        let rows = if ending.may_have_landed() { gone.rows } else { 0 };
        self.tables.take_back(&gone.table, gone.rows - rows);
        if ending != Ending::Unsent {
            self.log.add(now, [1, rows]);
        }
        match ending {
            Ending::Taken | Ending::Refused => {
                self.circuit.answered(now);
                // What went out before the service refused says nothing about what it takes after.
                if gone.at >= self.not_before {
                    (self.is_careful, self.throttles) = (false, 0);
                }
            }
            Ending::Throttled(told) => {
                self.circuit.answered(now);
                self.throttle(now, gone, told, quotas, retry);
            }
            Ending::Failed | Ending::Broken => self.circuit.failed(),
            Ending::Lost => {
                self.circuit.failed();
                self.kept.push_back(now + quotas.lost_answer);
            }
            Ending::Abandoned => self.kept.push_back(now + quotas.lost_answer),
            Ending::Unsent => {}
        }
        while self.kept.front().is_some_and(|until| *until <= now) {
            self.kept.pop_front();
        }
    }

    /// How many rows the quota of rows would let go now; `None` is any number.
    pub(super) fn room(&self, now: Moment, quotas: &Quotas) -> Option<u64> {
        let windows = self.windows(quotas, "", 0).filter(|window| window.counts == Counts::Rows);
        windows.map(|window| self.most(&window, now).saturating_sub(self.used(&window, now))).min()
    }

    /// The requests and rows of the last hour.
    pub(super) fn log_of_the_hour(&self, now: Moment) -> Tally {
        self.log.within(LONGEST_WINDOW, now)
    }

    /// Whether nothing of it matters any more.
    pub(super) fn is_idle(&self, now: Moment) -> bool {
        self.out == [0; 2] && self.not_before <= now && self.log.is_idle(now) && self.tables.is_empty()
    }

    fn goes_singly(&self) -> bool {
        self.is_careful || self.circuit.is_down()
    }

    /// The windows that hold a request with `rows` more for `table`.
    fn windows(&self, quotas: &Quotas, table: &str, rows: u64) -> impl Iterator<Item = Window> {
        quotas.windows(!self.tables.stores_nothing, move |count| self.tables.any_has(count, table, rows))
    }

    /// Until when a window holds the request, the latest of them.
    fn held(&self, now: Moment, rows: u64, quotas: &Quotas, table: &str) -> Option<(Moment, Window)> {
        let held = self.windows(quotas, table, rows).filter_map(|window| {
            let (column, length) = (window.column(), window.length());
            let wanted = [1, rows][column];
            let used = self.used(&window, now);
            let over = (used + wanted).saturating_sub(self.most(&window, now)).min(used);
            // What is out has yet to be answered, and is in the window for its whole length after that.
            (over > 0).then(|| (self.log.leaves(over, column, length, now).unwrap_or(now + length), window))
        });
        held.max_by_key(|(at, _)| *at)
    }

    fn used(&self, window: &Window, now: Moment) -> u64 {
        let column = window.column();
        self.out[column] + self.log.within(window.length(), now)[column]
    }

    fn most(&self, window: &Window, now: Moment) -> u64 {
        match self.shares.iter().find(|(known, _)| known.is_like(window)) {
            Some((_, share)) => share.of(window.most, now),
            None => window.most,
        }
    }

    /// Whether there is a place. The places of answers that got lost are kept, all but the one that the service has more
    /// than we use. A probe needs none of them: it is one request in a long time.
    fn place(&self, now: Moment, quotas: &Quotas, is_down: bool) -> Word {
        let shares = self.shares.iter().any(|(_, share)| share.is_part(now));
        let (out, places) = (self.out[0], quotas.in_flight as u64);
        let free = if shares { places.min(IN_FLIGHT_OF_MANY) } else { places }.saturating_sub(out);
        let keeps = !is_down && !quotas.lost_answer.is_zero();
        let mut kept = self.kept.iter().filter(|until| keeps && **until > now);
        let first = kept.next().copied();
        let kept = u64::from(first.is_some()) + kept.count() as u64;
        match free {
            0 => Word::Queue(None),
            _ if out + kept > places => Word::Queue(first),
            _ => Word::Go,
        }
    }
}

#[cfg(test)]
mod tests;
