//! HTTP: one exchange at a time, with a permit of the rate limit and the sign-in that the far end wants.

pub mod transport;
pub mod wire;
