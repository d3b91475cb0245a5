//! What the service holds: workspaces, their datasets, and the rows of each table.

mod dataset;
mod workspace;

use std::fmt::Display;
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::json;

pub(super) use self::dataset::{Appearing, Dataset, Table};
pub(super) use self::workspace::Workspace;
pub use self::workspace::{NewWorkspace, Role};
use super::columns::Columns;
use super::key::Key;
use super::rules;
use super::schema::{Mode, Schema, TableSchema};
use crate::clock::Moment;
use crate::emulator::http::Place;
use crate::emulator::row::Row;
use crate::error::{Error, Kind, Result};

/// Everything that was created.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Store {
    /// My workspace comes first.
    pub(super) workspaces: Vec<Workspace>,
}

impl Default for Store {
    /// My workspace, and nothing in it.
    fn default() -> Self {
        Self { workspaces: vec![Workspace::new("My workspace")] }
    }
}

impl Store {
    pub(super) fn add_workspace(&mut self, wanted: NewWorkspace) -> String {
        let workspace = Workspace::new(wanted);
        let id = workspace.id.clone();
        self.workspaces.push(workspace);
        id
    }

    /// Makes a dataset with a push URL in My workspace, and gives its id.
    pub(super) fn create_streaming(&mut self, schema: Schema, key: Key, now: SystemTime) -> String {
        let dataset = self.workspaces[0].create(schema, rules::RETENTION_POLICIES[0], now);
        dataset.key = Some(key);
        dataset.id.clone()
    }

    /// Makes a push dataset in My workspace that keeps all rows, and gives its id.
    pub(super) fn create_push(&mut self, schema: Schema, now: SystemTime) -> String {
        self.workspaces[0].create(schema, rules::RETENTION_POLICIES[0], now).id.clone()
    }

    /// Deletes the dataset of this id, wherever it is; whether there was one.
    pub(super) fn delete(&mut self, id: &str) -> bool {
        let found = self.workspaces.iter_mut().find(|workspace| workspace.has(id));
        found.map(|workspace| workspace.datasets.retain(|dataset| dataset.id != id)).is_some()
    }

    /// The dataset of this id, wherever it is.
    pub(super) fn dataset(&self, id: &str) -> Option<&Dataset> {
        self.workspaces.iter().flat_map(|workspace| &workspace.datasets).find(|dataset| dataset.id == id)
    }

    /// The workspace of a path: `None` is My workspace, which has no path with an id.
    pub(super) fn workspace(&mut self, group: Option<&str>) -> Option<&mut Workspace> {
        match group {
            None => self.workspaces.first_mut(),
            Some(id) => self.workspaces.iter_mut().skip(1).find(|workspace| workspace.id.eq_ignore_ascii_case(id)),
        }
    }

    /// Makes a dataset in My workspace whose push URL takes any columns, and gives its id.
    pub(super) fn create_open(&mut self, name: &str, key: Key, now: SystemTime) -> String {
        let table = TableSchema {
            name: rules::STREAMED_TABLE.to_owned(),
            columns: Arc::new(Columns::new(Vec::new())),
            declared: json!({"name": rules::STREAMED_TABLE, "columns": []}),
        };
        let schema =
            Schema { name: name.to_owned(), mode: Mode::Streaming, tables: vec![table], relationships: Vec::new() };
        let id = self.create_streaming(schema, key, now);
        self.workspaces[0].dataset(&id).into_iter().for_each(|dataset| dataset.is_open = true);
        id
    }

    /// The rows of every table, in their order.
    pub(super) fn rows_of_all(&self) -> Vec<Vec<Row>> {
        let datasets = self.workspaces.iter().flat_map(|workspace| &workspace.datasets);
        datasets.flat_map(|dataset| &dataset.tables).map(|table| table.rows.iter().cloned().collect()).collect()
    }

    /// Gives every table its rows, in the same order.
    pub(super) fn fill(&mut self, rows: Vec<Vec<Row>>, now: Moment) {
        let datasets = self.workspaces.iter_mut().flat_map(|workspace| &mut workspace.datasets);
        let tables = datasets.flat_map(|dataset| &mut dataset.tables);
        tables.zip(rows).for_each(|(table, rows)| table.append(rows, rules::RETENTION_POLICIES[0], now));
    }

    /// The rows of a table that is given by names or ids.
    pub(super) fn rows(&self, place: &Place<'_>) -> Result<Vec<Row>> {
        Ok(self.table(place)?.rows.iter().cloned().collect())
    }

    /// A table that is given by names or ids.
    pub(super) fn table(&self, place: &Place<'_>) -> Result<&Table> {
        let dataset = self.dataset_of(place)?;
        let table = match (place.table, dataset.tables.as_slice()) {
            (None, [table]) => table,
            (None, tables) => {
                let names = listed(tables.iter().map(|table| &table.name));
                let message = format!("the dataset `{}` has several tables: {names}", dataset.name);
                return Err(Error::configuration(message).with_hint("name the table"));
            }
            (Some(wanted), tables) => only("table", wanted, tables, |it| &it.name, |it| &it.name)?,
        };
        Ok(table)
    }

    /// The dataset that a table is in.
    pub(super) fn dataset_of(&self, place: &Place<'_>) -> Result<&Dataset> {
        let workspace = match place.workspace {
            None => &self.workspaces[0],
            Some(wanted) => only("workspace", wanted, &self.workspaces, |it| &it.id, |it| &it.name)?,
        };
        only("dataset", place.dataset, &workspace.datasets, |it| &it.id, |it| &it.name)
    }
}

/// The one item that has `wanted` as its id or, failing that, as its name.
fn only<'a, T>(
    what: &str,
    wanted: &str,
    items: &'a [T],
    id: impl Fn(&T) -> &String,
    name: impl Fn(&T) -> &String,
) -> Result<&'a T> {
    if let Some(found) = items.iter().find(|item| id(item).eq_ignore_ascii_case(wanted) && id(item) != name(item)) {
        return Ok(found);
    }
    let found: Vec<&T> = items.iter().filter(|item| name(item) == wanted).collect();
    match found.as_slice() {
        [found] => Ok(found),
        [] if items.is_empty() => {
            Err(Error::new(Kind::NotFound, format!("there is no {what} `{wanted}`, nor any other")))
        }
        [] => {
            let message = format!("there is no {what} `{wanted}`; there is {}", listed(items.iter().map(name)));
            Err(Error::new(Kind::NotFound, message))
        }
        several => {
            let ids = listed(several.iter().map(|item| id(item)));
            let message = format!("{} {what}s are named `{wanted}`: {ids}", several.len());
            Err(Error::configuration(message).with_hint("use the id"))
        }
    }
}

fn listed(names: impl Iterator<Item = impl Display>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
