//! Damaged files: whatever was done to them, no damaged row is sent, what is lost is told, and the rest goes on.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use powerbi_push::error::{Error, Kind};
use powerbi_push::outbox::{Fate, Notice, Outbox};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::outbox::folder::{Folder, all_ids, cases, drain, ids, run, take};

/// Rows that are settled before the damage is done.
const SETTLED: i64 = 400;
/// Rows that are set aside.
const ASIDE: std::ops::Range<i64> = SETTLED..SETTLED + 5;
/// A batch that was sent, with a number.
const SENT: std::ops::Range<i64> = ASIDE.end..ASIDE.end + 7;
/// The last row but those of the last commit.
const LAST: i64 = 1_100;

/// An outbox with something of everything in it; closed, or left by a process that was killed.
fn house(killed: bool) -> Folder {
    static CLOSED: OnceLock<Files> = OnceLock::new();
    static KILLED: OnceLock<Files> = OnceLock::new();
    let files = if killed { &KILLED } else { &CLOSED };
    let folder = Folder::new();
    for (name, bytes) in files.get_or_init(|| build(killed)) {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// Names and contents of what is in a folder.
type Files = Vec<(String, Vec<u8>)>;

fn build(killed: bool) -> Files {
    let folder = Folder::new();
    let outbox = folder.open().unwrap();
    outbox.number_from(0).unwrap();
    outbox.accept([run(0..300), run(300..SENT.end)]).unwrap();
    let batch = take(&outbox, usize::try_from(SETTLED).unwrap(), 1_000_000).unwrap();
    outbox.settle(&batch, Fate::Confirmed, false).unwrap();
    let batch = take(&outbox, ASIDE.count(), 1_000_000).unwrap();
    outbox.set_aside(&batch, Fate::Rejected, &Error::new(Kind::Service, "no")).unwrap();
    let mut batch = take(&outbox, SENT.count(), 1_000_000).unwrap();
    outbox.issue(&mut batch).unwrap();
    outbox.accept((SENT.end..600).map(|id| run([id]))).unwrap();
    for start in 600..700 {
        outbox.accept([run([start])]).unwrap();
    }
    outbox.accept([run(700..LAST)]).unwrap();
    // What the log ends with cannot be told from a commit that was never finished.
    outbox.accept([run([LAST])]).unwrap();
    let left = if killed {
        folder.killed()
    } else {
        drop(outbox);
        folder
    };
    let names = left.names().into_iter();
    names.map(|name| (name.clone(), fs::read(left.path().join(name)).unwrap())).collect()
}

/// The rows that have to come, or to be reported.
fn pending() -> BTreeSet<i64> {
    (SENT.start..LAST).collect()
}

#[derive(Debug, Clone)]
enum Damage {
    /// Bits of one byte.
    Flip(Index, u8),
    /// A whole page.
    Zero(Index),
    Truncate(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        6 => (any::<Index>(), 1u8..=255).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        1 => any::<Index>().prop_map(Damage::Zero),
        1 => any::<Index>().prop_map(Damage::Truncate),
    ]
}

impl Damage {
    fn inflict(&self, file: &PathBuf) {
        let mut bytes = fs::read(file).unwrap();
        let length = bytes.len();
        match self {
            Self::Flip(at, bits) => bytes[at.index(length)] ^= bits,
            Self::Zero(page) => {
                let start = page.index(length / 4_096) * 4_096;
                bytes[start..start + 4_096].fill(0);
            }
            Self::Truncate(at) => bytes.truncate(at.index(length)),
        }
        fs::write(file, bytes).unwrap();
    }
}

fn reports(outbox: &Outbox) -> Vec<u64> {
    let lost = |notice| match notice {
        Notice::Damaged { lost, kept, .. } => {
            assert!(kept.exists());
            Some(lost)
        }
        _ => None,
    };
    outbox.on_disk().unwrap().notices().into_iter().filter_map(lost).collect()
}

/// Takes all there is of a damaged outbox, and says what was wrong with that.
fn verdict(folder: &Folder, in_log: bool) -> Result<(), TestCaseError> {
    let outbox = folder.open().map_err(|error| TestCaseError::fail(error.message))?;
    // Each row is what it was: `ids` compares every byte.
    let batches = drain(&outbox);
    let rows: Vec<i64> = batches.iter().flat_map(ids).collect();
    let seen: BTreeSet<i64> = rows.iter().copied().collect();
    prop_assert_eq!(rows.len(), seen.len(), "a row comes twice");
    let missing = pending().difference(&seen).count();
    let reports = reports(&outbox);
    prop_assert!(missing == 0 || !reports.is_empty(), "{} rows are missing, and nothing is reported", missing);
    for batch in &batches {
        // What may have been sent is known to be, and what was settled does not come back as if it were new.
        let sent = ids(batch).iter().any(|id| *id < SENT.end);
        prop_assert!(!sent || batch.maybe_sent() || !reports.is_empty() && in_log, "{:?}", batch.numbers());
        outbox.settle(batch, Fate::Confirmed, false).unwrap();
    }
    prop_assert_eq!(outbox.stats().pending.rows, 0);
    outbox.accept([run([9_999])]).unwrap();
    drop(outbox);
    let next = folder.open().unwrap();
    prop_assert_eq!(all_ids(&next), [9_999]);
    prop_assert_eq!(next.on_disk().unwrap().notices(), []);
    Ok(())
}

proptest! {
    #![proptest_config(cases(32))]

    #[test]
    fn a_damaged_file_gives_what_is_intact_and_reports_the_rest(damage in damage()) {
        let folder = house(false);
        damage.inflict(&folder.file());
        verdict(&folder, false)?;
    }

    #[test]
    fn a_damaged_log_gives_what_is_intact_and_reports_the_rest(at in any::<Index>(), bits in 1u8..=255) {
        let folder = house(true);
        Damage::Flip(at, bits).inflict(&folder.path().join("outbox.db-wal"));
        verdict(&folder, true)?;
    }
}
