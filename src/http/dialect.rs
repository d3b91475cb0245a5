//! How a service speaks beyond HTTP: what its answers say, and how that is told.

use std::fmt::Debug;

use super::answer::{Answer, Said};
use super::transport::Response;
use crate::error::Error;

/// The status of a sign-in that has ended.
const UNAUTHORIZED: u16 = 401;

/// How a service speaks.
pub trait Dialect: Debug + Send + Sync {
    /// What `response` says in the service's own words. A service may repeat what it was sent: none of `secrets` is.
    fn read(&self, response: &Response, secrets: &[&str]) -> Said;

    /// A refusal as users see it, with what to do about it; `doing` says what was asked of the service.
    fn explain(&self, answer: &Answer, doing: &str) -> Error;

    /// Whether the sign-in has ended, so that another one may help.
    fn is_expired(&self, answer: &Answer) -> bool {
        answer.status == UNAUTHORIZED
    }

    /// Whether the same request may be answered otherwise in a while.
    fn is_passing(&self, answer: &Answer) -> bool {
        matches!(answer.status, 408 | 429 | 500..)
    }
}
