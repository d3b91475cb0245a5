//! Datasets that somebody makes by hand on the page: described by name, kind and fields.

use serde_json::{Value as Json, json};

use super::data_type;
use super::refusal::Refusal;
use super::schema::{self, Schema};

/// The kinds of datasets that the page makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// With a push URL.
    Streaming,
    /// For the API only.
    Push,
}

/// The kind that is asked for.
pub(super) fn kind(wanted: &Json) -> Option<Kind> {
    match wanted["kind"].as_str()? {
        "streaming" => Some(Kind::Streaming),
        "push" => Some(Kind::Push),
        _ => None,
    }
}

/// The schema of what is described: `{"kind", "name", "fields": [{"name", "type"}], "history", "table"}`.
pub(super) fn schema(kind: Kind, wanted: &Json, limits: bool) -> Result<Schema, Refusal> {
    let name = wanted["name"].as_str().unwrap_or_default().trim();
    let fields = wanted["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
    let fields: Vec<(String, String)> = fields.iter().map(|field| (text(field, "name"), text(field, "type"))).collect();
    if kind == Kind::Streaming {
        return schema::streaming(name, &fields, wanted["history"].as_bool().unwrap_or(false), limits);
    }
    let columns = fields.iter().map(|(name, word)| json!({"name": name, "dataType": data_type::api_name(word)}));
    let table = json!({"name": text(wanted, "table"), "columns": columns.collect::<Vec<_>>()});
    schema::check(&json!({"name": name, "defaultMode": "Push", "tables": [table]}), limits)
}

fn text(json: &Json, key: &str) -> String {
    json[key].as_str().unwrap_or_default().trim().to_owned()
}
