//! Dead letters in a damaged file: those that are not intact are told of, and do not keep the others.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use powerbi_push::clock::Clock;
use powerbi_push::delivery::queue::{DiskQueue, Part, QueueNotice, Reader, RowState};
use powerbi_push::error::{Error, Kind};

use crate::outbox::folder::{Folder, all_ids, run, take};
use crate::outbox::salvage::spoil;

/// Rows 20 to 22 as dead letters of their own, one of them damaged; row 0 waits.
fn damaged_dead_letter() -> Folder {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    for row in 20..23 {
        outbox.accept([run([row])]).unwrap();
        let batch = take(&outbox, 1, 1_000_000).unwrap();
        outbox.settle_as_dead_letter(&batch, RowState::Rejected, &Error::new(Kind::Service, "no")).unwrap();
    }
    outbox.accept([run([0])]).unwrap();
    drop(outbox);
    spoil(&folder.file(), "item 2");
    folder
}

#[test]
fn a_damaged_dead_letter_does_not_keep_the_others_from_being_cleared_up() {
    let retry: fn(&DiskQueue) -> u64 = |disk| disk.retry().unwrap();
    let drop_all: fn(&DiskQueue) -> u64 = |disk| disk.drop_dead_letters().unwrap();
    for (clear_up, waiting) in [(retry, 3), (drop_all, 1)] {
        let folder = damaged_dead_letter();
        let told = Reader::open(&folder.file(), Clock::simulated()).unwrap().dead_letters().unwrap_err();
        assert!(told.message.contains("it is damaged: record"), "{told:?}");
        assert!(told.hint.unwrap().contains("`Outbox.retry` puts them back"));
        let outbox = folder.open().unwrap();
        assert_eq!(clear_up(outbox.on_disk().unwrap()), 2);
        let [notice] = <[QueueNotice; 1]>::try_from(outbox.on_disk().unwrap().notices()).unwrap();
        let QueueNotice::Damaged { lost, .. } = &notice else { panic!("{notice}") };
        assert_eq!((lost.rows, lost.dead_letter_rows, lost.exact), (0, 1, true));
        assert_eq!(all_ids(&outbox).len(), waiting);
        drop(outbox);
        let reader = Reader::open(&folder.file(), Clock::simulated()).unwrap();
        assert_eq!(reader.dead_letters().unwrap(), []);
        assert_eq!(reader.pending().unwrap().rows, waiting as u64);
    }
}

/// Damages the head of the first free page of `file`, which SQLite reads before it writes to another page, and those of the
/// last `pages` pages in which `words` stand.
fn spoil_pages(file: &Path, words: &str, pages: usize) {
    let mut bytes = fs::read(file).unwrap();
    let free = 4_096 * (u32::from_be_bytes(bytes[32..36].try_into().unwrap()) as usize - 1);
    bytes[free..free + 8].fill(0xFF);
    let has_words = |page: &&mut [u8]| page.windows(words.len()).any(|found| found == words.as_bytes());
    bytes.chunks_exact_mut(4_096).rev().filter(has_words).take(pages).for_each(|page| page[..8].fill(0xFF));
    fs::OpenOptions::new().write(true).open(file).unwrap().write_all(&bytes).unwrap();
}

#[test]
fn a_dead_letter_that_is_told_as_lost_goes_nowhere() {
    let retry: fn(&DiskQueue) -> u64 = |disk| disk.retry().unwrap();
    let drop_all: fn(&DiskQueue) -> u64 = |disk| disk.drop_dead_letters().unwrap();
    for (clear_up, is_back, pages) in [1, 5, 20].into_iter().flat_map(|all| [(retry, 1, all), (drop_all, 0, all)]) {
        // A page for each letter.
        let folder = Folder::new();
        let outbox = folder.open().unwrap();
        outbox.accept([run(90_000..92_000)]).unwrap();
        let settled = take(&outbox, 2_000, 1_000_000).unwrap();
        for row in 0..20 {
            outbox.accept([run(100 * row..100 * row + 80)]).unwrap();
            let batch = take(&outbox, 80, 1_000_000).unwrap();
            outbox.settle_as_dead_letter(&batch, RowState::Rejected, &Error::new(Kind::Service, "no")).unwrap();
        }
        outbox.settle(&settled, RowState::Confirmed, false).unwrap();
        drop(outbox);
        let outbox = folder.open().unwrap();
        spoil_pages(&folder.file(), r#"{"Id":"#, pages);
        let cleared = clear_up(outbox.on_disk().unwrap());
        let [notice] = <[QueueNotice; 1]>::try_from(outbox.on_disk().unwrap().notices()).unwrap();
        let QueueNotice::Damaged { lost, .. } = &notice else { panic!("{notice}") };
        assert_eq!((lost.rows, cleared + lost.dead_letter_rows, lost.exact), (0, 1_600, true), "{pages} pages");
        assert!(lost.dead_letter_rows > 0);
        assert_eq!(outbox.stats().pending.rows, is_back * cleared);
    }
}

#[test]
fn an_export_writes_the_dead_letters_that_are_intact_and_says_how_to_clear_up() {
    let folder = damaged_dead_letter();
    let mut out = Vec::new();
    let reader = Reader::open(&folder.file(), Clock::simulated()).unwrap();
    let told = reader.export(&[Part::Pending, Part::DeadLetter], &mut out).unwrap_err();
    assert_eq!(String::from_utf8(out).unwrap().lines().count(), 3);
    assert!(told.message.contains("3 rows were written and 1 is missing"), "{told:?}");
    assert!(told.hint.unwrap().contains("`Outbox.retry` puts them back"));
}
