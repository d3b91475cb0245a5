//! The waits of a delivery: how long it was held back in all, and notices of what a person should know.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, Moment};
use crate::delivery::queue;
use crate::error::Error;
use crate::rate_limit::{Reason, Wait, Watch};

/// Waits that are no longer are nobody's business.
const LONG: Duration = Duration::from_secs(10);
/// An outage that is over by then is nobody's business either.
const PATIENCE: Duration = Duration::from_secs(2);
/// Notices kept for whoever asks for them, the newest.
const MAX_NOTICES: usize = 100;

/// Something that a person should know while a delivery is at work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Nothing will be sent for this long.
    Waiting(Duration, Reason),
    /// What is odd about a `Retry-After` of the service.
    OddRetryAfter(&'static str),
    /// Something about the queue on the disk.
    Queue(queue::QueueNotice),
    /// Nobody answers, or with a fault of the service's own: why, and how long until the next attempt.
    Down(String, Duration),
    /// Something else, in words of its own.
    Said(String),
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting(length, Reason::RetryAfter) => {
                write!(
                    f,
                    "waiting {:.0} s, because the service refused for now (429, Retry-After)",
                    length.as_secs_f64()
                )
            }
            Self::Waiting(length, Reason::Quota(window)) => {
                write!(f, "waiting {:.0} s for the quota of {window}", length.as_secs_f64())
            }
            Self::Waiting(length, reason) => write!(f, "waiting {:.0} s: {reason}", length.as_secs_f64()),
            Self::Queue(notice) => notice.fmt(f),
            Self::Down(why, next) => write!(f, "{why}; trying again, the next time in {:.0} s", next.as_secs_f64()),
            Self::Said(words) => f.write_str(words),
            Self::OddRetryAfter(why) => {
                write!(f, "the service sent a Retry-After that cannot be obeyed as it is: {why}")
            }
        }
    }
}

/// Counts the time in which at least one request was held back, and notices what a person should know.
pub struct Waits {
    clock: Clock,
    state: Mutex<State>,
    /// Is called with each notice.
    heard: Box<dyn Fn(&Notice) + Send + Sync>,
}

impl fmt::Debug for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waits").field("state", &self.state).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct State {
    waiting: usize,
    /// When the first of those that wait began to.
    since: Moment,
    waited: Duration,
    /// The wait that began last, while there is one.
    current: Option<Wait>,
    /// How often the request that failed most often has failed, since the last one that did not.
    failures: u32,
    /// The end and the reason of the last wait that was noticed.
    noticed: Option<(Moment, Reason)>,
    noticed_odd: bool,
    /// When the first of the failures came that nobody got through since, and what the last one was.
    failing: Option<(Moment, Error)>,
    notices: VecDeque<Notice>,
}

impl Waits {
    /// Nothing has waited yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default(), heard: Box::new(|_| ()) }
    }

    /// The same with somebody who hears of each notice at once.
    #[must_use]
    pub fn telling(self, heard: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        Self { heard: Box::new(heard), ..self }
    }

    /// How long the delivery was held back so far.
    pub(super) fn waited(&self) -> Duration {
        let state = self.lock();
        let running = if state.waiting > 0 { self.clock.now() - state.since } else { Duration::ZERO };
        state.waited + running
    }

    /// What is waited for now, and which attempt is the next one of whoever failed.
    pub(super) fn current(&self) -> (Option<Wait>, u32) {
        let state = self.lock();
        (state.current, state.failures + 1)
    }

    /// A request has failed so often.
    pub(super) fn note_failure(&self, failures: u32) {
        let mut state = self.lock();
        state.failures = state.failures.max(failures);
    }

    /// An outage that is over may be told of again.
    pub(super) fn note_success(&self) {
        let mut state = self.lock();
        state.failures = 0;
        state.failing = None;
        if state.noticed.is_some_and(|(_, reason)| is_outage(reason)) {
            state.noticed = None;
        }
    }

    /// What failed last, where nobody has got through since.
    pub(super) fn last_failure(&self) -> Option<Error> {
        self.lock().failing.as_ref().map(|(_, why)| why.clone())
    }

    pub(super) fn note_odd(&self, why: Option<&'static str>) {
        let Some(why) = why else { return };
        if !std::mem::replace(&mut self.lock().noticed_odd, true) {
            self.note(Notice::OddRetryAfter(why));
        }
    }

    /// What nobody has been told yet.
    #[must_use]
    pub fn notices(&self) -> Vec<Notice> {
        std::mem::take(&mut self.lock().notices).into()
    }

    pub(super) fn note(&self, notice: Notice) {
        let mut state = self.lock();
        if state.notices.len() == MAX_NOTICES {
            state.notices.pop_front();
        }
        let told = notice.clone();
        state.notices.push_back(notice);
        drop(state);
        // Whoever hears of it finds it there.
        (self.heard)(&told);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for Waits {
    fn begun(&self, wait: &Wait) {
        let mut state = self.lock();
        if state.waiting == 0 {
            state.since = wait.since;
        }
        state.waiting += 1;
        state.current = Some(*wait);
        let length = wait.until - wait.since;
        if is_outage(wait.reason)
            && let Some(why) = state.news_of_outage(wait.until)
        {
            drop(state);
            return self.note(Notice::Down(why, length));
        }
        // Requests that wait for the same are one wait, and so is everything in one outage.
        let is_known = state.noticed.is_some_and(|(until, reason)| {
            reason == wait.reason && wait.until < until + LONG || is_outage(reason) && is_outage(wait.reason)
        });
        if length > LONG && !is_known {
            state.noticed = Some((wait.until, wait.reason));
            drop(state);
            self.note(Notice::Waiting(length, wait.reason));
        }
    }

    fn over(&self) {
        let now = self.clock.now();
        let mut state = self.lock();
        state.waiting -= 1;
        if state.waiting == 0 {
            let since = state.since;
            state.current = None;
            state.waited += now - since;
        }
    }

    fn failed(&self, why: &Error, next: Moment) {
        let now = self.clock.now();
        let mut state = self.lock();
        let since = state.failing.take().map_or(now, |(since, _)| since);
        state.failing = Some((since, why.clone()));
        let news = state.news_of_outage(next);
        drop(state);
        if let Some(why) = news {
            self.note(Notice::Down(why, next - now));
        }
    }

    fn said(&self, words: String) {
        self.note(Notice::Said(words));
    }
}

impl State {
    /// Why nobody gets through, where that is worth a word: until `next` the outage has lasted its time, and nobody was
    /// told of it.
    fn news_of_outage(&mut self, next: Moment) -> Option<String> {
        let (since, why) = self.failing.as_ref()?;
        if *since + PATIENCE > next || self.noticed.is_some_and(|(_, reason)| is_outage(reason)) {
            return None;
        }
        self.noticed = Some((next, Reason::BackOff));
        Some(why.message.clone())
    }
}

fn is_outage(reason: Reason) -> bool {
    matches!(reason, Reason::Down | Reason::BackOff)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::default() + Duration::from_secs(seconds)
    }

    fn wait(since: u64, until: u64, reason: Reason) -> Wait {
        Wait { since: at(since), until: at(until), reason }
    }

    fn at_rest() -> (Clock, Waits) {
        let clock = Clock::simulated();
        let waits = Waits::new(clock.clone());
        (clock, waits)
    }

    #[test]
    fn time_in_which_two_wait_counts_once_and_counts_while_it_runs() {
        let (clock, waits) = at_rest();
        waits.begun(&wait(0, 60, Reason::RetryAfter));
        clock.advance(Duration::from_secs(10));
        waits.begun(&wait(10, 60, Reason::RetryAfter));
        assert_eq!(waits.waited().as_secs(), 10);
        clock.advance(Duration::from_secs(50));
        waits.over();
        waits.over();
        clock.advance(Duration::from_secs(7));
        assert_eq!(waits.waited().as_secs(), 60);
        waits.begun(&wait(67, 70, Reason::BackOff));
        clock.advance(Duration::from_secs(3));
        waits.over();
        assert_eq!(waits.waited().as_secs(), 63);
    }

    #[test]
    fn a_long_wait_is_told_once_however_many_wait_for_it() {
        let (_, waits) = at_rest();
        waits.begun(&wait(0, 10, Reason::RetryAfter));
        assert_eq!(waits.notices(), []);
        for until in [3_392, 3_393] {
            waits.begun(&wait(0, until, Reason::RetryAfter));
        }
        assert_eq!(waits.notices(), [Notice::Waiting(Duration::from_secs(3_392), Reason::RetryAfter)]);
        waits.begun(&wait(3_400, 3_412, Reason::RetryAfter));
        assert_eq!(waits.notices(), [Notice::Waiting(Duration::from_secs(12), Reason::RetryAfter)]);
    }

    #[test]
    fn an_outage_is_told_once_and_the_next_one_again() {
        let (_, waits) = at_rest();
        for (probe, reason) in [Reason::Down, Reason::Down, Reason::BackOff, Reason::Down].into_iter().enumerate() {
            let since = 15 * probe as u64;
            waits.begun(&wait(since, since + 15, reason));
        }
        assert_eq!(waits.notices().len(), 1);
        waits.note_success();
        waits.begun(&wait(100, 115, Reason::Down));
        let notices: Vec<_> = waits.notices().iter().map(ToString::to_string).collect();
        assert_eq!(notices, ["waiting 15 s: the service is down"]);
    }

    #[test]
    fn a_service_that_is_down_is_told_once_as_soon_as_it_is_known_to_last_two_seconds() {
        let (clock, waits) = at_rest();
        let refused = Error::new(crate::error::Kind::Transport, "could not connect");
        let milliseconds = |count| Moment::default() + Duration::from_millis(count);
        waits.failed(&refused, milliseconds(500));
        clock.advance(Duration::from_millis(500));
        waits.failed(&refused, milliseconds(1_500));
        assert_eq!(waits.notices(), []);
        clock.advance(Duration::from_secs(1));
        for next in [3_500, 7_500] {
            waits.failed(&refused, milliseconds(next));
        }
        waits.begun(&wait(3, 60, Reason::Down));
        let told: Vec<_> = waits.notices().iter().map(ToString::to_string).collect();
        assert_eq!(told, ["could not connect; trying again, the next time in 2 s"]);
        waits.note_success();
        waits.failed(&refused, at(9));
        assert_eq!(waits.notices(), [Notice::Down("could not connect".into(), Duration::from_millis(7_500))]);
    }

    #[test]
    fn an_odd_retry_after_is_told_once() {
        let (_, waits) = at_rest();
        for why in [None, Some("it is odd"), Some("it is odd")] {
            waits.note_odd(why);
        }
        assert_eq!(waits.notices(), [Notice::OddRetryAfter("it is odd")]);
    }
}
