//! From a request to its answer: the service that it is for, the faults that a test has ordered, and the log.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Response, StatusCode};
use bytes::Bytes;
use http_body::Body as _;
use serde_json::Value as Json;

use super::answer::Answer;
use super::changes::Change;
use super::connection::Connection;
use super::faults::{FailNext, Fault, Faults};
use super::guard::{self, Entrance};
use super::log::{self, Log, Request};
use super::pending::Pending;
use super::service::{Arrived, Route, Service, Visible};
use super::site::Site;
use crate::clock::Clock;
use crate::emulator::kept::Kept;
use crate::emulator::shown::{ApiInfo, Dataset, Quota, Sample, Section};
use crate::error::{Error, Result};

/// Space that is reserved for a body on the client's word.
const RESERVED: usize = 16_000_000;

/// The services, and what was asked of them.
pub(in crate::emulator) struct Dispatcher {
    site: Arc<Site>,
    /// The first that has a route for a request gets it.
    services: Vec<Arc<dyn Service>>,
    pending: Arc<Pending>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    faults: Faults,
    log: Log,
}

/// The newest requests, newest first.
#[derive(Debug)]
pub(in crate::emulator) struct Latest {
    pub(in crate::emulator) requests: Vec<Request>,
    /// How many there were.
    pub(in crate::emulator) count: u64,
    /// How many of these were refused, or not answered.
    pub(in crate::emulator) refused: u64,
    /// How many of the next are to meet a fault.
    pub(in crate::emulator) faults: usize,
}

impl Dispatcher {
    pub(in crate::emulator) fn new(site: Arc<Site>, services: Vec<Arc<dyn Service>>) -> Self {
        Self { site, services, pending: Arc::default(), state: Mutex::default() }
    }

    /// Answers a request, or cuts its connection.
    pub(in crate::emulator) async fn handle(
        &self,
        connection: &Connection,
        request: axum::extract::Request,
    ) -> Response<Body> {
        let (parts, body) = request.into_parts();
        if let Err(stranger) = guard::check(&parts, &self.site, Entrance::Api) {
            return self.site.dated(Answer::from(stranger).into_response());
        }
        let Some((service, route)) = self.find(&parts) else {
            return self.site.dated(Answer::empty(StatusCode::NOT_FOUND).into_response());
        };
        let pending = route.fills.as_deref().map(|fills| self.pending.count(fills));
        let count = pending.as_ref().map_or(0, |pending| pending.count);
        let Ok(request) = read(parts, body, count, service.most_bytes()).await else {
            connection.cut();
            return Response::default();
        };
        // Requests that have arrived meanwhile get the chance to be counted as pending.
        tokio::task::yield_now().await;
        let answer = self.respond(service, &request, &route);
        drop(pending);
        let Some(answer) = answer else {
            connection.cut();
            return Response::default();
        };
        let mut response = answer.into_response();
        service.add_headers(response.headers_mut());
        self.site.dated(response)
    }

    fn find(&self, parts: &Parts) -> Option<(&dyn Service, Route)> {
        let path = parts.uri.path();
        self.services.iter().find_map(|service| Some((&**service, service.route(&parts.method, path)?)))
    }

    /// Decides on an answer and writes the log; `None` means that none is sent.
    fn respond(&self, service: &dyn Service, request: &Arrived, route: &Route) -> Option<Answer> {
        let parts = &request.parts;
        let path = parts.uri.path();
        let clock = Clock::real();
        let began = clock.now();
        let fault = self.lock().faults.take(route, path);
        let (answer, is_sent) = match fault {
            Some(Fault::Answer(fault, status, retry_after)) => {
                let answer = fault.body.as_deref().map_or_else(|| service.fault(&fault), Answer::of_text);
                (answer.ordered(status, retry_after), true)
            }
            Some(Fault::Drop) => (service.answer(request), false),
            None => (service.answer(request), true),
        };
        let Visible { query, body } = service.visible(request);
        let number = self.lock().log.add(Request {
            number: 0,
            method: parts.method.to_string(),
            path: path.to_owned(),
            query,
            operation: route.operation,
            headers: log::redacted(&parts.headers, service.secret_headers()),
            body,
            body_size: request.body_size,
            status: is_sent.then_some(answer.status.as_u16()),
            refusal: answer.refusal.clone(),
            rows: answer.rows,
            at: self.site.elapsed(),
            took: clock.now() - began,
        });
        self.site.changed(Change::Request(number));
        is_sent.then_some(answer)
    }

    /// The requests that arrived whole, oldest first.
    pub(in crate::emulator) fn requests(&self) -> Vec<Request> {
        self.lock().log.requests().cloned().collect()
    }

    /// The newest requests after that of the number `seen`, `most` at most.
    pub(in crate::emulator) fn latest(&self, seen: u64, most: usize) -> Latest {
        let state = self.lock();
        let newest = state.log.requests().rev().take(most).take_while(|request| request.number > seen);
        let requests = newest.cloned().collect();
        Latest { count: state.log.newest, refused: state.log.refused, faults: state.faults.left(), requests }
    }

    /// The most requests with rows that were ever pending at once for one place.
    pub(in crate::emulator) fn most_in_flight(&self) -> usize {
        self.pending.most()
    }

    pub(in crate::emulator) fn fail_next(&self, fault: FailNext) -> Result<()> {
        self.lock().faults.fail(fault, |route| self.knows(route), || self.operations())?;
        self.site.changed(Change::Faults);
        Ok(())
    }

    pub(in crate::emulator) fn drop_response(&self, times: usize, route: Option<String>) -> Result<()> {
        self.lock().faults.drop_response(times, route, |route| self.knows(route), || self.operations())?;
        self.site.changed(Change::Faults);
        Ok(())
    }

    fn knows(&self, route: &str) -> bool {
        self.services.iter().any(|service| service.knows(route))
    }

    /// The names of all operations.
    pub(in crate::emulator) fn operations(&self) -> Vec<&'static str> {
        self.services.iter().flat_map(|service| service.operations()).copied().collect()
    }

    /// Makes a dataset that somebody described on the page, and gives its id.
    pub(in crate::emulator) fn make(&self, wanted: &Json) -> Result<String> {
        let made = self.services.iter().find_map(|service| service.make(wanted));
        made.unwrap_or_else(|| Err(Error::configuration("no service makes such a dataset")))
    }

    /// Deletes a dataset; whether there was one of this id.
    pub(in crate::emulator) fn delete(&self, dataset: &str) -> bool {
        self.services.iter().any(|service| service.delete(dataset))
    }

    /// How programs push rows into a dataset.
    pub(in crate::emulator) fn api_info(&self, dataset: &str) -> Option<ApiInfo> {
        self.services.iter().find_map(|service| service.api_info(dataset))
    }

    /// What the page shows of each service.
    pub(in crate::emulator) fn shown(&self) -> Vec<Section> {
        self.services.iter().flat_map(|service| service.shown()).collect()
    }

    /// What the page shows of one dataset.
    pub(in crate::emulator) fn shown_dataset(&self, id: &str) -> Option<Dataset> {
        self.services.iter().find_map(|service| service.shown_dataset(id))
    }

    /// The quotas of each dataset that has any, by its id.
    pub(in crate::emulator) fn quotas(&self) -> BTreeMap<String, Vec<Quota>> {
        self.services.iter().flat_map(|service| service.quotas()).collect()
    }

    /// Some of the rows that came into a table after the first `seen`.
    pub(in crate::emulator) fn sample(&self, dataset: &str, table: &str, seen: u64, most: usize) -> Option<Sample> {
        self.services.iter().find_map(|service| service.sample(dataset, table, seen, most))
    }

    /// What each service holds, to be kept in a file.
    pub(in crate::emulator) fn kept(&self) -> Vec<Kept> {
        self.services.iter().map(|service| service.kept()).collect()
    }

    /// Gives each service what it held at an earlier start; nothing if that left nothing.
    pub(in crate::emulator) fn restore(&self, found: Vec<Kept>) -> std::result::Result<(), String> {
        if !found.is_empty() && found.len() != self.services.len() {
            return Err(format!("it is of {} services, and there are {}", found.len(), self.services.len()));
        }
        self.services.iter().zip(found).try_for_each(|(service, kept)| service.restore(kept))
    }

    /// Goes back to the start: services, faults and log.
    pub(in crate::emulator) fn reset(&self) {
        self.services.iter().for_each(|service| service.reset());
        *self.lock() = State::default();
        self.pending.reset();
        self.site.changed(Change::Everything);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the whole body; of a body that is larger than `most` it keeps the beginning only.
pub(in crate::emulator) async fn read(
    parts: Parts,
    mut body: Body,
    pending: usize,
    most: usize,
) -> std::result::Result<Arrived, axum::Error> {
    let announced = body.size_hint().exact().and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
    let mut kept = Vec::with_capacity(announced.min(RESERVED));
    let mut body_size = 0;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        if let Ok(data) = frame?.into_data() {
            body_size += data.len();
            kept.extend_from_slice(&data[..data.len().min(most - kept.len())]);
        }
    }
    Ok(Arrived { parts, body: Bytes::from(kept), body_size, pending })
}
