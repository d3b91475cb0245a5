//! What a request brings: the fields of its form, or what follows its `?`.

use std::collections::HashMap;

use axum::http::header;

use super::failure::Failure;
use crate::emulator::http::{Arrived, query};

/// Fields that no log may show.
const SECRET_FIELDS: [&str; 8] = [
    "client_secret",
    "client_assertion",
    "password",
    "refresh_token",
    "code",
    "code_verifier",
    "device_code",
    "ticket",
];

/// Fields by their names.
pub(super) struct Form(HashMap<String, String>);

impl Form {
    /// Those of a body; none where it is no form.
    pub(super) fn of_body(request: &Arrived) -> Self {
        let content_type = request.parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_form = content_type.is_some_and(|text| text.starts_with("application/x-www-form-urlencoded"));
        Self::read(if is_form { std::str::from_utf8(&request.body).unwrap_or_default() } else { "" })
    }

    /// Those behind the `?`.
    pub(super) fn of_query(request: &Arrived) -> Self {
        Self::read(request.query())
    }

    fn read(text: &str) -> Self {
        Self(query::pairs(text).unwrap_or_default().into_iter().collect())
    }

    /// A field that is there and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A field that has to be there.
    pub(super) fn field(&self, name: &str) -> Result<&str, Failure> {
        self.get(name).ok_or_else(|| {
            Failure::new(900_144, format!("The request body must contain the following parameter: '{name}'."))
        })
    }
}

/// A form as the log may show it.
pub(super) fn redacted(form: &str) -> String {
    let shown = form.split('&').map(|field| match field.split_once('=') {
        Some((name, _)) if SECRET_FIELDS.contains(&name) => format!("{name}=***"),
        _ => field.to_owned(),
    });
    shown.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_of_a_form_is_shown() {
        let form = "client_id=a&client_secret=s%2B%3D&scope=x&client_assertion=j.w.t&password=&code=1&code2=2";
        let shown = "client_id=a&client_secret=***&scope=x&client_assertion=***&password=***&code=***&code2=2";
        assert_eq!(redacted(form), shown);
    }
}
