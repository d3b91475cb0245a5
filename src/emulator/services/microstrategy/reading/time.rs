//! Dates and times: ISO 8601, as the clients in the field write it (facts/microstrategy 5.2).

use chrono::{Duration, NaiveDate, NaiveTime};

use crate::emulator::services::microstrategy::assumed::Zones;
use crate::emulator::value::DateTime;

/// `2017-12-05`, and without zeros `2017-12-5`, as the samples of the documents have it.
pub(super) fn date(text: &str) -> Option<NaiveDate> {
    let mut parts = text.splitn(3, '-');
    let year = number(parts.next()?, 4..=4)?;
    let (month, day) = (number(parts.next()?, 1..=2)?, number(parts.next()?, 1..=2)?);
    NaiveDate::from_ymd_opt(i32::try_from(year).ok().filter(|year| *year > 0)?, month, day)
}

/// `11:00`, `11:00:00`, `11:00:00.123456`.
pub(super) fn time_of_day(text: &str) -> Option<NaiveTime> {
    let (clock, fraction) = text.split_once('.').map_or((text, None), |(clock, rest)| (clock, Some(rest)));
    let mut parts = clock.splitn(3, ':');
    let (hour, minute) = (number(parts.next()?, 2..=2)?, number(parts.next()?, 2..=2)?);
    let second = match parts.next() {
        Some(second) => number(second, 2..=2)?,
        None if fraction.is_none() => 0,
        None => return None,
    };
    let nanoseconds = match fraction {
        Some(digits) => number(digits, 1..=9)? * 10_u32.pow(9 - u32::try_from(digits.len()).ok()?),
        None => 0,
    };
    NaiveTime::from_hms_nano_opt(hour, minute, second, nanoseconds)
}

/// A date, and after a space or a `T` a time.
pub(super) fn moment(text: &str, zones: Zones) -> Option<DateTime> {
    let Some((day, rest)) = text.split_once(['T', ' ']) else {
        return Some(DateTime { at: date(text)?.and_time(NaiveTime::MIN), utc: false });
    };
    let (clock, zone) = rest.split_at(rest.find(['Z', '+', '-']).unwrap_or(rest.len()));
    let at = date(day)?.and_time(time_of_day(clock)?);
    if zone.is_empty() {
        return Some(DateTime { at, utc: false });
    }
    let ahead = offset(zone)?;
    match zones {
        Zones::Refused if zone != "Z" => None,
        Zones::Refused | Zones::Dropped => Some(DateTime { at, utc: false }),
        Zones::Converted => Some(DateTime { at: at.checked_sub_signed(ahead)?, utc: false }),
    }
}

fn offset(zone: &str) -> Option<Duration> {
    if zone == "Z" {
        return Some(Duration::zero());
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone[1..].split_once(':')?;
    let minutes = number(hours, 2..=2)? * 60 + number(minutes, 2..=2).filter(|minutes| *minutes < 60)?;
    (minutes <= 14 * 60).then(|| Duration::minutes(sign * i64::from(minutes)))
}

fn number(digits: &str, lengths: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let is_number = lengths.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, zones: Zones) -> Option<String> {
        moment(text, zones).map(|read| read.to_string())
    }

    #[test]
    fn what_clients_send_is_read() {
        for (sent, stored) in [
            ("2024-01-02 03:04:05.678901", "2024-01-02T03:04:05.678901"),
            ("2024-01-02T03:04:05.678", "2024-01-02T03:04:05.678"),
            ("2024-01-02", "2024-01-02T00:00:00"),
            ("2024-01-02T03:04:05.123456Z", "2024-01-02T03:04:05.123456"),
            ("2017-12-5 11:00", "2017-12-05T11:00:00"),
        ] {
            assert_eq!(read(sent, Zones::Refused).as_deref(), Some(stored), "{sent}");
        }
        assert_eq!(time_of_day("03:04:05.000600").map(|time| time.to_string()).as_deref(), Some("03:04:05.000600"));
    }

    #[test]
    fn a_zone_is_what_is_assumed() {
        let sent = "2024-01-02T03:04:05+02:00";
        let read = [Zones::Refused, Zones::Dropped, Zones::Converted].map(|zones| read(sent, zones));
        let expected = [None, Some("2024-01-02T03:04:05".into()), Some("2024-01-02T01:04:05".into())];
        assert_eq!(read, expected);
    }

    #[test]
    fn every_other_form_is_refused() {
        for sent in ["", "24-01-02", "2024-13-01", "2024-01-02T", "2024-01-02T25:00:00", "2024-01-02T03:04:05+2", "x"] {
            assert_eq!(read(sent, Zones::Dropped), None, "{sent}");
        }
        assert_eq!((time_of_day("11"), time_of_day("11:00.5"), date("0000-01-01")), (None, None, None));
    }
}
