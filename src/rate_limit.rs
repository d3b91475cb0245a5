//! Leave to send: quotas kept before the service has to insist on them, and what everybody who sends to one place shares.
//!
//! ```text
//!            ask                      go                        end
//!  worker ──────▶ usage: may it? ──────▶ permit, on the wire ──────▶ usage: what it cost, what it showed
//!                     │ wait: told by the service, a quota, backing off, down
//!                     └────────▶ clock, or one that comes back
//! ```
//!
//! What has been sent is counted once for each place and process, whichever client sends. How much may be sent is each
//! client's own [`Quotas`], whose windows its service hands over. A place has tables, or is one.

mod usage;
mod ask;
mod circuit;
mod log;
mod plan;
mod quotas;
mod share;
mod tables;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use self::ask::Word;
pub use self::ask::{Ask, Ending, Reason};
pub use self::plan::Plan;
pub use self::quotas::{Counts, Holds, Quotas, Window};
pub use self::tables::Holding;
use self::usage::{Gone, Usage};
use crate::clock::{Clock, Moment};
use crate::error::{Error, Kind, Result, ServiceAnswer};
use crate::retry::Retry;

/// Requests to one place that are out at once where its service says nothing of them.
pub const IN_FLIGHT: usize = 4;
/// No window is held longer: an hour, and what clocks may differ by.
const LONGEST_WINDOW: Duration = Duration::from_secs(3_620);

/// Is told of waits, as they begin and as they end.
pub trait Watch: fmt::Debug + Send + Sync {
    /// A request waits from now on.
    fn begun(&self, wait: &Wait);
    /// It waits no longer.
    fn over(&self);
    /// A request has failed, and is not tried again before `next`.
    fn failed(&self, _why: &Error, _next: Moment) {}
    /// Something else that a person should know.
    fn said(&self, _words: String) {}
}

/// Nobody wants to know.
impl Watch for () {
    fn begun(&self, _: &Wait) {}
    fn over(&self) {}
}

/// A wait whose end is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// When it began.
    pub since: Moment,
    /// When it ends at the earliest.
    pub until: Moment,
    /// What for.
    pub reason: Reason,
}

/// What may be sent to one place, or to one table of it.
#[derive(Debug, Clone)]
pub struct RateLimit {
    shared: Arc<Shared>,
    quotas: Arc<Quotas>,
    table: Arc<str>,
}

/// What everything that sends to one place shares.
#[derive(Debug)]
struct Shared {
    clock: Clock,
    usage: Mutex<Usage>,
    /// Somebody came back.
    changed: Notify,
}

/// The usages of this process by what they are for. They outlive whoever sends: a quota does not end with a push.
static ACCOUNTS: Mutex<BTreeMap<(u32, String), Arc<Shared>>> = Mutex::new(BTreeMap::new());

impl RateLimit {
    /// The limits of what `key` names, counted together with everybody in this process. A forked child counts anew.
    #[must_use]
    pub fn shared(key: &str, clock: &Clock, quotas: Quotas) -> Self {
        let mut usages = ACCOUNTS.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (std::process::id(), key.to_owned());
        if !usages.contains_key(&key) {
            usages.retain(|(process, _), shared| *process == key.0 && !shared.is_idle());
        }
        // Where a local service has the address of one before it, the usage of that one's time says nothing.
        let known = usages.get(&key).filter(|shared| shared.clock.shows_the_time_of(clock)).map(Arc::clone);
        let shared = known.unwrap_or_else(|| {
            let fresh = Shared::new(clock.clone());
            usages.insert(key, Arc::clone(&fresh));
            fresh
        });
        Self { shared, quotas: Arc::new(quotas), table: "".into() }
    }

    /// Limits that nobody shares, on which nothing has been counted yet.
    #[must_use]
    pub fn alone(clock: Clock, quotas: Quotas) -> Self {
        Self { shared: Shared::new(clock), quotas: Arc::new(quotas), table: "".into() }
    }

    /// The same for rows of `table`.
    #[must_use]
    pub fn of_table(self, table: &str) -> Self {
        Self { table: table.into(), ..self }
    }

    /// The place was made just now: what its tables hold is known from here on, unless they keep their `newest` rows only.
    pub fn made<'t>(&self, tables: impl IntoIterator<Item = &'t str>, newest: bool) {
        let holding = if newest { Holding::Newest } else { Holding::Counted(0) };
        let mut usage = self.shared.lock();
        tables.into_iter().for_each(|table| usage.tables.set(table, holding));
    }

    /// The place stores no rows: they pass through.
    pub fn stores_nothing(&self) {
        self.shared.lock().tables.stores_nothing = true;
    }

    /// Whether the place is known to store no rows.
    #[must_use]
    pub fn is_known_to_store_nothing(&self) -> bool {
        self.shared.lock().tables.stores_nothing
    }

    /// The table has lost its rows.
    pub fn emptied(&self) {
        self.shared.lock().tables.empty(&self.table);
    }

    /// The place is gone.
    pub fn deleted(&self) {
        self.shared.lock().tables.clear();
    }

    /// What is known of the table.
    #[must_use]
    pub fn holding(&self) -> Holding {
        self.shared.lock().tables.of(&self.table)
    }

    /// How many rows to take for the next request, `most` at most: what the quota of rows has left now, unless that is
    /// hardly worth a request.
    #[must_use]
    pub fn rows_to_take(&self, most: usize) -> usize {
        let room = self.shared.lock().room(self.shared.clock.now(), &self.quotas);
        let room = room.and_then(|room| usize::try_from(room).ok()).unwrap_or(usize::MAX);
        if room >= most.div_ceil(10) { room.min(most) } else { most }
    }

    /// Waits for leave to send. A wait for a quota that is known to reach past `deadline` is refused at once.
    pub async fn permit(&self, ask: Ask, deadline: Option<Moment>, watch: &dyn Watch) -> Result<Permit> {
        let clock = &self.shared.clock;
        let mut waiting = Waiting { watch, wait: None };
        loop {
            let mut changed = std::pin::pin!(self.shared.changed.notified());
            changed.as_mut().enable();
            let (now, word) = match self.ask(&ask) {
                (_, Ok(gone)) => return Ok(Permit { limit: self.clone(), retry: ask.retry, gone: Some(gone) }),
                (now, Err(word)) => (now, word),
            };
            let until = match word {
                Word::Go => continue,
                Word::Wait(until, reason) => {
                    refuse(ask.retry, until, now, reason, deadline)?;
                    waiting.wait_for(Wait { since: now, until, reason });
                    Some(until)
                }
                Word::Queue(until) => {
                    waiting.end();
                    until
                }
            };
            // The caller's own time limit comes first: on a virtual clock a wait makes time pass.
            let until = until.map(|until| deadline.map_or(until, |deadline| until.min(deadline)));
            match until.filter(|until| *until > now) {
                Some(until) => tokio::select! {
                    () = clock.sleep_until(until) => {}
                    () = changed => {}
                },
                None => changed.await,
            }
        }
    }

    /// Lets `ask` go, or says why not.
    fn ask(&self, ask: &Ask) -> (Moment, Result<Gone, Word>) {
        let mut usage = self.shared.lock();
        let now = self.shared.clock.now();
        let word = usage.word(now, ask, &self.quotas, &self.table);
        (now, if word == Word::Go { Ok(usage.go(now, ask, &self.table)) } else { Err(word) })
    }
}

impl Shared {
    fn new(clock: Clock) -> Arc<Self> {
        let usage = Mutex::new(Usage::new(clock.now()));
        Arc::new(Self { clock, usage, changed: Notify::new() })
    }

    /// Whether nobody uses it and nothing on it matters.
    fn is_idle(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) == 1 && self.lock().is_idle(self.clock.now())
    }

    fn lock(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leave for one request. It is out until it is told how it ended; dropped, it counts as given up on the wire.
pub struct Permit {
    limit: RateLimit,
    retry: Retry,
    gone: Option<Gone>,
}

impl Permit {
    /// What became of the request; the first word counts.
    pub fn end(&mut self, ending: Ending) {
        let Some(gone) = self.gone.take() else { return };
        let shared = &self.limit.shared;
        let mut usage = shared.lock();
        usage.end(shared.clock.now(), &gone, ending, &self.limit.quotas, &self.retry);
        drop(usage);
        shared.changed.notify_waiters();
    }

    /// The leave for whoever will know how the request ends; here nothing is left of it.
    #[must_use]
    pub fn hand_on(&mut self) -> Self {
        Self { limit: self.limit.clone(), retry: self.retry, gone: self.gone.take() }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.end(Ending::Abandoned);
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("gone", &self.gone).finish_non_exhaustive()
    }
}

/// Tells of a wait once, and of its end however it ends.
struct Waiting<'w> {
    watch: &'w dyn Watch,
    wait: Option<(Moment, Reason)>,
}

impl Waiting<'_> {
    fn wait_for(&mut self, wait: Wait) {
        if self.wait != Some((wait.until, wait.reason)) {
            self.end();
            self.watch.begun(&wait);
            self.wait = Some((wait.until, wait.reason));
        }
    }

    fn end(&mut self) {
        if self.wait.take().is_some() {
            self.watch.over();
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

/// Waits until then, for a reason that is no usage's.
pub async fn wait_until(clock: &Clock, until: Moment, reason: Reason, watch: &dyn Watch) {
    let mut waiting = Waiting { watch, wait: None };
    waiting.wait_for(Wait { since: clock.now(), until, reason });
    clock.sleep_until(until).await;
}

/// Some waits are not waited for.
fn refuse(retry: Retry, until: Moment, now: Moment, why: Reason, deadline: Option<Moment>) -> Result<()> {
    let is_quota = matches!(why, Reason::Quota(_) | Reason::RetryAfter);
    if is_quota && deadline.is_some_and(|deadline| deadline < until) {
        return Err(too_long(until - now, why, "which is past the timeout of this call"));
    }
    if why == Reason::RetryAfter && !retry.allows(1) {
        return Err(too_long(until - now, why, "and without retries it is not waited for"));
    }
    Ok(())
}

fn too_long(wait: Duration, why: Reason, but: &str) -> Error {
    let message = format!("{why}: the next request may go in {:.0} s, {but}", wait.as_secs_f64());
    let bound_by = Some(why.to_string());
    Error::new(Kind::RateLimited, message)
        .with_hint("give a longer timeout=, or push the rest later: result.resume_from says where")
        .with_answer(ServiceAnswer { retry_after: Some(wait), bound_by, ..ServiceAnswer::default() })
}
