//! Files that SQLite reads without an error, though they are not what was written.

use std::fs;
use std::ops::Range;

use powerbi_push::clock::Clock;
use powerbi_push::delivery::queue::{Loss, Part, QueueNotice, Reader, RowState};
use powerbi_push::error::{Error, Kind};

use crate::outbox::folder::{Folder, all_ids, line, run, take};

const PAGE: usize = 4_096;
const WHY: &str = "refused for good";
const LETTERS: u64 = 200;

/// Dead letters over some pages, and five rows that wait.
fn closed() -> Folder {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    for id in 0..LETTERS.cast_signed() {
        outbox.accept([run([id])]).unwrap();
        let batch = take(&outbox, 1, 1_000_000).unwrap();
        outbox.settle_as_dead_letter(&batch, RowState::Rejected, &Error::new(Kind::Service, WHY)).unwrap();
    }
    outbox.accept([run(500..505)]).unwrap();
    drop(outbox);
    folder
}

fn holds(page: &[u8], words: &str) -> bool {
    page.windows(words.len()).any(|found| found == words.as_bytes())
}

/// Pages with dead letters, and how many are on each.
fn pages(bytes: &[u8]) -> Vec<(Range<usize>, u64)> {
    let pages = (0..bytes.len() / PAGE).map(|page| page * PAGE..(page + 1) * PAGE);
    let leaf = |page: &Range<usize>| {
        let page = &bytes[page.clone()];
        page[0] == 13 && holds(page, WHY)
    };
    pages
        .filter(leaf)
        .map(|page| (page.clone(), u16::from_be_bytes([bytes[page.start + 3], bytes[page.start + 4]]).into()))
        .collect()
}

fn losses(folder: &Folder) -> Vec<Loss> {
    let outbox = folder.open().unwrap();
    let losses = outbox.on_disk().unwrap().notices().into_iter().map(|notice| match notice {
        QueueNotice::Damaged { lost, .. } => lost,
        other => panic!("{other}"),
    });
    losses.collect()
}

#[test]
fn a_page_that_is_met_twice_counts_once() {
    for (here, there) in [(0, 1), (1, 0), (2, 1)] {
        let folder = closed();
        let mut bytes = fs::read(folder.file()).unwrap();
        let pages = pages(&bytes);
        assert_eq!(pages.iter().map(|(_, letters)| letters).sum::<u64>(), LETTERS);
        let gone = pages[there].1;
        bytes.copy_within(pages[here].0.clone(), pages[there].0.start);
        fs::write(folder.file(), &bytes).unwrap();

        let reader = Reader::open(&folder.file(), Clock::simulated()).unwrap();
        assert!(reader.dead_letters().unwrap_err().message.contains("leads back to record"));
        let mut out = Vec::new();
        let error = reader.export(&[Part::Pending, Part::DeadLetter], &mut out).unwrap_err();
        let written = out.split(|byte| *byte == b'\n').count() as u64 - 1;
        assert_eq!(written, 5 + LETTERS - gone);
        let told = format!("{written} rows were written and {gone} are missing");
        assert!(error.message.contains(&told), "{error}");
        drop(reader);

        let lost = Loss { dead_letter_rows: gone, exact: true, ..Loss::default() };
        assert_eq!(losses(&folder), [lost]);
        let reader = Reader::open(&folder.file(), Clock::simulated()).unwrap();
        let left: u64 = reader.dead_letters().unwrap().iter().map(|(letter, _)| letter.rows).sum();
        assert_eq!(left, LETTERS - gone);
        assert_eq!(all_ids(&folder.open().unwrap()), (500..505).collect::<Vec<_>>());
    }
}

#[test]
fn a_page_of_rows_that_is_met_twice_is_as_many_rows_lost() {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    (0..400).for_each(|id| outbox.accept([run([1_000 + id])]).unwrap());
    drop(outbox);
    let mut bytes = fs::read(folder.file()).unwrap();
    let rows = |page: &[u8]| (0..400).filter(|id| holds(page, &line(1_000 + id))).count();
    let pages: Vec<_> = (0..bytes.len() / PAGE).map(|page| page * PAGE..(page + 1) * PAGE).collect();
    let leaves = pages.into_iter().map(|page| (rows(&bytes[page.clone()]), page)).filter(|(rows, _)| *rows > 0);
    let leaves: Vec<_> = leaves.collect();
    // As many are there, but they are others.
    let pair = leaves.windows(2).find(|pair| pair[0].0 == pair[1].0).unwrap();
    let (gone, here, there) = (pair[1].0, pair[0].1.clone(), pair[1].1.start);
    bytes.copy_within(here, there);
    fs::write(folder.file(), &bytes).unwrap();
    let lost = Loss { rows: gone as u64, exact: true, ..Loss::default() };
    assert_eq!(losses(&folder), [lost]);
    assert_eq!(all_ids(&folder.open().unwrap()).len(), 400 - gone);
}

#[test]
fn a_file_that_says_it_is_of_a_later_time_is_rescued() {
    // By whom it may be written, each bit of it; and its version, whose number is small.
    for (at, bit) in (0..8).map(|bit| (18, bit)).chain([(60, 1), (61, 0)]) {
        let folder = closed();
        let mut bytes = fs::read(folder.file()).unwrap();
        bytes[at] ^= 1 << bit;
        fs::write(folder.file(), &bytes).unwrap();
        let outbox = folder.open().unwrap();
        assert_eq!(all_ids(&outbox), (500..505).collect::<Vec<_>>(), "bit {bit} of {at}");
        assert_eq!(outbox.stats().lost, 0);
    }
}
