//! One vocabulary of failures: what went wrong, and what the user can do.

mod words;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "python")]
pub(crate) use self::words::without_keys;
pub(crate) use self::words::{Grouped, amount, blotted, holds_key, one_line, shown};

/// What went wrong, as a user tells failures apart; one Python exception each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An argument, a schema or the environment is wrong.
    Configuration,
    /// Rows do not fit their columns.
    Validation,
    /// Reading the caller's rows failed.
    Source,
    /// The service answered with a refusal that no narrower kind names.
    Service,
    /// No valid sign-in.
    Authentication,
    /// Signed in, but not allowed.
    PermissionDenied,
    /// The workspace, dataset, table or column is not there.
    NotFound,
    /// A quota holds the request back.
    RateLimited,
    /// One request was larger than the service takes.
    PayloadTooLarge,
    /// The service no longer offers the feature.
    FeatureRetired,
    /// The service could not be reached.
    Transport,
    /// The service did not answer in time.
    TransportTimeout,
    /// A time limit passed: the caller's own, or that for something which takes the service its time.
    Deadline,
    /// Rows were sent whole and never answered for.
    InDoubt,
    /// A sequence number was given by somebody else.
    SequenceConflict,
    /// Rows were left when a sender was closed.
    Undelivered,
    /// The outbox on disk cannot be used.
    Outbox,
    /// There is no room for more rows.
    OutboxFull,
    /// The object was closed.
    Closed,
    /// What nobody but us can have brought about.
    Bug,
}

/// What the service itself said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceAnswer {
    /// The HTTP status; `None` where our own quota held the request.
    pub status: Option<u16>,
    /// The service's word for the failure, such as `TokenExpired`.
    pub code: Option<String>,
    /// The id that Microsoft's support asks for.
    pub request_id: Option<String>,
    /// How long the service asked us to wait.
    pub retry_after: Option<Duration>,
    /// Which limit held the request, where it was one.
    pub bound_by: Option<String>,
    /// What it wants of the next token, in JSON.
    pub claims: Option<String>,
}

/// A failure: what happened, where, and what to do next. Never holds a secret or a URL's query.
#[derive(Debug, Clone)]
pub struct Error {
    /// What went wrong.
    pub kind: Kind,
    /// One sentence for people.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// What the service said, where it said something.
    pub answer: Box<ServiceAnswer>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// A failure of `kind` that `message` describes.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, answer: Box::default(), source: None }
    }

    /// Whether it may be over soon: nothing could be reached, or who was asked is busy or has a fault of its own.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self.kind {
            Kind::Transport | Kind::TransportTimeout | Kind::RateLimited => true,
            Kind::Service => matches!(self.answer.status, Some(408 | 500..)),
            _ => false,
        }
    }

    /// A wrong argument, schema or environment.
    pub fn configuration(message: impl Into<String>) -> Self {
        Self::new(Kind::Configuration, message)
    }

    /// Something of ours that should not have happened.
    #[must_use]
    pub fn bug(what: &str) -> Self {
        Self::new(Kind::Bug, format!("this is a bug of powerbi_push: {what}"))
            .with_hint("please report it, with what this program printed on stderr")
    }

    /// The same failure with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same failure with the service's own words.
    #[must_use]
    pub fn with_answer(mut self, answer: ServiceAnswer) -> Self {
        self.answer = Box::new(answer);
        self
    }

    /// The same failure with its cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// The result of everything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;
