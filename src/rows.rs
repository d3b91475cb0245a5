//! Rows: cells as a source hands them over, the schema that they are held against, and their bytes.

pub mod cell;
pub mod csv;
pub mod encode;
pub mod json;
pub mod schema;
