//! Logins: who may use the API, by a token and the cookies that came with it (facts/microstrategy 2.1).

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, header};
use uuid::Uuid;

use super::assumed::{Balancer, MicroStrategyAssumed};
use super::refusal::Refusal;
use super::{APPLICATION, new_id};
use crate::clock::Moment;
use crate::emulator::http::Answer;

pub(super) const AUTH_TOKEN: HeaderName = HeaderName::from_static("x-mstr-authtoken");
pub(super) const IDENTITY_TOKEN: HeaderName = HeaderName::from_static("x-mstr-identitytoken");
pub(super) const USER_NAME: &str = "emulator";
/// After so long without a request a session ends.
pub(super) const TIMEOUT: Duration = Duration::from_secs(1_800);

/// The user's secrets, and the sessions.
pub(super) struct Logins {
    pub(super) password: String,
    pub(super) api_token: String,
    pub(super) oauth_token: String,
    identity_tokens: Vec<String>,
    sessions: Vec<Session>,
}

/// What a login leads to.
struct Session {
    token: String,
    /// The value of `JSESSIONID`.
    cookie: String,
    /// The cookies of the load balancer so far: `node-1` to `node-count`.
    balanced: usize,
    used: Moment,
}

impl Default for Logins {
    fn default() -> Self {
        Self {
            password: new_id(),
            api_token: new_token(),
            oauth_token: format!("eyJ{}.{}", new_id(), new_id()),
            identity_tokens: Vec::new(),
            sessions: Vec::new(),
        }
    }
}

impl Logins {
    /// Whether a login of this mode and name is good (facts/microstrategy 2.1).
    pub(super) fn accepts(&self, mode: i64, name: &str, password: &str) -> bool {
        match mode {
            1 | 16 => name == USER_NAME && password == self.password,
            8 => true,
            4096 => name == self.api_token,
            _ => false,
        }
    }

    /// Begins a session: an answer with its token and cookies.
    pub(super) fn begin(&mut self, now: Moment, assumed: &MicroStrategyAssumed, answer: Answer) -> Answer {
        let session = Session { token: new_token(), cookie: new_id(), balanced: 0, used: now };
        let cookie = format!("JSESSIONID={}; Path={APPLICATION}; HttpOnly", session.cookie);
        let answer = answer.with_header(AUTH_TOKEN, &session.token).with_header(header::SET_COOKIE, cookie);
        let token = session.token.clone();
        self.sessions.push(session);
        self.balance(&token, assumed, answer)
    }

    /// The same answer with the session's next cookie of the load balancer, which is new with every answer.
    pub(super) fn balance(&mut self, token: &str, assumed: &MicroStrategyAssumed, answer: Answer) -> Answer {
        let session = self.sessions.iter_mut().find(|session| session.token == token);
        let Some(session) = session.filter(|_| assumed.balancer != Balancer::Absent) else { return answer };
        session.balanced += 1;
        answer.with_header(header::SET_COOKIE, format!("AWSALB={}-{}; Path=/", session.cookie, session.balanced))
    }

    /// The token of the session that a request belongs to.
    pub(super) fn check(
        &mut self,
        headers: &HeaderMap,
        now: Moment,
        assumed: &MicroStrategyAssumed,
    ) -> Result<String, Refusal> {
        let token = text(headers, &AUTH_TOKEN).ok_or_else(Refusal::session_expired)?;
        if token == self.oauth_token {
            return Ok(token.to_owned());
        }
        self.sessions.retain(|session| now - session.used < TIMEOUT);
        let session = self.sessions.iter_mut().find(|session| session.token == token);
        let session = session.filter(|session| session.has_cookies(headers, assumed.balancer));
        let session = session.ok_or_else(Refusal::session_expired)?;
        session.used = now;
        Ok(token.to_owned())
    }

    pub(super) fn end(&mut self, token: &str) {
        self.sessions.retain(|session| session.token != token);
    }

    pub(super) fn expire(&mut self) {
        self.sessions.clear();
    }

    pub(super) fn open(&self) -> usize {
        self.sessions.len()
    }

    pub(super) fn make_identity_token(&mut self) -> String {
        let token = new_token();
        self.identity_tokens.push(token.clone());
        token
    }

    pub(super) fn has_identity_token(&self, token: &str) -> bool {
        self.identity_tokens.iter().any(|known| known == token)
    }
}

impl Session {
    fn has_cookies(&self, headers: &HeaderMap, balancer: Balancer) -> bool {
        let cookie = |name: &str| {
            let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
            let mut pairs = all.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let number = || cookie("AWSALB")?.strip_prefix(self.cookie.as_str())?.strip_prefix('-')?.parse::<usize>().ok();
        cookie("JSESSIONID") == Some(self.cookie.as_str())
            && match balancer {
                Balancer::Sticky => number().is_some_and(|number| (1..=self.balanced).contains(&number)),
                Balancer::Newest => number() == Some(self.balanced),
                Balancer::Absent => true,
            }
    }
}

/// A header's text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// 26 digits of base 32, as the service's own tokens.
fn new_token() -> String {
    let number = Uuid::new_v4().as_u128();
    (0..26).rev().filter_map(|at| char::from_digit(u32::try_from((number >> (5 * at)) & 31).ok()?, 32)).collect()
}

/// The body of a login as the log may show it: nothing of it, since a token may stand in any field.
pub(super) fn redacted(body: &[u8]) -> &'static str {
    if body.is_empty() { "" } else { "***" }
}
