//! Update policies: what a load does to the rows that are there (facts/microstrategy 6.2).

use std::collections::{HashMap, HashSet};

use super::assumed::RepeatedKeys;
use super::store::Table;
use crate::emulator::row::Row;
use crate::emulator::value::Value;

/// How rows get into a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    /// Rows with new keys are added; the others change nothing.
    Add,
    /// Rows with known keys take the place of the old ones; the others change nothing.
    Update,
    /// Both.
    Upsert,
    /// The rows are all that there is.
    Replace,
}

impl Policy {
    /// The policy of a name in any case.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "add" => Self::Add,
            "update" => Self::Update,
            "upsert" => Self::Upsert,
            "replace" => Self::Replace,
            _ => return None,
        })
    }
}

/// The values of a row by which it is known.
type Key = String;

/// The rows of `table` after `load`; a table without a key takes every row as a new one.
pub(super) fn apply(policy: Policy, table: &Table, load: Vec<Row>, repeated: RepeatedKeys) -> Result<Vec<Row>, String> {
    if table.keys.is_empty() {
        return match policy {
            Policy::Replace => Ok(load),
            Policy::Add => Ok(table.rows.iter().cloned().chain(load).collect()),
            Policy::Update | Policy::Upsert => {
                Err(format!("The table '{}' has no attribute by which rows could be updated.", table.name))
            }
        };
    }
    let load = distinct(keyed(table, load), repeated)
        .ok_or_else(|| format!("Several rows for the table '{}' have the same key.", table.name))?;
    if policy == Policy::Replace {
        return Ok(load.into_iter().map(|(_, row)| row).collect());
    }
    Ok(merge(policy, keyed(table, table.rows.clone()), load))
}

fn merge(policy: Policy, old: Vec<(Key, Row)>, load: Vec<(Key, Row)>) -> Vec<Row> {
    let known: HashSet<Key> = old.iter().map(|(key, _)| key.clone()).collect();
    let (changed, new): (Vec<_>, Vec<_>) = load.into_iter().partition(|(key, _)| known.contains(key));
    let mut by_key: HashMap<Key, Vec<Row>> = HashMap::new();
    if policy != Policy::Add {
        for (key, row) in changed {
            by_key.entry(key).or_default().push(row);
        }
    }
    let mut rows = Vec::new();
    for (key, row) in old {
        match by_key.get_mut(&key) {
            // The rows of this load stand where the first old row of the key stood; the other old ones are gone.
            Some(loaded) => rows.append(loaded),
            None => rows.push(row),
        }
    }
    if policy != Policy::Update {
        rows.extend(new.into_iter().map(|(_, row)| row));
    }
    rows
}

/// The rows that count; `None` if there may be no two of one key, and are.
fn distinct(mut load: Vec<(Key, Row)>, repeated: RepeatedKeys) -> Option<Vec<(Key, Row)>> {
    if repeated == RepeatedKeys::Kept {
        return Some(load);
    }
    if repeated == RepeatedKeys::Last {
        load.reverse();
    }
    let count = load.len();
    let mut seen = HashSet::new();
    load.retain(|(key, _)| seen.insert(key.clone()));
    if repeated == RepeatedKeys::Last {
        load.reverse();
    }
    (repeated != RepeatedKeys::Refused || load.len() == count).then_some(load)
}

fn keyed(table: &Table, rows: Vec<Row>) -> Vec<(Key, Row)> {
    let places: Vec<&str> = table.keys.iter().map(|at| &*table.names[*at]).collect();
    rows.into_iter().map(|row| (key(&row, &places), row)).collect()
}

fn key(row: &Row, columns: &[&str]) -> Key {
    let mut key = String::new();
    for column in columns {
        match row.get(column) {
            None | Some(Value::Null) => key.push('-'),
            // The length keeps two texts apart from two others that run into the same letters.
            Some(value) => {
                let text = value.to_string();
                key.push_str(&text.len().to_string());
                key.push(':');
                key.push_str(&text);
            }
        }
    }
    key
}
