//! Permit, sign-in, exchange: the one way by which a request reaches a service.

use std::sync::Arc;

use secrecy::ExposeSecret;

use super::answer::{Answer, Outcome};
use super::authentication::{Authentication, Signature};
use super::dialect::Dialect;
use super::transport::{Progress, Request, Transport, check_emulated};
use crate::clock::Moment;
use crate::error::{Error, Result, blotted, one_line, shown};
use crate::rate_limit::{Ask, Ending, Permit, RateLimit, Watch};

/// One exchange, done.
#[derive(Debug)]
pub struct Sent {
    /// How it ended.
    pub outcome: Outcome,
    /// Which sign-in it went with; `None` where none is needed.
    pub signed_as: Option<u64>,
    /// The permit that it took: whoever judges the outcome says how it ended.
    pub permit: Permit,
}

/// The permit that a request takes, and of whom.
pub struct PermitRequest<'l> {
    /// What holds it.
    pub limit: &'l RateLimit,
    /// What it asks for.
    pub ask: Ask,
    /// No wait for a quota may be known to reach past it.
    pub deadline: Option<Moment>,
    /// Who is told of waits.
    pub watch: &'l dyn Watch,
}

/// A permit until the outcome is known: whoever stops waiting for that leaves the truth behind.
struct UnderWay<'p> {
    permit: Permit,
    progress: &'p Progress,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.permit.end(if self.progress.has_begun() { Ending::Abandoned } else { Ending::Unsent });
    }
}

/// Exchanges with one service: a pool of connections, the way it speaks, and a sign-in where it wants one.
#[derive(Debug)]
pub struct Exchanges {
    transport: Transport,
    dialect: Arc<dyn Dialect>,
    authentication: Option<Arc<dyn Authentication>>,
}

impl Exchanges {
    /// Nothing is sent and nobody signed in yet.
    #[must_use]
    pub fn new(transport: Transport, dialect: Arc<dyn Dialect>) -> Self {
        Self { transport, dialect, authentication: None }
    }

    /// The same, signed.
    #[must_use]
    pub fn signed_by(self, authentication: Arc<dyn Authentication>) -> Self {
        Self { authentication: Some(authentication), ..self }
    }

    /// How the service speaks.
    #[must_use]
    pub fn dialect(&self) -> &dyn Dialect {
        &*self.dialect
    }

    /// A refusal as users see it; `doing` says what was asked of the service.
    #[must_use]
    pub fn explain(&self, answer: &Answer, doing: &str) -> Error {
        if let Some(error) = answer.strange(doing) {
            return error;
        }
        let error = self.dialect.explain(answer, doing);
        match (answer.remark, error.hint.clone()) {
            (Some(remark), Some(hint)) => error.with_hint(format!("{remark}; {hint}")),
            _ => error,
        }
    }

    /// Sends `request` once: the permit first, so that the sign-in is fresh when the bytes go.
    pub async fn send(&self, request: &Request, wanted: PermitRequest<'_>, progress: &Arc<Progress>) -> Result<Sent> {
        check_emulated("the request", &request.url)?;
        let permit = wanted.limit.permit(wanted.ask, wanted.deadline, wanted.watch).await?;
        let mut under_way = UnderWay { permit, progress };
        let signature = match &self.authentication {
            Some(authentication) => Some(authentication.sign(request).await?),
            None => None,
        };
        let outcome = self.exchange(request, signature.as_ref(), progress).await;
        Ok(Sent {
            outcome,
            signed_as: signature.map(|signature| signature.generation),
            permit: under_way.permit.hand_on(),
        })
    }

    async fn exchange(&self, request: &Request, signature: Option<&Signature>, progress: &Arc<Progress>) -> Outcome {
        let headers = signature.map(|signature| signature.headers.as_slice()).unwrap_or_default();
        let response = match self.transport.send(request, headers, progress).await {
            Ok(response) => response,
            Err(failure) => return Outcome::Failed(failure),
        };
        let query = request.secret_values();
        let signed = signature.iter().flat_map(|signature| &signature.secrets).map(ExposeSecret::expose_secret);
        let secrets = signed.chain(query.iter().map(String::as_str)).filter(|secret| !secret.is_empty());
        let secrets: Vec<_> = secrets.collect();
        let mut said = self.dialect.read(&response, &secrets);
        // Whoever answers chooses it, and it goes into logs and reports.
        let id = said.request_id.as_deref().and_then(one_line);
        said.request_id = id.map(|id| shown(&blotted(&id, &secrets)));
        if let Some(authentication) = &self.authentication {
            authentication.hear(&response);
        }
        let mut answer = Answer::new(response, said);
        // Only a refusal is worth the look.
        if let (401, Some(authentication), Some(signature)) = (answer.status, &self.authentication, signature) {
            answer.remark = authentication.remark(signature);
        }
        Outcome::Answered(answer)
    }

    /// Replaces the sign-in that the service refused; `false` where there is none to replace.
    pub async fn renew(&self, refused: Option<u64>) -> Result<bool> {
        match (&self.authentication, refused) {
            (Some(authentication), Some(refused)) => authentication.renew(refused).await,
            _ => Ok(false),
        }
    }
}
