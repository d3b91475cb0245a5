//! Making datasets, and changing them by one request (facts/microstrategy 4.1, 4.2).

use axum::http::StatusCode;
use serde_json::{Value as Json, json};

use super::{Asked, UPDATE_POLICY, shapes};
use crate::emulator::http::Answer;
use crate::emulator::row::Row;
use crate::emulator::services::microstrategy::assumed::UpdateAnswer;
use crate::emulator::services::microstrategy::model::{Definition, Model, TableSaid};
use crate::emulator::services::microstrategy::policy::Policy;
use crate::emulator::services::microstrategy::reading::{Layout, Reader};
use crate::emulator::services::microstrategy::refusal::Refusal;
use crate::emulator::services::microstrategy::store::{Dataset, FOLDERS, Table};
use crate::emulator::services::microstrategy::{logins, new_id};
use crate::emulator::switch::Reception;

impl Asked<'_> {
    pub(super) fn create_model(&mut self) -> Result<Answer, Refusal> {
        let definition: Definition = self.body()?;
        let model = definition.model()?;
        let dataset = self.new_dataset(&definition, model, false)?;
        let body = json!({"id": dataset.id, "name": dataset.name});
        self.state.store.datasets.push(dataset);
        Ok(Answer::json(StatusCode::OK, &body))
    }

    /// Makes a dataset of one table, and publishes it at once.
    pub(super) fn create_dataset(&mut self) -> Result<Answer, Refusal> {
        let definition: Definition = self.body()?;
        let model = definition.model()?;
        let ([said], [table]) = (definition.tables.as_slice(), model.tables.as_slice()) else {
            return Err(Refusal::invalid("A dataset that one request makes has one table."));
        };
        let order: Vec<usize> = (0..table.columns.len()).collect();
        let rows = self.records(said, table, &order)?;
        let mut dataset = self.new_dataset(&definition, model, true)?;
        let load = vec![(0, Policy::Replace, rows)];
        let count = dataset.load(load, self.assumed.repeated_keys, self.site.wall()).map_err(Refusal::of_server)?;
        let tables: Vec<Json> = dataset.tables.iter().map(|it| json!({"id": it.id, "name": it.name})).collect();
        let body = json!({"datasetId": dataset.id, "name": dataset.name, "tables": tables});
        self.state.store.datasets.push(dataset);
        Ok(Answer::json(StatusCode::OK, &body).storing(count))
    }

    fn new_dataset(&self, definition: &Definition, model: Model, by_one_request: bool) -> Result<Dataset, Refusal> {
        let folder = match definition.folder_id.as_deref() {
            None | Some("") => FOLDERS[0].1,
            Some(wanted) => {
                let found = FOLDERS.iter().find(|(_, id, _)| id.eq_ignore_ascii_case(wanted));
                found.ok_or_else(Refusal::no_object)?.1
            }
        };
        let is_same = |it: &&Dataset| it.project == self.project && it.folder == folder && it.name == definition.name;
        if self.assumed.same_name == Reception::Refused && self.state.store.datasets.iter().any(|it| is_same(&it)) {
            let message = format!("An object with the name '{}' exists already in the folder.", definition.name);
            return Err(Refusal::exists(message));
        }
        let now = self.site.wall();
        Ok(Dataset {
            id: new_id(),
            name: definition.name.clone(),
            description: definition.description.clone().unwrap_or_default(),
            folder: folder.to_owned(),
            project: self.project.clone(),
            by_one_request,
            is_published: false,
            hidden_gets: self.assumed.new_dataset_gets.0,
            created: now,
            modified: now,
            tables: model.tables,
            attributes: model.attributes,
            metrics: model.metrics,
        })
    }

    /// The rows that a request of the family of one request brings.
    fn records(&self, said: &TableSaid, table: &Table, order: &[usize]) -> Result<Vec<Row>, Refusal> {
        let data = said.data.as_deref().ok_or_else(|| Refusal::missing("data"))?;
        let reader = Reader { table, layout: Layout::Records, order, assumed: self.assumed };
        reader.read(data).map_err(Refusal::invalid)
    }

    pub(super) fn update_table(&mut self) -> Result<Answer, Refusal> {
        let policy = logins::text(&self.request.parts.headers, &UPDATE_POLICY);
        let policy = policy.ok_or_else(|| Refusal::missing("updatePolicy"))?;
        let policy = Policy::from_name(policy).ok_or_else(|| no_policy(policy))?;
        let said: TableSaid = self.body()?;
        let (id, name) = (self.call.name(0).to_owned(), self.call.name(1).to_owned());
        let place = self.place(&id)?;
        let dataset = &self.state.store.datasets[place];
        if !dataset.by_one_request {
            let message = "A dataset that was defined by several requests cannot be updated by one request.";
            return Err(Refusal::invalid(message));
        }
        let at = dataset.table(&name).ok_or_else(Refusal::no_object)?;
        let headers: Vec<&str> = said.column_headers.iter().map(|column| column.name.as_str()).collect();
        let order = order(&dataset.tables[at], &headers)?;
        let rows = self.records(&said, &dataset.tables[at], &order)?;
        let (wall, repeated) = (self.site.wall(), self.assumed.repeated_keys);
        let loaded = self.state.store.datasets[place].load(vec![(at, policy, rows)], repeated, wall);
        let count = loaded.map_err(Refusal::of_server)?;
        let status = match self.assumed.update_answer {
            UpdateAnswer::NoContent => StatusCode::NO_CONTENT,
            UpdateAnswer::Success => StatusCode::OK,
        };
        Ok(Answer::empty(status).storing(count))
    }

    pub(super) fn dataset(&mut self) -> Result<Answer, Refusal> {
        let fields = self.parameters.iter().filter(|(name, _)| name == "fields");
        let fields: Vec<String> = fields.flat_map(|(_, value)| value.split(',').map(str::to_owned)).collect();
        let id = self.call.name(0).to_owned();
        let wants = |field: &str| fields.is_empty() || fields.iter().any(|it| it == field);
        Ok(Answer::json(StatusCode::OK, &shapes::definition(self.find(&id)?, wants)))
    }
}

/// The places of the columns that headers name: all of the table's, in any order.
pub(super) fn order(table: &Table, headers: &[&str]) -> Result<Vec<usize>, Refusal> {
    let mut order: Vec<usize> = Vec::new();
    for header in headers {
        let place = table.place(header).filter(|place| !order.contains(place));
        let wrong = || Refusal::invalid(format!("The table '{}' has no column '{header}' left.", table.name));
        order.push(place.ok_or_else(wrong)?);
    }
    match table.columns.iter().enumerate().find(|(at, _)| !order.contains(at)) {
        Some((_, column)) => {
            Err(Refusal::invalid(format!("The column '{}' of the table '{}' is missing.", column.name, table.name)))
        }
        None => Ok(order),
    }
}

pub(super) fn no_policy(name: &str) -> Refusal {
    Refusal::invalid(format!("The update policy '{name}' is none of add, update, upsert and replace."))
}
