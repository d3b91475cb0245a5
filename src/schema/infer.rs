//! The types of columns, read off rows: numbers widen, mixed kinds are an error, nothing turns into text by itself.

use std::collections::HashMap;

use super::rules::{FAR_TOO_MANY, far_too_many};
use super::{Column, DataType};
use crate::error::{Error, Result, shown};

/// What one value tells about its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing: the value is missing.
    Missing,
    /// A type that takes the value.
    Type(DataType),
    /// No type takes the value.
    Unsupported,
}

/// The columns seen so far, in the order in which they first appeared.
#[derive(Debug, Default)]
pub struct Inference {
    columns: Vec<Seen>,
    places: HashMap<String, usize>,
    rows: usize,
}

#[derive(Debug)]
struct Seen {
    name: String,
    /// The first row of each kind that does not widen into another, with the Python type seen there.
    examples: Vec<(DataType, String)>,
    unsupported: Option<String>,
}

impl Inference {
    /// Where the column of that name stands: behind the others where it is new.
    pub fn place(&mut self, column: &str) -> usize {
        if let Some(place) = self.places.get(column) {
            return *place;
        }
        self.places.insert(column.into(), self.columns.len());
        self.columns.push(Seen { name: column.into(), examples: Vec::new(), unsupported: None });
        self.columns.len() - 1
    }

    /// Whether there are so many columns that no more are looked at.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.columns.len() > FAR_TOO_MANY
    }

    /// Takes note of one value of the column at `place`; `type_name` is what the caller calls its type.
    pub fn see(&mut self, place: usize, kind: Kind, type_name: &str) {
        let seen = &mut self.columns[place];
        let example = || format!("{type_name} in row {}", self.rows);
        match kind {
            Kind::Missing => {}
            Kind::Unsupported => {
                seen.unsupported.get_or_insert_with(example);
            }
            Kind::Type(data_type) if seen.examples.iter().any(|(known, _)| *known == data_type) => {}
            Kind::Type(data_type) => seen.examples.push((data_type, example())),
        }
    }

    /// The row has ended.
    pub fn end_row(&mut self) {
        self.rows += 1;
    }

    /// The columns, or every reason why there are none. `given` are types that need no guess.
    pub fn columns(self, given: &[(String, DataType)]) -> Result<Vec<Column>> {
        if self.is_full() {
            let problem = far_too_many("the table", "columns", FAR_TOO_MANY, true);
            return Err(Error::configuration(problem.unwrap_or_default()));
        }
        let given_types: HashMap<&str, DataType> = given.iter().rev().map(|(name, known)| (&**name, *known)).collect();
        let mut problems = Vec::new();
        let mut columns = Vec::new();
        for seen in &self.columns {
            let known = given_types.get(seen.name.as_str()).copied();
            match known.map_or_else(|| seen.data_type(), Ok) {
                Ok(data_type) => columns.push(Column::new(seen.name.clone(), data_type)),
                Err(problem) => problems.push(problem),
            }
        }
        for (name, data_type) in given {
            if !self.places.contains_key(name) {
                columns.push(Column::new(name.clone(), *data_type));
            }
        }
        if columns.is_empty() && problems.is_empty() {
            return Err(Error::configuration("there are no rows to infer columns from")
                .with_hint("name the columns: TableSchema(name, {\"column\": int})"));
        }
        if problems.is_empty() {
            return Ok(columns);
        }
        let columns = if problems.len() == 1 { "column" } else { "columns" };
        Err(Error::configuration(format!(
            "the types of {} {columns} cannot be inferred:\n- {}",
            problems.len(),
            problems.join("\n- ")
        ))
        .with_hint("give their types: infer(..., types={\"column\": str})"))
    }
}

impl Seen {
    fn data_type(&self) -> Result<DataType, String> {
        if let Some(example) = &self.unsupported {
            return Err(format!("column `{}` has values that no type takes: {example}", shown(&self.name)));
        }
        let has = |wanted| self.examples.iter().any(|(data_type, _)| *data_type == wanted);
        match self.examples.as_slice() {
            [] => Err(format!("column `{}` has no values", shown(&self.name))),
            [(data_type, _)] => Ok(*data_type),
            [_, _] if has(DataType::Int64) && has(DataType::Double) => Ok(DataType::Double),
            [_, _] if has(DataType::Int64) && has(DataType::Decimal) => Ok(DataType::Decimal),
            mixed => {
                let examples: Vec<_> = mixed.iter().map(|(_, example)| example.as_str()).collect();
                Err(format!("column `{}` mixes kinds: {}", shown(&self.name), examples.join(", ")))
            }
        }
    }
}
