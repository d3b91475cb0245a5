//! Answers of the service, read as loosely as its own documents differ, and refused where they make no sense.

use serde_json::Value;

use super::{DatasetInfo, WorkspaceInfo};
use crate::error::{Error, Kind, Result};
use crate::http::Answer;

impl DatasetInfo {
    pub(super) fn read(value: &Value) -> Result<Self> {
        Ok(Self {
            id: required(value, "id")?,
            name: required(value, "name")?,
            accepts_rows: property(value, "addRowsAPIEnabled").and_then(Value::as_bool).unwrap_or(false),
            web_url: property(value, "webUrl").and_then(Value::as_str).map(str::to_owned),
        })
    }
}

impl WorkspaceInfo {
    pub(super) fn read(value: &Value) -> Result<Self> {
        Ok(Self { id: required(value, "id")?, name: required(value, "name")? })
    }
}

/// A property in any case: the service's own documents do not agree on it.
pub(super) fn property<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let exact = object.get(name);
    exact.or_else(|| object.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

pub(super) fn required(object: &Value, name: &str) -> Result<String> {
    let text = property(object, name).and_then(Value::as_str).map(str::to_owned);
    text.ok_or_else(|| unreadable(&format!("it lacks `{name}`")))
}

pub(super) fn values(list: &Value) -> Result<&Vec<Value>> {
    property(list, "value").and_then(Value::as_array).ok_or_else(|| unreadable("it lacks `value`"))
}

pub(super) fn json(answer: &Answer) -> Result<Value> {
    serde_json::from_slice(&answer.body).map_err(|error| unreadable("it is not JSON").caused_by(error))
}

pub(super) fn unreadable(why: &str) -> Error {
    Error::new(Kind::Service, format!("the service's answer cannot be read: {why}"))
        .with_hint("check base_url=: something else than Power BI may be answering there")
}
