//! Datasets: listed, found, described, deleted.

use reqwest::Method;
use serde::Serialize;
use serde_json::Value;

use super::address::{below, is_id};
use super::client::Client;
use super::operation::Call;
use super::read::{json, list, required, whole};
use super::rules::is_number;
use crate::error::{Error, Kind, Result, shown};
use crate::rows::schema::{Column, DataType};

/// What kind of object a dataset is. Source: `EnumDSSXMLObjectTypes`, report.
const OBJECT_TYPE: &str = "3";

/// How metrics begin that the service adds to each table by itself.
const ROW_COUNT: &str = "Row Count - ";

/// A dataset as the service lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Info {
    /// The service's id.
    pub id: String,
    /// Names are unique in a folder only.
    pub name: String,
}

/// A table of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableInfo {
    /// Its name.
    pub name: String,
    /// Its columns, in the order in which rows are sent.
    pub columns: Vec<Column>,
    /// Those that identify a row: the columns of its attributes.
    pub keys: Vec<String>,
}

/// A dataset with what is known of its tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Its tables.
    pub tables: Vec<TableInfo>,
}

impl Described {
    /// The table of that name, or the only one.
    pub fn table(&self, dataset: &str, name: Option<&str>) -> Result<&TableInfo> {
        let names: Vec<_> = self.tables.iter().map(|table| shown(&table.name)).collect();
        let there =
            if names.is_empty() { "it has no table".into() } else { format!("its tables are {}", names.join(", ")) };
        match name {
            Some(name) => self.tables.iter().find(|table| table.name == name).ok_or_else(|| {
                Error::configuration(format!("dataset `{}` has no table `{}`: {there}", shown(dataset), shown(name)))
            }),
            None => match self.tables.as_slice() {
                [only] => Ok(only),
                _ => Err(Error::configuration(format!(
                    "dataset `{}`: table= has to say which table: {there}",
                    shown(dataset)
                ))),
            },
        }
    }
}

impl Client {
    /// `GET searches/results`: the datasets that the user may see; only those of that exact name where one is given.
    pub async fn datasets(&self, name: Option<&str>) -> Result<Vec<Info>> {
        let mut url = below(&self.root, &["searches", "results"])?;
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("type", OBJECT_TYPE);
            if let Some(name) = name {
                query.append_pair("name", name).append_pair("pattern", "2");
            }
        }
        let answer = json(&self.ask(Call::new(Method::GET, url, "searching for datasets")).await?)?;
        let found = list(&answer, &["result"])?.iter();
        let found = found.map(|one| Ok(Info { id: required(one, &["id"])?, name: required(one, &["name"])? }));
        let found = found.collect::<Result<Vec<_>>>()?;
        Ok(found.into_iter().filter(|one| name.is_none_or(|name| one.name == name)).collect())
    }

    /// The dataset with that id, or the only one of that name.
    pub async fn dataset(&self, name_or_id: &str) -> Result<Info> {
        if is_id(name_or_id) {
            let mut url = below(&self.root, &["objects", name_or_id])?;
            url.query_pairs_mut().append_pair("type", OBJECT_TYPE);
            let answer = json(&self.ask(Call::new(Method::GET, url, "looking up the dataset")).await?)?;
            return Ok(Info { id: required(&answer, &["id"])?, name: required(&answer, &["name"])? });
        }
        let found = self.datasets(Some(name_or_id)).await?;
        match found.as_slice() {
            [only] => Ok(only.clone()),
            [] => Err(Error::new(
                Kind::NotFound,
                format!("there is no dataset `{}` that the user may see", shown(name_or_id)),
            )
            .with_hint("case counts; client.datasets() lists those there are")),
            several => {
                let ids: Vec<_> = several.iter().map(|one| shown(&one.id)).collect();
                let message = format!("{} datasets are named `{}`: {}", ids.len(), shown(name_or_id), ids.join(", "));
                Err(Error::configuration(message).with_hint("use the id instead of the name"))
            }
        }
    }

    /// The tables of a dataset, their columns and their keys, as the service tells them.
    pub async fn describe(&self, id: &str) -> Result<Described> {
        let mut url = below(&self.root, &["datasets", id])?;
        url.query_pairs_mut().append_pair("fields", "tables").append_pair("fields", "columns");
        let answer = json(&self.ask(Call::new(Method::GET, url, "asking for the columns")).await?)?;
        let there = ["result", "definition", "availableObjects"];
        let columns = list(&answer, &[there.as_slice(), &["columns"]].concat())?;
        let url = below(&self.root, &["v2", "cubes", id])?;
        let cube = json(&self.ask(Call::new(Method::GET, url, "asking for the attributes")).await?)?;
        let named = |what| {
            let found = list(&cube, &["definition", "availableObjects", what])?.iter();
            Ok::<Vec<_>, Error>(found.filter_map(|one| one.get("name")?.as_str()).collect())
        };
        let (metrics, attributes) = (named("metrics")?, named("attributes")?);
        let of_column =
            |name: &&str| columns.iter().any(|column| column.get("columnName").and_then(Value::as_str) == Some(name));
        let are_renamed = metrics.iter().any(|name| !name.starts_with(ROW_COUNT) && !of_column(name));
        // Of a column with another name than its metric or attribute nobody tells which it is: numbers are metrics as a rule.
        let is_key = |column: &Column| {
            let name = column.name.as_str();
            let is_metric = are_renamed && !attributes.contains(&name) && is_number(column.data_type);
            !metrics.contains(&name) && !is_metric
        };
        let tables = list(&answer, &[there.as_slice(), &["tables"]].concat())?;
        let tables = tables.iter().map(|table| {
            let name = required(table, &["name"])?;
            let of_table = columns.iter().filter(|one| one.get("tableName").and_then(Value::as_str) == Some(&name));
            let columns = of_table.map(column).collect::<Result<Vec<_>>>()?;
            let keys = columns.iter().filter(|one| is_key(one)).map(|one| one.name.clone()).collect();
            Ok(TableInfo { name, columns, keys })
        });
        Ok(Described { tables: tables.collect::<Result<_>>()? })
    }

    /// `DELETE objects/{id}`.
    pub async fn delete_dataset(&self, id: &str) -> Result<()> {
        let mut url = below(&self.root, &["objects", id])?;
        url.query_pairs_mut().append_pair("type", OBJECT_TYPE);
        self.ask(Call::new(Method::DELETE, url, "deleting the dataset")).await.map(drop)
    }
}

/// A column by the number of its type. Source: `EnumDSSXMLDataType`; text may be a column of any type that was made by
/// others, so that its values are judged by themselves.
fn column(value: &Value) -> Result<Column> {
    let data_type = match value.get("dataType").and_then(whole) {
        Some(1 | 2 | 20..=22 | 34) => DataType::Int64,
        Some(3 | 4 | 30) => DataType::Decimal,
        Some(5..=7) => DataType::Double,
        Some(14) => DataType::Date,
        Some(15) => DataType::Time,
        Some(16) => DataType::DateTime,
        Some(24) => DataType::Boolean,
        _ => DataType::Any,
    };
    Ok(Column::new(required(value, &["columnName"])?, data_type))
}
