//! Upload sessions: chunks that wait for their publication (facts/microstrategy 4.1).

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use super::assumed::{ChunkOrder, ConcurrentUploads, MicroStrategyAssumed, RepeatedChunks};
use super::policy::Policy;
use super::reading::Layout;
use super::refusal::Refusal;
use super::store::Dataset;
use crate::clock::Moment;
use crate::emulator::row::Row;
use crate::emulator::switch::{Reception, RowState};

/// The upload sessions.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    pub(super) all: Vec<Upload>,
    /// Messages with which the next publications fail.
    pub(super) failures: VecDeque<String>,
}

/// An upload session.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) id: String,
    /// The dataset's id.
    pub(super) dataset: String,
    /// The token of the login that began it.
    pub(super) login: String,
    pub(super) targets: Vec<Target>,
    pub(super) stage: Stage,
}

/// A table that it fills.
#[derive(Debug)]
pub(super) struct Target {
    /// The table's place in its dataset.
    pub(super) table: usize,
    pub(super) policy: Policy,
    pub(super) layout: Layout,
    /// The places of its columns, in the order in which their cells come.
    pub(super) order: Vec<usize>,
    chunks: Vec<Chunk>,
}

#[derive(Debug)]
struct Chunk {
    index: u64,
    rows: Result<Vec<Row>, String>,
}

/// How far an upload is.
#[derive(Debug)]
pub(super) enum Stage {
    Open,
    /// It is being published.
    Publishing {
        gets_left: usize,
        until: Moment,
        failure: Option<String>,
    },
    Published,
    Failed(String),
}

impl Uploads {
    /// Those that are neither published nor failed.
    pub(super) fn open(&self) -> impl Iterator<Item = &Upload> {
        self.all.iter().filter(|upload| matches!(upload.stage, Stage::Open | Stage::Publishing { .. }))
    }

    /// Takes a new upload in, if there may be one.
    pub(super) fn add(&mut self, upload: Upload, assumed: &MicroStrategyAssumed) -> Result<(), Refusal> {
        let is_other = |other: &Upload| match assumed.concurrent_uploads {
            ConcurrentUploads::OneADataset | ConcurrentUploads::Replace => other.dataset == upload.dataset,
            ConcurrentUploads::OneAUser => true,
            ConcurrentUploads::Allowed => false,
        };
        let other = self.open().find(|other| is_other(other)).map(|other| other.id.clone());
        match other {
            Some(id) if assumed.concurrent_uploads == ConcurrentUploads::Replace => self.remove(&id),
            Some(_) => {
                return Err(Refusal::of_server("There is an upload session already; they cannot be concurrent."));
            }
            None => {}
        }
        self.all.push(upload);
        Ok(())
    }

    /// The upload of an id, if this login may use it.
    pub(super) fn find(
        &mut self,
        dataset: &str,
        id: &str,
        login: &str,
        assumed: &MicroStrategyAssumed,
    ) -> Result<&mut Upload, Refusal> {
        let found = self.all.iter_mut().find(|upload| {
            upload.id.eq_ignore_ascii_case(id)
                && upload.dataset.eq_ignore_ascii_case(dataset)
                && (upload.login == login || assumed.upload_after_login == RowState::Kept)
        });
        found.ok_or_else(Refusal::no_object)
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.all.retain(|upload| !upload.id.eq_ignore_ascii_case(id));
    }

    /// The uploads of a login are lost with it, unless they are kept.
    pub(super) fn forget(&mut self, login: &str, assumed: &MicroStrategyAssumed) {
        if assumed.upload_after_login == RowState::Lost {
            self.all.retain(|upload| upload.login != login);
        }
    }

    /// The same for all logins.
    pub(super) fn forget_all_if_lost(&mut self, assumed: &MicroStrategyAssumed) {
        if assumed.upload_after_login == RowState::Lost {
            self.all.clear();
        }
    }
}

impl Target {
    pub(super) fn new(table: usize, policy: Policy, layout: Layout, order: Vec<usize>) -> Self {
        Self { table, policy, layout, order, chunks: Vec::new() }
    }

    /// Keeps a chunk; its index counts from 1.
    pub(super) fn put(
        &mut self,
        index: u64,
        rows: Result<Vec<Row>, String>,
        assumed: &MicroStrategyAssumed,
    ) -> Result<(), Refusal> {
        if index == 0 {
            return Err(Refusal::invalid("The index of a chunk begins with 1."));
        }
        let next = self.chunks.iter().map(|chunk| chunk.index).max().unwrap_or(0) + 1;
        let earlier = self.chunks.iter_mut().find(|chunk| chunk.index == index);
        match (earlier, assumed.repeated_chunks) {
            (None, _) if assumed.chunk_order == ChunkOrder::NextOnly && index != next => {
                return Err(Refusal::invalid(format!("The index of the next chunk is {next}, not {index}.")));
            }
            (Some(_), RepeatedChunks::Refused) => {
                return Err(Refusal::invalid(format!("There is a chunk of the index {index} already.")));
            }
            (Some(_), RepeatedChunks::Ignored) => {}
            (Some(earlier), RepeatedChunks::Overwrite) => earlier.rows = rows,
            (Some(_), RepeatedChunks::Appended) | (None, _) => self.chunks.push(Chunk { index, rows }),
        }
        Ok(())
    }

    /// All its rows in their order, or why they cannot be loaded.
    fn rows(&mut self, assumed: &MicroStrategyAssumed) -> Result<Vec<Row>, String> {
        let mut chunks = std::mem::take(&mut self.chunks);
        if assumed.chunk_order == ChunkOrder::ByIndex {
            chunks.sort_by_key(|chunk| chunk.index);
        }
        let has = |index: u64| chunks.iter().any(|chunk| chunk.index == index);
        let last = chunks.iter().map(|chunk| chunk.index).max().unwrap_or(0);
        if let Some(index) =
            (1..=last).find(|index| !has(*index)).filter(|_| assumed.missing_chunks == Reception::Refused)
        {
            return Err(format!("The chunk {index} is missing."));
        }
        Ok(chunks.into_iter().map(|chunk| chunk.rows).collect::<Result<Vec<_>, _>>()?.concat())
    }
}

impl Upload {
    /// Begins the publication; it ends after so many looks, and so much time.
    pub(super) fn publish(&mut self, now: Moment, gets: usize, time: Duration, failure: Option<String>) {
        self.stage = Stage::Publishing { gets_left: gets, until: now + time, failure };
    }

    /// Ends the publication if its time has come. Gives the number of rows that were loaded by it now.
    pub(super) fn settle(
        &mut self,
        dataset: &mut Dataset,
        (now, wall): (Moment, SystemTime),
        assumed: &MicroStrategyAssumed,
    ) -> usize {
        let Stage::Publishing { gets_left, until, failure } = &mut self.stage else { return 0 };
        if *gets_left > 0 {
            *gets_left -= 1;
            return 0;
        }
        if now < *until {
            return 0;
        }
        let outcome = failure.take().map_or_else(|| self.load(dataset, wall, assumed), Err);
        let (stage, rows) = match outcome {
            Ok(rows) => (Stage::Published, rows),
            Err(message) => (Stage::Failed(message), 0),
        };
        self.stage = stage;
        rows
    }

    fn load(
        &mut self,
        dataset: &mut Dataset,
        now: SystemTime,
        assumed: &MicroStrategyAssumed,
    ) -> Result<usize, String> {
        let loads = self.targets.iter_mut().map(|target| Ok((target.table, target.policy, target.rows(assumed)?)));
        dataset.load(loads.collect::<Result<_, String>>()?, assumed.repeated_keys, now)
    }
}
