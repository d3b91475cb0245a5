//! Dates and times in the one form that is sent, `YYYY-MM-DDTHH:MM:SS[.fff|.ffffff][Z]`, and reading them from text.

use std::ops::RangeInclusive;

use chrono::{
    DateTime as Instant, Datelike, Local, MappedLocalTime, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Timelike, Utc,
};

use super::buffer::{Buffer, Value};
use super::digits::PAIRS;
use super::options::Naive;
use super::problems::Code;
use super::refusal::Refusal;
use crate::cell::{Date, DateTime};

/// The years of Python's and .NET's calendar.
const YEARS: RangeInclusive<i32> = 1..=9999;
const FORMS: &str = "ISO 8601 or MM/DD/YYYY[ HH:MM[:SS]]";

/// A date: midnight, in no zone.
pub(super) fn put_date(out: &mut Buffer, date: Date) -> Result<(), Refusal> {
    check_year(date)?;
    out.put_block(b"\"");
    let written = write_fields(out.value(), date, (0, 0, 0), 0, false);
    out.wrote(written);
    Ok(())
}

/// Whether the fields are sent as they are, and if so, whether they are UTC.
#[inline]
pub(super) fn as_it_is(value: &DateTime, naive: Naive) -> Option<bool> {
    let utc = match (value.utc_offset, naive) {
        (Some(0), _) | (None, Naive::Utc) => true,
        (None, Naive::Keep) => false,
        _ => return None,
    };
    YEARS.contains(&value.date.year).then_some(utc)
}

/// Writes a date and time of which that is so, behind its first quote.
#[inline]
pub(super) fn write_as_it_is(room: &mut Value, value: &DateTime, utc: bool) -> usize {
    write_fields(room, value.date, (value.hour, value.minute, value.second), value.microsecond, utc)
}

/// A date and time; with a zone it becomes UTC.
pub(super) fn put(out: &mut Buffer, value: DateTime, naive: Naive) -> Result<(), Refusal> {
    check_year(value.date)?;
    if let Some(utc) = as_it_is(&value, naive) {
        out.put_block(b"\"");
        let written = write_as_it_is(out.value(), &value, utc);
        out.wrote(written);
        return Ok(());
    }
    let offset = match (value.utc_offset, naive) {
        (Some(offset), _) => offset,
        (None, Naive::Error) => {
            let message = "holds a date and time without a zone; naive_datetimes says how to take it";
            return Err(Refusal::new(Code::BadDatetime, message));
        }
        (None, _) => local_offset(&value).ok_or_else(out_of_range)?,
    };
    let utc = to_chrono(&value)
        .and_then(|wall| wall.checked_sub_signed(TimeDelta::microseconds(offset)))
        .filter(|utc| YEARS.contains(&utc.year()))
        .ok_or_else(out_of_range)?;
    let date = Date { year: utc.year(), month: small(utc.month()), day: small(utc.day()) };
    let time = (small(utc.hour()), small(utc.minute()), small(utc.second()));
    out.put_block(b"\"");
    let written = write_fields(out.value(), date, time, utc.nanosecond() / 1_000, true);
    out.wrote(written);
    Ok(())
}

/// Whether the text is a date and time already in the form that is sent, to the second.
#[inline(never)]
pub(super) fn is_as_sent(text: &str, naive: Naive) -> bool {
    read_plain(text).is_some_and(|value| as_it_is(&value, naive) == Some(value.utc_offset.is_some()))
}

/// Text that is a date, sent in the same form as dates are.
pub(super) fn put_text(out: &mut Buffer, text: &str, naive: Naive) -> Result<(), Refusal> {
    match read(text) {
        Some(Read::Date(date)) => put_date(out, date),
        Some(Read::DateTime(value)) => put(out, value, naive),
        None => Err(Refusal::new(Code::BadDatetime, format!("takes DateTime, and the text is not {FORMS}"))),
    }
}

/// Columns of a frame count far beyond the calendar of Python and .NET.
fn check_year(date: Date) -> Result<(), Refusal> {
    if YEARS.contains(&date.year) { Ok(()) } else { Err(out_of_range()) }
}

fn out_of_range() -> Refusal {
    Refusal::new(Code::OutOfRange, "holds a date that leaves the years 1 to 9999 in UTC")
}

/// Writes all of it but the first quote.
#[inline]
fn write_fields(room: &mut Value, date: Date, time: (u8, u8, u8), microsecond: u32, utc: bool) -> usize {
    let year = date.year.unsigned_abs();
    let pairs = [small(year / 100), small(year % 100), date.month, date.day, time.0, time.1, time.2];
    room[..=SECONDS].copy_from_slice(b"0000-00-00T00:00:00\"");
    for (start, pair) in [0, 2, 5, 8, 11, 14, 17].into_iter().zip(pairs) {
        room[start..start + 2].copy_from_slice(&PAIRS[usize::from(pair)]);
    }
    if microsecond != 0 || utc { write_end(room, microsecond, utc) } else { SECONDS + 1 }
}

/// The length of a date and time up to its seconds.
const SECONDS: usize = "0000-00-00T00:00:00".len();

/// What stands behind the second: a fraction where there is one, a zone, and the quote.
fn write_end(room: &mut Value, microsecond: u32, utc: bool) -> usize {
    let three = |number: u32| {
        let [tens, ones] = PAIRS[(number % 100) as usize];
        [b'0' + small(number / 100), tens, ones]
    };
    let mut end = SECONDS;
    if microsecond != 0 {
        room[end] = b'.';
        room[end + 1..end + 4].copy_from_slice(&three(microsecond / 1_000));
        end += 4;
    }
    // Three digits, or six where three do not say it.
    if !microsecond.is_multiple_of(1_000) {
        room[end..end + 3].copy_from_slice(&three(microsecond % 1_000));
        end += 3;
    }
    if utc {
        room[end] = b'Z';
        end += 1;
    }
    room[end] = b'"';
    end + 1
}

#[allow(clippy::cast_possible_truncation, reason = "calendar fields and digits are below 100")]
fn small(field: u32) -> u8 {
    field as u8
}

fn to_chrono(value: &DateTime) -> Option<NaiveDateTime> {
    NaiveDate::from_ymd_opt(value.date.year, value.date.month.into(), value.date.day.into())?.and_hms_micro_opt(
        value.hour.into(),
        value.minute.into(),
        value.second.into(),
        value.microsecond,
    )
}

/// How far this machine's wall was ahead of UTC at that moment, in microseconds. A time that summer time
/// skipped is read with the offset before the change, or after it with `fold`, as Python does.
fn local_offset(value: &DateTime) -> Option<i64> {
    let wall = to_chrono(value)?;
    let seconds = |instant: Instant<Local>| i64::from(instant.offset().local_minus_utc());
    let offset = match Local.from_local_datetime(&wall) {
        MappedLocalTime::Single(instant) => seconds(instant),
        // The earlier of the two moments has the larger offset; `fold` says that the later one is meant.
        MappedLocalTime::Ambiguous(one, other) => {
            let (one, other) = (seconds(one), seconds(other));
            if value.fold { one.min(other) } else { one.max(other) }
        }
        MappedLocalTime::None => {
            let day = TimeDelta::days(if value.fold { 1 } else { -1 });
            seconds(Utc.from_utc_datetime(&wall.checked_add_signed(day)?).with_timezone(&Local))
        }
    };
    Some(offset * 1_000_000)
}

enum Read {
    Date(Date),
    DateTime(DateTime),
}

/// Reads `2014-07-30T10:11:12`, with or without a `Z`: most text has the form that is sent.
fn read_plain(text: &str) -> Option<DateTime> {
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
fn read(text: &str) -> Option<Read> {
    let mut reader = Reader(text.as_bytes());
    let american = text.as_bytes().get(2) == Some(&b'/');
    let date = if american { reader.american_date()? } else { reader.iso_date()? };
    if !is_day(date) {
        return None;
    }
    if reader.0.is_empty() {
        return Some(Read::Date(date));
    }
    let gap = reader.byte()?;
    let fits = if american { gap == b' ' } else { matches!(gap, b'T' | b't' | b' ') };
    let value = reader.time(date, american).filter(|_| fits && reader.0.is_empty())?;
    Some(Read::DateTime(value))
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

    /// `2014-07-30` or `20140730`.
    fn iso_date(&mut self) -> Option<Date> {
        let year = i32::try_from(self.number(4)?).ok()?;
        let dashes = self.next_is(b'-');
        let month = self.two(13)?;
        if dashes {
            self.skip(b'-')?;
        }
        Some(Date { year, month, day: self.two(32)? })
    }

    /// `07/30/2014`.
    fn american_date(&mut self) -> Option<Date> {
        let month = self.two(13)?;
        self.skip(b'/')?;
        let day = self.two(32)?;
        self.skip(b'/')?;
        Some(Date { year: i32::try_from(self.number(4)?).ok()?, month, day })
    }

    /// `10`, `10:11`, `10:11:12`, `10:11:12.345`, and without colons; then, unless American, a zone.
    fn time(&mut self, date: Date, american: bool) -> Option<DateTime> {
        let hour = self.two(24)?;
        let colons = self.next_is(b':');
        let hours_only = !american && !colons && !self.0.first().is_some_and(u8::is_ascii_digit);
        let minute = if hours_only { 0 } else { self.two(60)? };
        let more =
            if colons { self.next_is(b':') } else { !american && self.0.first().is_some_and(u8::is_ascii_digit) };
        let second = if more { self.two(60)? } else { 0 };
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

    fn sent(text: &str) -> Option<String> {
        let mut out = Buffer::default();
        put_text(&mut out, text, Naive::Keep).ok()?;
        Some(String::from_utf8(out.into_written()).ok()?.trim_matches('"').to_owned())
    }

    #[test]
    fn dates_in_text_are_sent_in_one_form() {
        for (text, expected) in [
            ("2014-07-30", "2014-07-30T00:00:00"),
            ("20140730", "2014-07-30T00:00:00"),
            ("07/30/2014", "2014-07-30T00:00:00"),
            ("07/30/2014 10:11", "2014-07-30T10:11:00"),
            ("07/30/2014 10:11:12", "2014-07-30T10:11:12"),
            ("2014-07-30T10", "2014-07-30T10:00:00"),
            ("2014-07-30T10+02:00", "2014-07-30T08:00:00Z"),
            ("2014-07-30T10:11", "2014-07-30T10:11:00"),
            ("2014-07-30 10:11:12.5", "2014-07-30T10:11:12.500"),
            ("2014-07-30T10:11:12.1234567Z", "2014-07-30T10:11:12.123456Z"),
            ("2014-07-30T00:11:12+02:00", "2014-07-29T22:11:12Z"),
            ("2014-07-30T23:11:12-0130", "2014-07-31T00:41:12Z"),
            ("20140730T101112Z", "2014-07-30T10:11:12Z"),
            ("0001-01-01T00:00:00", "0001-01-01T00:00:00"),
        ] {
            assert_eq!(sent(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn text_in_the_form_that_is_sent_is_known_as_such() {
        let near = ["2014-07-30T10:11:12", "2014-02-28T23:59:59", "2012-02-29T00:00:00", "9999-12-31T10:11:12"];
        for text in near.into_iter().flat_map(|text| [text.to_owned(), format!("{text}Z")]) {
            assert!(is_as_sent(&text, Naive::Keep), "{text}");
            for place in 0..text.len() {
                for byte in b"0123456789-:TZtz /" {
                    let mut other = text.clone().into_bytes();
                    other[place] = *byte;
                    let other = String::from_utf8(other).unwrap();
                    let is_sent_so = sent(&other).is_some_and(|sent| sent == other);
                    assert_eq!(is_as_sent(&other, Naive::Keep), is_sent_so, "{other}");
                }
            }
        }
        for naive in [Naive::Utc, Naive::Local, Naive::Error] {
            assert!(is_as_sent("2014-07-30T10:11:12Z", naive));
            assert!(!is_as_sent("2014-07-30T10:11:12", naive));
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "2014",
            "2014-7-30",
            "2014-02-30",
            "2014-13-01",
            "30/07/2014",
            "7/30/2014",
            "2014-07-30T24:00:00",
            "2014-07-30T10:60",
            "2014-07-30T10:11:12.",
            "2014-07-30x10:11",
            "2014-07-30T10:11:12+25:00",
            "now",
            "2014-07-30T10:11:12 Z",
            "0000-01-01",
            "0001-01-01T00:00:00+01:00",
            "2014-0730",
            "07/30/2014T10:11",
        ] {
            assert_eq!(sent(text), None, "{text}");
        }
    }

    #[test]
    fn a_year_that_four_digits_do_not_hold_is_refused() {
        for year in [i32::MIN, -1, 0, 10_000, i32::MAX] {
            let date = Date { year, month: 1, day: 1 };
            let moment =
                DateTime { date, hour: 0, minute: 0, second: 0, microsecond: 0, utc_offset: None, fold: false };
            let mut out = Buffer::default();
            assert_eq!(put_date(&mut out, date).unwrap_err().code, Code::OutOfRange, "{year}");
            assert_eq!(put(&mut out, moment, Naive::Keep).unwrap_err().code, Code::OutOfRange, "{year}");
            assert_eq!(out.written(), b"", "{year}");
        }
    }
}
