//! A dataset: its tables, their rows, and what of its quotas was used.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::clock::Moment;
use crate::emulator::row::Row;
use crate::emulator::services::powerbi::assumed::Assumed;
use crate::emulator::services::powerbi::columns::Columns;
use crate::emulator::services::powerbi::data_type::DataType;
use crate::emulator::services::powerbi::key::Key;
use crate::emulator::services::powerbi::rules;
use crate::emulator::services::powerbi::schema::{Mode, Relationship, Schema, TableSchema};
use crate::emulator::services::powerbi::sequence::Sequence;
use crate::emulator::services::powerbi::usage::{Usage, Wait, rows_an_hour};
use crate::emulator::services::powerbi::window::Quota;
use crate::emulator::shown::Arrivals;
use crate::emulator::switch::RowState;

/// The name of a retention policy. serde takes a bare `&str` for one that is borrowed from the text that it reads.
type Policy = &'static str;

/// A dataset.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::emulator::services::powerbi) struct Dataset {
    pub(in crate::emulator::services::powerbi) id: String,
    pub(in crate::emulator::services::powerbi) name: String,
    pub(in crate::emulator::services::powerbi) mode: Mode,
    #[serde(deserialize_with = "retention")]
    pub(in crate::emulator::services::powerbi) retention: Policy,
    pub(in crate::emulator::services::powerbi) tables: Vec<Table>,
    pub(in crate::emulator::services::powerbi) relationships: Vec<Relationship>,
    /// The key of its push URL, where it has one.
    pub(in crate::emulator::services::powerbi) key: Option<Key>,
    /// Whether it takes rows with any columns.
    pub(in crate::emulator::services::powerbi) is_open: bool,
    #[serde(skip)]
    pub(in crate::emulator::services::powerbi) usage: Usage,
    /// What is still to come before it is there.
    #[serde(skip)]
    pub(in crate::emulator::services::powerbi) appearing: Option<Appearing>,
    /// When it was created.
    pub(in crate::emulator::services::powerbi) created: SystemTime,
    /// Requests that were stored, but too large for live tiles.
    pub(in crate::emulator::services::powerbi) tile_failures: usize,
}

/// A dataset that is being created: it was asked for so often, and its moment has come, before it is there.
#[derive(Debug, Clone, Copy)]
pub(in crate::emulator::services::powerbi) struct Appearing {
    pub(in crate::emulator::services::powerbi) gets: usize,
    pub(in crate::emulator::services::powerbi) at: Moment,
}

/// A table and its rows, oldest first.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::emulator::services::powerbi) struct Table {
    pub(in crate::emulator::services::powerbi) name: String,
    #[serde(with = "columns")]
    pub(in crate::emulator::services::powerbi) columns: Arc<Columns>,
    #[serde(skip)]
    pub(in crate::emulator::services::powerbi) rows: VecDeque<Row>,
    #[serde(skip)]
    pub(in crate::emulator::services::powerbi) arrivals: Arrivals,
    /// The table as its creator wrote it, but for rows.
    pub(in crate::emulator::services::powerbi) declared: Json,
    pub(in crate::emulator::services::powerbi) sequence: Sequence,
}

impl Dataset {
    pub(in crate::emulator::services::powerbi) fn new(
        schema: Schema,
        retention: &'static str,
        created: SystemTime,
    ) -> Self {
        let tables = schema.tables.into_iter().map(Table::new).collect();
        Self {
            id: Uuid::new_v4().to_string(),
            name: schema.name,
            mode: schema.mode,
            retention,
            tables,
            relationships: schema.relationships,
            key: None,
            is_open: false,
            usage: Usage::default(),
            appearing: None,
            created,
            tile_failures: 0,
        }
    }
}

impl Dataset {
    /// How many requests with rows it may get; a table with many rows adds a limit.
    pub(in crate::emulator::services::powerbi) fn quotas(&self) -> &'static [Quota] {
        if self.mode == Mode::Streaming {
            return &[rules::STREAMED_REQUESTS];
        }
        let is_large = self.tables.iter().any(|table| table.rows.len() >= rules::LARGE_TABLE);
        if is_large { &[rules::REQUESTS_A_MINUTE, rules::REQUESTS_AN_HOUR] } else { &[rules::REQUESTS_A_MINUTE] }
    }

    /// Lets one request in, of `pending` that are not answered yet, or says how long it has to wait.
    pub(in crate::emulator::services::powerbi) fn admit_request(
        &mut self,
        pending: usize,
        now: Moment,
        assumed: &Assumed,
    ) -> Result<(), Wait> {
        if self.mode != Mode::Streaming && pending > rules::MAX_PENDING {
            return Err(Wait::of_pending(Duration::from_secs(1)));
        }
        let waits = self.quotas().iter().map(|quota| self.usage.requests.wait(1, *quota, now, assumed));
        let time = waits.max().unwrap_or_default();
        if time > Duration::ZERO {
            return Err(Wait::of_requests(time));
        }
        self.usage.requests.charge(1, now);
        Ok(())
    }

    /// Says how long so many rows have to wait, if they have to.
    pub(in crate::emulator::services::powerbi) fn check_rows(
        &self,
        count: u64,
        now: Moment,
        assumed: &Assumed,
    ) -> Result<(), Wait> {
        if self.mode == Mode::Streaming {
            return Ok(());
        }
        let time = self.usage.rows.wait(count, rows_an_hour(assumed), now, assumed);
        if time > Duration::ZERO { Err(Wait::of_rows(time)) } else { Ok(()) }
    }
}

impl Dataset {
    /// Whether it is there.
    pub(in crate::emulator::services::powerbi) fn is_there(&self, now: Moment) -> bool {
        self.appearing.is_none_or(|appearing| appearing.gets == 0 && appearing.at <= now)
    }

    /// Whether a request that looks for the dataset finds it. A dataset that is being created appears after a number of
    /// such requests.
    pub(in crate::emulator::services::powerbi) fn is_found(&mut self, now: Moment) -> bool {
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
        Self {
            name,
            columns,
            rows: VecDeque::new(),
            arrivals: Arrivals::default(),
            declared,
            sequence: Sequence::default(),
        }
    }

    /// Deletes all rows.
    pub(in crate::emulator::services::powerbi) fn clear(&mut self, sequence: RowState) {
        self.rows.clear();
        if sequence == RowState::Lost {
            self.sequence = Sequence::default();
        }
    }

    /// Whether so many rows more can be stored; a table that keeps the newest only always has room.
    pub(in crate::emulator::services::powerbi) fn has_room(&self, count: usize, retention: &str, most: usize) -> bool {
        retention == rules::RETENTION_POLICIES[1] || self.rows.len() + count <= most
    }

    pub(in crate::emulator::services::powerbi) fn append(&mut self, rows: Vec<Row>, retention: &str, now: Moment) {
        self.arrivals.add(rows.len(), now - Moment::default());
        self.rows.extend(rows);
        if retention == rules::RETENTION_POLICIES[1] && self.rows.len() > rules::FIFO_MOST {
            self.rows.drain(..self.rows.len() - rules::FIFO_KEEPS);
        }
    }
}

/// Reads the name of a retention policy.
fn retention<'de, D: Deserializer<'de>>(from: D) -> Result<Policy, D::Error> {
    let name = String::deserialize(from)?;
    let known = rules::RETENTION_POLICIES.into_iter().find(|policy| *policy == name);
    known.ok_or_else(|| Error::custom(format!("there is no retention policy `{name}`")))
}

/// Columns as a list of names and types.
mod columns {
    use super::{Arc, Columns, DataType, Deserialize, Deserializer, Serialize, Serializer};
    use crate::emulator::services::powerbi::columns::Column;

    pub(super) fn serialize<S: Serializer>(columns: &Arc<Columns>, into: S) -> Result<S::Ok, S::Error> {
        let pairs: Vec<(&str, DataType)> = columns.list.iter().map(|it| (&*it.name, it.data_type)).collect();
        pairs.serialize(into)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<Columns>, D::Error> {
        let pairs: Vec<(String, DataType)> = Vec::deserialize(from)?;
        let list = pairs.into_iter().map(|(name, data_type)| Column { name: name.into(), data_type }).collect();
        Ok(Arc::new(Columns::new(list)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::emulator::services::powerbi::reading::{self, Frame};

    #[test]
    fn a_table_without_a_retention_is_full_some_day() {
        let columns = Arc::new(Columns::new(Vec::new()));
        let mut table =
            Table::new(TableSchema { name: "t".into(), columns: Arc::clone(&columns), declared: json!({}) });
        let body = br#"{"rows":[{},{},{}]}"#;
        let rows = reading::read(body, Frame::Object, &columns, 3).unwrap();
        table.append(rows, "None", Moment::default());
        assert!(table.has_room(2, "None", 5));
        assert!(!table.has_room(3, "None", 5));
        assert!(table.has_room(3, "basicFIFO", 5));
    }
}
