//! What the page shows of the service.

use super::columns::Column;
use super::data_type::DataType;
use super::schema::Mode;
use super::store::{Dataset, Table, Workspace};
use super::{PowerBi, badges};
use crate::clock::Moment;
use crate::emulator::row::Row;
use crate::emulator::shown::{self, ROWS, Sample, Section};
use crate::emulator::value::Value;

impl PowerBi {
    /// A workspace; My workspace (`is_mine`) has no badges, since it has no roles.
    pub(super) fn section(&self, workspace: &Workspace, is_mine: bool, now: Moment) -> Section {
        Section {
            title: workspace.name.clone(),
            badges: if is_mine { Vec::new() } else { badges::of_workspace(workspace) },
            datasets: workspace.datasets.iter().rev().map(|it| self.shown_of(it, now)).collect(),
        }
    }

    pub(super) fn shown_of(&self, dataset: &Dataset, now: Moment) -> shown::Dataset {
        shown::Dataset {
            id: dataset.id.clone(),
            name: dataset.name.clone(),
            badges: badges::of_dataset(dataset, now),
            quotas: self.quotas_of(dataset, now),
            has_api_info: dataset.mode != Mode::Hosted,
            tables: dataset.tables.iter().map(shown_table).collect(),
        }
    }

    /// The quotas of a dataset; none where nothing is held to limits.
    pub(super) fn quotas_of(&self, dataset: &Dataset, now: Moment) -> Vec<shown::Quota> {
        if self.limits { badges::quotas(dataset, now, &self.assumed) } else { Vec::new() }
    }
}

fn shown_table(table: &Table) -> shown::Table {
    let columns = &table.columns.list;
    let first = table.rows.len().saturating_sub(ROWS);
    let newest = table.rows.range(first..).map(|row| cells(row, columns));
    shown::Table {
        name: table.name.clone(),
        badges: badges::of_table(table),
        columns: columns.iter().map(shown_column).collect(),
        count: table.rows.len(),
        newest: newest.collect(),
    }
}

/// A cell for each column.
fn cells(row: &Row, columns: &[Column]) -> Vec<Option<String>> {
    let cells = columns.iter().map(|column| row.get(&column.name).filter(|value| **value != Value::Null));
    cells.map(|value| value.map(Value::to_string)).collect()
}

/// Some of the rows after the first `seen`.
pub(super) fn sample(table: &Table, seen: u64, most: usize) -> Sample {
    let (added, count) = (table.arrivals.added, table.rows.len());
    let new = usize::try_from(added.saturating_sub(seen)).unwrap_or(usize::MAX).min(count);
    let rows = Sample::places(count - new, count, most).filter_map(|place| {
        let number = added - u64::try_from(count - place).ok()?;
        Some((table.arrivals.of(number).as_secs_f64(), cells(table.rows.get(place)?, &table.columns.list)))
    });
    Sample { added, rows: rows.collect() }
}

fn shown_column(column: &Column) -> shown::Column {
    shown::Column {
        name: column.name.to_string(),
        type_name: format!("{:?}", column.data_type),
        is_number: matches!(column.data_type, DataType::Int64 | DataType::Double | DataType::Decimal),
    }
}
