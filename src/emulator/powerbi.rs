//! The operations: what the service does with a request that arrived whole.

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use bytes::Bytes;
use serde_json::{Value as Json, json};

use super::assumed::Reception;
use super::refusal::{Answer, Refusal};
use super::route::{Route, Target, decoded};
use super::row::{self, Frame};
use super::rules;
use super::schema::{self, Mode};
use super::state::{Shared, State};
use super::store::{Dataset, Table, Workspace};
use crate::clock::Moment;

/// A request whose body was read.
pub(super) struct Arrived {
    pub(super) parts: Parts,
    /// The body; only its beginning if it is larger than what is allowed.
    pub(super) body: Bytes,
    pub(super) body_size: usize,
}

/// Answers `request`, which means `route`.
pub(super) fn answer(shared: &Shared, request: &Arrived, route: &Route<'_>) -> Answer {
    perform(shared, request, route).unwrap_or_else(Answer::from)
}

fn perform(shared: &Shared, request: &Arrived, route: &Route<'_>) -> Result<Answer, Refusal> {
    if !matches!(route.target, Some(Target::PostToPushUrl(..))) {
        let authorization = request.parts.headers.get(header::AUTHORIZATION);
        shared.lock().tokens.check(authorization, shared.clock.wall())?;
    }
    let Some(target) = &route.target else {
        return Err(Refusal::new(&rules::NO_SUCH_OPERATION, "the emulator has no such operation"));
    };
    workspace(&mut shared.lock(), route.group)?;
    match target {
        Target::PostDataset => create(shared, request, route.group),
        Target::GetDatasets => list(shared, route.group),
        Target::GetDataset(id) => get(shared, route.group, id),
        Target::DeleteDataset(id) => delete(shared, route.group, id),
        Target::GetTables(id) => tables(shared, route.group, id),
        Target::PostRows(id, table) => post_rows(shared, request, Frame::Object, route.group, id, table),
        Target::PostToPushUrl(tenant, id) => post_to_push_url(shared, request, tenant, id),
        Target::DeleteRows(id, table) => delete_rows(shared, route.group, id, table),
    }
}

fn create(shared: &Shared, request: &Arrived, group: Option<&str>) -> Result<Answer, Refusal> {
    check_body(shared, request, rules::MAX_BODY)?;
    let retention = retention(request.parts.uri.query().unwrap_or_default())?;
    let schema = schema::read(&request.body, shared.limits)?;
    let mut state = shared.lock();
    let dataset = workspace(&mut state, group)?.create(schema, retention);
    let body = json!({"id": dataset.id, "name": dataset.name, "defaultRetentionPolicy": retention});
    Ok(Answer::json(StatusCode::CREATED, &body))
}

fn list(shared: &Shared, group: Option<&str>) -> Result<Answer, Refusal> {
    let mut state = shared.lock();
    let datasets = &workspace(&mut state, group)?.datasets;
    let value: Vec<Json> = datasets.iter().map(|dataset| described(shared, dataset)).collect();
    let body = json!({"@odata.context": context(shared, group, "datasets"), "value": value});
    Ok(Answer::json(StatusCode::OK, &body))
}

fn get(shared: &Shared, group: Option<&str>, id: &str) -> Result<Answer, Refusal> {
    let mut state = shared.lock();
    let mut body = described(shared, dataset(&mut state, group, id)?);
    if let Some(object) = body.as_object_mut() {
        object.shift_insert(0, "@odata.context".into(), context(shared, group, "datasets/$entity").into());
    }
    Ok(Answer::json(StatusCode::OK, &body))
}

fn delete(shared: &Shared, group: Option<&str>, id: &str) -> Result<Answer, Refusal> {
    let mut state = shared.lock();
    dataset(&mut state, group, id)?;
    workspace(&mut state, group)?.datasets.retain(|dataset| !dataset.id.eq_ignore_ascii_case(id));
    Ok(Answer::empty(StatusCode::OK))
}

/// Gives the names of the tables only: whether the service gives more is not documented (facts 1.3).
fn tables(shared: &Shared, group: Option<&str>, id: &str) -> Result<Answer, Refusal> {
    let mut state = shared.lock();
    let dataset = push_dataset(&mut state, group, id)?;
    let value: Vec<Json> = dataset.tables.iter().map(|table| json!({"name": table.name})).collect();
    let context = context(shared, group, &format!("datasets('{}')/tables", dataset.id));
    Ok(Answer::json(StatusCode::OK, &json!({"@odata.context": context, "value": value})))
}

/// Asks for the key instead of a token (facts 6).
fn post_to_push_url(shared: &Shared, request: &Arrived, tenant: &str, id: &str) -> Result<Answer, Refusal> {
    let absent = || Refusal::new(&rules::NO_SUCH_PUSH_URL, "no such tenant, or no such dataset");
    if !tenant.eq_ignore_ascii_case(&shared.tenant) {
        return Err(absent());
    }
    let query = request.parts.uri.query().unwrap_or_default();
    let opens = dataset(&mut shared.lock(), None, id).map_err(|_| absent())?.key.as_ref().map(|key| key.opens(query));
    if opens != Some(true) {
        return Err(Refusal::new(&rules::WRONG_KEY, "the key of the push URL is missing or wrong"));
    }
    let frame = match shared.assumed.rows_object_on_push_url {
        Reception::Refused => Frame::Array,
        Reception::Accepted => Frame::ArrayOrObject,
    };
    post_rows(shared, request, frame, None, id, rules::STREAMED_TABLE)
}

fn post_rows(
    shared: &Shared,
    request: &Arrived,
    frame: Frame,
    group: Option<&str>,
    id: &str,
    name: &str,
) -> Result<Answer, Refusal> {
    let (mode, columns) = {
        let mut state = shared.lock();
        let dataset = push_dataset(&mut state, group, id)?;
        let columns = Arc::clone(&table(dataset, name)?.columns);
        if shared.limits {
            check_rate(dataset, shared.clock.now())?;
        }
        (dataset.mode, columns)
    };
    let most_bytes = if mode == Mode::Streaming { rules::MAX_STREAMED_BODY } else { rules::MAX_BODY };
    check_body(shared, request, most_bytes)?;
    let most = if shared.limits { rules::MAX_ROWS } else { usize::MAX };
    let rows = row::read(&request.body, frame, &columns, most)?;
    let count = rows.len();
    let mut state = shared.lock();
    let dataset = push_dataset(&mut state, group, id)?;
    let retention = dataset.retention;
    if shared.limits && mode == Mode::PushStreaming && request.body_size > rules::MAX_STREAMED_BODY {
        dataset.tile_failures += 1;
    }
    table(dataset, name)?.append(rows, retention);
    Ok(Answer::empty(StatusCode::OK).storing(count))
}

/// Deletes all rows; what a streaming dataset caches cannot be deleted (facts 4).
fn delete_rows(shared: &Shared, group: Option<&str>, id: &str, name: &str) -> Result<Answer, Refusal> {
    let mut state = shared.lock();
    let dataset = push_dataset(&mut state, group, id)?;
    if dataset.mode == Mode::Streaming {
        return Err(not_push(id));
    }
    table(dataset, name)?.rows.clear();
    Ok(Answer::empty(StatusCode::OK))
}

fn workspace<'a>(state: &'a mut State, group: Option<&str>) -> Result<&'a mut Workspace, Refusal> {
    state.store.workspace(group).ok_or_else(|| Refusal::new(&rules::NO_SUCH_WORKSPACE, "no such workspace"))
}

fn dataset<'a>(state: &'a mut State, group: Option<&str>, id: &str) -> Result<&'a mut Dataset, Refusal> {
    let found = workspace(state, group)?.dataset(id);
    found.ok_or_else(|| Refusal::new(&rules::NO_SUCH_DATASET, "no such dataset in this workspace"))
}

fn push_dataset<'a>(state: &'a mut State, group: Option<&str>, id: &str) -> Result<&'a mut Dataset, Refusal> {
    let dataset = dataset(state, group, id)?;
    if dataset.mode == Mode::Hosted { Err(not_push(id)) } else { Ok(dataset) }
}

fn not_push(id: &str) -> Refusal {
    Refusal::new(&rules::NOT_A_PUSH_DATASET, format!("Dataset {id} is not Push API dataset."))
}

fn table<'a>(dataset: &'a mut Dataset, name: &str) -> Result<&'a mut Table, Refusal> {
    let message = format!("Table '<pi>{name}</pi>' not found in dataset '{}|{}'", dataset.name, dataset.id);
    let found = dataset.tables.iter_mut().find(|table| table.name == name);
    found.ok_or_else(|| Refusal::new(&rules::NO_SUCH_TABLE, message))
}

fn described(shared: &Shared, dataset: &Dataset) -> Json {
    json!({
        "id": dataset.id,
        "name": dataset.name,
        "webUrl": format!("{}/#{}", shared.url(), dataset.id),
        "addRowsAPIEnabled": dataset.mode != Mode::Hosted,
        "configuredBy": "emulator@localhost",
        "isRefreshable": false,
        "isEffectiveIdentityRequired": false,
        "isEffectiveIdentityRolesRequired": false,
        "isOnPremGatewayRequired": false,
        "targetStorageMode": "Abf",
    })
}

fn context(shared: &Shared, group: Option<&str>, what: &str) -> String {
    let group = group.map(|id| format!("groups/{id}/")).unwrap_or_default();
    format!("{}/v1.0/myorg/{group}$metadata#{what}", shared.url())
}

/// Holds a dataset that only streams to its rate (facts 4). Every request counts, but for those refused here.
fn check_rate(dataset: &mut Dataset, now: Moment) -> Result<(), Refusal> {
    let (most, span) = (rules::MAX_STREAMED_REQUESTS, rules::STREAMED_SPAN);
    if dataset.mode != Mode::Streaming || dataset.window.admits(now, most, span) {
        return Ok(());
    }
    let seconds = span.as_secs();
    let message = format!(
        "You have exceeded the amount of requests allowed in the current time frame and further requests will fail. \
         Retry in {seconds} seconds."
    );
    Err(Refusal::new(&rules::TOO_MANY_REQUESTS, message).until(seconds))
}

fn check_body(shared: &Shared, request: &Arrived, most: usize) -> Result<(), Refusal> {
    let headers = &request.parts.headers;
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        let message = format!("the Content-Type must be application/json, not '{content_type}'");
        return Err(Refusal::new(&rules::WRONG_CONTENT_TYPE, message));
    }
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Refusal::new(&rules::WRONG_CONTENT_CODING, "the body must not be compressed"));
    }
    if shared.limits && request.body_size > most {
        let message = format!("the body has {} bytes, and {most} are allowed", request.body_size);
        return Err(Refusal::new(&rules::BODY_TOO_LARGE, message));
    }
    Ok(())
}

fn retention(query: &str) -> Result<&'static str, Refusal> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter_map(|(name, value)| (name == "defaultRetentionPolicy").then_some(value));
    let Some(value) = values.next() else { return Ok(rules::RETENTION_POLICIES[0]) };
    let value = decoded(value).unwrap_or_default();
    let known = rules::RETENTION_POLICIES.into_iter().find(|policy| policy.eq_ignore_ascii_case(&value));
    known.ok_or_else(|| {
        let message = format!("'{value}' is neither None nor basicFIFO");
        Refusal::new(&rules::BAD_QUERY, message).of("defaultRetentionPolicy")
    })
}
