//! The operations: what the service does with a request that arrived whole.

mod datasets;
mod groups;
mod rows;
mod tables;

use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use bytes::Bytes;
use serde_json::{Map, Value as Json, json};

use super::assumed::AnswerNames;
use super::refusal::{Answer, Refusal};
use super::route::{Route, Target};
use super::row::Frame;
use super::rules;
use super::schema::Mode;
use super::state::{Shared, State};
use super::store::{Dataset, Table};
use super::workspace::Workspace;

/// A request whose body was read.
pub(super) struct Arrived {
    pub(super) parts: Parts,
    /// The body; only its beginning if it is larger than what is allowed.
    pub(super) body: Bytes,
    pub(super) body_size: usize,
}

/// Answers `request`, which means `route`.
pub(super) fn answer(shared: &Shared, request: &Arrived, route: &Route<'_>) -> Answer {
    Call { shared, request, group: route.group }.perform(route.target.as_ref()).unwrap_or_else(Answer::from)
}

/// A request, and the workspace that it is about.
struct Call<'a> {
    shared: &'a Shared,
    request: &'a Arrived,
    /// The id of the workspace; `None` is My workspace.
    group: Option<&'a str>,
}

impl Call<'_> {
    fn perform(&self, target: Option<&Target<'_>>) -> Result<Answer, Refusal> {
        if !matches!(target, Some(Target::PostToPushUrl(..))) {
            let authorization = self.request.parts.headers.get(header::AUTHORIZATION);
            self.shared.lock().tokens.check(authorization, self.shared.clock.wall())?;
        }
        let Some(target) = target else {
            return Err(Refusal::new(&rules::NO_SUCH_OPERATION, "the emulator has no such operation"));
        };
        self.workspace(&mut self.shared.lock())?;
        match target {
            Target::GetGroups => self.groups(),
            Target::GetGroup => self.one_group(),
            Target::PostDataset => self.create(),
            Target::GetDatasets => self.datasets(),
            Target::GetDataset(id) => self.one_dataset(id),
            Target::DeleteDataset(id) => self.delete(id),
            Target::GetTables(id) => self.tables(id),
            Target::PutTable(id, table) => self.put_table(id, table),
            Target::GetSequenceNumbers(id, table) => self.sequence_numbers(id, table),
            Target::PostRows(id, table) => self.post_rows(Frame::Object, id, table),
            Target::DeleteRows(id, table) => self.delete_rows(id, table),
            Target::PostToPushUrl(tenant, id) => self.post_to_push_url(tenant, id),
        }
    }

    fn query(&self) -> &str {
        self.request.parts.uri.query().unwrap_or_default()
    }

    /// The `@odata.context` of an answer about `what`.
    fn context(&self, what: &str) -> String {
        let group = self.group.map(|id| format!("groups/{id}/")).unwrap_or_default();
        format!("{}/v1.0/myorg/{group}$metadata#{what}", self.shared.url())
    }

    /// An answer that lists things.
    fn listing(&self, context: &str, value: Vec<Json>) -> Answer {
        let (context_name, _) = self.spelling();
        let value = value.into_iter().map(|one| self.spelled(one)).collect::<Vec<_>>();
        Answer::json(StatusCode::OK, &json!({context_name: context, "value": value}))
    }

    /// An answer that is one thing; `json` is an object.
    fn entity(&self, context: &str, json: Json) -> Answer {
        let mut body = Map::new();
        if let (name, true) = self.spelling() {
            body.insert(name.into(), context.into());
        }
        if let Json::Object(one) = self.spelled(json) {
            body.extend(one);
        }
        Answer::json(StatusCode::OK, &body.into())
    }

    /// What a context is called, and whether a single thing has one.
    fn spelling(&self) -> (&'static str, bool) {
        match self.shared.assumed.answer_names {
            AnswerNames::Examples => ("@odata.context", true),
            AnswerNames::Definitions => ("odata.context", false),
        }
    }

    /// The properties of a thing under the names that they have by assumption.
    fn spelled(&self, json: Json) -> Json {
        match (self.shared.assumed.answer_names, json) {
            (AnswerNames::Definitions, Json::Object(one)) => {
                one.into_iter().map(|(name, value)| (rules::defined_name(&name).to_owned(), value)).collect()
            }
            (_, json) => json,
        }
    }

    fn workspace<'s>(&self, state: &'s mut State) -> Result<&'s mut Workspace, Refusal> {
        let found = state.store.workspace(self.group);
        found.ok_or_else(|| Refusal::new(&rules::NO_SUCH_WORKSPACE, "no such workspace"))
    }

    fn dataset<'s>(&self, state: &'s mut State, id: &str) -> Result<&'s mut Dataset, Refusal> {
        let now = self.shared.clock.now();
        let found = self.workspace(state)?.dataset(id).filter(|dataset| dataset.is_there(now));
        found.ok_or_else(no_dataset)
    }

    fn push_dataset<'s>(&self, state: &'s mut State, id: &str) -> Result<&'s mut Dataset, Refusal> {
        let dataset = self.dataset(state, id)?;
        if dataset.mode == Mode::Hosted { Err(not_push(id)) } else { Ok(dataset) }
    }

    /// Holds a body to its type and size.
    fn check_body(&self, most: usize) -> Result<(), Refusal> {
        let headers = &self.request.parts.headers;
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            let message = format!("the Content-Type must be application/json, not '{content_type}'");
            return Err(Refusal::new(&rules::WRONG_CONTENT_TYPE, message));
        }
        if headers.contains_key(header::CONTENT_ENCODING) {
            return Err(Refusal::new(&rules::WRONG_CONTENT_CODING, "the body must not be compressed"));
        }
        let size = self.request.body_size;
        if self.shared.limits && size > most {
            let message = format!("the body has {size} bytes, and {most} are allowed");
            return Err(Refusal::new(&rules::BODY_TOO_LARGE, message));
        }
        Ok(())
    }
}

fn no_dataset() -> Refusal {
    Refusal::new(&rules::NO_SUCH_DATASET, "no such dataset in this workspace")
}

fn not_push(id: &str) -> Refusal {
    Refusal::new(&rules::NOT_A_PUSH_DATASET, format!("Dataset {id} is not Push API dataset."))
}

fn table<'a>(dataset: &'a mut Dataset, name: &str) -> Result<&'a mut Table, Refusal> {
    let message = format!("Table '<pi>{name}</pi>' not found in dataset '{}|{}'", dataset.name, dataset.id);
    let found = dataset.tables.iter_mut().find(|table| table.name == name);
    found.ok_or_else(|| Refusal::new(&rules::NO_SUCH_TABLE, message))
}
