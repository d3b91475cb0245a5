//! Projects and datasets, with their tables and rows.

use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::assumed::RepeatedKeys;
use super::data_type::DataType;
use super::new_id;
use super::policy::{self, Policy};
use crate::emulator::row::Row;
use crate::error::{Error, Kind, Result};

/// The project that is there from the start: the vendor's own sample (facts/microstrategy 2.2).
pub(super) const PROJECT_NAME: &str = "MicroStrategy Tutorial";
const PROJECT_ID: &str = "B7CA92F04B9FAE8D941C3E9B7E0CD754";

/// A folder that is there from the start: number, id, name (facts/microstrategy 7).
pub(super) const FOLDERS: [(u32, &str, &str); 2] =
    [(20, "E287FE0E11E5B55F03C70080EF555BA1", "My Reports"), (7, "D3C7D461F69C4610AA6BAA5EF51F4125", "Shared Reports")];

/// What there is.
#[derive(Serialize, Deserialize)]
pub(super) struct Store {
    pub(super) projects: Vec<Project>,
    /// Oldest first.
    pub(super) datasets: Vec<Dataset>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Project {
    pub(super) id: String,
    pub(super) name: String,
}

/// A dataset.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Dataset {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) folder: String,
    /// The project's id.
    pub(super) project: String,
    /// Whether one request made it, which also may change it (facts/microstrategy 4.2).
    pub(super) by_one_request: bool,
    pub(super) is_published: bool,
    /// How many times it is still asked for in vain.
    pub(super) hidden_gets: usize,
    pub(super) created: SystemTime,
    pub(super) modified: SystemTime,
    pub(super) tables: Vec<Table>,
    pub(super) attributes: Vec<Attribute>,
    pub(super) metrics: Vec<Metric>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Table {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    /// The names of the columns, which rows share.
    #[serde(skip)]
    pub(super) names: Arc<[Arc<str>]>,
    /// The columns of the ID forms of attributes: together they are the key of a row (facts/microstrategy 6.2).
    pub(super) keys: Vec<usize>,
    #[serde(skip)]
    pub(super) rows: Vec<Row>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Column {
    pub(super) id: String,
    #[serde(with = "name")]
    pub(super) name: Arc<str>,
    pub(super) data_type: DataType,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Attribute {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) forms: Vec<Form>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Form {
    pub(super) id: String,
    /// Whether its category is ID, else DESC.
    pub(super) is_id: bool,
    /// Its columns, by the places of table and column: one for each table that has it.
    pub(super) columns: Vec<(usize, usize)>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Metric {
    pub(super) id: String,
    pub(super) name: String,
}

impl Default for Store {
    /// The one project.
    fn default() -> Self {
        let project = Project { id: PROJECT_ID.into(), name: PROJECT_NAME.into() };
        Self { projects: vec![project], datasets: Vec::new() }
    }
}

impl Store {
    pub(super) fn add_project(&mut self, name: &str) -> String {
        let id = new_id();
        self.projects.push(Project { id: id.clone(), name: name.to_owned() });
        id
    }

    /// The rows of every table, in their order.
    pub(super) fn rows_of_all(&self) -> Vec<Vec<Row>> {
        self.datasets.iter().flat_map(|dataset| &dataset.tables).map(|table| table.rows.clone()).collect()
    }

    /// Gives every table its rows, in the same order, and the names that they share.
    pub(super) fn fill(&mut self, rows: Vec<Vec<Row>>) {
        let tables = self.datasets.iter_mut().flat_map(|dataset| &mut dataset.tables);
        for (table, rows) in tables.zip(rows) {
            table.names = table.columns.iter().map(|column| Arc::clone(&column.name)).collect();
            table.rows = rows;
        }
    }

    pub(super) fn rows(&self, dataset: &str, table: Option<&str>) -> Result<Vec<Row>> {
        let named = |it: &&Dataset| it.name == dataset || it.id.eq_ignore_ascii_case(dataset);
        let found = self.datasets.iter().rev().find(named);
        let found = found.ok_or_else(|| no("dataset", dataset, self.datasets.iter().map(|it| it.name.as_str())))?;
        let tables = || found.tables.iter().map(|it| it.name.as_str());
        let table = match table {
            Some(name) => found.table(name).ok_or_else(|| no("table", name, tables()))?,
            None if found.tables.len() == 1 => 0,
            None => return Err(no("only table of", dataset, tables())),
        };
        Ok(found.tables[table].rows.clone())
    }
}

fn no<'a>(what: &str, name: &str, there: impl Iterator<Item = &'a str>) -> Error {
    let names = there.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let hint = if names.is_empty() { "there are none".to_owned() } else { format!("there are {names}") };
    Error::new(Kind::NotFound, format!("there is no {what} `{name}` in the emulator's MicroStrategy")).with_hint(hint)
}

impl Dataset {
    /// The place of a table, by its name or id.
    pub(super) fn table(&self, name: &str) -> Option<usize> {
        self.tables.iter().position(|table| table.name == name || table.id.eq_ignore_ascii_case(name))
    }

    /// Loads rows into tables, all of them or none; gives how many rows were loaded.
    pub(super) fn load(
        &mut self,
        loads: Vec<(usize, Policy, Vec<Row>)>,
        repeated: RepeatedKeys,
        now: SystemTime,
    ) -> std::result::Result<usize, String> {
        let count = loads.iter().map(|(_, _, rows)| rows.len()).sum();
        let loaded = loads
            .into_iter()
            .map(|(at, policy, rows)| Ok((at, policy::apply(policy, &self.tables[at], rows, repeated)?)));
        for (at, rows) in loaded.collect::<std::result::Result<Vec<_>, String>>()? {
            self.tables[at].rows = rows;
        }
        self.is_published = true;
        self.modified = now;
        Ok(count)
    }
}

impl Table {
    /// The place of a column.
    pub(super) fn place(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|it| *it.name == *column)
    }
}

impl Attribute {
    /// The columns of its ID form.
    pub(super) fn id_columns(&self) -> impl Iterator<Item = (usize, usize)> {
        self.forms.iter().filter(|form| form.is_id).flat_map(|form| form.columns.iter().copied())
    }
}

/// The name of a column as text.
mod name {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(name: &Arc<str>, into: S) -> Result<S::Ok, S::Error> {
        into.serialize_str(name)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
        String::deserialize(from).map(Arc::from)
    }
}
