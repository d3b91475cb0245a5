//! What the page shows of the service.

use super::store::{Column, Dataset, Store, Table};
use crate::emulator::shown::{self, ROWS, Section};
use crate::emulator::value::Value;

impl Store {
    /// The projects that have datasets.
    pub(super) fn sections(&self) -> Vec<Section> {
        let sections = self.projects.iter().map(|project| Section {
            title: project.name.clone(),
            badges: vec!["MicroStrategy".into()],
            datasets: self.datasets.iter().rev().filter(|it| it.project == project.id).map(shown_dataset).collect(),
        });
        sections.filter(|section| !section.datasets.is_empty()).collect()
    }
}

fn shown_dataset(dataset: &Dataset) -> shown::Dataset {
    let badges = if dataset.is_published { Vec::new() } else { vec!["not published".into()] };
    let tables = dataset.tables.iter().map(shown_table).collect();
    let (id, name) = (dataset.id.clone(), dataset.name.clone());
    shown::Dataset { id, name, badges, tables, quotas: Vec::new(), has_api_info: false }
}

fn shown_table(table: &Table) -> shown::Table {
    let newest = table.rows.iter().skip(table.rows.len().saturating_sub(ROWS)).map(|row| {
        row.cells().map(|(_, value)| Some(value).filter(|it| **it != Value::Null).map(Value::to_string)).collect()
    });
    let keys = table.keys.iter().map(|at| &*table.names[*at]).collect::<Vec<_>>().join(", ");
    shown::Table {
        name: table.name.clone(),
        badges: if keys.is_empty() { Vec::new() } else { vec![format!("key: {keys}")] },
        columns: table.columns.iter().map(shown_column).collect(),
        count: table.rows.len(),
        newest: newest.collect(),
    }
}

fn shown_column(column: &Column) -> shown::Column {
    shown::Column {
        name: column.name.to_string(),
        type_name: column.data_type.name().to_owned(),
        is_number: column.data_type.is_number(),
    }
}
