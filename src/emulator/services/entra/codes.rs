//! Authorization codes: what the browser brings back, good once and for a short while (facts/entra 5g).

use std::collections::HashMap;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};

use super::failure::Failure;
use super::random;

/// How long a code lasts, in seconds (assumed: about ten minutes).
const LIFETIME: u64 = 600;

/// What a person is asked on the page, and what the code then stands for.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) redirect: String,
    pub(super) scope: String,
    pub(super) state: Option<String>,
    pub(super) nonce: Option<String>,
    /// The challenge of PKCE, where the client proves itself by it.
    pub(super) challenge: Option<Challenge>,
    /// It comes back in a form that the page posts, instead of behind a `?`.
    pub(super) by_form: bool,
}

/// What the verifier has to become.
#[derive(Debug, Clone)]
pub(super) struct Challenge {
    pub(super) text: String,
    /// By `S256`; otherwise the verifier itself.
    pub(super) is_hashed: bool,
}

struct Code {
    asked: Asked,
    ends: u64,
    is_used: bool,
}

/// Pages that wait for a person, and codes that wait for a client.
#[derive(Default)]
pub(super) struct Codes {
    pages: HashMap<String, Asked>,
    codes: HashMap<String, Code>,
}

impl Codes {
    /// A ticket for a page that asks.
    pub(super) fn open(&mut self, asked: Asked) -> String {
        let ticket = random();
        self.pages.insert(ticket.clone(), asked);
        ticket
    }

    /// What the page with this ticket asked, once.
    pub(super) fn close(&mut self, ticket: &str) -> Option<Asked> {
        self.pages.remove(ticket)
    }

    /// A code for what was asked and granted.
    pub(super) fn issue(&mut self, asked: Asked, now: u64) -> String {
        let code = format!("1.{}", random());
        self.codes.insert(code.clone(), Code { asked, ends: now + LIFETIME, is_used: false });
        code
    }

    /// What the code stands for, if whoever brings it is the one who asked.
    pub(super) fn redeem(
        &mut self,
        code: &str,
        redirect: &str,
        verifier: Option<&str>,
        now: u64,
    ) -> Result<Asked, Failure> {
        let known = self.codes.get_mut(code);
        let known =
            known.ok_or_else(|| Failure::new(70_000, "The provided value for the 'code' parameter is not valid."))?;
        if known.is_used {
            return Err(Failure::new(
                54_005,
                "OAuth2 Authorization code was already redeemed, please retry with a new valid code.",
            ));
        }
        if known.ends <= now {
            return Err(Failure::new(
                70_008,
                "The provided authorization code or refresh token has expired due to inactivity.",
            ));
        }
        if known.asked.redirect != redirect {
            let message =
                format!("The reply address '{redirect}' does not match the one of the authorization request.");
            return Err(Failure::new(500_112, message));
        }
        let proven = match (&known.asked.challenge, verifier) {
            (None, _) => true,
            (Some(_), None) => return Err(Failure::new(50_148, "The code_verifier is missing.")),
            (Some(challenge), Some(verifier)) if challenge.is_hashed => {
                BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())) == challenge.text
            }
            (Some(challenge), Some(verifier)) => challenge.text == verifier,
        };
        if !proven {
            let message = "The Code_Verifier does not match the code_challenge supplied in the authorization request.";
            return Err(Failure::new(501_481, message));
        }
        known.is_used = true;
        Ok(known.asked.clone())
    }
}
