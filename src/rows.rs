//! Rows: cells as a source hands them over, or as CSV holds them, the schema that they are held against, and their bytes.

pub mod cell;
pub mod csv;
pub mod encode;
pub mod json;
pub mod schema;
