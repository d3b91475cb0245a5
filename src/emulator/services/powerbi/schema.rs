//! The schema of a new dataset or of a changed table: read from the request, and held to the service's rules.

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::columns::{Column, Columns};
use super::data_type::{self, DataType};
use super::form::{DATASET, TABLE, list, text, wrong};
use super::refusal::Refusal;
use super::rules;

/// What a dataset is for (facts/powerbi 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Mode {
    Push,
    PushStreaming,
    Streaming,
    /// Lives in an Analysis Services server: takes no rows.
    Hosted,
}

impl Mode {
    fn from_name(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "push" => Some(Self::Push),
            "pushstreaming" => Some(Self::PushStreaming),
            "streaming" => Some(Self::Streaming),
            "asazure" | "asonprem" => Some(Self::Hosted),
            _ => None,
        }
    }

    fn is_streaming(self) -> bool {
        matches!(self, Self::PushStreaming | Self::Streaming)
    }
}

/// A checked schema.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) name: String,
    pub(super) mode: Mode,
    pub(super) tables: Vec<TableSchema>,
    pub(super) relationships: Vec<Relationship>,
}

/// A table of a checked schema.
#[derive(Debug)]
pub(super) struct TableSchema {
    pub(super) name: String,
    pub(super) columns: Arc<Columns>,
    /// All that was said of it, but for rows.
    pub(super) declared: Json,
}

/// Two columns that are joined; each end is a table and its column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Relationship([(String, String); 2]);

impl Relationship {
    /// The columns of `table` that it joins.
    pub(super) fn columns_of(&self, table: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(name, _)| name == table).map(|(_, column)| column.as_str())
    }
}

/// Reads the body of Post Dataset.
pub(super) fn read(body: &[u8], limits: bool) -> Result<Schema, Refusal> {
    check(&parsed(body, "dataset")?, limits)
}

/// Reads the body of Put Table for the table `name`, which it cannot rename.
pub(super) fn read_table(body: &[u8], name: &str, mode: Mode, limits: bool) -> Result<TableSchema, Refusal> {
    let json = parsed(body, "table")?;
    TABLE.check(&json, "table")?;
    if text(&json, "name") != name {
        return Err(wrong("table.name", &format!("is '{}', and the address names '{name}'", text(&json, "name"))));
    }
    table(&json, mode, if limits { rules::MAX_COLUMNS } else { usize::MAX })
}

/// A column that cannot go, since a relationship joins it.
pub(super) fn joined(table: &str, column: &str) -> Refusal {
    wrong(&format!("table '{table}'"), &format!("must keep the column '{column}', which a relationship names"))
}

fn parsed(body: &[u8], what: &'static str) -> Result<Json, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::new(&rules::NOT_JSON, error.to_string()).of(what))
}

/// The schema of a streaming dataset that is made without the API.
pub(super) fn streaming(
    name: &str,
    columns: &[(String, String)],
    history: bool,
    limits: bool,
) -> Result<Schema, Refusal> {
    let column = |(name, word): &(String, String)| json!({"name": name, "dataType": data_type::api_name(word)});
    let columns: Vec<Json> = columns.iter().map(column).collect();
    let mode = if history { "PushStreaming" } else { "Streaming" };
    let tables = json!([{"name": rules::STREAMED_TABLE, "columns": columns}]);
    check(&json!({"name": name, "defaultMode": mode, "tables": tables}), limits)
}

/// Holds the description of a dataset to the rules.
pub(super) fn check(json: &Json, limits: bool) -> Result<Schema, Refusal> {
    DATASET.check(json, "dataset")?;
    if text(json, "name").is_empty() {
        return Err(wrong("dataset.name", "is empty"));
    }
    let mode = mode(json)?;
    if mode == Mode::Hosted && list(&json["datasources"]).is_empty() {
        return Err(wrong("dataset.datasources", "is empty, and the mode needs one"));
    }
    let most = |count| if limits { count } else { usize::MAX };
    let tables = named(&json["tables"], "dataset.tables", most(rules::MAX_TABLES))?;
    if tables.is_empty() {
        return Err(wrong("dataset.tables", "is empty"));
    }
    let tables: Vec<TableSchema> =
        tables.iter().map(|json| table(json, mode, most(rules::MAX_COLUMNS))).collect::<Result<_, _>>()?;
    let relationships = named(&json["relationships"], "dataset.relationships", most(rules::MAX_RELATIONSHIPS))?;
    let relationships = relationships.iter().map(|json| relationship(json, &tables)).collect::<Result<_, _>>()?;
    Ok(Schema { name: text(json, "name").to_owned(), mode, tables, relationships })
}

fn mode(json: &Json) -> Result<Mode, Refusal> {
    let Some(name) = json["defaultMode"].as_str() else { return Ok(Mode::Push) };
    Mode::from_name(name).ok_or_else(|| wrong("dataset.defaultMode", &format!("'{name}' is not a mode")))
}

/// The tables or relationships at `place`: not too many, well named, no name twice in any case.
fn named<'a>(json: &'a Json, place: &str, most: usize) -> Result<&'a [Json], Refusal> {
    let items = list(json);
    let mut names = HashSet::new();
    for name in items.iter().map(|item| text(item, "name")) {
        let length = name.encode_utf16().count();
        if !(1..=rules::MAX_NAME).contains(&length) || !name.chars().all(rules::is_table_letter) {
            return Err(wrong(place, &format!("has the name '{name}', which is not allowed")));
        }
        check_new(&mut names, name, place)?;
    }
    check_count(items, place, most)?;
    Ok(items)
}

fn check_count(items: &[Json], place: &str, most: usize) -> Result<(), Refusal> {
    if items.len() > most {
        return Err(wrong(place, &format!("has {} entries, and {most} are allowed", items.len())));
    }
    Ok(())
}

fn check_new(names: &mut HashSet<String>, name: &str, place: &str) -> Result<(), Refusal> {
    if names.insert(name.to_lowercase()) {
        return Ok(());
    }
    Err(wrong(place, &format!("has the name '{name}' twice")))
}

fn table(json: &Json, mode: Mode, most_columns: usize) -> Result<TableSchema, Refusal> {
    let name = text(json, "name");
    let place = format!("table '{name}'");
    let columns = list(&json["columns"]);
    let measures = list(&json["measures"]);
    if columns.is_empty() && measures.is_empty() {
        return Err(wrong(&place, "has neither columns nor measures"));
    }
    check_count(columns, &place, most_columns)?;
    let mut names = HashSet::new();
    for name in columns.iter().chain(measures).map(|named| text(named, "name")) {
        if name.is_empty() || !name.chars().all(rules::is_column_letter) {
            return Err(wrong(&place, &format!("has a column or measure '{name}', a name that is not allowed")));
        }
        check_new(&mut names, name, &place)?;
    }
    for json in columns {
        check_properties(json, mode, columns, &place)?;
    }
    let columns = columns.iter().map(|json| column(json, &place)).collect::<Result<_, _>>()?;
    let mut declared = json.clone();
    if let Some(declared) = declared.as_object_mut() {
        declared.shift_remove("rows");
    }
    Ok(TableSchema { name: name.to_owned(), columns: Arc::new(Columns::new(columns)), declared })
}

fn column(json: &Json, place: &str) -> Result<Column, Refusal> {
    let name = text(json, "name");
    let type_name = text(json, "dataType");
    let data_type = DataType::from_name(type_name)
        .ok_or_else(|| wrong(place, &format!("column '{name}': '{type_name}' is not a data type")))?;
    Ok(Column { name: name.into(), data_type })
}

fn check_properties(column: &Json, mode: Mode, siblings: &[Json], place: &str) -> Result<(), Refusal> {
    let plain = ["name", "dataType"];
    let keys = column.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
    if mode.is_streaming() && keys.into_iter().any(|key| !plain.contains(&key)) {
        let message = "This dataset or endpoint does not support column properties other than name and dataType.";
        return Err(Refusal::new(&rules::STREAMING_COLUMN, message));
    }
    if let Some(sort) = column["sortByColumn"].as_str().filter(|sort| find(siblings, sort).is_none()) {
        return Err(wrong(place, &format!("has no column '{sort}' to sort by")));
    }
    check_word(&column["summarizeBy"], &rules::SUMMARIES, place)
}

fn find<'a>(items: &'a [Json], name: &str) -> Option<&'a Json> {
    items.iter().find(|item| text(item, "name") == name)
}

/// Holds an optional word to a list, in any case.
fn check_word(json: &Json, known: &[&str], place: &str) -> Result<(), Refusal> {
    match json.as_str() {
        Some(word) if !known.iter().any(|known| known.eq_ignore_ascii_case(word)) => {
            Err(wrong(place, &format!("has '{word}', which is none of {}", known.join(", "))))
        }
        _ => Ok(()),
    }
}

fn relationship(json: &Json, tables: &[TableSchema]) -> Result<Relationship, Refusal> {
    let place = format!("relationship '{}'", text(json, "name"));
    let ends = [("fromTable", "fromColumn"), ("toTable", "toColumn")];
    let ends = ends.map(|(table, column)| (text(json, table), text(json, column)));
    for (table, column) in ends {
        let Some(found) = tables.iter().find(|known| known.name == table) else {
            return Err(wrong(&place, &format!("names the table '{table}', which is not in the dataset")));
        };
        if !found.columns.has(column) {
            return Err(wrong(&place, &format!("names the column '{column}', which is not in the table '{table}'")));
        }
    }
    check_word(&json["crossFilteringBehavior"], &rules::CROSS_FILTERS, &place)?;
    Ok(Relationship(ends.map(|(table, column)| (table.to_owned(), column.to_owned()))))
}
