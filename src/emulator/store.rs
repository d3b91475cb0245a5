//! What the emulator holds: workspaces, their datasets, and the rows of each table.

use std::collections::VecDeque;
use std::fmt::Display;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::Value as Json;
use uuid::Uuid;

use super::assumed::Fate;
use super::key::Key;
use super::row::{Columns, Row};
use super::rules;
use super::schema::{Mode, Relationship, Schema, TableSchema};
use super::sequence::Sequence;
use super::usage::Usage;
use super::workspace::{NewWorkspace, Workspace};
use crate::clock::Moment;
use crate::error::{Error, Kind, Result};

/// Everything that was created.
#[derive(Debug)]
pub(super) struct Store {
    /// My workspace comes first.
    pub(super) workspaces: Vec<Workspace>,
}

/// A dataset.
#[derive(Debug)]
pub(super) struct Dataset {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) mode: Mode,
    pub(super) retention: &'static str,
    pub(super) tables: Vec<Table>,
    pub(super) relationships: Vec<Relationship>,
    /// The key of its push URL, where it has one.
    pub(super) key: Option<Key>,
    pub(super) usage: Usage,
    /// What is still to come before it is there.
    pub(super) appearing: Option<Appearing>,
    /// When it was created.
    pub(super) created: SystemTime,
    /// Requests that were stored, but too large for live tiles.
    pub(super) tile_failures: usize,
}

/// A dataset that is being created: it was asked for so often, and its moment has come, before it is there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Appearing {
    pub(super) gets: usize,
    pub(super) at: Moment,
}

/// A table and its rows, oldest first.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Arc<Columns>,
    pub(super) rows: VecDeque<Row>,
    /// The table as its creator wrote it, but for rows.
    pub(super) declared: Json,
    pub(super) sequence: Sequence,
}

impl Store {
    /// My workspace, and nothing in it.
    pub(super) fn new() -> Self {
        Self { workspaces: vec![Workspace::new("My workspace")] }
    }

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

    /// The workspace of a path: `None` is My workspace, which has no path with an id.
    pub(super) fn workspace(&mut self, group: Option<&str>) -> Option<&mut Workspace> {
        match group {
            None => self.workspaces.first_mut(),
            Some(id) => self.workspaces.iter_mut().skip(1).find(|workspace| workspace.id.eq_ignore_ascii_case(id)),
        }
    }

    /// The rows of a table that is given by names or ids.
    pub(super) fn rows(&self, workspace: Option<&str>, dataset: &str, table: Option<&str>) -> Result<Vec<Row>> {
        let workspace = match workspace {
            None => &self.workspaces[0],
            Some(wanted) => only("workspace", wanted, &self.workspaces, |it| &it.id, |it| &it.name)?,
        };
        let dataset = only("dataset", dataset, &workspace.datasets, |it| &it.id, |it| &it.name)?;
        let table = match (table, dataset.tables.as_slice()) {
            (None, [table]) => table,
            (None, tables) => {
                let names = listed(tables.iter().map(|table| &table.name));
                let message = format!("the dataset `{}` has several tables: {names}", dataset.name);
                return Err(Error::configuration(message).with_hint("name the table"));
            }
            (Some(wanted), tables) => only("table", wanted, tables, |it| &it.name, |it| &it.name)?,
        };
        Ok(table.rows.iter().cloned().collect())
    }
}

impl Dataset {
    pub(super) fn new(schema: Schema, retention: &'static str, created: SystemTime) -> Self {
        let tables = schema.tables.into_iter().map(Table::new).collect();
        Self {
            id: Uuid::new_v4().to_string(),
            name: schema.name,
            mode: schema.mode,
            retention,
            tables,
            relationships: schema.relationships,
            key: None,
            usage: Usage::default(),
            appearing: None,
            created,
            tile_failures: 0,
        }
    }
}

impl Dataset {
    /// Whether it is there.
    pub(super) fn is_there(&self, now: Moment) -> bool {
        self.appearing.is_none_or(|appearing| appearing.gets == 0 && appearing.at <= now)
    }

    /// Whether somebody who looks for it finds it; whoever does not brings it nearer.
    pub(super) fn is_found(&mut self, now: Moment) -> bool {
        let found = self.is_there(now);
        if let Some(appearing) = self.appearing.as_mut() {
            appearing.gets = appearing.gets.saturating_sub(1);
        }
        found
    }
}

impl Table {
    fn new(schema: TableSchema) -> Self {
        let TableSchema { name, columns, declared } = schema;
        Self { name, columns, rows: VecDeque::new(), declared, sequence: Sequence::default() }
    }

    /// Deletes all rows.
    pub(super) fn clear(&mut self, sequence: Fate) {
        self.rows.clear();
        if sequence == Fate::Lost {
            self.sequence = Sequence::default();
        }
    }

    /// Whether so many rows more can be stored; a table that keeps the newest only always has room.
    pub(super) fn has_room(&self, count: usize, retention: &str, most: usize) -> bool {
        retention == rules::RETENTION_POLICIES[1] || self.rows.len() + count <= most
    }

    pub(super) fn append(&mut self, rows: Vec<Row>, retention: &str) {
        self.rows.extend(rows);
        if retention == rules::RETENTION_POLICIES[1] && self.rows.len() > rules::FIFO_MOST {
            self.rows.drain(..self.rows.len() - rules::FIFO_KEEPS);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_table_without_a_retention_is_full_some_day() {
        let columns = Arc::new(Columns::new(Vec::new()));
        let mut table =
            Table::new(TableSchema { name: "t".into(), columns: Arc::clone(&columns), declared: json!({}) });
        let body = br#"{"rows":[{},{},{}]}"#;
        let rows = super::super::row::read(body, super::super::row::Frame::Object, &columns, 3).unwrap();
        table.append(rows, "None");
        assert!(table.has_room(2, "None", 5));
        assert!(!table.has_room(3, "None", 5));
        assert!(table.has_room(3, "basicFIFO", 5));
    }
}
