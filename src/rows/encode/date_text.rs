//! Dates and times read from text, and why a text is none.

use chrono::NaiveDate;

use super::datetimes::small;
use crate::rows::cell::{Date, DateTime};

/// What a text is.
pub(super) enum Read {
    Date(Date),
    DateTime(DateTime),
}

/// Why a text is no date, for people.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoMoment(pub(super) &'static str);

const NO_FORM: NoMoment = NoMoment("is not ISO 8601 or MM/DD/YYYY[ HH:MM[:SS]]");
const NO_DAY: NoMoment = NoMoment("is no such day");
const NO_AMERICAN_DAY: NoMoment = NoMoment("is no such day in MM/DD/YYYY");
const NO_TIME: NoMoment = NoMoment("is no such time of day");
const WEEK: NoMoment = NoMoment("is a week date, which is unsupported: write YYYY-MM-DD");
const ORDINAL: NoMoment = NoMoment("is a day of a year, which is unsupported: write YYYY-MM-DD");
const REDUCED: NoMoment = NoMoment("has no day, which is unsupported: write YYYY-MM-DD");
const MIDNIGHT: NoMoment = NoMoment("is at 24:00, which is unsupported: write 00:00 of the next day");
const LEAP: NoMoment = NoMoment("is in a leap second, which is unsupported: write second 59");
const FRACTION: NoMoment = NoMoment("has a fraction of an hour or minute, which is unsupported: write HH:MM:SS");

/// Reads `2014-07-30T10:11:12`, with or without a `Z`: most text has the form that is sent.
pub(super) fn read_plain(text: &str) -> Option<DateTime> {
    let (fields, utc_offset) = match text.as_bytes() {
        [fields @ .., b'Z'] => (fields, Some(0)),
        fields => (fields, None),
    };
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2] = fields else {
        return None;
    };
    let two = |tens: u8, ones: u8| {
        let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
        (tens <= 9 && ones <= 9).then(|| 10 * tens + ones)
    };
    let year = 100 * i32::from(two(y1, y2)?) + i32::from(two(y3, y4)?);
    let date = Date { year, month: two(m1, m2)?, day: two(d1, d2)? };
    let (hour, minute, second) = (two(h1, h2)?, two(n1, n2)?, two(s1, s2)?);
    if hour > 23 || minute > 59 || second > 59 || !is_day(date) {
        return None;
    }
    Some(DateTime { date, hour, minute, second, microsecond: 0, utc_offset, fold: false })
}

/// Whether the calendar has that day, of which it need be asked for the last ones of a month alone.
fn is_day(date: Date) -> bool {
    let every_month_has_it = (1..=28).contains(&date.day) && (1..=12).contains(&date.month);
    let in_calendar = || NaiveDate::from_ymd_opt(date.year, date.month.into(), date.day.into()).is_some();
    date.year >= 1 && (every_month_has_it || in_calendar())
}

/// Reads a whole text as a date or a date with a time.
pub(super) fn read(text: &str) -> Result<Read, NoMoment> {
    let american = text.as_bytes().get(2) == Some(&b'/');
    let mut reader = Reader(text.as_bytes());
    let date = if american { reader.american_date() } else { reader.iso_date() };
    let date = date.ok_or_else(|| unsupported_date(text.as_bytes()))?;
    let found = if reader.0.is_empty() {
        Read::Date(date)
    } else {
        let gap = reader.byte().unwrap_or_default();
        let fits = if american { gap == b' ' } else { matches!(gap, b'T' | b't' | b' ') };
        if !fits {
            return Err(unsupported_date(text.as_bytes()));
        }
        let time = reader.0;
        let value = reader.time(date, american).filter(|_| reader.0.is_empty());
        Read::DateTime(value.ok_or_else(|| if american { NO_FORM } else { unsupported_time(time) })?)
    };
    if !is_day(date) {
        return Err(if american { NO_AMERICAN_DAY } else { NO_DAY });
    }
    match found {
        Read::DateTime(value) if value.hour == 24 && value.minute == 0 && value.second == 0 => Err(MIDNIGHT),
        Read::DateTime(value) if value.hour > 23 || value.minute > 59 || value.second > 60 => Err(NO_TIME),
        Read::DateTime(DateTime { second: 60, .. }) => Err(LEAP),
        found => Ok(found),
    }
}

/// Whether what is said of a text that is no date says how to write it.
pub(super) fn says_how(text: &str) -> bool {
    read(text).is_err_and(|NoMoment(why)| why.contains("write "))
}

/// What a text without a date of ours is: there are forms of ISO 8601 that nobody sends here.
fn unsupported_date(text: &[u8]) -> NoMoment {
    let shape: Vec<u8> = text.iter().map(|byte| if byte.is_ascii_digit() { b'0' } else { *byte }).collect();
    let starts = |forms: &[&str]| forms.iter().any(|form| shape.starts_with(form.as_bytes()));
    let is = |forms: &[&str]| forms.iter().any(|form| shape == form.as_bytes());
    if starts(&["0000-W00", "0000W00"]) {
        WEEK
    } else if is(&["0000-000", "0000000"]) || starts(&["0000-000T", "0000000T"]) {
        ORDINAL
    } else if is(&["0000", "0000-00"]) {
        REDUCED
    } else {
        NO_FORM
    }
}

/// The same of a time.
fn unsupported_time(text: &[u8]) -> NoMoment {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b':').count();
    let (time, rest) = text.split_at(digits);
    match (time.len(), rest) {
        (2 | 4 | 5, [b'.' | b',', digit, ..]) if digit.is_ascii_digit() => FRACTION,
        _ => NO_FORM,
    }
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn skip(&mut self, byte: u8) -> Option<()> {
        (self.byte()? == byte).then_some(())
    }

    fn next_is(&mut self, byte: u8) -> bool {
        let found = self.0.first() == Some(&byte);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    fn number(&mut self, width: usize) -> Option<u32> {
        let (digits, rest) = self.0.split_at_checked(width)?;
        self.0 = rest;
        digits.iter().try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + u32::from(digit - b'0')))
    }

    fn two(&mut self, below: u32) -> Option<u8> {
        self.number(2).filter(|value| *value < below).map(small)
    }

    /// `2014-07-30` or `20140730`, whether there is such a day or not.
    fn iso_date(&mut self) -> Option<Date> {
        let year = i32::try_from(self.number(4)?).ok()?;
        let dashes = self.next_is(b'-');
        let month = self.two(100)?;
        if dashes {
            self.skip(b'-')?;
        }
        Some(Date { year, month, day: self.two(100)? })
    }

    /// `07/30/2014`, whether there is such a day or not.
    fn american_date(&mut self) -> Option<Date> {
        let month = self.two(100)?;
        self.skip(b'/')?;
        let day = self.two(100)?;
        self.skip(b'/')?;
        Some(Date { year: i32::try_from(self.number(4)?).ok()?, month, day })
    }

    /// `10`, `10:11`, `10:11:12`, `10:11:12.345`, and without colons; then, unless American, a zone. Whether there is
    /// such a time is not asked.
    fn time(&mut self, date: Date, american: bool) -> Option<DateTime> {
        let hour = self.two(100)?;
        let colons = self.next_is(b':');
        let hours_only = !american && !colons && !self.0.first().is_some_and(u8::is_ascii_digit);
        let minute = if hours_only { 0 } else { self.two(100)? };
        let more =
            if colons { self.next_is(b':') } else { !american && self.0.first().is_some_and(u8::is_ascii_digit) };
        let second = if more { self.two(100)? } else { 0 };
        let fraction = more && !american && (self.next_is(b'.') || self.next_is(b','));
        let microsecond = if fraction { self.fraction()? } else { 0 };
        if american && !colons {
            return None;
        }
        let utc_offset = if american || self.0.is_empty() { None } else { Some(self.offset()?) };
        Some(DateTime { date, hour, minute, second, microsecond, utc_offset, fold: false })
    }

    /// Digits of a second; what is finer than a microsecond is cut.
    fn fraction(&mut self) -> Option<u32> {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        let padded = digits.iter().chain(std::iter::repeat(&b'0')).take(6);
        (count > 0).then(|| padded.fold(0, |value, digit| value * 10 + u32::from(digit - b'0')))
    }

    /// `Z`, `+02:00`, `+0200`, `+02`: how far the wall is ahead of UTC, in microseconds.
    fn offset(&mut self) -> Option<i64> {
        let sign = match self.byte()? {
            b'Z' | b'z' => return Some(0),
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let hours = self.two(24)?;
        let minutes = if self.0.is_empty() {
            0
        } else {
            self.next_is(b':');
            self.two(60)?
        };
        Some(sign * (i64::from(hours) * 3_600 + i64::from(minutes) * 60) * 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_no_date_says_why() {
        for (text, why) in [
            ("2014-02-30", NO_DAY),
            ("2014-13-01", NO_DAY),
            ("20140230", NO_DAY),
            ("2014-02-30T10:11", NO_DAY),
            ("02/30/2014", NO_AMERICAN_DAY),
            ("30/07/2014", NO_AMERICAN_DAY),
            ("0000-01-01", NO_DAY),
            ("2014-07-30T25:00", NO_TIME),
            ("2014-07-30 10:60", NO_TIME),
            ("07/30/2014 10:11:61", NO_TIME),
            ("2014-07-30T24:00:00", MIDNIGHT),
            ("07/30/2014 24:00", MIDNIGHT),
            ("2014-07-30T24:01", NO_TIME),
            ("2016-12-31T23:59:60Z", LEAP),
            ("2014-W31-3", WEEK),
            ("2014W313T10:11", WEEK),
            ("2014-211", ORDINAL),
            ("2014211T10", ORDINAL),
            ("2014", REDUCED),
            ("2014-07", REDUCED),
            ("2014-07-30T10.5", FRACTION),
            ("2014-07-30T10:11,5", FRACTION),
            ("2014-07-30T10:11:12.", NO_FORM),
            ("2014-07-30x10:11", NO_FORM),
            ("2014-7-30", NO_FORM),
            ("07/30/2014T10:11", NO_FORM),
            ("7/30/2014", NO_FORM),
            ("now", NO_FORM),
            ("", NO_FORM),
        ] {
            assert_eq!(read(text).err(), Some(why), "{text}");
        }
    }
}
