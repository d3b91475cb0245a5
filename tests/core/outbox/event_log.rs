//! What a process that will not end well says, and what the next one has to find.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Mutex;

use crate::outbox::folder::{Folder, drain, ids};

/// What a process says before and after each thing that it does; what it said before its death, it has done.
pub(crate) struct EventLog(Mutex<std::io::Stdout>);

impl EventLog {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(std::io::stdout()))
    }

    pub(crate) fn note(&self, word: &str, number: u64, rows: &[i64]) {
        let runs = rows.chunk_by(|one, next| one + 1 == *next);
        let runs: Vec<String> = runs.map(|run| format!("{}+{}", run[0], run.len())).collect();
        let line = format!("\n@ {word} {number} {} .\n", runs.join(","));
        let mut out = self.0.lock().unwrap();
        out.write_all(line.as_bytes()).unwrap();
        out.flush().unwrap();
    }
}

/// All that the processes have said.
#[derive(Default)]
pub(crate) struct Record {
    pub(crate) offered: BTreeSet<i64>,
    pub(crate) accepted: BTreeSet<i64>,
    pub(crate) refused: BTreeSet<i64>,
    pub(crate) issued: BTreeMap<u64, Vec<i64>>,
    settling: BTreeSet<u64>,
    pub(crate) settled: BTreeSet<i64>,
}

impl Record {
    pub(crate) fn note(&mut self, line: &str) {
        // The test harness speaks, too; and the last line may be cut off.
        let words: Vec<&str> = line.split(' ').collect();
        let ["@", word, number, runs, "."] = words[..] else { return };
        let number: u64 = number.parse().unwrap();
        let rows = runs.split(',').flat_map(|run| {
            let (first, count) = run.split_once('+').unwrap();
            let (first, count): (i64, i64) = (first.parse().unwrap(), count.parse().unwrap());
            first..first + count
        });
        let rows: Vec<i64> = rows.collect();
        match word {
            "offer" => self.offered.extend(rows),
            "accepted" => self.accepted.extend(rows),
            "refused" => self.refused.extend(rows),
            "issued" => {
                let known = self.issued.insert(number, rows.clone());
                assert!(known.is_none_or(|known| known == rows), "number {number} was given twice");
            }
            "settling" => drop(self.settling.insert(number)),
            "settled" => self.settled.extend(rows),
            _ => {}
        }
    }

    /// What the next process finds is what has been said; answers how many batches were on their way.
    pub(crate) fn check(&self, folder: &Folder) -> usize {
        let outbox = folder.open().unwrap();
        let batches = drain(&outbox);
        // `ids` compares every byte.
        let rows: Vec<i64> = batches.iter().flat_map(ids).collect();
        let found: BTreeSet<i64> = rows.iter().copied().collect();
        assert_eq!(found.len(), rows.len(), "a row comes twice");
        assert!(found.is_subset(&self.offered), "a row was invented");
        assert!(found.is_disjoint(&self.refused), "a refused row was kept");
        assert!(found.is_disjoint(&self.settled), "a settled row comes again");
        let in_between: BTreeSet<i64> = self.settling.iter().flat_map(|number| &self.issued[number]).copied().collect();
        let gone: Vec<&i64> = self.accepted.difference(&found).filter(|row| !in_between.contains(row)).collect();
        assert!(gone.is_empty(), "accepted rows are gone: {gone:?}");
        let on_their_way = self.issued.iter().filter(|(number, _)| !self.settling.contains(number));
        for (number, rows) in on_their_way.clone() {
            let again = batches.iter().find(|batch| batch.sequence_number() == Some(*number));
            let again = again.map(|batch| (ids(batch), batch.maybe_sent()));
            assert_eq!(again, Some((rows.clone(), true)), "number {number} was issued");
        }
        assert_eq!(outbox.on_disk().unwrap().notices(), []);
        on_their_way.count()
    }
}
