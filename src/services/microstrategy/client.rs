//! Clients: one session with one Library, in one project.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::{Method, Url};
use tokio::sync::OnceCell;

use super::address::below;
use super::answers::Speech;
use super::operation::Call;
use super::session::{Session, SignIn};
use crate::clock::Clock;
use crate::delivery::report::Meter;
use crate::error::{Error, Kind, Result, shown};
use crate::http::transport::{Settings, Transport};
use crate::http::{Answer, Exchanges};
use crate::rate_limit::{Quotas, RateLimit, Watch};
use crate::retry::Retry;

/// How long a logout is waited for.
const GOODBYE: Duration = Duration::from_secs(10);

/// A client of one Library.
#[derive(Debug, Clone)]
pub struct Client {
    pub(super) http: Arc<Exchanges>,
    pub(super) root: Url,
    pub(super) clock: Clock,
    pub(super) retry: Retry,
    pub(super) limit: RateLimit,
    /// Who is told of waits.
    pub(super) watch: Arc<dyn Watch>,
    session: Arc<Session>,
    /// What the user calls the project; the only one where that is nothing.
    wanted: Option<String>,
    project: Arc<OnceCell<String>>,
    meter: Arc<Mutex<Meter>>,
    /// Uploads that this login is for.
    uploads: Arc<AtomicUsize>,
    /// Where chunks wait.
    pub(super) spool_dir: Option<PathBuf>,
}

impl Client {
    /// Nothing is sent and nobody signed in yet.
    pub fn new(
        root: Url,
        sign_in: SignIn,
        project: Option<String>,
        settings: &Settings,
        retry: Retry,
        clock: Clock,
        spool_dir: Option<PathBuf>,
    ) -> Result<Self> {
        settings.check_way(&root)?;
        let transport = Transport::new(settings, clock.clone())?;
        let session = Arc::new(Session::new(sign_in, &root, transport.clone(), retry, clock.clone())?);
        let http = Exchanges::new(transport, Arc::new(Speech)).signed_by(Arc::clone(&session) as _);
        Ok(Self {
            http: Arc::new(http),
            root,
            limit: RateLimit::alone(clock.clone(), Quotas::NONE),
            clock,
            retry,
            watch: Arc::new(()),
            session,
            wanted: project,
            project: Arc::default(),
            meter: Arc::default(),
            uploads: Arc::default(),
            spool_dir,
        })
    }

    /// The same, which tells `watch` of its waits, and counts what it sends anew.
    #[must_use]
    pub fn watched(&self, watch: Arc<dyn Watch>) -> Self {
        Self { watch, meter: Arc::default(), ..self.clone() }
    }

    /// The same, which tells `watch` of its waits.
    #[must_use]
    pub(super) fn telling(&self, watch: Arc<dyn Watch>) -> Self {
        Self { watch, ..self.clone() }
    }

    /// The same for one attempt that nothing holds.
    pub(super) fn aside(&self) -> Self {
        Self { limit: RateLimit::alone(self.clock.clone(), Quotas::NONE), retry: Retry::never(), ..self.clone() }
    }

    /// What sending has cost so far.
    pub fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time that it goes by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The address of the Library.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.root.as_str().trim_end_matches('/').to_owned()
    }

    /// Where chunks wait: what the user said, or the system's temporary folder.
    #[must_use]
    pub fn spool_dir(&self) -> PathBuf {
        self.spool_dir.clone().unwrap_or_else(std::env::temp_dir)
    }

    /// `POST auth/logout`, again where the answer got lost. The session is over whatever the service says to that.
    pub async fn log_out(&self) -> Result<()> {
        let url = below(&self.root, &["auth", "logout"])?;
        let call = Call { renews: false, repeatable: true, ..Call::new(Method::POST, url, "logging out") };
        let leaving = async {
            if !self.session.is_open().await {
                return Ok(());
            }
            self.attempt(&call).await.map(drop)
        };
        // Nobody waits long for a goodbye.
        let answered = tokio::select! {
            answered = leaving => answered,
            () = self.clock.deadline(self.clock.now() + GOODBYE) => {
                Err(Error::new(Kind::TransportTimeout, "logging out was not answered").into())
            }
        };
        self.session.forget();
        match answered {
            // Where it had ended there was nothing to log out of.
            Err(setback) if setback.error.kind != Kind::Authentication => Err(setback.error),
            _ => Ok(()),
        }
    }

    /// Logs out for an upload that is in the way, unless others have this login too and would end with it.
    pub(super) async fn log_out_alone(&self) -> Result<()> {
        if self.uploads.load(Ordering::Acquire) > 1 { Ok(()) } else { self.log_out().await }
    }

    /// Logs out; nobody signs in again.
    pub async fn close(&self) -> Result<()> {
        self.session.close();
        self.log_out().await
    }

    /// Takes note of an upload.
    pub(super) fn begin_upload(&self) -> UploadCount {
        self.uploads.fetch_add(1, Ordering::AcqRel);
        UploadCount(Arc::clone(&self.uploads))
    }

    /// The id of the project that everything is in.
    pub(super) async fn project(&self) -> Result<&str> {
        let found = self.project.get_or_try_init(|| self.find_project(self.wanted.as_deref())).await;
        found.map(String::as_str)
    }

    /// The same once it was found.
    pub(super) fn found_project(&self) -> &str {
        self.project.get().map(String::as_str).unwrap_or_default()
    }

    /// Calls an operation of the project.
    pub(super) async fn within(&self, call: Call) -> Result<Call> {
        Ok(call.within(self.project().await?))
    }

    /// Calls an operation of the project, and answers what it says.
    pub(super) async fn ask(&self, call: Call) -> Result<Answer> {
        self.call(self.within(call).await?).await
    }

    /// Takes the dataset for one upload; a second one at the same time is refused.
    pub fn claim(&self, dataset: &str) -> Result<Claim> {
        let key = format!("{} {}", self.root, dataset.to_ascii_uppercase());
        if !claimed().insert(key.clone()) {
            let message = format!("an upload to the dataset `{}` is under way already", shown(dataset));
            return Err(Error::configuration(message)
                .with_hint("the service takes one at a time: publish or discard that one first"));
        }
        Ok(Claim(key))
    }
}

/// An upload that is counted until this goes.
#[derive(Debug)]
pub(super) struct UploadCount(Arc<AtomicUsize>);

impl Drop for UploadCount {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

static CLAIMED: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

fn claimed() -> MutexGuard<'static, HashSet<String>> {
    CLAIMED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A dataset that somebody is uploading to, until this goes.
#[derive(Debug)]
pub struct Claim(String);

impl Drop for Claim {
    fn drop(&mut self) {
        claimed().remove(&self.0);
    }
}
