//! Logins, and what else is below `/auth` (facts/microstrategy 2.1).

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::{Asked, is_json};
use crate::emulator::http::{Answer, query};
use crate::emulator::services::microstrategy::logins::{self, IDENTITY_TOKEN};
use crate::emulator::services::microstrategy::refusal::Refusal;

/// A login's body, as JSON or as a form.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct LoginSaid {
    login_mode: Option<Mode>,
    username: String,
    password: String,
    identity_token: String,
}

/// The number of a kind of login; a number or a text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Mode {
    Number(i64),
    Text(String),
}

impl LoginSaid {
    /// The mode; standard where none is named.
    fn mode(&self) -> i64 {
        match &self.login_mode {
            None => 1,
            Some(Mode::Number(mode)) => *mode,
            Some(Mode::Text(text)) => text.parse().unwrap_or(0),
        }
    }
}

impl Asked<'_> {
    pub(super) fn log_in(&mut self) -> Result<Answer, Refusal> {
        let said = self.login_said()?;
        if !self.state.logins.accepts(said.mode(), &said.username, &said.password) {
            return Err(Refusal::login_failed());
        }
        Ok(self.begin(StatusCode::NO_CONTENT))
    }

    fn login_said(&self) -> Result<LoginSaid, Refusal> {
        if is_json(self.request) {
            return self.body();
        }
        let text = std::str::from_utf8(&self.request.body).map_err(|_| Refusal::login_failed())?;
        let fields = query::pairs(text).map_err(|_| Refusal::login_failed())?;
        let mut said = LoginSaid::default();
        for (name, value) in fields {
            match name.as_str() {
                "loginMode" => said.login_mode = Some(Mode::Text(value)),
                "username" => said.username = value,
                "password" => said.password = value,
                _ => {}
            }
        }
        Ok(said)
    }

    fn begin(&mut self, status: StatusCode) -> Answer {
        let now = self.now();
        self.state.logins.begin(now, self.assumed, Answer::empty(status))
    }

    pub(super) fn log_out(&mut self) -> Answer {
        self.state.logins.end(&self.login);
        self.state.uploads.forget(&self.login, self.assumed);
        Answer::empty(StatusCode::NO_CONTENT)
    }

    pub(super) fn delegate(&mut self) -> Result<Answer, Refusal> {
        let said: LoginSaid = self.body()?;
        if said.mode() != -1 || !self.state.logins.has_identity_token(&said.identity_token) {
            return Err(Refusal::login_failed());
        }
        Ok(self.begin(StatusCode::NO_CONTENT))
    }

    pub(super) fn make_identity_token(&mut self) -> Answer {
        let token = self.state.logins.make_identity_token();
        Answer::empty(StatusCode::CREATED).with_header(IDENTITY_TOKEN, token)
    }

    pub(super) fn check_identity_token(&self) -> Result<Answer, Refusal> {
        let token = logins::text(&self.request.parts.headers, &IDENTITY_TOKEN).unwrap_or_default();
        let is_known = self.state.logins.has_identity_token(token);
        is_known.then(|| Answer::empty(StatusCode::OK)).ok_or_else(Refusal::session_expired)
    }

    pub(super) fn make_api_token(&self) -> Answer {
        Answer::json(StatusCode::OK, &json!({"apiToken": self.state.logins.api_token}))
    }
}
