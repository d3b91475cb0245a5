//! The model of a dataset: which columns are attributes and which are metrics, and the two spellings that it is sent in.

use serde_json::{Map, Value, json};

use super::datasets::{Described, TableInfo};
use super::rules::{TARGET, is_number, wire_type};
use crate::error::{Error, Result, shown};
use crate::rows::schema::{DataType, Dataset};

/// Characters of a description. Source: the vendor's own client.
const LONGEST_DESCRIPTION: usize = 250;

/// A role that the user gives columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// What the attribute or metric is called.
    pub name: String,
    /// The column of its values: the ID form of an attribute.
    pub column: String,
    /// The column of an attribute's DESC form.
    pub desc: Option<String>,
}

/// The model of a dataset.
#[derive(Debug, Clone)]
pub struct Model {
    dataset: Dataset,
    description: Option<String>,
    folder_id: Option<String>,
    attributes: Vec<Role>,
    metrics: Vec<Role>,
}

/// How the two families of operations name a column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    Formula,
    TableAndColumn,
}

impl Model {
    /// Gives every column its role: numbers are metrics, the rest attributes, unless the user says otherwise. A column that
    /// several tables have is one attribute or metric with an expression for each of them.
    pub fn new(
        dataset: Dataset,
        attributes: Vec<Role>,
        metrics: Vec<Role>,
        description: Option<String>,
        folder_id: Option<String>,
    ) -> Result<Self> {
        let mut problems = Vec::new();
        (TARGET.check_dataset)(&dataset, &mut problems);
        if description.as_ref().is_some_and(|text| text.chars().count() > LONGEST_DESCRIPTION) {
            problems.push(format!("the description is longer than {LONGEST_DESCRIPTION} characters"));
        }
        let mut model = Self { dataset, description, folder_id, attributes, metrics };
        model.check_roles(&mut problems);
        model.fill_roles(&mut problems);
        match problems.as_slice() {
            [] => Ok(model),
            [one] => Err(Error::configuration(one.clone())),
            many => {
                let list = many.join("\n- ");
                Err(Error::configuration(format!("the dataset has {} problems:\n- {list}", many.len())))
            }
        }
    }

    /// The dataset's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.dataset.name
    }

    /// The names of its tables.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.dataset.tables.iter().map(|table| table.name.as_str())
    }

    fn types_of(&self, column: &str) -> Vec<DataType> {
        let tables = self.dataset.tables.iter();
        tables.filter_map(|table| Some(table.columns.iter().find(|one| one.name == column)?.data_type)).collect()
    }

    fn check_roles(&self, problems: &mut Vec<String>) {
        let mut taken: Vec<(&str, &str)> = Vec::new();
        for (roles, option) in [(&self.attributes, "attributes"), (&self.metrics, "metrics")] {
            for role in roles {
                for column in [Some(&role.column), role.desc.as_ref()].into_iter().flatten() {
                    if self.types_of(column).is_empty() {
                        problems.push(format!("{option}= names column `{}`, which no table has", shown(column)));
                    }
                    if taken.iter().any(|(known, _)| known == column) {
                        problems.push(format!("column `{}` is given two roles", shown(column)));
                    }
                    taken.push((column, option));
                }
            }
        }
        for role in &self.metrics {
            if self.types_of(&role.column).iter().any(|known| !is_number(*known)) {
                problems.push(format!("metrics= names column `{}`, which holds no numbers", shown(&role.column)));
            }
        }
    }

    fn fill_roles(&mut self, problems: &mut Vec<String>) {
        let given = |role: &Role| [Some(role.column.clone()), role.desc.clone()];
        let mut known: Vec<String> = self.attributes.iter().chain(&self.metrics).flat_map(given).flatten().collect();
        for table in &self.dataset.tables {
            for column in &table.columns {
                if known.contains(&column.name) {
                    continue;
                }
                known.push(column.name.clone());
                let role = Role { name: column.name.clone(), column: column.name.clone(), desc: None };
                if is_number(column.data_type) { self.metrics.push(role) } else { self.attributes.push(role) }
            }
        }
        for column in &known {
            let types = self.types_of(column);
            if let [first, rest @ ..] = types.as_slice()
                && let Some(other) = rest.iter().find(|one| *one != first)
            {
                let column = shown(column);
                problems.push(format!("column `{column}` is {first} in one table and {other} in another"));
            }
        }
        let names: Vec<_> = self.attributes.iter().chain(&self.metrics).map(|role| &role.name).collect();
        for (place, name) in names.iter().enumerate() {
            if names[..place].contains(name) {
                problems.push(format!("two attributes or metrics are named `{}`", shown(name)));
            }
        }
    }

    /// What pushes into the dataset need to know of its tables.
    #[must_use]
    pub fn described(&self) -> Described {
        let is_key = |column: &str| {
            self.attributes.iter().any(|role| role.column == column || role.desc.as_deref() == Some(column))
        };
        let tables = self.dataset.tables.iter().map(|table| TableInfo {
            name: table.name.clone(),
            columns: table.columns.clone(),
            keys: table.columns.iter().map(|one| one.name.clone()).filter(|one| is_key(one)).collect(),
        });
        Described { tables: tables.collect() }
    }

    /// The body of `POST datasets/models`.
    #[must_use]
    pub fn many(&self) -> Value {
        self.body(Spelling::TableAndColumn, None)
    }

    /// The body of `POST datasets`, with the rows of the only table as Base64.
    #[must_use]
    pub fn one(&self, data: &str) -> Value {
        self.body(Spelling::Formula, Some(data))
    }

    fn body(&self, spelling: Spelling, data: Option<&str>) -> Value {
        let tables = self.dataset.tables.iter().map(|table| {
            let mut body = json!({"name": table.name, "columnHeaders": headers(&table.columns)});
            if let Some(data) = data {
                body["data"] = data.into();
            }
            body
        });
        let attributes = self.attributes.iter().map(|role| {
            let forms = [("ID", Some(&role.column)), ("DESC", role.desc.as_ref())].into_iter();
            let forms = forms.filter_map(|(category, column)| {
                Some(json!({"category": category, "expressions": self.expressions(column?, spelling)}))
            });
            json!({"name": role.name, "attributeForms": forms.collect::<Vec<_>>()})
        });
        let metrics = self.metrics.iter().map(|role| {
            let mut metric = json!({"name": role.name, "expressions": self.expressions(&role.column, spelling)});
            if spelling == Spelling::Formula {
                metric["dataType"] = "number".into();
            }
            metric
        });
        let mut body = Map::new();
        body.insert("name".into(), self.dataset.name.clone().into());
        if let Some(description) = &self.description {
            body.insert("description".into(), description.clone().into());
        }
        body.insert("folderId".into(), self.folder_id.clone().unwrap_or_default().into());
        body.insert("tables".into(), tables.collect());
        body.insert("metrics".into(), metrics.collect());
        body.insert("attributes".into(), attributes.collect());
        if spelling == Spelling::Formula && self.folder_id.is_none() {
            body.remove("folderId");
        }
        body.into()
    }

    /// One for each table that has the column.
    fn expressions(&self, column: &str, spelling: Spelling) -> Value {
        let tables = self.dataset.tables.iter().filter(|table| table.columns.iter().any(|one| one.name == column));
        let expressions = tables.map(|table| match spelling {
            Spelling::Formula => json!({"formula": format!("{}.{column}", table.name)}),
            Spelling::TableAndColumn => json!({"tableName": table.name, "columnName": column}),
        });
        expressions.collect()
    }
}

/// The headers of columns where a table is defined or rewritten: objects.
pub(super) fn headers(columns: &[crate::rows::schema::Column]) -> Value {
    columns.iter().map(|column| json!({"name": column.name, "dataType": wire_type(column.data_type)})).collect()
}
