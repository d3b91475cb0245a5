//! The delivery engine: it takes encoded rows from a queue, sends them in batches, and settles every one. It knows no service.

pub mod queue;
pub mod report;
mod route;
mod sink;
mod verdict;
pub mod worker;

pub use self::route::Route;
pub use self::sink::{Committed, Committing, Fault, Parcel, Session, Sink, always_open};
pub use self::verdict::{Verdict, judge};
