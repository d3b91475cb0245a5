//! A file that SQLite cannot read, page by page: whatever has the checksum of one of our records is one.
//!
//! Nothing is trusted but the size of a page. Pages come from the file and from the log beside it.
//! Source: "Database File Format", sqlite.org/fileformat2.html.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use rusqlite::types::ValueRef;

use super::log::{Log, Rest};
use super::place::Place;
use super::record::{State, StoredBatch, StoredRun};
use super::table::{Record, unseal};

/// The size of a page.
pub(super) const PAGE: usize = 4_096;
/// No record is larger, in bytes: a run is one request, and no service takes as much.
const LARGEST: usize = 256_000_000;
/// The pointers to a leaf's cells stand behind this.
const LEAF_HEADER: usize = 8;

/// The pages of a file and of its log.
#[derive(Debug)]
pub(super) struct Pages {
    file: Option<File>,
    count: u32,
    log_file: Option<File>,
    log: Log,
    /// Where in the log each page was written last.
    newest: HashMap<u32, u64>,
}

impl Pages {
    pub(super) fn open(place: &Place) -> io::Result<Self> {
        let file = present(File::open(place.path()))?;
        let length = file.as_ref().map_or(Ok(0), |file| file.metadata().map(|file| file.len()))?;
        let count = u32::try_from(length.div_ceil(PAGE as u64)).unwrap_or(u32::MAX);
        let log = Log::read(&place.wal())?;
        let newest = log.frames.iter().map(|frame| (frame.page, frame.at)).collect();
        Ok(Self { file, count, log_file: present(File::open(place.wal()))?, log, newest })
    }

    /// The newest figures, if there are any, and the batches of that time.
    pub(super) fn figures(&mut self) -> (Option<State>, Vec<StoredBatch>) {
        let (mut newest, mut batches): (Option<State>, Vec<StoredBatch>) = (None, Vec::new());
        for number in self.numbers() {
            let Some(page) = self.page(number) else { continue };
            self.records(&page, |state: State| {
                newest = newest.filter(|known| known.change >= state.change).or(Some(state));
            });
            self.records(&page, |batch| batches.push(batch));
        }
        (newest, batches)
    }

    /// The file's first page.
    pub(super) fn first(&mut self) -> Option<Vec<u8>> {
        self.page(1)
    }

    /// Every intact record of one kind, wherever it is found; some are found twice.
    pub(super) fn all<R: Record>(&mut self, mut visit: impl FnMut(R)) {
        for number in 1..=self.count {
            if let Some(page) = self.file_page(number) {
                self.records(&page, &mut visit);
            }
        }
        self.logged(0..self.log.frames.len(), visit);
    }

    /// Whether SQLite will overlook commits of the log.
    pub(super) fn is_log_damaged(&mut self) -> bool {
        let committed = self.log.committed;
        match self.log.rest {
            Rest::Nothing => false,
            Rest::Damaged => true,
            Rest::Doubtful => {
                // Only new rows say that it was finished; without them there is nothing to lose.
                let (mut known, mut beyond) = (0, 0);
                for number in 1..=self.count {
                    if let Some(page) = self.file_page(number) {
                        self.records(&page, |run: StoredRun| known = known.max(run.first + run.count));
                    }
                }
                self.logged(0..committed, |run: StoredRun| known = known.max(run.first + run.count));
                self.logged(committed..self.log.frames.len(), |run: StoredRun| {
                    beyond = beyond.max(run.first + run.count);
                });
                beyond > known
            }
        }
    }

    fn logged<R: Record>(&mut self, frames: Range<usize>, mut visit: impl FnMut(R)) {
        for at in frames {
            if let Some(page) = self.log_page(self.log.frames[at].at) {
                self.records(&page, &mut visit);
            }
        }
    }

    fn numbers(&self) -> Vec<u32> {
        let beyond = self.newest.keys().copied().filter(|number| *number > self.count);
        (1..=self.count).chain(beyond).collect()
    }

    /// The page as it was written last.
    fn page(&mut self, number: u32) -> Option<Vec<u8>> {
        match self.newest.get(&number).copied() {
            Some(at) => self.log_page(at),
            None => self.file_page(number),
        }
    }

    fn file_page(&mut self, number: u32) -> Option<Vec<u8>> {
        read_at(self.file.as_mut()?, (u64::from(number).checked_sub(1)?) * PAGE as u64)
    }

    fn log_page(&mut self, at: u64) -> Option<Vec<u8>> {
        read_at(self.log_file.as_mut()?, at)
    }

    /// The records of one kind on `page`.
    fn records<R: Record>(&mut self, page: &[u8], mut visit: impl FnMut(R)) {
        for cell in cells(page).iter().filter(|cell| cell.columns == R::COLUMNS.len() + 2) {
            // What spilled over to other pages may be found as it was before the log, too.
            for from_log in [true, false] {
                let payload = self.payload(cell, from_log);
                let record = payload.and_then(|payload| unseal(cell.key, values(&payload)?.get(1..)?));
                if let Some(record) = record {
                    visit(record);
                    break;
                }
            }
        }
    }

    /// What a cell holds, with what spilled over to other pages.
    fn payload(&mut self, cell: &Cell<'_>, from_log: bool) -> Option<Vec<u8>> {
        let mut payload = Vec::with_capacity(cell.length);
        payload.extend_from_slice(cell.local);
        let mut next = cell.overflow;
        while payload.len() < cell.length {
            let page = if from_log { self.page(next)? } else { self.file_page(next)? };
            next = u32::from_be_bytes([page[0], page[1], page[2], page[3]]);
            let rest = (cell.length - payload.len()).min(PAGE - 4);
            payload.extend_from_slice(&page[4..4 + rest]);
        }
        Some(payload)
    }
}

fn present(file: io::Result<File>) -> io::Result<Option<File>> {
    match file {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        file => file.map(Some),
    }
}

/// The page at `at`; what is cut off is filled up with zeros.
fn read_at(file: &mut File, at: u64) -> Option<Vec<u8>> {
    file.seek(SeekFrom::Start(at)).ok()?;
    let mut page = Vec::with_capacity(PAGE);
    file.take(PAGE as u64).read_to_end(&mut page).ok()?;
    let is_there = !page.is_empty();
    page.resize(PAGE, 0);
    is_there.then_some(page)
}

/// What on a page looks like a cell: where its pointers lead, and what else stands where pointers stand.
fn cells(page: &[u8]) -> Vec<Cell<'_>> {
    let (mut found, mut content) = (Vec::new(), PAGE);
    for at in (LEAF_HEADER..PAGE - 1).step_by(2) {
        if at >= content {
            break;
        }
        let start = usize::from(u16::from_be_bytes([page[at], page[at + 1]]));
        if let Some(cell) = Cell::read(page, start).filter(|_| start > at) {
            content = content.min(start);
            found.push(cell);
        }
    }
    found
}

/// A cell of a leaf, as far as it stands on the page.
struct Cell<'a> {
    key: u64,
    columns: usize,
    /// How long all of it is.
    length: usize,
    local: &'a [u8],
    /// The page where the rest begins.
    overflow: u32,
}

impl<'a> Cell<'a> {
    fn read(page: &'a [u8], at: usize) -> Option<Self> {
        let mut rest = page.get(at..)?;
        let length = usize::try_from(varint(&mut rest)?).ok().filter(|length| (8..LARGEST).contains(length))?;
        let key = varint(&mut rest)?;
        let here = local_length(length);
        let local = rest.get(..here)?;
        let overflow = match rest.get(here..here + 4) {
            Some(next) => u32::from_be_bytes([next[0], next[1], next[2], next[3]]),
            None if here == length => 0,
            None => return None,
        };
        let types = types(local)?;
        let header = varint(&mut &*local)?;
        let lengths: Option<u64> = types.iter().map(|kind| length_of(*kind)).sum();
        (header + lengths? == length as u64).then_some(Self { key, columns: types.len(), length, local, overflow })
    }
}

/// How much of a record of this length stands on its leaf.
fn local_length(length: usize) -> usize {
    let (most, least) = (PAGE - 35, (PAGE - 12) * 32 / 255 - 23);
    if length <= most {
        return length;
    }
    let some = least + (length - least) % (PAGE - 4);
    if some <= most { some } else { least }
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for place in 0..9 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        if place == 8 {
            return Some(value << 8 | u64::from(byte));
        }
        value = value << 7 | u64::from(byte & 0x7F);
        if byte < 0x80 {
            break;
        }
    }
    Some(value)
}

/// The types of a record's columns.
fn types(record: &[u8]) -> Option<Vec<u64>> {
    let mut rest = record;
    let header = usize::try_from(varint(&mut rest)?).ok()?;
    let mut rest = record.get(record.len() - rest.len()..header)?;
    let mut types = Vec::new();
    while !rest.is_empty() {
        types.push(varint(&mut rest)?);
    }
    Some(types)
}

fn length_of(kind: u64) -> Option<u64> {
    match kind {
        0 | 8 | 9 => Some(0),
        1..=4 => Some(kind),
        5 => Some(6),
        6 | 7 => Some(8),
        10 | 11 => None,
        _ => Some((kind - 12) / 2).filter(|length| *length < LARGEST as u64),
    }
}

/// The columns of a record.
fn values(record: &[u8]) -> Option<Vec<ValueRef<'_>>> {
    let mut at = usize::try_from(varint(&mut &*record)?).ok()?;
    let mut values = Vec::new();
    for kind in types(record)? {
        let length = usize::try_from(length_of(kind)?).ok()?;
        let bytes = record.get(at..at + length)?;
        at += length;
        values.push(match kind {
            0 => ValueRef::Null,
            8 | 9 => ValueRef::Integer(kind.cast_signed() - 8),
            1..=6 => ValueRef::Integer(integer(bytes)),
            7 => ValueRef::Real(f64::from_be_bytes(bytes.try_into().ok()?)),
            _ if kind % 2 == 0 => ValueRef::Blob(bytes),
            _ => ValueRef::Text(bytes),
        });
    }
    Some(values)
}

/// A big-endian number with a sign, of any length.
fn integer(bytes: &[u8]) -> i64 {
    let sign = if bytes.first().is_some_and(|first| *first >= 0x80) { -1 } else { 0 };
    bytes.iter().fold(sign, |value, byte| value << 8 | i64::from(*byte))
}
