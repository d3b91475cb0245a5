//! Dates and times in the one form that is sent, `YYYY-MM-DDTHH:MM:SS[.fff|.ffffff][Z]`.

use std::fmt::Write;
use std::ops::RangeInclusive;

use chrono::{
    DateTime as Instant, Datelike, Local, MappedLocalTime, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Timelike, Utc,
};

use super::buffer::{Buffer, Value};
use super::date_text::{NoMoment, Read, read, read_plain};
use super::digits::PAIRS;
use super::options::{Naive, Options};
use super::problems::Code;
use super::refusal::Refusal;
use crate::rows::cell::{Date, DateTime, Time};

/// The years of Python's and .NET's calendar.
const YEARS: RangeInclusive<i32> = 1..=9999;
/// Those of them that everybody's calendar has: those of most reports and spreadsheets begin in 1900.
const USUAL_YEARS: RangeInclusive<i32> = 1900..=9999;

/// A date: midnight, in no zone.
pub(super) fn put_date(out: &mut Buffer, date: Date) -> Result<(), Refusal> {
    check_year(date)?;
    out.put_block(b"\"");
    let written = write_fields(out.value(), date, (0, 0, 0), 0, false);
    out.wrote(written);
    Ok(())
}

/// Whether the fields are sent as they are, and if so, whether they are UTC. Years that are odd are not looked at here.
#[inline]
pub(super) fn as_it_is(value: &DateTime, options: Options) -> Option<bool> {
    in_utc(value, options).filter(|_| USUAL_YEARS.contains(&value.date.year))
}

/// The same of any year.
#[inline]
fn in_utc(value: &DateTime, options: Options) -> Option<bool> {
    match (value.utc_offset, options.naive_datetimes) {
        (None, Naive::Keep) => Some(false),
        (Some(_), _) if options.wall => Some(false),
        (Some(0), _) | (None, Naive::Utc) => Some(options.values.marks_utc),
        _ => None,
    }
}

/// Whether what was written for a `DateTime` column is of a year before 1900.
pub(super) fn is_old(written: &[u8]) -> bool {
    matches!(written, [b'"', century @ ..] if century < b"19".as_slice())
}

/// Writes a date and time of which that is so, behind its first quote.
#[inline]
pub(super) fn write_as_it_is(room: &mut Value, value: &DateTime, utc: bool) -> usize {
    write_fields(room, value.date, (value.hour, value.minute, value.second), value.microsecond, utc)
}

/// A date and time; with a zone it becomes UTC, unless what its own clock shows is to be sent.
pub(super) fn put(out: &mut Buffer, value: DateTime, options: Options) -> Result<(), Refusal> {
    check_year(value.date)?;
    if let Some(utc) = in_utc(&value, options) {
        out.put_block(b"\"");
        let written = write_as_it_is(out.value(), &value, utc);
        out.wrote(written);
        return Ok(());
    }
    let offset = match (value.utc_offset, options.naive_datetimes) {
        (Some(offset), _) => offset,
        (None, Naive::Error) => {
            return Err(Refusal::new(Code::BadDatetime, "holds a date and time without a zone"));
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
    let written = write_fields(out.value(), date, time, utc.nanosecond() / 1_000, options.values.marks_utc);
    out.wrote(written);
    Ok(())
}

/// Whether the text is a date and time already in the form that is sent, to the second.
#[inline(never)]
pub(super) fn is_as_sent(text: &str, options: Options) -> bool {
    read_plain(text).is_some_and(|value| as_it_is(&value, options) == Some(value.utc_offset.is_some()))
}

/// Text that is a date, sent in the same form as dates are.
pub(super) fn put_text(out: &mut Buffer, text: &str, options: Options) -> Result<(), Refusal> {
    match read(text) {
        Ok(Read::Date(date)) => put_date(out, date),
        Ok(Read::DateTime(value)) => put(out, value, options),
        Err(NoMoment(why)) => Err(Refusal::new(Code::BadDatetime, format!("takes DateTime, and the text {why}"))),
    }
}

/// A date as text: ISO 8601, and no time.
pub(super) fn put_date_as_text(out: &mut Buffer, date: Date) -> Result<(), Refusal> {
    check_year(date)?;
    out.put(format!("\"{}\"", date_written(date)).as_bytes());
    Ok(())
}

/// A time of day as text: ISO 8601.
pub(super) fn put_time_as_text(out: &mut Buffer, time: &Time) {
    out.put(format!("\"{}\"", time_written(time)).as_bytes());
}

/// A date in ISO 8601.
pub(super) fn date_written(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)
}

/// A time of day as Python's `isoformat` writes it.
pub(super) fn time_written(time: &Time) -> String {
    let mut text = format!("{:02}:{:02}:{:02}", time.hour, time.minute, time.second);
    // Writing to a String cannot fail.
    if time.microsecond != 0 {
        let _ = write!(text, ".{:06}", time.microsecond);
    }
    if let Some(offset) = time.utc_offset {
        let (sign, micros) = (if offset < 0 { '-' } else { '+' }, offset.unsigned_abs());
        let seconds = micros / 1_000_000;
        let _ = write!(text, "{sign}{:02}:{:02}", seconds / 3_600, seconds / 60 % 60);
        if micros % 60_000_000 != 0 {
            let _ = write!(text, ":{:02}", seconds % 60);
        }
        if micros % 1_000_000 != 0 {
            let _ = write!(text, ".{:06}", micros % 1_000_000);
        }
    }
    text
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
pub(super) fn small(field: u32) -> u8 {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(text: &str) -> Option<String> {
        let mut out = Buffer::default();
        put_text(&mut out, text, Options::default()).ok()?;
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
            assert!(is_as_sent(&text, Options::default()), "{text}");
            for place in 0..text.len() {
                for byte in b"0123456789-:TZtz /" {
                    let mut other = text.clone().into_bytes();
                    other[place] = *byte;
                    let other = String::from_utf8(other).unwrap();
                    let is_usual = sent(&other).is_some_and(|sent| sent == other && other.as_str() >= "19");
                    assert_eq!(is_as_sent(&other, Options::default()), is_usual, "{other}");
                }
            }
        }
        for naive_datetimes in [Naive::Utc, Naive::Local, Naive::Error] {
            let options = Options { naive_datetimes, ..Options::default() };
            assert!(is_as_sent("2014-07-30T10:11:12Z", options));
            assert!(!is_as_sent("2014-07-30T10:11:12", options));
        }
        let wall = Options { wall: true, ..Options::default() };
        assert!(!is_as_sent("2014-07-30T10:11:12Z", wall));
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
            assert_eq!(put(&mut out, moment, Options::default()).unwrap_err().code, Code::OutOfRange, "{year}");
            assert_eq!(out.written(), b"", "{year}");
        }
    }
}
