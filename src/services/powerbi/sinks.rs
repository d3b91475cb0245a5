//! Where rows go in Power BI: which framing they have there, what one request may hold, and how it is addressed.

mod push_dataset;
mod streaming;

pub use self::push_dataset::{PUSH_ROWS, PushDataset, TableAt};
pub use self::streaming::{PUSH_ARRAY, Streaming};

/// An answer to rows is empty, or an error that fits easily, in bytes.
const ANSWER_LIMIT: usize = 64 * 1024;

/// The largest body that live tiles show, and that a dataset takes which only streams. Source: "Real-time streaming in
/// Power BI", the comparison of real-time models.
const TILE_BYTES: usize = 15_000;
