//! The definition of a dataset, as both families of requests bring it, checked (facts/microstrategy 4, 6).
//!
//! An expression names its column as `{"tableName", "columnName"}` or as `{"formula": "table.column"}`. Each family is
//! documented with one of the two; both are taken from both.

use std::sync::Arc;

use serde::Deserialize;

use super::data_type::DataType;
use super::new_id;
use super::refusal::Refusal;
use super::store::{Attribute, Column, Form, Metric, Table};

/// Letters of a name and of a description; the vendor's own client holds to it (facts/microstrategy 5.3).
const MOST_LETTERS: usize = 250;
/// Signs that no name may have (facts/microstrategy 5.3).
const BAD_SIGNS: [char; 4] = ['\\', '"', '[', ']'];

/// What a request says of a new dataset.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Definition {
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) folder_id: Option<String>,
    pub(super) tables: Vec<TableSaid>,
    #[serde(default)]
    metrics: Vec<MetricSaid>,
    #[serde(default)]
    attributes: Vec<AttributeSaid>,
}

/// A table of it; `data` in the family of one request only.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TableSaid {
    name: String,
    pub(super) column_headers: Vec<ColumnSaid>,
    #[serde(default)]
    pub(super) data: Option<String>,
}

/// A column of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ColumnSaid {
    pub(super) name: String,
    #[serde(default)]
    data_type: Option<String>,
}

#[derive(Debug, Deserialize)]
struct MetricSaid {
    name: String,
    expressions: Vec<Expression>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AttributeSaid {
    name: String,
    attribute_forms: Vec<FormSaid>,
}

#[derive(Debug, Deserialize)]
struct FormSaid {
    category: String,
    expressions: Vec<Expression>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Expression {
    Names {
        #[serde(rename = "tableName")]
        table: String,
        #[serde(rename = "columnName")]
        column: String,
    },
    Formula {
        formula: String,
    },
}

/// A definition whose parts fit together.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) tables: Vec<Table>,
    pub(super) attributes: Vec<Attribute>,
    pub(super) metrics: Vec<Metric>,
}

impl Definition {
    pub(super) fn model(&self) -> Result<Model, Refusal> {
        check_name("dataset", &self.name)?;
        if self.description.as_ref().is_some_and(|text| text.chars().count() > MOST_LETTERS) {
            return Err(Refusal::invalid(format!("The description has more than {MOST_LETTERS} characters.")));
        }
        if self.tables.is_empty() {
            return Err(Refusal::missing("tables"));
        }
        let mut tables: Vec<Table> = Vec::new();
        for said in &self.tables {
            check_name("table", &said.name)?;
            if tables.iter().any(|table| table.name == said.name) {
                return Err(Refusal::invalid(format!("The table '{}' is defined twice.", said.name)));
            }
            tables.push(said.table()?);
        }
        let metrics = self.metrics.iter().map(|said| {
            check_name("metric", &said.name)?;
            resolve(&said.expressions, &tables, &said.name)?;
            Ok(Metric { id: new_id(), name: said.name.clone() })
        });
        let metrics = metrics.collect::<Result<_, Refusal>>()?;
        let attributes: Vec<Attribute> =
            self.attributes.iter().map(|said| said.attribute(&tables)).collect::<Result<_, _>>()?;
        for (table, column) in attributes.iter().flat_map(Attribute::id_columns) {
            tables[table].keys.push(column);
        }
        Ok(Model { tables, attributes, metrics })
    }
}

impl TableSaid {
    fn table(&self) -> Result<Table, Refusal> {
        let mut columns: Vec<Column> = Vec::new();
        for said in &self.column_headers {
            check_name("column", &said.name)?;
            if columns.iter().any(|column| *column.name == *said.name) {
                return Err(Refusal::invalid(format!("The column '{}' is defined twice.", said.name)));
            }
            columns.push(Column { id: new_id(), name: said.name.as_str().into(), data_type: said.data_type()? });
        }
        if columns.is_empty() {
            return Err(Refusal::missing("columnHeaders"));
        }
        let names: Arc<[Arc<str>]> = columns.iter().map(|column| Arc::clone(&column.name)).collect();
        Ok(Table { id: new_id(), name: self.name.clone(), columns, names, keys: Vec::new(), rows: Vec::new() })
    }
}

impl ColumnSaid {
    fn data_type(&self) -> Result<DataType, Refusal> {
        let name = self.data_type.as_deref().ok_or_else(|| Refusal::missing("dataType"))?;
        DataType::from_name(name).ok_or_else(|| {
            Refusal::invalid(format!("The data type '{name}' of the column '{}' is not supported.", self.name))
        })
    }
}

impl AttributeSaid {
    fn attribute(&self, tables: &[Table]) -> Result<Attribute, Refusal> {
        check_name("attribute", &self.name)?;
        let forms = self.attribute_forms.iter().map(|said| {
            let is_id = match said.category.to_ascii_uppercase().as_str() {
                "ID" => true,
                "DESC" => false,
                other => return Err(Refusal::invalid(format!("The attribute form '{other}' is not supported."))),
            };
            Ok(Form { id: new_id(), is_id, columns: resolve(&said.expressions, tables, &self.name)? })
        });
        let forms: Vec<Form> = forms.collect::<Result<_, Refusal>>()?;
        if !forms.iter().any(|form| form.is_id) {
            return Err(Refusal::invalid(format!("The attribute '{}' has no ID form.", self.name)));
        }
        Ok(Attribute { id: new_id(), name: self.name.clone(), forms })
    }
}

/// The places of the columns that expressions name, by table and column.
fn resolve(expressions: &[Expression], tables: &[Table], whose: &str) -> Result<Vec<(usize, usize)>, Refusal> {
    if expressions.is_empty() {
        return Err(Refusal::missing("expressions"));
    }
    let found = expressions.iter().map(|expression| {
        let place = tables.iter().enumerate().find_map(|(at, table)| {
            let name = match expression {
                Expression::Names { table: name, column } if *name == table.name => column.as_str(),
                Expression::Names { .. } => return None,
                Expression::Formula { formula } => formula.strip_prefix(table.name.as_str())?.strip_prefix('.')?,
            };
            Some((at, table.place(name)?))
        });
        place.ok_or_else(|| Refusal::invalid(format!("An expression of '{whose}' names no column of the dataset.")))
    });
    found.collect()
}

fn check_name(what: &str, name: &str) -> Result<(), Refusal> {
    if name.is_empty() {
        return Err(Refusal::missing("name"));
    }
    if name.chars().count() > MOST_LETTERS {
        return Err(Refusal::invalid(format!("The name of a {what} has more than {MOST_LETTERS} characters.")));
    }
    if name.contains(BAD_SIGNS) {
        return Err(Refusal::invalid(format!("The name '{name}' of a {what} has one of the characters \\ \" [ ].")));
    }
    Ok(())
}
