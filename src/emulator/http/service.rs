//! The seam: what the server asks of a service, and what it tells the service of a request.

use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use serde_json::Value as Json;

use super::answer::Answer;
use super::faults::FailNext;
use crate::emulator::kept::Kept;
use crate::emulator::row::Row;
use crate::emulator::shown::{ApiInfo, Dataset, Quota, Sample, Section};
use crate::error::{Error, Kind, Result};

/// A service that the emulator plays. It owns its state; whatever changes that state tells the [`super::Site`].
pub(in crate::emulator) trait Service: Send + Sync {
    /// What a request asks of this service; `None` if the request is for another service.
    fn route(&self, method: &Method, path: &str) -> Option<Route>;

    /// Does what a request asks, and gives the answer.
    fn answer(&self, request: &Arrived) -> Answer;

    /// The answer to a request that met a fault instead; status and `Retry-After` are set by the caller.
    fn fault(&self, fault: &FailNext) -> Answer;

    /// Adds the headers that every answer of the service carries.
    fn add_headers(&self, headers: &mut HeaderMap);

    /// Whether `text` names one of its operations, or a part of a path that it has: what a fault may be meant for.
    fn knows(&self, text: &str) -> bool;

    /// The names of its operations, for a message that lists them.
    fn operations(&self) -> &'static [&'static str];

    /// The parts of a request that may hold secrets, as the log may show them.
    fn visible(&self, request: &Arrived) -> Visible;

    /// The headers of its own that may hold a secret, in lower case.
    fn secret_headers(&self) -> &'static [&'static str] {
        &[]
    }

    /// The largest body that is kept; of a larger one the service gets the beginning.
    fn most_bytes(&self) -> usize;

    /// Makes a dataset that somebody described on the page, and gives its id; `None` if it makes none so.
    fn make(&self, _wanted: &Json) -> Option<Result<String>> {
        None
    }

    /// Deletes a dataset; whether it had one of this id.
    fn delete(&self, _dataset: &str) -> bool {
        false
    }

    /// How programs push rows into a dataset; `None` if it has none of this id.
    fn api_info(&self, _dataset: &str) -> Option<ApiInfo> {
        None
    }

    /// What the page shows of it.
    fn shown(&self) -> Vec<Section> {
        Vec::new()
    }

    /// What the page shows of one dataset; `None` if it has none of this id.
    fn shown_dataset(&self, id: &str) -> Option<Dataset> {
        self.shown().into_iter().flat_map(|section| section.datasets).find(|dataset| dataset.id == id)
    }

    /// The quotas of each dataset, by its id.
    fn quotas(&self) -> Vec<(String, Vec<Quota>)> {
        Vec::new()
    }

    /// Some of the rows that came into a table after the first `seen`, `most` at most and the newest among them; `None`
    /// if it has no such table, or does not know when rows came.
    fn sample(&self, _dataset: &str, _table: &str, _seen: u64, _most: usize) -> Option<Sample> {
        None
    }

    /// The rows of a table, oldest first.
    fn rows(&self, place: &Place<'_>) -> Result<Vec<Row>> {
        Err(Error::new(Kind::NotFound, format!("there is no dataset `{}`", place.dataset)))
    }

    /// What it holds, to be kept in a file.
    fn kept(&self) -> Kept {
        Kept { about: Json::Null, tables: Vec::new() }
    }

    /// Takes over what it held at an earlier start; or says what is wrong with it.
    fn restore(&self, _kept: Kept) -> std::result::Result<(), String> {
        Ok(())
    }

    /// Goes back to how it started, but for what clients hold: secrets and tokens.
    fn reset(&self) {}
}

/// What a request asks of a service, as far as the server needs to know.
#[derive(Debug, Default)]
pub(in crate::emulator) struct Route {
    /// The vendor's name of the operation, or ours where it has none; `None` if there is no such operation.
    pub(in crate::emulator) operation: Option<&'static str>,
    /// A second name, under which a fault reaches it too.
    pub(in crate::emulator) alias: Option<&'static str>,
    /// What it brings rows to: such requests are counted while they are pending, and can lose their answer.
    pub(in crate::emulator) fills: Option<String>,
    /// Whether it is about signing in: a fault that names no route leaves it alone.
    pub(in crate::emulator) signs_in: bool,
}

/// A request whose body was read.
#[derive(Debug)]
pub(in crate::emulator) struct Arrived {
    pub(in crate::emulator) parts: Parts,
    /// The body; only its beginning if it is larger than what the service keeps.
    pub(in crate::emulator) body: Bytes,
    pub(in crate::emulator) body_size: usize,
    /// The requests that bring rows to the same place and were not answered when this one came, itself included.
    pub(in crate::emulator) pending: usize,
}

impl Arrived {
    /// What followed the `?`, still encoded.
    pub(in crate::emulator) fn query(&self) -> &str {
        self.parts.uri.query().unwrap_or_default()
    }
}

/// Query and body without their secrets.
#[derive(Debug)]
pub(in crate::emulator) struct Visible {
    pub(in crate::emulator) query: String,
    pub(in crate::emulator) body: Bytes,
}

/// Where rows are: ids or names; `None` stands for the service's default workspace, and for the only table.
#[derive(Debug)]
pub(in crate::emulator) struct Place<'a> {
    pub(in crate::emulator) workspace: Option<&'a str>,
    pub(in crate::emulator) dataset: &'a str,
    pub(in crate::emulator) table: Option<&'a str>,
}
