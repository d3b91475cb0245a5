//! Keys that repeat within one push, counted in little memory however many rows there are.
//!
//! ```text
//!  numbers ─ full ─▶ sorted, into a spool ─▶ merged: neighbours that are equal repeat
//! ```

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use crate::delivery::queue::Spool;
use crate::error::{Error, Kind, Result};
use crate::http::transport::read_exact_at;

/// Numbers kept in memory: 8 MB of them.
const MOST: usize = 1 << 20;
/// Bytes of one sorted part that are read at a time.
const BUFFER: usize = 64 * 1024;

/// Counts keys that repeat; each is a number that stands for it.
#[derive(Debug)]
pub struct Repeated {
    folder: PathBuf,
    most: usize,
    numbers: Vec<u64>,
    spool: Option<Spool>,
    parts: Vec<Range<u64>>,
}

impl Repeated {
    /// Nothing is counted yet; what is too much for memory goes into `folder`.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, most: MOST, numbers: Vec::new(), spool: None, parts: Vec::new() }
    }

    /// Takes note of a key.
    pub fn add(&mut self, number: u64) -> Result<()> {
        self.numbers.push(number);
        if self.numbers.len() == self.most { self.put_down() } else { Ok(()) }
    }

    fn put_down(&mut self) -> Result<()> {
        self.numbers.sort_unstable();
        let spool = match &mut self.spool {
            Some(spool) => spool,
            none => none.insert(Spool::new(&self.folder)?),
        };
        let start = spool.len();
        let mut bytes = Vec::with_capacity(BUFFER);
        for numbers in self.numbers.chunks(BUFFER / 8) {
            bytes.clear();
            bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
            spool.write(&bytes)?;
        }
        self.parts.push(start..spool.len());
        self.numbers.clear();
        Ok(())
    }

    /// How many keys there were more than once.
    pub fn count(mut self) -> Result<u64> {
        if self.spool.is_some() {
            self.put_down()?;
        }
        let Some(spool) = &self.spool else {
            self.numbers.sort_unstable();
            return Ok(repeated(self.numbers.into_iter().map(Ok)).unwrap_or_default());
        };
        let mut parts: Vec<_> = self.parts.iter().map(|part| Part::new(spool.file(), part.clone())).collect();
        let mut heap = BinaryHeap::new();
        let merged = std::iter::from_fn(|| {
            if heap.is_empty() && parts.iter().any(|part| part.is_fresh) {
                for (place, part) in parts.iter_mut().enumerate() {
                    match part.next().transpose() {
                        Ok(first) => heap.extend(first.map(|first| Reverse((first, place)))),
                        Err(error) => return Some(Err(error)),
                    }
                }
            }
            let Reverse((number, place)) = heap.pop()?;
            match parts[place].next().transpose() {
                Ok(next) => heap.extend(next.map(|next| Reverse((next, place)))),
                Err(error) => return Some(Err(error)),
            }
            Some(Ok(number))
        });
        repeated(merged).map_err(|error| {
            Error::new(Kind::Outbox, format!("the file of waiting rows cannot be read: {error}")).caused_by(error)
        })
    }
}

/// How many numbers there are more than once among sorted ones.
fn repeated(sorted: impl Iterator<Item = io::Result<u64>>) -> io::Result<u64> {
    let (mut last, mut count, mut is_counted) = (None, 0, false);
    for number in sorted {
        let number = Some(number?);
        if number != last {
            is_counted = false;
        } else if !is_counted {
            count += 1;
            is_counted = true;
        }
        last = number;
    }
    Ok(count)
}

/// One sorted part of the file.
struct Part {
    reader: BufReader<Stretch>,
    is_fresh: bool,
}

impl Part {
    fn new(file: Arc<File>, range: Range<u64>) -> Self {
        Self { reader: BufReader::with_capacity(BUFFER, Stretch { file, range }), is_fresh: true }
    }

    fn next(&mut self) -> Option<io::Result<u64>> {
        self.is_fresh = false;
        let mut bytes = [0; 8];
        match self.reader.read_exact(&mut bytes) {
            Ok(()) => Some(Ok(u64::from_le_bytes(bytes))),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
            Err(error) => Some(Err(error)),
        }
    }
}

/// A part of a file, read from its start on.
struct Stretch {
    file: Arc<File>,
    range: Range<u64>,
}

impl Read for Stretch {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.range.end - self.range.start).unwrap_or(usize::MAX);
        let count = left.min(bytes.len());
        read_exact_at(&self.file, &mut bytes[..count], self.range.start)?;
        self.range.start += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(most: usize, numbers: impl IntoIterator<Item = u64>) -> u64 {
        let mut repeated = Repeated { most, ..Repeated::new(std::env::temp_dir()) };
        for number in numbers {
            repeated.add(number).unwrap();
        }
        repeated.count().unwrap()
    }

    #[test]
    fn a_key_that_repeats_counts_once_however_often_it_does() {
        for most in [1, 3, 7, 1_000] {
            assert_eq!(count(most, []), 0);
            assert_eq!(count(most, [5]), 0);
            assert_eq!(count(most, [5, 5, 5, 1, 2, 1, 9]), 2);
            assert_eq!(count(most, (0..500).chain(250..750)), 250);
        }
    }
}
