//! Dates without a time, and times without a date, for targets that have such columns: `YYYY-MM-DD`, `HH:MM:SS[.ffffff]`.

use super::buffer::Buffer;
use super::date_text::{NoMoment, Read, read};
use super::datetimes::{put_date_as_text, put_time_as_text};
use super::options::Options;
use super::problems::Code;
use super::refusal::Refusal;
use crate::rows::cell::{Cell, DateTime, Time};
use crate::rows::schema::DataType;

/// A date; a date and time where that is midnight, or all of it is to be converted.
pub(super) fn put_date(out: &mut Buffer, cell: Cell<'_>, options: Options) -> Result<(), Refusal> {
    match cell {
        Cell::Date(date) => put_date_as_text(out, date),
        Cell::DateTime(value) => put_day(out, &value, options),
        Cell::Text(text) => match read(text) {
            Ok(Read::Date(date)) => put_date_as_text(out, date),
            Ok(Read::DateTime(value)) => put_day(out, &value, options),
            Err(NoMoment(why)) => Err(Refusal::new(Code::BadDatetime, format!("takes Date, and the text {why}"))),
        },
        _ => Err(Refusal::wrong_type(DataType::Date, &cell)),
    }
}

fn put_day(out: &mut Buffer, value: &DateTime, options: Options) -> Result<(), Refusal> {
    let is_midnight = (value.hour, value.minute, value.second, value.microsecond) == (0, 0, 0, 0);
    if value.utc_offset.is_some() && !options.wall {
        return Err(Refusal::new(
            Code::BadDatetime,
            "takes Date, and the day of a time with a zone depends on the zone",
        ));
    }
    if !is_midnight {
        return Err(Refusal::new(Code::BadDatetime, "takes Date, and this has a time of day"));
    }
    put_date_as_text(out, value.date)
}

/// A time of day.
pub(super) fn put_time(out: &mut Buffer, cell: Cell<'_>, options: Options) -> Result<(), Refusal> {
    let time = match cell {
        Cell::Time(time) => time,
        Cell::Text(text) => read_time(text)
            .ok_or_else(|| Refusal::new(Code::BadDatetime, "takes Time, and the text is not HH:MM[:SS[.ffffff]]"))?,
        _ => return Err(Refusal::wrong_type(DataType::Time, &cell)),
    };
    if time.utc_offset.is_some() && !options.wall {
        return Err(Refusal::new(Code::BadDatetime, "takes Time, and a time of day with a zone is none of any day"));
    }
    put_time_as_text(out, &Time { utc_offset: None, ..time });
    Ok(())
}

/// Reads `HH:MM[:SS[.ffffff]]`.
fn read_time(text: &str) -> Option<Time> {
    let read = |text: &str, below: u8| {
        let is_two = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u8>().ok().filter(|number| is_two && *number < below)
    };
    let mut fields = text.split(':');
    let (hour, minute) = (read(fields.next()?, 24)?, read(fields.next()?, 60)?);
    let (second, fraction) = match fields.next() {
        None => (0, ""),
        Some(seconds) => match seconds.split_once('.') {
            Some((_, "")) => return None,
            Some((whole, fraction)) => (read(whole, 60)?, fraction),
            None => (read(seconds, 60)?, ""),
        },
    };
    let is_read = fields.next().is_none() && fraction.len() <= 9 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let microsecond = format!("{fraction:0<6}")[..6].parse().ok()?;
    is_read.then_some(Time { hour, minute, second, microsecond, utc_offset: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_from_text() {
        let time = |hour, minute, second, microsecond| Time { hour, minute, second, microsecond, utc_offset: None };
        for (text, expected) in [
            ("11:00", time(11, 0, 0, 0)),
            ("23:59:59", time(23, 59, 59, 0)),
            ("03:04:05.0006", time(3, 4, 5, 600)),
            ("00:00:00.123456789", time(0, 0, 0, 123_456)),
        ] {
            assert_eq!(read_time(text), Some(expected), "{text}");
        }
        for wrong in
            ["", "1:00", "24:00", "10:60", "10:00:60", "10:00:00.", "10:00:00.x", "10:00:00:00", "+1:00", "ü1:00"]
        {
            assert_eq!(read_time(wrong), None, "{wrong}");
        }
    }
}
