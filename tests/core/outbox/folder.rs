//! A folder of a test's own, on a real disk, and outboxes in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use powerbi_push::clock::Clock;
use powerbi_push::delivery::queue::{Batch, Destination, DiskQueue, Queue, Settings};
use powerbi_push::error::{Error, Kind, Result, ServiceAnswer};
use powerbi_push::rows::encode::{Encoder, Limits, Options, Run};
use powerbi_push::rows::schema::TableSchema;
use powerbi_push::services::powerbi::TARGET;
use powerbi_push::services::powerbi::sinks::PUSH_ROWS;
use proptest::test_runner::Config as ProptestConfig;

use crate::sample::{Sample, table};

/// `count` cases of a property, or as many as `PROPTEST_CASES` says.
pub(crate) fn cases(count: u32) -> ProptestConfig {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if asked { config } else { ProptestConfig { cases: count, ..config } }
}

/// The destination of every outbox here.
pub(crate) const DESTINATION: &str = "https://example.test/beta/rows?key=c4n4ry";

/// A folder that goes with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("outbox-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path.canonicalize().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The file of the outbox in it.
    pub(crate) fn file(&self) -> PathBuf {
        self.0.join("outbox.db")
    }

    /// The names of what is in it, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let names = std::fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        names
    }

    pub(crate) fn open(&self) -> Result<Queue> {
        open(&self.file(), u64::MAX)
    }

    /// What a process that is killed in this moment leaves behind.
    pub(crate) fn killed(&self) -> Self {
        let left = Self::new();
        for name in self.names().iter().filter(|name| !name.ends_with("-shm")) {
            std::fs::copy(self.0.join(name), left.0.join(name)).unwrap();
        }
        left
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn settings(path: &Path, capacity: u64) -> Settings {
    Settings {
        path: path.to_path_buf(),
        destination: Some(Destination::new(DESTINATION, &PUSH_ROWS)),
        capacity,
        forced: false,
        clock: Clock::simulated(),
    }
}

pub(crate) fn open(path: &Path, capacity: u64) -> Result<Queue> {
    Ok(Queue::on_the_disk(DiskQueue::open(settings(path, capacity))?, || ()))
}

/// Rows with these numbers as one run.
pub(crate) fn run(ids: impl IntoIterator<Item = i64>) -> Run {
    let schema = Some(Arc::new(TableSchema::new(&table()).under(TARGET.values)));
    let limits = Limits { max_rows: 1_000_000, max_bytes: 100_000_000 };
    let mut encoder = Encoder::new(&PUSH_ROWS, schema, Options::default(), limits, 1);
    let rows = ids.into_iter().map(|id| (id, format!("item {id}")));
    encoder.fill(&mut Sample::new(rows)).unwrap().run.unwrap()
}

/// One row as it is sent.
pub(crate) fn line(id: i64) -> String {
    format!(r#"{{"Id":{id},"Item":"item {id}"}}"#)
}

/// A request with these rows.
pub(crate) fn body(ids: impl IntoIterator<Item = i64>) -> String {
    let rows: Vec<String> = ids.into_iter().map(line).collect();
    format!(r#"{{"rows":[{}]}}"#, rows.join(","))
}

/// The rows of a request. A request with anything else in it is a failure.
pub(crate) fn ids(batch: &Batch) -> Vec<i64> {
    let text = std::str::from_utf8(&batch.body).unwrap();
    let parsed: serde_json::Value = serde_json::from_str(text).unwrap();
    let ids: Vec<i64> = parsed["rows"].as_array().unwrap().iter().map(|row| row["Id"].as_i64().unwrap()).collect();
    assert_eq!(text, body(ids.iter().copied()));
    assert_eq!(ids.len(), batch.rows());
    ids
}

/// The next batch that there is, if there is one.
pub(crate) fn take(outbox: &Queue, max_rows: usize, max_bytes: usize) -> Option<Batch> {
    try_take(outbox, max_rows, max_bytes).unwrap()
}

/// The same where the disk may fail.
pub(crate) fn try_take(outbox: &Queue, max_rows: usize, max_bytes: usize) -> Result<Option<Batch>> {
    if outbox.stats().pending.rows == 0 {
        return Ok(None);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        tokio::select! {
            biased;
            taken = outbox.take(max_rows, max_bytes) => taken,
            () = std::future::ready(()) => Ok(None),
        }
    })
}

/// Takes all that waits.
pub(crate) fn drain(outbox: &Queue) -> Vec<Batch> {
    std::iter::from_fn(|| take(outbox, 1_000, 1_000_000)).collect()
}

/// All rows that wait, in order.
pub(crate) fn all_ids(outbox: &Queue) -> Vec<i64> {
    drain(outbox).iter().flat_map(ids).collect()
}

/// What a service says of rows that it does not take.
pub(crate) fn refusal() -> Error {
    let answer = ServiceAnswer {
        status: Some(400),
        code: Some("InvalidRows".into()),
        request_id: Some("7f3c".into()),
        ..ServiceAnswer::default()
    };
    Error::new(Kind::Service, "the service refused the rows").with_answer(answer)
}
