//! Where rows go, as far as the engine knows: a table, a push URL, an upload. Each service has its own.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::Verdict;
use crate::error::Error;
use crate::http::transport::{Body, Request};
use crate::http::{Answer, Later};
use crate::rate_limit::Watch;
use crate::rows::encode::{Framing, Limits};

/// A place that takes rows.
pub trait Sink: Debug + Send + Sync {
    /// How its bodies look.
    fn framing(&self) -> &'static Framing;

    /// What one request may hold, as far as that is known by now.
    fn limits(&self) -> Limits;

    /// What tells it from other sinks. May hold a secret.
    fn key(&self) -> &str;

    /// Deletes the rows that are there, for a push that replaces them.
    fn clear(&self, watch: Arc<dyn Watch>) -> Later<'_, ()>;

    /// Opens it for rows; `numbered` asks for a session whose requests are numbered.
    fn open(&self, numbered: bool, watch: Arc<dyn Watch>) -> Later<'_, Session>;

    /// The request that delivers the rows of `parcel`.
    fn request(&self, session: &Session, parcel: Parcel) -> Request;

    /// Whether rows count only once their session is committed: until then none is in doubt, whatever became of a request.
    fn stages(&self) -> bool {
        false
    }

    /// Makes everything that was staged in `session` count, or says why it does not. Sinks that stage nothing have nothing
    /// to do.
    fn commit<'a>(&'a self, _session: &'a Session, _watch: Arc<dyn Watch>) -> Committing<'a> {
        Box::pin(async { Committed::Whole })
    }

    /// Ends `session` on every way out but a commit that is known to be whole.
    fn abandon<'a>(&'a self, _session: &'a Session) -> Later<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    /// Whether a session ends with the sign-in that it was opened by: then what was staged is sent again in another one.
    fn restarts_with_sign_in(&self) -> bool {
        false
    }

    /// How long a session may be left alone before it needs [`Sink::keep`]; `None` where it never does.
    fn keeps_every(&self) -> Option<Duration> {
        None
    }

    /// Tells the service that `session` is needed still.
    fn keep<'a>(&'a self, _session: &'a Session) -> Later<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    /// What an answer means for the rows that were sent.
    fn classify(&self, answer: &Answer) -> Verdict;

    /// Whether a refusal may be about the rows, so that others would be taken.
    fn fault(&self, answer: &Answer) -> Fault;

    /// A body of so many bytes was too large: what that says about its limits, the sink may remember.
    fn note_too_large(&self, _bytes: usize) {}

    /// Whether a refusal is one of a sequence number.
    fn is_about_numbers(&self, _answer: &Answer) -> bool {
        false
    }

    /// How a column is added that it does not know.
    fn adds_columns_by(&self) -> &'static str;
}

/// Rows of one request.
#[derive(Debug, Clone, Default)]
pub struct Parcel {
    /// The rows in the framing of the sink.
    pub body: Body,
    /// Their sequence number, where they have one.
    pub sequence_number: Option<u64>,
    /// The part of the sink that they are for, where it has several.
    pub part: usize,
}

/// A sink that is open for rows.
#[derive(Debug, Default)]
pub struct Session {
    /// The sequence number that the service has had last, where requests are numbered.
    pub last_sequence_number: Option<u64>,
    /// What the service calls the session, where it has some.
    pub id: Option<String>,
    asked: AtomicBool,
}

impl Session {
    /// A session that the service calls `id`, in which requests are numbered from behind `last_sequence_number`.
    #[must_use]
    pub fn new(id: Option<String>, last_sequence_number: Option<u64>) -> Self {
        Self { last_sequence_number, id, asked: AtomicBool::new(false) }
    }

    /// Notes that the service is being asked to make the rows count, or that it has refused to.
    pub fn note_asked(&self, asked: bool) {
        self.asked.store(asked, Ordering::Release);
    }

    /// Whether the service was asked to make the rows count, and has not refused: whoever stops waiting now is in doubt.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }
}

/// What became of everything that was staged.
#[derive(Debug)]
pub enum Committed {
    /// The service has all of it.
    Whole,
    /// The service has none of it.
    Nothing(Error),
    /// Nobody knows.
    InDoubt(Error),
    /// The service has none of it, since the session has ended with its sign-in; there is another sign-in by now.
    Expired(Error),
}

/// A commit on its way.
pub type Committing<'a> = Pin<Box<dyn Future<Output = Committed> + Send + 'a>>;

/// For sinks that nothing can be deleted from, and that are open without a word.
#[must_use]
pub fn always_open<'a>() -> Later<'a, Session> {
    Box::pin(async { Ok(Session::default()) })
}

/// What a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Not the rows.
    Elsewhere,
    /// Some of the rows: the others would be taken.
    Rows,
    /// The columns of the rows, or the sink that is gone: while others get through it is the rows.
    RowsOrSink,
}
