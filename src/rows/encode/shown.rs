//! Values as those hear of them who must mend them: cut short in a message, whole in a report.

use std::fmt::Write;

use serde::Serialize;

use super::datetimes;
use crate::error;
use crate::rows::cell::Cell;

/// Characters of a value in a message.
const SHOWN: usize = 50;
/// Characters of a value in a report: more than a column takes.
const KEPT: usize = 10_000;

/// A value as a report holds it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// None, or one that is not shown.
    None,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A binary number.
    Float(f64),
    /// Text; numbers, dates and times of other types as they are written.
    Text(String),
}

impl Value {
    pub(super) fn of(cell: &Cell<'_>) -> Self {
        match *cell {
            Cell::Bool(value) => Self::Bool(value),
            Cell::Int(value) => Self::Int(value),
            Cell::Float(value) => Self::Float(value),
            _ => written(cell).map_or(Self::None, |text| Self::Text(cut(&text, KEPT))),
        }
    }
}

/// A value as a message holds it; `None` for one of which there is nothing to show.
pub(super) fn shown(cell: &Cell<'_>) -> Option<String> {
    let quote = if matches!(cell, Cell::Text(_)) { "'" } else { "" };
    let text = error::shown(&cut(&written(cell)?, SHOWN)).replace('`', "\\u{60}");
    Some(format!("{quote}{text}{quote}"))
}

/// A value as Python writes it, ISO 8601 for dates and times.
fn written(cell: &Cell<'_>) -> Option<String> {
    Some(match *cell {
        Cell::Bool(value) => (if value { "True" } else { "False" }).into(),
        Cell::Int(value) => value.to_string(),
        Cell::Float(value) if value.is_finite() => zmij::Buffer::new().format_finite(value).into(),
        Cell::Float(value) => value.to_string().to_ascii_lowercase(),
        // Python itself refuses to write out a number that long.
        Cell::WideInt("") | Cell::Null | Cell::BrokenText | Cell::Unsupported(_) => return None,
        Cell::WideInt(text) | Cell::Decimal(text) | Cell::Text(text) | Cell::Uuid(text) => text.into(),
        Cell::Date(date) => datetimes::date_written(date),
        Cell::DateTime(value) => {
            let mut text = datetimes::date_written(value.date);
            let _ = write!(text, "T{}", datetimes::time_written(&value.into()));
            text
        }
        Cell::Time(time) => datetimes::time_written(&time),
    })
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
