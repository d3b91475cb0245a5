//! Whom a token speaks for.

/// Somebody who can sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Principal {
    /// The emulator's one user, to whom My workspace belongs.
    User,
    /// The emulator's one app: a service principal, which has no My workspace (facts/powerbi 8).
    App,
}
