//! Faults that a test has ordered, taken in order of their arrival.

use std::collections::VecDeque;
use std::fmt;

use axum::http::{HeaderValue, StatusCode};

use super::service::Route;
use crate::error::{Error, Result};

/// An answer that the next requests get instead of being handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailNext {
    /// The HTTP status, 200 to 599.
    pub status: u16,
    /// The text of the `Retry-After` header, sent as it is.
    pub retry_after: Option<String>,
    /// How many requests are answered so.
    pub times: usize,
    /// Only requests to this operation (`Datasets_PostRows`, in a workspace or not; `PushUrl_PostRows`; `Entra_Token`)
    /// or with this text in their path; `None` stands for all but sign-ins.
    pub route: Option<String>,
    /// The service's word for the failure, such as `PowerBINotAuthorizedException`; of a sign-in, an AADSTS number.
    pub code: Option<String>,
    /// The service's sentence.
    pub message: Option<String>,
    /// The body; `None` gives the one that the service was seen to send with the status, or with the code.
    pub body: Option<String>,
}

impl FailNext {
    /// One answer with `status`, to whatever request comes next.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self { status, retry_after: None, times: 1, route: None, code: None, message: None, body: None }
    }

    fn matches(&self, route: &Route, path: &str) -> bool {
        let Some(wanted) = &self.route else { return !route.signs_in };
        route.is(wanted, path)
    }
}

impl Route {
    /// Whether it is the operation `wanted`, or has it in its path.
    fn is(&self, wanted: &str, path: &str) -> bool {
        [self.operation, self.alias].iter().flatten().any(|name| *name == wanted) || path.contains(wanted)
    }
}

/// What happens to one request.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is answered so, with this status and `Retry-After`.
    Answer(Box<FailNext>, StatusCode, Option<HeaderValue>),
    /// It is handled, and the connection closed.
    Drop,
}

#[derive(Debug)]
enum Order {
    Fail(FailNext, StatusCode, Option<HeaderValue>),
    /// `None` stands for all requests that bring rows.
    Drop {
        times: usize,
        route: Option<String>,
    },
}

/// The faults that are still to come.
#[derive(Debug, Default)]
pub(super) struct Faults(VecDeque<Order>);

impl Faults {
    /// Takes an order in; `knows` says whether some service has a route, `operations` lists what there is.
    pub(super) fn fail(
        &mut self,
        fault: FailNext,
        knows: impl Fn(&str) -> bool,
        operations: impl Fn() -> Vec<&'static str>,
    ) -> Result<()> {
        check_route(fault.route.as_deref(), knows, operations)?;
        let status = StatusCode::from_u16(fault.status).ok().filter(|status| (200..600).contains(&status.as_u16()));
        let status = status.ok_or_else(|| wrong("status", &fault.status, "use 200 to 599"))?;
        if let Some(body) = fault.body.as_ref().filter(|_| fault.code.is_some() || fault.message.is_some()) {
            return Err(wrong("body", body, "give either the body, or a code and a message"));
        }
        let retry_after = match &fault.retry_after {
            Some(text) => {
                Some(HeaderValue::from_str(text).map_err(|_| wrong("retry_after", text, "use printable ASCII"))?)
            }
            None => None,
        };
        if fault.times > 0 {
            self.0.push_back(Order::Fail(fault, status, retry_after));
        }
        Ok(())
    }

    /// Takes an order in, as `fail` does.
    pub(super) fn drop_response(
        &mut self,
        times: usize,
        route: Option<String>,
        knows: impl Fn(&str) -> bool,
        operations: impl Fn() -> Vec<&'static str>,
    ) -> Result<()> {
        check_route(route.as_deref(), knows, operations)?;
        if times > 0 {
            self.0.push_back(Order::Drop { times, route });
        }
        Ok(())
    }

    /// How many requests are still to meet one.
    pub(super) fn left(&self) -> usize {
        let left = self.0.iter().map(|order| match order {
            Order::Fail(fault, ..) => fault.times,
            Order::Drop { times, .. } => *times,
        });
        left.fold(0, usize::saturating_add)
    }

    /// The first fault that fits the request; it is then used up once.
    pub(super) fn take(&mut self, route: &Route, path: &str) -> Option<Fault> {
        let at = self.0.iter().position(|order| match order {
            Order::Fail(fault, ..) => fault.matches(route, path),
            Order::Drop { route: None, .. } => route.fills.is_some(),
            Order::Drop { route: Some(wanted), .. } => route.is(wanted, path),
        })?;
        let (fault, left) = match &mut self.0[at] {
            Order::Fail(fault, status, retry_after) => {
                fault.times -= 1;
                (Fault::Answer(Box::new(fault.clone()), *status, retry_after.clone()), fault.times)
            }
            Order::Drop { times, .. } => {
                *times -= 1;
                (Fault::Drop, *times)
            }
        };
        if left == 0 {
            self.0.remove(at);
        }
        Some(fault)
    }
}

/// Whether there is such a route, where one is named.
fn check_route(
    route: Option<&str>,
    knows: impl Fn(&str) -> bool,
    operations: impl Fn() -> Vec<&'static str>,
) -> Result<()> {
    let Some(wanted) = route.filter(|wanted| !knows(wanted)) else { return Ok(()) };
    let hint = format!("name an operation, or a part of a path such as /rows: {}", operations().join(", "));
    Err(wrong("route", &wanted, &hint))
}

fn wrong(argument: &str, value: &dyn fmt::Display, hint: &str) -> Error {
    Error::configuration(format!("`{argument}` of a fault cannot be `{value}`")).with_hint(hint)
}
