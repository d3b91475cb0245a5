//! The services that rows go to: a folder each, and nothing of one in another.

pub mod microstrategy;
pub mod powerbi;
