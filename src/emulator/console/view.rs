//! What one watcher has been told, and the next that it is to be told, as events of JSON.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value as Json, json};

use super::watch::Gathered;
use crate::emulator::http::{Dispatcher, Request, Site};
use crate::emulator::shown::{Dataset, Sample, Section, Table};

/// The latest requests that are shown.
const REQUESTS: usize = 40;
/// Rows of a snapshot that are sampled, and of one table.
const SNAPSHOT_ROWS: usize = 20_000;
const SNAPSHOT_TABLE: usize = 600;
/// Rows of an event that are sampled, and of one table.
const NEWS_ROWS: usize = 400;
const NEWS_TABLE: usize = 40;
/// Letters of a cell that are shown.
const LETTERS: usize = 80;

/// What one watcher knows.
pub(super) struct View {
    site: Arc<Site>,
    dispatcher: Arc<Dispatcher>,
    /// The rows that ever came into each table, by dataset and name.
    seen: HashMap<(String, String), u64>,
    /// The number of the newest request.
    request: u64,
    /// How many requests are to meet a fault.
    faults: usize,
    /// What was used of each quota.
    quotas: Json,
}

impl View {
    pub(super) fn new(site: &Arc<Site>, dispatcher: &Arc<Dispatcher>) -> Self {
        let (site, dispatcher) = (Arc::clone(site), Arc::clone(dispatcher));
        Self { site, dispatcher, seen: HashMap::new(), request: 0, faults: 0, quotas: Json::Null }
    }

    /// Everything.
    pub(super) fn snapshot(&mut self) -> Bytes {
        (self.seen, self.request) = (HashMap::new(), 0);
        let sections = self.dispatcher.shown();
        self.quotas = json!(self.dispatcher.quotas());
        let tables: usize = sections.iter().flat_map(|section| &section.datasets).map(|it| it.tables.len()).sum();
        let most = share(SNAPSHOT_ROWS, tables, SNAPSHOT_TABLE);
        let sections: Vec<Json> = sections.iter().map(|section| self.section(section, most)).collect();
        let (at, log) = (self.site.elapsed().as_secs_f64(), self.log());
        let (start, operations) = (&self.site.start, self.dispatcher.operations());
        let told = json!({"start": start, "at": at, "operations": operations, "sections": sections, "log": log});
        event("snapshot", &told)
    }

    /// What changed; `None` if that is nothing to see.
    pub(super) fn news(&mut self, gathered: &Gathered) -> Option<Bytes> {
        let most = share(NEWS_ROWS, gathered.tables.len(), NEWS_TABLE);
        let tables: Vec<Json> =
            gathered.tables.iter().filter_map(|(dataset, table)| self.changed(dataset, table, most)).collect();
        let quotas = if gathered.quotas { json!(self.dispatcher.quotas()) } else { self.quotas.clone() };
        let faded = (quotas != self.quotas).then(|| quotas.clone());
        self.quotas = quotas;
        let (faults, log) = (self.faults, self.log());
        if tables.is_empty() && faded.is_none() && faults == self.faults && log["requests"] == json!([]) {
            return None;
        }
        let at = self.site.elapsed().as_secs_f64();
        Some(event("news", &json!({"at": at, "tables": tables, "quotas": faded, "log": log})))
    }

    fn section(&mut self, section: &Section, most: usize) -> Json {
        let datasets: Vec<Json> = section.datasets.iter().map(|dataset| self.dataset(dataset, most)).collect();
        json!({"title": section.title, "badges": section.badges, "datasets": datasets})
    }

    fn dataset(&mut self, dataset: &Dataset, most: usize) -> Json {
        let tables: Vec<Json> = dataset.tables.iter().map(|table| self.table(&dataset.id, table, most)).collect();
        let Dataset { id, name, badges, quotas, has_api_info, .. } = dataset;
        let mut json = json!({"id": id, "name": name, "badges": badges, "quotas": quotas, "tables": tables});
        json["has_api_info"] = (*has_api_info).into();
        json
    }

    /// A table with its columns.
    fn table(&mut self, dataset: &str, table: &Table, most: usize) -> Json {
        let mut json = self.rows(dataset, table, most);
        json["columns"] = json!(table.columns);
        json
    }

    /// What is new in a table, without its columns.
    fn changed(&mut self, dataset: &str, table: &str, most: usize) -> Option<Json> {
        let shown = self.dispatcher.shown_dataset(dataset)?;
        let table = shown.tables.iter().find(|it| it.name == table)?;
        let mut json = self.rows(dataset, table, most);
        json["dataset"] = json!({"id": dataset, "badges": shown.badges, "quotas": shown.quotas});
        Some(json)
    }

    fn rows(&mut self, dataset: &str, table: &Table, most: usize) -> Json {
        let seen = self.seen.entry((dataset.to_owned(), table.name.clone())).or_default();
        let sample = self.dispatcher.sample(dataset, &table.name, *seen, most);
        let sample = sample.unwrap_or_else(|| newest(table, self.site.elapsed().as_secs_f64()));
        *seen = sample.added;
        let sampled: Vec<Json> = sample.rows.iter().map(|(at, row)| json!([at, cells(row)])).collect();
        let newest: Vec<Vec<Json>> = table.newest.iter().map(|row| cells(row)).collect();
        json!({"name": table.name, "badges": table.badges, "count": table.count, "newest": newest, "sample": sampled})
    }

    /// The requests that are new, newest first, and how many there were.
    fn log(&mut self) -> Json {
        let latest = self.dispatcher.latest(self.request, REQUESTS);
        (self.request, self.faults) = (latest.count, latest.faults);
        let requests: Vec<Json> = latest.requests.iter().map(request).collect();
        json!({"count": latest.count, "refused": latest.refused, "faults": latest.faults, "requests": requests})
    }
}

/// How many rows of each table are sampled.
fn share(rows: usize, tables: usize, most: usize) -> usize {
    (rows / tables.max(1)).clamp(1, most)
}

/// What stands for a sample where a service takes none: the newest rows, as of now.
fn newest(table: &Table, at: f64) -> Sample {
    let rows = table.newest.iter().map(|row| (at, row.clone())).collect();
    Sample { added: u64::try_from(table.count).unwrap_or(u64::MAX), rows }
}

fn cells(row: &[Option<String>]) -> Vec<Json> {
    row.iter().map(|cell| cell.as_deref().map_or(Json::Null, |text| shortened(text).into())).collect()
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LETTERS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

fn request(request: &Request) -> Json {
    json!({
        "number": request.number, "method": request.method, "path": request.path, "operation": request.operation,
        "status": request.status, "refusal": request.refusal, "rows": request.rows, "bytes": request.body_size,
        "at": request.at.as_secs_f64(), "took": request.took.as_secs_f64(),
    })
}

fn event(name: &str, data: &Json) -> Bytes {
    format!("event: {name}\ndata: {data}\n\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_letters() {
        assert_eq!(shortened(&"é".repeat(LETTERS)), "é".repeat(LETTERS));
        assert_eq!(shortened(&"é".repeat(LETTERS + 1)), format!("{}…", "é".repeat(LETTERS)));
    }
}
