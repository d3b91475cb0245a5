//! What the page shows of the service.

use super::columns::Column;
use super::data_type::DataType;
use super::store::{Dataset, Table, Workspace};
use super::{PowerBi, badges};
use crate::clock::Moment;
use crate::emulator::shown::{self, ROWS, Section};
use crate::emulator::value::Value;

impl PowerBi {
    /// A workspace; My workspace (`is_mine`) has no badges, since it has no roles.
    pub(super) fn section(&self, workspace: &Workspace, is_mine: bool, now: Moment) -> Section {
        Section {
            title: workspace.name.clone(),
            badges: if is_mine { Vec::new() } else { badges::of_workspace(workspace) },
            datasets: workspace.datasets.iter().rev().map(|it| self.shown_dataset(it, now)).collect(),
        }
    }

    fn shown_dataset(&self, dataset: &Dataset, now: Moment) -> shown::Dataset {
        shown::Dataset {
            id: dataset.id.clone(),
            name: dataset.name.clone(),
            badges: badges::of_dataset(dataset, now, &self.assumed, self.limits),
            tables: dataset.tables.iter().map(shown_table).collect(),
        }
    }
}

fn shown_table(table: &Table) -> shown::Table {
    let columns = &table.columns.list;
    let first = table.rows.len().saturating_sub(ROWS);
    let newest = table.rows.range(first..).map(|row| {
        let cells = columns.iter().map(|column| row.get(&column.name).filter(|value| **value != Value::Null));
        cells.map(|value| value.map(Value::to_string)).collect()
    });
    shown::Table {
        name: table.name.clone(),
        badges: badges::of_table(table),
        columns: columns.iter().map(shown_column).collect(),
        count: table.rows.len(),
        newest: newest.collect(),
    }
}

fn shown_column(column: &Column) -> shown::Column {
    shown::Column {
        name: column.name.to_string(),
        type_name: format!("{:?}", column.data_type),
        is_number: matches!(column.data_type, DataType::Int64 | DataType::Double | DataType::Decimal),
    }
}
