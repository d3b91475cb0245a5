//! Where rows go: which dialect they speak there, what one request may hold, and how it is addressed.

mod push_dataset;
mod streaming;

use std::fmt::Debug;

use bytes::Bytes;

pub use self::push_dataset::PushDataset;
pub use self::streaming::Streaming;
use crate::encode::{Dialect, Limits};
use crate::transport::Request;

/// An answer to rows is empty, or an error that fits easily, in bytes.
const ANSWER_LIMIT: usize = 64 * 1024;

/// The largest body that live tiles show, and that a dataset takes which only streams. Source: "Real-time streaming in
/// Power BI", the comparison of real-time models.
pub(crate) const TILE_BYTES: usize = 15_000;

/// A place that takes rows.
pub trait Destination: Debug + Send + Sync {
    /// How its bodies look.
    fn dialect(&self) -> &'static Dialect;

    /// What one request may hold.
    fn limits(&self) -> Limits;

    /// What tells it from other destinations. May hold a secret.
    fn key(&self) -> &str;

    /// The request that delivers the rows of `body`; `number` is their sequence number, where they have one.
    fn request(&self, body: Bytes, number: Option<u64>) -> Request;
}
