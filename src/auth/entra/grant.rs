//! A form that is posted to Microsoft Entra, and what it answers: what every grant has in common.

use std::time::SystemTime;

use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::super::account::FetchContext;
use super::super::audience::Service;
use super::super::exchange::{self, ANSWER_LIMIT, Next};
use super::refusal;
use crate::error::Result;
use crate::http::transport::{Failure, Request, Response};

/// What a sign-in sends (RFC 6749, section 4.4.2).
const FORM: &str = "application/x-www-form-urlencoded";

/// What is to be posted.
#[derive(Debug)]
pub(super) struct Form {
    /// What goes on, and where, as every message begins.
    doing: String,
    /// Whom people sign in for.
    service: &'static Service,
    url: Url,
    fields: Vec<Field>,
}

#[derive(Debug)]
struct Field {
    name: &'static str,
    value: SecretString,
    is_secret: bool,
}

impl Form {
    /// An empty form for `url`.
    pub(super) fn new(doing: String, service: &'static Service, url: Url) -> Self {
        Self { doing, service, url, fields: Vec::new() }
    }

    /// The same with a field that may be told.
    pub(super) fn open(self, name: &'static str, value: &str) -> Self {
        self.with(Field { name, value: value.into(), is_secret: false })
    }

    /// The same with a field that no message may repeat.
    pub(super) fn secret(self, name: &'static str, value: &SecretString) -> Self {
        self.with(Field { name, value: value.clone(), is_secret: true })
    }

    fn with(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }

    fn request(&self) -> Request {
        let fields = self.fields.iter();
        let fields = fields.map(|field| format!("{}={}", field.name, coded(field.value.expose_secret())));
        let body = Bytes::from(fields.collect::<Vec<_>>().join("&"));
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static(FORM))];
        Request { method: Method::POST, url: self.url.clone(), body: body.into(), headers, answer_limit: ANSWER_LIMIT }
    }

    fn next<T>(&self, answered: Result<Response, Failure>, read: impl Fn(&Value) -> Option<T>) -> Next<T> {
        let response = match answered {
            Ok(response) => response,
            Err(failure) => return Next::Wait(None, exchange::unreached(&self.doing, &failure)),
        };
        let said = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
        if response.status == 200
            && let Some(answer) = read(&said)
        {
            return Next::Done(answer);
        }
        let secrets = self.fields.iter().filter(|field| field.is_secret).map(|field| field.value.expose_secret());
        let secrets: Vec<&str> = secrets.collect();
        let error = refusal::to_error(&self.doing, self.service, &response, &said, &secrets);
        let has_secret = self.fields.iter().any(|field| field.name == "client_secret");
        let error = if has_secret { error } else { refusal::without_secret(error) };
        let is_passing = matches!(response.status, 408 | 429 | 500..);
        if is_passing || said.get("error").is_some_and(|error| error == "temporarily_unavailable") {
            return Next::Wait(response.retry_after, error);
        }
        Next::Fail(error)
    }
}

/// Posts `form` until `read` finds in an answer what is wanted; it is told when the question began.
pub(super) async fn post<T: Send>(
    context: &FetchContext,
    form: &Form,
    read: impl Fn(&Value, SystemTime) -> Option<T> + Send + Sync,
) -> Result<T> {
    let request = form.request();
    exchange::ask(context, "the authority", &request, |answered, asked| form.next(answered, |said| read(said, asked)))
        .await
}

fn coded(value: &str) -> String {
    utf8_percent_encode(value, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests;
