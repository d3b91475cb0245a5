//! The token endpoint: an app shows its secret and gets a token (facts/entra 5a).

use std::collections::HashMap;

use axum::http::{Method, StatusCode, header};
use serde_json::json;

use super::Entra;
use super::failure::Failure;
use crate::emulator::http::{Answer, Arrived, query};
use crate::emulator::identity::{AUDIENCE, Principal, TOKEN_SECONDS};

/// Fields of a form that no log may show.
const SECRET_FIELDS: [&str; 6] =
    ["client_secret", "client_assertion", "password", "refresh_token", "code", "device_code"];
/// The one grant that an app has without a user.
const GRANT: &str = "client_credentials";
/// Tenants that stand for many, of which an app has none (facts/entra 2).
const NO_TENANTS: [&str; 3] = ["common", "consumers", "organizations"];

impl Entra {
    /// Answers a request to the token endpoint of `tenant`.
    pub(super) fn sign_in(&self, request: &Arrived, tenant: &str) -> Answer {
        let form = form(request);
        match self.check(request, tenant, &form) {
            Ok(()) => {
                let (token, _) = self.identity.mint(Principal::App, self.site.wall());
                let lifetime = TOKEN_SECONDS - 1;
                let body = json!({
                    "token_type": "Bearer",
                    "expires_in": lifetime,
                    "ext_expires_in": lifetime,
                    "access_token": token,
                });
                Answer::json(StatusCode::OK, &body)
            }
            Err(failure) => {
                let correlation = request.parts.headers.get("client-request-id").and_then(|id| id.to_str().ok());
                failure.answer(self.site.wall(), correlation)
            }
        }
    }

    fn check(&self, request: &Arrived, tenant: &str, form: &HashMap<String, String>) -> Result<(), Failure> {
        if request.parts.method != Method::POST {
            let message = "The endpoint only accepts POST requests. Received a";
            return Err(Failure::new(900_561, format!("{message} {} request.", request.parts.method)));
        }
        self.check_tenant(tenant)?;
        let field = |name: &str| {
            form.get(name).filter(|value| !value.is_empty()).ok_or_else(|| {
                Failure::new(900_144, format!("The request body must contain the following parameter: '{name}'."))
            })
        };
        let grant = field("grant_type")?;
        if grant != GRANT {
            return Err(Failure::new(70_003, format!("The app requested an unsupported grant type '{grant}'.")));
        }
        let client = field("client_id")?;
        if !client.eq_ignore_ascii_case(&self.identity.directory.client_id) {
            let message = format!("Application with identifier '{client}' was not found in the directory '{tenant}'.");
            return Err(Failure::new(700_016, message));
        }
        check_scope(field("scope")?, tenant)?;
        self.check_secret(form.get("client_secret").map(String::as_str), client)
    }

    fn check_tenant(&self, tenant: &str) -> Result<(), Failure> {
        if tenant.eq_ignore_ascii_case(&self.identity.directory.tenant) {
            return Ok(());
        }
        if NO_TENANTS.contains(&tenant) {
            let message = "The grant type is not supported over the /common or /consumers endpoints. Please use the \
                           /organizations or tenant-specific endpoint.";
            return Err(Failure::new(9_001_023, message));
        }
        Err(no_tenant(tenant))
    }

    fn check_secret(&self, secret: Option<&str>, client: &str) -> Result<(), Failure> {
        let secrets = self.secrets();
        match secret {
            None | Some("") => {
                let message =
                    "'client_assertion' or 'client_secret' is required for the 'client_credentials' grant type.";
                Err(Failure::new(7_000_216, message))
            }
            Some(secret) if secret == secrets.good() => Ok(()),
            Some(secret) if secrets.is_expired(secret) => {
                let message = format!("The provided client secret keys for app '{client}' are expired.");
                Err(Failure::new(7_000_222, message))
            }
            Some(_) => {
                let message = format!(
                    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, \
                     not the client secret ID, for a secret added to app '{client}'."
                );
                Err(Failure::new(7_000_215, message))
            }
        }
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

/// The fields; none where the body is no form.
fn form(request: &Arrived) -> HashMap<String, String> {
    let content_type = request.parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_form = content_type.is_some_and(|text| text.starts_with("application/x-www-form-urlencoded"));
    let text = if is_form { std::str::from_utf8(&request.body).unwrap_or_default() } else { "" };
    query::pairs(text).unwrap_or_default().into_iter().collect()
}

pub(super) fn no_tenant(tenant: &str) -> Failure {
    let message = format!(
        "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct \
         cloud."
    );
    Failure::new(90_002, message)
}

/// The app asks for all that it may do in Power BI, and for nothing else (facts/entra 2).
fn check_scope(scope: &str, tenant: &str) -> Result<(), Failure> {
    match scope.strip_suffix("/.default") {
        Some(AUDIENCE) => Ok(()),
        Some(resource) if resource.contains("://") && !scope.contains(' ') => {
            let message = format!(
                "The resource principal named {resource} was not found in the tenant named {tenant}. You might have sent \
                 your authentication request to the wrong tenant."
            );
            Err(Failure::new(500_011, message))
        }
        _ => {
            let message = format!(
                "The provided request must include a 'scope' input parameter. The provided value for the input parameter \
                 'scope' is not valid. The scope {scope} is not valid."
            );
            Err(Failure::new(70_011, message))
        }
    }
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
