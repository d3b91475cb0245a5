//! HTTP: one exchange at a time, with a permit of the rate limit and the sign-in that the service wants.
//!
//! ```text
//!  request ─▶ exchanges ─▶ permit ─▶ sign-in ─▶ transport ─▶ answer, or how far it came
//!             (rate_limit)  (authentication)   (bytes)       (dialect: in the service's words)
//!     ▲                                                                │
//!     └───── retry: the one loop, of deliveries, operations, sign-ins ─┘
//! ```

mod answer;
mod authentication;
mod dialect;
mod exchanges;
mod operation;
mod retry;
pub mod transport;

pub use self::answer::{Answer, Outcome, Refusal, Said};
pub(crate) use self::answer::{BYTE_ORDER_MARK, stranger};
pub use self::authentication::{Authentication, Later, Signature};
pub use self::dialect::Dialect;
pub use self::exchanges::{Exchanges, PermitRequest, Sent};
pub use self::operation::{Heard, OnExpiry, Operation, PATIENCE, Setback};
pub use self::retry::{Attempt, Attempts, BackOff, Next, Terms, repeat};
