//! Reading a date and a time: ISO 8601 as .NET and JavaScript write it, and the month-first form of the samples.

use chrono::{Duration, NaiveDate, NaiveTime, Timelike};

use crate::emulator::value::DateTime;

const NOT_A_DATE: &str = "is not a date and time in a form that the service is known to read";

/// `YYYY-MM-DD[THH:MM:SS[.f{1,7}][Z|±HH:MM]]` or `MM/DD/YYYY[ HH:MM[:SS]]` (facts/powerbi 3.2; zones are assumed).
///
/// All that was sent is kept; the service itself keeps 1/300 s.
pub(super) fn read(text: &str) -> Result<DateTime, &'static str> {
    let read = if text.as_bytes().get(2) == Some(&b'/') { month_first(text) } else { iso(text) };
    read.ok_or(NOT_A_DATE)
}

fn iso(text: &str) -> Option<DateTime> {
    let (date, rest) = text.split_at_checked(10)?;
    let (year, month_day) = date.split_once('-')?;
    let (month, day) = month_day.split_once('-')?;
    let date = date_of(year, month, day)?;
    if rest.is_empty() {
        return Some(DateTime { at: date.and_time(NaiveTime::MIN), utc: false });
    }
    let (clock, rest) = rest.strip_prefix('T')?.split_at_checked(8)?;
    let (nanoseconds, zone) = fraction(rest)?;
    let at = date.and_time(time_of(clock)?.with_nanosecond(nanoseconds)?);
    if zone.is_empty() {
        return Some(DateTime { at, utc: false });
    }
    let at = at.checked_sub_signed(offset(zone)?)?;
    (1..=9999).contains(&chrono::Datelike::year(&at)).then_some(DateTime { at, utc: true })
}

fn month_first(text: &str) -> Option<DateTime> {
    let (date, rest) = text.split_at_checked(10)?;
    let (month, day_year) = date.split_once('/')?;
    let (day, year) = day_year.split_once('/')?;
    let time = match rest.strip_prefix(' ') {
        Some(clock) if clock.len() == 5 => time_of(&format!("{clock}:00"))?,
        Some(clock) => time_of(clock)?,
        None if rest.is_empty() => NaiveTime::MIN,
        None => return None,
    };
    Some(DateTime { at: date_of(year, month, day)?.and_time(time), utc: false })
}

fn date_of(year: &str, month: &str, day: &str) -> Option<NaiveDate> {
    let year = number(year, 4).filter(|year| *year > 0)?;
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, number(month, 2)?, number(day, 2)?)
}

/// `HH:MM:SS`.
fn time_of(text: &str) -> Option<NaiveTime> {
    let (hour, rest) = text.split_once(':')?;
    let (minute, second) = rest.split_once(':')?;
    NaiveTime::from_hms_opt(number(hour, 2)?, number(minute, 2)?, number(second, 2)?)
}

/// Nanoseconds, and what follows the fraction.
fn fraction(text: &str) -> Option<(u32, &str)> {
    let Some(rest) = text.strip_prefix('.') else { return Some((0, text)) };
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, zone) = rest.split_at(length);
    let scale = 9_u32.checked_sub(u32::try_from(length).ok()?).filter(|_| (1..=7).contains(&length))?;
    Some((digits.parse::<u32>().ok()? * 10_u32.pow(scale), zone))
}

/// How far the zone is ahead of UTC.
fn offset(zone: &str) -> Option<Duration> {
    let sign = match zone.chars().next() {
        Some('Z') if zone.len() == 1 => return Some(Duration::zero()),
        Some('+') => 1,
        Some('-') => -1,
        _ => return None,
    };
    let (hours, minutes) = zone[1..].split_once(':')?;
    let minutes = number(minutes, 2).filter(|minutes| *minutes < 60)? + 60 * number(hours, 2)?;
    (minutes <= 14 * 60).then(|| Duration::minutes(sign * i64::from(minutes)))
}

fn number(digits: &str, length: usize) -> Option<u32> {
    let well_formed = digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_digit());
    well_formed.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_forms_are_read() {
        for (sent, stored) in [
            ("2014-07-30", "2014-07-30T00:00:00"),
            ("2014-07-30T12:13:14", "2014-07-30T12:13:14"),
            ("2022-05-19T13:22:25.231Z", "2022-05-19T13:22:25.231Z"),
            ("2022-05-19T13:22:25.1234567", "2022-05-19T13:22:25.1234567"),
            ("2022-05-19T01:00:00+02:00", "2022-05-18T23:00:00Z"),
            ("2022-05-19T23:30:00-01:30", "2022-05-20T01:00:00Z"),
            ("2024-02-29", "2024-02-29T00:00:00"),
            ("0001-01-01", "0001-01-01T00:00:00"),
            ("9999-12-31T23:59:59.9999999", "9999-12-31T23:59:59.9999999"),
            ("07/30/2014", "2014-07-30T00:00:00"),
            ("07/30/2014 13:05", "2014-07-30T13:05:00"),
            ("07/30/2014 13:05:06", "2014-07-30T13:05:06"),
        ] {
            assert_eq!(read(sent).map(|read| read.to_string()), Ok(stored.into()), "{sent}");
        }
    }

    #[test]
    fn every_other_form_is_refused() {
        for sent in [
            "",
            "2014-7-30",
            "2014-07-30 12:13:14",
            "2014-07-30t12:13:14",
            "2014-07-30T12:13",
            "2014-07-30T24:00:00",
            "2014-07-30T23:59:60",
            "2014-07-30T12:13:14.",
            "2014-07-30T12:13:14.12345678",
            "2014-07-30T12:13:14z",
            "2014-07-30T12:13:14+0200",
            "2014-07-30T12:13:14+15:00",
            "2014-07-30Z",
            "2023-02-29",
            "0000-01-01",
            "0001-01-01T00:00:00+01:00",
            "30/07/2014",
            "07/30/14",
            "07/30/2014T13:05",
            "07/30/2014 1:05",
            "+014-07-30",
            "２０14-07-30",
        ] {
            assert_eq!(read(sent), Err(NOT_A_DATE), "{sent}");
        }
    }
}
