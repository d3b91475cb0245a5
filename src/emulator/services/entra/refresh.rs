//! Refresh tokens: each use brings the next one, and each ends on its own (facts/entra 5h).

use std::collections::HashMap;

use super::failure::Failure;
use super::random;

/// How long one lasts from its making on, in seconds: 90 days, which its use does not prolong.
const LIFETIME: u64 = 90 * 86_400;

/// Those that were given: what each is for, and when it ends.
#[derive(Default)]
pub(super) struct RefreshTokens(HashMap<String, (String, u64)>);

impl RefreshTokens {
    /// A new one, for `scope`.
    pub(super) fn issue(&mut self, scope: &str, now: u64) -> String {
        let token = format!("1.{}", random());
        self.0.insert(token.clone(), (scope.to_owned(), now + LIFETIME));
        token
    }

    /// What it is for. It stays good: the service does not take it back when the next one is given.
    pub(super) fn scope(&self, token: &str, now: u64) -> Result<&str, Failure> {
        match self.0.get(token) {
            None => {
                Err(Failure::new(9_002_313, "Invalid request. Request is malformed or invalid.")
                    .called("invalid_grant"))
            }
            Some((_, 0)) => {
                let message = "The provided grant has expired due to it being revoked, a fresh auth token is needed.";
                Err(Failure::new(50_173, message))
            }
            Some((_, ends)) if *ends <= now => {
                Err(Failure::new(700_082, "The refresh token has expired due to inactivity."))
            }
            Some((scope, _)) => Ok(scope),
        }
    }

    /// Makes all so far good for nothing.
    pub(super) fn revoke(&mut self) {
        self.0.values_mut().for_each(|(_, ends)| *ends = 0);
    }
}
