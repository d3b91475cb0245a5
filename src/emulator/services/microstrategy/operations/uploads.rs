//! Upload sessions, their chunks, and their publication (facts/microstrategy 4.1).

use std::borrow::Cow;

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::datasets::{no_policy, order};
use super::{Asked, parsed};
use crate::emulator::http::Answer;
use crate::emulator::services::microstrategy::assumed::{
    ChunkChecks, FailedPublish, FirstPolicy, StatusType, UnpublishedStatus,
};
use crate::emulator::services::microstrategy::new_id;
use crate::emulator::services::microstrategy::policy::Policy;
use crate::emulator::services::microstrategy::reading::{Layout, Reader};
use crate::emulator::services::microstrategy::refusal::Refusal;
use crate::emulator::services::microstrategy::store::Dataset;
use crate::emulator::services::microstrategy::uploads::{Stage, Target, Upload};
use crate::emulator::switch::Reception;

/// What a request says of a new upload.
#[derive(Debug, Deserialize)]
struct UploadSaid {
    tables: Vec<TargetSaid>,
}

/// A table of it. Its headers are plain names here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TargetSaid {
    name: String,
    update_policy: String,
    #[serde(default)]
    orientation: Option<String>,
    #[serde(default)]
    column_headers: Option<Vec<String>>,
}

/// A chunk.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChunkSaid<'a> {
    #[serde(borrow)]
    table_name: Cow<'a, str>,
    index: Index,
    #[serde(borrow)]
    data: Cow<'a, str>,
}

/// The number of a chunk; the documents write it as a number and as a text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Index {
    Number(u64),
    Text(String),
}

impl TargetSaid {
    fn target(&self, dataset: &Dataset, first: FirstPolicy) -> Result<Target, Refusal> {
        let table = dataset.table(&self.name);
        let table = table.ok_or_else(|| Refusal::invalid(format!("The dataset has no table '{}'.", self.name)))?;
        let policy = Policy::from_name(&self.update_policy).ok_or_else(|| no_policy(&self.update_policy))?;
        if first == FirstPolicy::Replace && !dataset.is_published && policy != Policy::Replace {
            return Err(Refusal::invalid("The first data of a dataset comes with the update policy replace."));
        }
        let layout = match self.orientation.as_deref().unwrap_or("row").to_ascii_lowercase().as_str() {
            "row" => Layout::Rows,
            "column" => Layout::Columns,
            other => return Err(Refusal::invalid(format!("The orientation '{other}' is neither ROW nor COLUMN."))),
        };
        let columns = &dataset.tables[table];
        let order = match &self.column_headers {
            Some(names) => order(columns, &names.iter().map(String::as_str).collect::<Vec<_>>())?,
            None => (0..columns.columns.len()).collect(),
        };
        Ok(Target::new(table, policy, layout, order))
    }
}

impl Asked<'_> {
    pub(super) fn create_upload(&mut self) -> Result<Answer, Refusal> {
        let said: UploadSaid = self.body()?;
        let (id, first) = (self.call.name(0).to_owned(), self.assumed.first_policy);
        let dataset = self.find(&id)?;
        let mut targets: Vec<Target> = Vec::new();
        for table in &said.tables {
            let target = table.target(dataset, first)?;
            if targets.iter().any(|other| other.table == target.table) {
                return Err(Refusal::invalid(format!("The table '{}' is named twice.", table.name)));
            }
            targets.push(target);
        }
        if targets.is_empty() {
            return Err(Refusal::missing("tables"));
        }
        let dataset = dataset.id.clone();
        let upload = Upload { id: new_id(), dataset, login: self.login.clone(), targets, stage: Stage::Open };
        let body = json!({"uploadSessionId": upload.id});
        self.state.uploads.add(upload, self.assumed)?;
        Ok(Answer::json(StatusCode::OK, &body))
    }

    pub(super) fn put_chunk(&mut self) -> Result<Answer, Refusal> {
        if self.assumed.concurrent_chunks == Reception::Refused && self.request.pending > 1 {
            return Err(Refusal::of_server("Another chunk of the dataset is under way."));
        }
        let said: ChunkSaid<'_> = parsed(serde_json::from_slice(&self.request.body))?;
        let index = match &said.index {
            Index::Number(index) => *index,
            Index::Text(text) => text.parse().map_err(|_| Refusal::invalid("The index is no number."))?,
        };
        let (id, session) = (self.call.name(0).to_owned(), self.call.name(1).to_owned());
        let (assumed, place) = (self.assumed, self.place(&id)?);
        let dataset = &self.state.store.datasets[place];
        let upload = self.state.uploads.find(&id, &session, &self.login, assumed)?;
        if !matches!(upload.stage, Stage::Open) {
            return Err(Refusal::invalid("The upload session takes no more data."));
        }
        let table = dataset.table(&said.table_name);
        let target = upload.targets.iter_mut().find(|target| Some(target.table) == table);
        let no_table = || Refusal::invalid(format!("The upload session has no table '{}'.", said.table_name));
        let target = target.ok_or_else(no_table)?;
        let (table, layout, order) = (&dataset.tables[target.table], target.layout, &target.order);
        let rows = Reader { table, layout, order, assumed }.read(&said.data);
        let rows = match rows {
            Err(message) if assumed.chunk_checks == ChunkChecks::AtOnce => return Err(Refusal::invalid(message)),
            rows => rows,
        };
        target.put(index, rows, assumed)?;
        Ok(Answer::empty(StatusCode::OK))
    }

    pub(super) fn publish(&mut self) -> Result<Answer, Refusal> {
        let (id, session) = (self.call.name(0).to_owned(), self.call.name(1).to_owned());
        let (now, wall, assumed) = (self.now(), self.site.wall(), self.assumed);
        let place = self.place(&id)?;
        let upload = self.state.uploads.find(&id, &session, &self.login, assumed)?;
        if !matches!(upload.stage, Stage::Open) {
            return Err(Refusal::invalid("The upload session was published already."));
        }
        let failure = self.state.uploads.failures.pop_front();
        let upload = self.state.uploads.find(&id, &session, &self.login, assumed)?;
        if assumed.failed_publish != FailedPublish::Refusal {
            upload.publish(now, assumed.publish_gets.0, assumed.publish_seconds, failure);
            return Ok(Answer::empty(StatusCode::OK));
        }
        let dataset = &mut self.state.store.datasets[place];
        upload.publish(now, 0, std::time::Duration::ZERO, failure);
        let rows = upload.settle(dataset, (now, wall), assumed);
        match &upload.stage {
            Stage::Failed(message) => Err(Refusal::of_server(message.as_str())),
            _ => Ok(Answer::empty(StatusCode::OK).storing(rows)),
        }
    }

    pub(super) fn publish_status(&mut self) -> Result<Answer, Refusal> {
        let (id, session) = (self.call.name(0).to_owned(), self.call.name(1).to_owned());
        let (now, wall, assumed) = (self.now(), self.site.wall(), self.assumed);
        let place = self.place(&id)?;
        let dataset = &mut self.state.store.datasets[place];
        let upload = self.state.uploads.find(&id, &session, &self.login, assumed)?;
        let rows = upload.settle(dataset, (now, wall), assumed);
        let (status, message) = match &upload.stage {
            Stage::Open if assumed.unpublished_status == UnpublishedStatus::Zero => (0, "message id"),
            Stage::Open => return Err(Refusal::invalid("The upload session was not published.")),
            Stage::Publishing { .. } => (6, "sql execution"),
            Stage::Published => (1, "result ready"),
            Stage::Failed(message) if assumed.failed_publish == FailedPublish::ErrorStatus => (3, message.as_str()),
            Stage::Failed(message) => (18, message.as_str()),
        };
        let status = match assumed.status_type {
            StatusType::Number => json!(status),
            StatusType::Text => json!(status.to_string()),
        };
        let body = json!({"uploadSessionId": upload.id, "status": status, "message": message});
        Ok(Answer::json(StatusCode::OK, &body).storing(rows))
    }

    /// Before the publication has ended, what was uploaded is dropped with it.
    pub(super) fn delete_upload(&mut self) -> Result<Answer, Refusal> {
        let (id, session) = (self.call.name(0).to_owned(), self.call.name(1).to_owned());
        self.state.uploads.find(&id, &session, &self.login, self.assumed)?;
        self.state.uploads.remove(&session);
        Ok(Answer::empty(StatusCode::OK))
    }
}
