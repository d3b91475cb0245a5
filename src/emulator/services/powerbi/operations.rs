//! The operations: what the service does with a request that arrived whole.

mod access;
mod datasets;
mod groups;
mod queries;
mod rows;
mod tables;

use axum::http::{StatusCode, header};
use serde_json::{Map, Value as Json, json};

use super::assumed::AnswerNames;
use super::reading::Frame;
use super::refusal::Refusal;
use super::route::{Operation, Route};
use super::rules;
use super::schema::Mode;
use super::store::{Dataset, Table, Workspace};
use super::{PowerBi, State};
use crate::emulator::http::{Answer, Arrived, Change, query};
use crate::emulator::identity::Principal;

/// Answers `request`.
pub(super) fn answer(service: &PowerBi, request: &Arrived) -> Answer {
    let call = |principal, group| Call { service, request, principal, group };
    let answer = match Route::of(&request.parts.method, request.parts.uri.path()) {
        // A push URL speaks for the user who made it.
        Route::PushUrl(tenant, id) => call(Principal::User, None).post_to_push_url(tenant, id),
        Route::Api(group, operation) => {
            signed_in(service, request).and_then(|who| call(who, group).perform(&operation))
        }
        Route::Nowhere => signed_in(service, request).and_then(|_| Err(no_operation())),
    };
    answer.unwrap_or_else(Answer::from)
}

/// Whose request it is.
fn signed_in(service: &PowerBi, request: &Arrived) -> Result<Principal, Refusal> {
    let authorization = request.parts.headers.get(header::AUTHORIZATION);
    service.identity.check(authorization, service.site.wall()).map_err(access::no_token)
}

/// A request, whose it is, and the workspace that it is about.
struct Call<'a> {
    service: &'a PowerBi,
    request: &'a Arrived,
    principal: Principal,
    /// The id of the workspace; `None` is My workspace.
    group: Option<&'a str>,
}

impl Call<'_> {
    fn perform(&self, operation: &Operation<'_>) -> Result<Answer, Refusal> {
        self.enter(operation)?;
        match operation {
            Operation::GetGroups => self.groups(),
            Operation::GetGroup => self.one_group(),
            Operation::PostDataset => self.create(),
            Operation::GetDatasets => self.datasets(),
            Operation::GetDataset(id) => self.one_dataset(id),
            Operation::DeleteDataset(id) => self.delete(id),
            Operation::GetTables(id) => self.tables(id),
            Operation::ExecuteQueries(id) => self.execute_queries(id),
            Operation::PutTable(id, table) => self.put_table(id, table),
            Operation::GetSequenceNumbers(id, table) => self.sequence_numbers(id, table),
            Operation::PostRows(id, table) => self.post_rows(Frame::Object, id, table),
            Operation::DeleteRows(id, table) => self.delete_rows(id, table),
        }
    }

    fn query(&self) -> &str {
        self.request.query()
    }

    /// Signals that the rows of a table have changed.
    fn rows_changed(&self, dataset: &str, table: &str) {
        self.service.site.changed(Change::Rows { dataset: dataset.to_owned(), table: table.to_owned() });
    }

    /// The `@odata.context` of an answer about `what`.
    fn context(&self, what: &str) -> String {
        let group = self.group.map(|id| format!("groups/{id}/")).unwrap_or_default();
        format!("{}/v1.0/myorg/{group}$metadata#{what}", self.service.site.url())
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
        match self.service.assumed.answer_names {
            AnswerNames::Examples => ("@odata.context", true),
            AnswerNames::Definitions => ("odata.context", false),
        }
    }

    /// The properties of a thing under the names that they have by assumption.
    fn spelled(&self, json: Json) -> Json {
        match (self.service.assumed.answer_names, json) {
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
        let now = self.service.site.clock.now();
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
        if self.service.limits && size > most {
            let message = format!("the body has {size} bytes, and {most} are allowed");
            return Err(Refusal::new(&rules::BODY_TOO_LARGE, message));
        }
        Ok(())
    }
}

/// The parameters of a request, decoded.
fn parameters(query: &str) -> Result<Vec<(String, String)>, Refusal> {
    query::pairs(query).map_err(|part| wrong_parameter(part, "is not percent-encoded UTF-8"))
}

/// A parameter that the operation does not take, or not so.
fn wrong_parameter(name: &str, what: &str) -> Refusal {
    Refusal::new(&rules::BAD_QUERY, format!("the parameter '{name}' {what}")).of("query")
}

fn no_operation() -> Refusal {
    Refusal::new(&rules::NO_SUCH_OPERATION, "the emulator has no such operation")
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
