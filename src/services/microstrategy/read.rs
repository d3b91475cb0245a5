//! Answers of the service, read as loosely as its documents differ, and refused where they make no sense.

use serde_json::Value;

use crate::error::{Error, Kind, Result};
use crate::http::Answer;

/// The body of an answer as JSON.
pub(super) fn json(answer: &Answer) -> Result<Value> {
    serde_json::from_slice(&answer.body).map_err(|error| unreadable("it is not JSON").caused_by(error))
}

/// A text that has to be there under one of `names`.
pub(super) fn required(object: &Value, names: &[&str]) -> Result<String> {
    let found = names.iter().find_map(|name| object.get(name)?.as_str());
    found.map(str::to_owned).ok_or_else(|| unreadable(&format!("it lacks `{}`", names[0])))
}

/// A list that has to be there at the end of `path`.
pub(super) fn list<'v>(object: &'v Value, path: &[&str]) -> Result<&'v [Value]> {
    let found = path.iter().try_fold(object, |object, name| object.get(name)).and_then(Value::as_array);
    found.map(Vec::as_slice).ok_or_else(|| unreadable(&format!("it lacks `{}`", path.last().unwrap_or(&"a list"))))
}

/// A whole number, or text that says one.
pub(super) fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        number => number.as_i64(),
    }
}

pub(super) fn unreadable(why: &str) -> Error {
    Error::new(Kind::Service, format!("the service's answer cannot be read: {why}"))
        .with_hint("check base_url=: something else than a MicroStrategy Library may be answering there")
}
