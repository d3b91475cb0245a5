//! Group commit: callers that come while a commit is under way share the next one.
//!
//! There is no thread for it: whoever finds nobody leading commits for all who wait, and a caller alone commits for
//! itself without a hop.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Kind, Result};
use crate::rows::encode::Run;

/// Callers who want rows committed.
#[derive(Debug, Default)]
pub(super) struct Group {
    queue: Mutex<Queue>,
    turn: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<Member>,
    is_led: bool,
    /// What became of those whose commit was led by another.
    done: HashMap<u64, Result<()>>,
    tickets: u64,
}

/// What one caller wants committed, all of it or nothing.
#[derive(Debug)]
pub(super) struct Member {
    ticket: u64,
    pub(super) runs: Vec<Run>,
}

impl Member {
    pub(super) fn bytes(&self) -> u64 {
        self.runs.iter().map(|run| run.size(0..run.rows()) as u64).sum()
    }
}

impl Group {
    /// Has `runs` committed, by `commit` or by another caller's; `commit` answers for each member in turn.
    pub(super) fn commit(&self, runs: Vec<Run>, commit: impl FnOnce(&[Member]) -> Vec<Result<()>>) -> Result<()> {
        let mut queue = self.lock();
        queue.tickets += 1;
        let ticket = queue.tickets;
        queue.waiting.push(Member { ticket, runs });
        while queue.is_led {
            queue = self.turn.wait(queue).unwrap_or_else(PoisonError::into_inner);
            if let Some(outcome) = queue.done.remove(&ticket) {
                return outcome;
            }
        }
        queue.is_led = true;
        let members = std::mem::take(&mut queue.waiting);
        drop(queue);
        let mut lead = Lead { group: self, members, outcomes: Vec::new() };
        lead.outcomes = commit(&lead.members);
        drop(lead);
        self.lock().done.remove(&ticket).unwrap_or_else(|| Err(unfinished()))
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One commit for several callers. However it ends, each of them hears of it.
struct Lead<'a> {
    group: &'a Group,
    members: Vec<Member>,
    outcomes: Vec<Result<()>>,
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        let outcomes = self.outcomes.drain(..).chain(std::iter::repeat_with(|| Err(unfinished())));
        let mut queue = self.group.lock();
        queue.done.extend(self.members.iter().map(|member| member.ticket).zip(outcomes));
        queue.is_led = false;
        drop(queue);
        self.group.turn.notify_all();
    }
}

fn unfinished() -> Error {
    Error::new(Kind::Outbox, "the commit of the outbox was not finished: the rows were not accepted")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn those_who_come_during_a_commit_share_the_next_one() {
        let (group, commits) = (Group::default(), AtomicUsize::new(0));
        let commit = |members: &[Member]| {
            commits.fetch_add(1, Ordering::Relaxed);
            members.iter().map(|_| Ok(())).collect()
        };
        std::thread::scope(|scope| {
            let follow = || group.commit(Vec::new(), commit);
            let lead = group.commit(Vec::new(), |members| {
                for _ in 0..20 {
                    scope.spawn(follow);
                }
                while group.lock().waiting.len() < 20 {
                    std::thread::yield_now();
                }
                commit(members)
            });
            assert!(lead.is_ok());
        });
        assert_eq!(commits.load(Ordering::Relaxed), 2);
        assert!(group.lock().done.is_empty());
    }

    #[test]
    fn each_caller_hears_of_its_own_rows() {
        let group = Group::default();
        let refused = || Err(Error::new(Kind::OutboxFull, "no room"));
        assert_eq!(group.commit(Vec::new(), |_| vec![refused()]).map_err(|error| error.kind), Err(Kind::OutboxFull));
        assert!(group.commit(Vec::new(), |_| vec![Ok(())]).is_ok());
    }

    #[test]
    fn a_commit_that_panics_leaves_nobody_waiting() {
        let group = Group::default();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            group.commit(Vec::new(), |_| -> Vec<Result<()>> { std::panic::resume_unwind(Box::new(())) })
        }));
        assert!(panicked.is_err());
        assert!(group.commit(Vec::new(), |_| vec![Ok(())]).is_ok());
    }
}
