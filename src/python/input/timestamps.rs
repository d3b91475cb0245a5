//! Days and moments counted from 1970 as fields of a calendar and a clock.

use arrow_schema::TimeUnit;
use chrono::{Datelike, NaiveDate};

use super::zones::Zone;
use crate::rows::cell::{Date, DateTime};

const SECONDS_OF_A_DAY: i64 = 86_400;

/// A day that the calendar does not reach; no column takes it.
const BEYOND: Date = Date { year: i32::MAX, month: 1, day: 1 };

/// The calendar, open at the day that was last asked for: the next moment is most often of the same one.
pub(super) struct Calendar {
    day: i64,
    date: Date,
}

impl Default for Calendar {
    fn default() -> Self {
        Self { day: 0, date: Date { year: 1970, month: 1, day: 1 } }
    }
}

impl Calendar {
    /// The date of the day that is so many days after the first of 1970.
    #[inline]
    pub(super) fn date(&mut self, day: i64) -> Date {
        if day != self.day {
            (self.day, self.date) = (day, find(day));
        }
        self.date
    }

    /// The moment so many ticks after 1970 began, in UTC; what is finer than a microsecond is cut.
    #[inline]
    pub(super) fn moment(&mut self, ticks: i64, unit: TimeUnit, has_zone: bool) -> DateTime {
        let (seconds, microsecond) = split(ticks, unit);
        self.fields(seconds, microsecond, has_zone.then_some(0))
    }

    /// The same as the clocks of a zone show it.
    pub(super) fn wall(&mut self, ticks: i64, unit: TimeUnit, zone: &Zone) -> DateTime {
        let (seconds, microsecond) = split(ticks, unit);
        let offset = zone.offset(seconds);
        self.fields(seconds.saturating_add(offset), microsecond, Some(offset * 1_000_000))
    }

    #[inline(always)]
    fn fields(&mut self, seconds: i64, microsecond: i64, utc_offset: Option<i64>) -> DateTime {
        let second = small(seconds.rem_euclid(SECONDS_OF_A_DAY));
        DateTime {
            date: self.date(seconds.div_euclid(SECONDS_OF_A_DAY)),
            hour: field(second / 3_600),
            minute: field(second / 60 % 60),
            second: field(second % 60),
            microsecond: small(microsecond),
            utc_offset,
            fold: false,
        }
    }
}

/// Whole seconds, and the microseconds behind them.
#[inline(always)]
fn split(ticks: i64, unit: TimeUnit) -> (i64, i64) {
    match unit {
        TimeUnit::Second => (ticks, 0),
        TimeUnit::Millisecond => (ticks.div_euclid(1_000), ticks.rem_euclid(1_000) * 1_000),
        TimeUnit::Microsecond => (ticks.div_euclid(1_000_000), ticks.rem_euclid(1_000_000)),
        TimeUnit::Nanosecond => (ticks.div_euclid(1_000_000_000), ticks.rem_euclid(1_000_000_000) / 1_000),
    }
}

#[cold]
fn find(day: i64) -> Date {
    let found = i32::try_from(day).ok().and_then(NaiveDate::from_epoch_days);
    found.map_or(BEYOND, |date| Date { year: date.year(), month: field(date.month()), day: field(date.day()) })
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "parts of a day and of a second")]
fn small(part: i64) -> u32 {
    part as u32
}

#[allow(clippy::cast_possible_truncation, reason = "fields of a calendar and a clock are below 100")]
fn field(part: u32) -> u8 {
    part as u8
}
