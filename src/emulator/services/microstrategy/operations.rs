//! What each operation does.

mod datasets;
mod objects;
mod shapes;
mod sign_in;
mod uploads;

use axum::http::{HeaderName, StatusCode, header};
use serde::de::DeserializeOwned;

use super::logins;
use super::refusal::Refusal;
use super::route::{self, Call, Operation};
use super::{APPLICATION, MAX_BODY, MicroStrategy, MicroStrategyAssumed, State};
use crate::clock::Moment;
use crate::emulator::http::{Answer, Arrived, Change, Site, query};

const PROJECT_ID: HeaderName = HeaderName::from_static("x-mstr-projectid");
const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-mstr-total-count");
const UPDATE_POLICY: HeaderName = HeaderName::from_static("updatepolicy");
/// The kinds of objects, by their numbers (facts/microstrategy 7).
const TYPE_DATASET: &str = "3";
const TYPE_PROJECT: &str = "32";
/// What a web server says of a path that is not the API's.
const NO_PAGE: &str = "<!doctype html><html lang=\"en\"><head><title>HTTP Status 404 – Not Found</title></head>\
                       <body><h1>HTTP Status 404 – Not Found</h1></body></html>";

/// A request to an operation, and all that it may use.
struct Asked<'a> {
    request: &'a Arrived,
    call: Call,
    parameters: Vec<(String, String)>,
    /// The token of its session.
    login: String,
    /// The id of its project; empty where it needs none.
    project: String,
    state: &'a mut State,
    assumed: &'a MicroStrategyAssumed,
    site: &'a Site,
}

/// Answers a request to the service.
pub(super) fn answer(service: &MicroStrategy, request: &Arrived) -> Answer {
    let path = request.parts.uri.path();
    let below = path.strip_prefix(APPLICATION).unwrap_or(path);
    if !below.starts_with("/api/") && below != "/api" {
        return Answer::empty(StatusCode::NOT_FOUND).with_body("text/html;charset=utf-8", NO_PAGE.into());
    }
    let mut state = service.lock();
    let call = match route::call(&request.parts.method, below) {
        Ok(call) => call,
        Err(refusal) => return refusal.answer(),
    };
    let operation = call.operation;
    let answer = signed(service, &mut state, request, call).unwrap_or_else(Refusal::answer);
    drop(state);
    if matches!(operation, Operation::CreateModel | Operation::DeleteObject | Operation::PublishStatus)
        || operation.brings_rows()
    {
        service.site.changed(Change::Datasets);
    }
    answer
}

/// Does what a request asks, if it may; the answer brings the session's next cookie, refusal or not.
fn signed(service: &MicroStrategy, state: &mut State, request: &Arrived, call: Call) -> Result<Answer, Refusal> {
    let login = if call.operation.needs_login() {
        state.logins.check(&request.parts.headers, service.site.now(), &service.assumed)?
    } else {
        String::new()
    };
    let answer = perform(service, state, request, call, login.clone()).unwrap_or_else(Refusal::answer);
    Ok(state.logins.balance(&login, &service.assumed, answer))
}

fn perform(
    service: &MicroStrategy,
    state: &mut State,
    request: &Arrived,
    call: Call,
    login: String,
) -> Result<Answer, Refusal> {
    if request.body_size > MAX_BODY {
        return Err(Refusal::too_large());
    }
    let parameters = query::pairs(request.query()).map_err(|_| Refusal::invalid("The query cannot be read."))?;
    let (site, assumed) = (&*service.site, &service.assumed);
    let mut asked = Asked { request, call, parameters, login, project: String::new(), state, assumed, site };
    let is_of_project = asked.call.operation == Operation::Object && asked.parameter("type") == Some(TYPE_PROJECT);
    if asked.call.operation.needs_project() && !is_of_project {
        asked.project = asked.project()?;
    }
    asked.perform()
}

impl Asked<'_> {
    fn perform(mut self) -> Result<Answer, Refusal> {
        match self.call.operation {
            Operation::Login => self.log_in(),
            Operation::Logout => Ok(self.log_out()),
            Operation::Delegate => self.delegate(),
            Operation::MakeIdentityToken => Ok(self.make_identity_token()),
            Operation::CheckIdentityToken => self.check_identity_token(),
            Operation::MakeApiToken => Ok(self.make_api_token()),
            Operation::Session | Operation::SessionProject => Ok(shapes::session()),
            Operation::KeepAlive => Ok(Answer::empty(StatusCode::NO_CONTENT)),
            Operation::UserInfo => Ok(shapes::user()),
            Operation::Status => Ok(self.status()),
            Operation::Projects => Ok(self.projects()),
            Operation::Project => self.one_project(),
            Operation::Search => Ok(self.search()),
            Operation::Folders => Ok(Self::folders()),
            Operation::KnownFolder | Operation::Folder => self.folder(),
            Operation::Object => self.object(),
            Operation::DeleteObject => self.delete_object(),
            Operation::Cube => self.cube(),
            Operation::Cubes => self.cubes(),
            Operation::CreateDataset => self.create_dataset(),
            Operation::CreateModel => self.create_model(),
            Operation::Dataset => self.dataset(),
            Operation::UpdateTable => self.update_table(),
            Operation::CreateUpload => self.create_upload(),
            Operation::PutChunk => self.put_chunk(),
            Operation::DeleteUpload => self.delete_upload(),
            Operation::Publish => self.publish(),
            Operation::PublishStatus => self.publish_status(),
        }
    }

    fn now(&self) -> Moment {
        self.site.now()
    }

    /// The first value of a parameter.
    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The id of the project that the header names.
    fn project(&self) -> Result<String, Refusal> {
        let id = logins::text(&self.request.parts.headers, &PROJECT_ID);
        let id = id.ok_or_else(|| Refusal::missing("X-MSTR-ProjectID"))?;
        let found = self.state.store.projects.iter().find(|project| project.id.eq_ignore_ascii_case(id));
        Ok(found.ok_or_else(Refusal::no_object)?.id.clone())
    }

    /// The body, which is JSON.
    fn body<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        parsed(serde_json::from_slice(&self.request.body))
    }

    /// The part of a list that `offset` and `limit` name.
    fn page<T>(&self, list: Vec<T>) -> Vec<T> {
        let number = |name: &str| self.parameter(name).and_then(|text| text.parse::<i64>().ok());
        let offset = number("offset").and_then(|offset| usize::try_from(offset).ok()).unwrap_or(0);
        // A limit below 0 stands for no limit.
        let limit = number("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        list.into_iter().skip(offset).take(limit).collect()
    }
}

/// What was read, or why it is refused: text that is no JSON, or JSON of another shape.
fn parsed<T>(read: serde_json::Result<T>) -> Result<T, Refusal> {
    read.map_err(|error| if error.is_data() { Refusal::invalid(error.to_string()) } else { Refusal::not_json() })
}

/// A success with a list, and the number of all that there is.
fn list(items: Vec<serde_json::Value>, total: usize) -> Answer {
    Answer::json(StatusCode::OK, &serde_json::Value::Array(items)).with_header(TOTAL_COUNT, total)
}

/// Whether the body of a request is JSON by its own words.
fn is_json(request: &Arrived) -> bool {
    logins::text(&request.parts.headers, &header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/json"))
}
