//! The services that the emulator plays, one folder each. None knows another; each implements [`super::http::Service`].

pub(super) mod entra;
pub(super) mod microstrategy;
pub(super) mod powerbi;
