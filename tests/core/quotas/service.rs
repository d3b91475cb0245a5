//! A second reading of the quotas: a service that counts in fixed or in sliding windows of any phase, and refuses.

use std::collections::VecDeque;
use std::time::Duration;

/// How a service counts what came in a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Counting {
    /// From one full window to the next; the first one begins so long before the service does.
    Fixed(Duration),
    /// In whatever window ends now.
    Sliding,
}

/// So much in a window of so many seconds.
struct Window {
    length: Duration,
    most: u64,
    counting: Counting,
    /// What came when, the oldest first.
    came: VecDeque<(Duration, u64)>,
}

impl Window {
    fn new(seconds: u64, most: u64, counting: Counting) -> Self {
        Self { length: Duration::from_secs(seconds), most, counting, came: VecDeque::new() }
    }

    /// When the window that `now` is in ends for what came at `at`.
    fn end(&self, at: Duration) -> Duration {
        match self.counting {
            Counting::Sliding => at + self.length,
            Counting::Fixed(phase) => {
                let nanoseconds = self.length.as_nanos();
                let full = (at + phase).as_nanos() / nanoseconds + 1;
                Duration::from_nanos(u64::try_from(full * nanoseconds).unwrap()) - phase
            }
        }
    }

    /// How long `amount` more would be too much at `now`; `None` where it is not.
    fn refuses(&mut self, now: Duration, amount: u64) -> Option<Duration> {
        while self.came.front().is_some_and(|(at, _)| self.end(*at) <= now) {
            self.came.pop_front();
        }
        let mut used: u64 = self.came.iter().map(|(_, amount)| amount).sum();
        let mut wait = None;
        for (at, came) in &self.came {
            if used + amount <= self.most {
                break;
            }
            used -= came;
            wait = Some(self.end(*at) - now);
        }
        wait
    }

    fn add(&mut self, now: Duration, amount: u64) {
        self.came.push_back((now, amount));
    }
}

/// The quotas of one dataset with one table, as the service keeps them.
pub(crate) struct Service {
    minute: Window,
    rows: Window,
    hour: Window,
    fifo: bool,
    /// How many seconds its clock counts in one of ours.
    pace: f64,
    pub(crate) rows_in_table: u64,
    pub(crate) taken: u64,
    pub(crate) rows_taken: u64,
    pub(crate) refused: u64,
}

impl Service {
    pub(crate) fn new(counting: Counting) -> Self {
        Self {
            minute: Window::new(60, 120, counting),
            rows: Window::new(3_600, 1_000_000, counting),
            hour: Window::new(3_600, 120, counting),
            fifo: false,
            pace: 1.0,
            rows_in_table: 0,
            taken: 0,
            rows_taken: 0,
            refused: 0,
        }
    }

    /// The same with a table that forgets its oldest rows.
    pub(crate) fn fifo(self) -> Self {
        Self { fifo: true, ..self }
    }

    /// The same with a clock that counts so many seconds in one of ours.
    pub(crate) fn paced(self, pace: f64) -> Self {
        Self { pace, ..self }
    }

    /// Takes a request, or says how long to wait.
    pub(crate) fn request(&mut self, now: Duration, rows: u64) -> Result<(), Duration> {
        let now = now.mul_f64(self.pace);
        let large = self.rows_in_table >= 250_000;
        let slow = if large { self.hour.refuses(now, 1) } else { None };
        let wait = slow.max(self.minute.refuses(now, 1)).max(self.rows.refuses(now, rows));
        if let Some(wait) = wait {
            self.refused += 1;
            return Err(wait);
        }
        self.minute.add(now, 1);
        self.hour.add(now, 1);
        self.rows.add(now, rows);
        self.rows_in_table += rows;
        if self.fifo && self.rows_in_table > 210_000 {
            self.rows_in_table = 200_000;
        }
        self.taken += 1;
        self.rows_taken += rows;
        Ok(())
    }
}

#[test]
fn a_fixed_window_begins_anew_and_a_sliding_one_never_does() {
    let at = Duration::from_secs;
    let mut fixed = Window::new(60, 2, Counting::Fixed(at(10)));
    let mut sliding = Window::new(60, 2, Counting::Sliding);
    for window in [&mut fixed, &mut sliding] {
        assert_eq!(window.refuses(at(45), 2), None);
        window.add(at(45), 2);
    }
    assert_eq!((fixed.refuses(at(49), 1), fixed.refuses(at(50), 1)), (Some(at(1)), None));
    assert_eq!((sliding.refuses(at(104), 1), sliding.refuses(at(105), 1)), (Some(at(1)), None));
}
