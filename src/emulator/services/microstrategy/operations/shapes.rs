//! The shapes of answers about things (facts/microstrategy 2.2, 7).

use std::time::SystemTime;

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};

use crate::emulator::http::Answer;
use crate::emulator::services::microstrategy::logins::TIMEOUT;
use crate::emulator::services::microstrategy::store::{Dataset, FOLDERS, Project};

const USER_ID: &str = "7FC05A65473CE2FD845CE6A1D3F13233";
const USER_FULL_NAME: &str = "Emulator User";
/// A version of both servers; clients compare it with those that first had a feature.
pub(super) const VERSION: &str = "11.6.1000.01234";

pub(super) fn session() -> Answer {
    let body = json!({
        "locale": 1033, "maxSearch": 3, "workingSet": 10, "timeout": TIMEOUT.as_secs(),
        "id": USER_ID, "fullName": USER_FULL_NAME, "initials": "EU",
    });
    Answer::json(StatusCode::OK, &body)
}

pub(super) fn user() -> Answer {
    let body = json!({
        "metadataUser": true, "id": USER_ID, "fullName": USER_FULL_NAME, "initials": "EU", "profileColor": "#F48852",
    });
    Answer::json(StatusCode::OK, &body)
}

pub(super) fn project(project: &Project) -> Json {
    json!({
        "acg": 255, "id": project.id, "name": project.name, "status": 0, "alias": "", "description": "",
        "type": 32, "subtype": 8192,
        "dateCreated": "2015-06-30T21:55:35.000+0000", "dateModified": "2015-06-30T21:55:35.000+0000",
        "owner": {"name": "Administrator", "id": "54F3D26011D2896560009A8E67019608"},
    })
}

/// A dataset as an object of the metadata.
pub(super) fn object(dataset: &Dataset) -> Json {
    let folder = FOLDERS.iter().find(|(_, id, _)| *id == dataset.folder).map_or("", |(_, _, name)| name);
    json!({
        "name": dataset.name, "id": dataset.id, "type": 3, "subtype": 779, "description": dataset.description,
        "dateCreated": date(dataset.created), "dateModified": date(dataset.modified),
        "version": reversed(&dataset.id), "acg": 255, "owner": {"name": USER_FULL_NAME, "id": USER_ID},
        "extType": 256, "viewMedia": 135_266_304,
        "ancestors": [{"name": folder, "id": dataset.folder, "level": 1}], "certifiedInfo": {"certified": false},
    })
}

/// Attributes and metrics. The service adds a metric for the number of rows of each table.
pub(super) fn cube(dataset: &Dataset) -> Json {
    let data_type = |(table, column): (usize, usize)| dataset.tables[table].columns[column].data_type;
    let attributes = dataset.attributes.iter().map(|attribute| {
        let forms = attribute.forms.iter().map(|form| {
            let category = if form.is_id { "ID" } else { "DESC" };
            let (stored, kind) = form.columns.first().map_or(("", ""), |at| data_type(*at).words());
            json!({
                "id": form.id, "name": category, "dataType": stored, "baseFormCategory": category,
                "baseFormType": kind,
            })
        });
        let forms: Vec<Json> = forms.collect();
        json!({"name": attribute.name, "id": attribute.id, "type": "Attribute", "forms": forms})
    });
    let metric = |id: &str, name: &str| {
        json!({
            "name": name, "id": id, "type": "Metric", "min": 0, "max": 1, "numberFormatting": {},
        })
    };
    let metrics = dataset.metrics.iter().map(|it| metric(&it.id, &it.name));
    let counts = dataset.tables.iter().map(|it| metric(&reversed(&it.id), &format!("Row Count - {}", it.name)));
    let objects = json!({
        "attributes": attributes.collect::<Vec<_>>(), "metrics": metrics.chain(counts).collect::<Vec<_>>(),
    });
    json!({"id": dataset.id, "name": dataset.name, "definition": {"availableObjects": objects}})
}

/// Another id, which is as much its own.
fn reversed(id: &str) -> String {
    id.chars().rev().collect()
}

/// Tables and columns, as far as they are wanted.
pub(super) fn definition(dataset: &Dataset, wants: impl Fn(&str) -> bool) -> Json {
    let tables = dataset.tables.iter().map(|it| json!({"id": it.id, "name": it.name, "type": 15}));
    let columns = dataset.tables.iter().flat_map(|table| {
        table.columns.iter().map(|column| {
            let (code, precision) = column.data_type.code();
            json!({
                "tableId": table.id, "tableName": table.name, "columnId": column.id, "columnName": &*column.name,
                "dataType": code, "precision": precision, "scale": 0,
            })
        })
    });
    let mut objects = serde_json::Map::new();
    if wants("tables") {
        objects.insert("tables".into(), tables.collect());
    }
    if wants("columns") {
        objects.insert("columns".into(), columns.collect());
    }
    json!({"id": dataset.id, "name": dataset.name, "result": {"definition": {"availableObjects": objects}}})
}

fn date(at: SystemTime) -> String {
    DateTime::<Utc>::from(at).format("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string()
}
