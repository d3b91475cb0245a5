//! The core's tests, in one binary.

mod layering;
