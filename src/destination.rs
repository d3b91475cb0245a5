//! Where rows go: which dialect they speak there, what one request may hold, and how it is addressed.

mod push_dataset;

pub use self::push_dataset::PushDataset;
