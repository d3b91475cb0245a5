//! The identity of a machine: the metadata service of a virtual machine, App Service, and Azure Arc, by plain http as
//! they are (facts/entra 5i, 5j, 5k).

use std::fs;
use std::path::PathBuf;

use axum::http::{HeaderMap, StatusCode, header};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::Entra;
use super::form::Form;
use super::random;
use crate::emulator::http::{Answer, Arrived};
use crate::emulator::identity::{AUDIENCE, Principal};

/// Where virtual machines and Azure Arc ask.
pub(super) const METADATA_PATH: &str = "/metadata/identity/oauth2/token";
/// Where App Service asks; the service names the path in a variable.
pub(super) const APP_SERVICE_PATH: &str = "/msi/token";
/// Where Azure Arc keeps its keys; only its own group can read them.
const KEYS: &str = "/var/opt/azcmagent/tokens";
const IMDS_VERSIONS: [&str; 3] = ["2018-02-01", "2019-08-01", "2021-02-01"];
const ARC_VERSIONS: [&str; 2] = ["2019-11-01", "2020-06-01"];
const APP_SERVICE_VERSION: &str = "2019-08-01";

/// What is known of those that ask.
pub(super) struct Machine {
    /// What App Service gives its programs in `IDENTITY_HEADER`.
    pub(super) header: String,
    /// The keys of Azure Arc that nobody has shown yet.
    keys: Vec<(PathBuf, String)>,
}

impl Machine {
    pub(super) fn new() -> Self {
        Self { header: random(), keys: Vec::new() }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for (path, _) in &self.keys {
            let _ = fs::remove_file(path);
        }
    }
}

impl Entra {
    /// What a virtual machine or Azure Arc asks for; the version tells them apart.
    pub(super) fn metadata(&self, request: &Arrived) -> Answer {
        let (form, headers) = (Form::of_query(request), &request.parts.headers);
        if headers.get("metadata").is_none_or(|value| value != "true") || headers.contains_key("x-forwarded-for") {
            return refused("invalid_request", "Required metadata header not specified");
        }
        match form.get("api-version") {
            Some(version) if ARC_VERSIONS.contains(&version) => self.arc(&form, headers),
            Some(version) if IMDS_VERSIONS.contains(&version) => {
                let client = form.get("client_id");
                self.identity_token(&form, client, |expires| {
                    json!({
                        "expires_in": "3599",
                        "ext_expires_in": "3599",
                        "expires_on": expires.to_string(),
                        "not_before": self.seconds().to_string(),
                        "refresh_token": "",
                    })
                })
            }
            _ => refused("bad_request_102", "Required api-version parameter not specified or unknown"),
        }
    }

    /// What App Service asks for.
    pub(super) fn app_service(&self, request: &Arrived) -> Answer {
        let (form, headers) = (Form::of_query(request), &request.parts.headers);
        let is_ours =
            headers.get("x-identity-header").is_some_and(|value| value == self.state().machine.header.as_str());
        if !is_ours {
            let body = json!({"statusCode": 401, "message": "The X-IDENTITY-HEADER is missing or wrong."});
            return Answer::json(StatusCode::UNAUTHORIZED, &body).refused("no X-IDENTITY-HEADER", "facts/entra 5j");
        }
        if form.get("api-version") != Some(APP_SERVICE_VERSION) {
            return refused("invalid_request", "the api-version is missing or unknown");
        }
        let client = form.get("client_id");
        self.identity_token(
            &form,
            client,
            |expires| json!({"expires_on": expires.to_string(), "client_id": self.identity.directory.client_id}),
        )
    }

    /// Azure Arc points at a key first, which only those can read who may have the identity.
    fn arc(&self, form: &Form, headers: &HeaderMap) -> Answer {
        if form.get("client_id").is_some() {
            return refused("invalid_request", "a machine of Azure Arc has its own identity only");
        }
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let shown = shown.and_then(|value| value.strip_prefix("Basic "));
        let mut state = self.state();
        let Some(shown) = shown else { return challenge(&mut state.machine) };
        let Some(place) = state.machine.keys.iter().position(|(_, key)| key == shown) else {
            return refused("invalid_request", "the key is not the one that was pointed at");
        };
        let (path, _) = state.machine.keys.swap_remove(place);
        let _ = fs::remove_file(path);
        drop(state);
        self.identity_token(form, None, |expires| {
            json!({"expires_in": "3599", "expires_on": expires.to_string(), "not_before": self.seconds().to_string()})
        })
    }

    fn identity_token(&self, form: &Form, client: Option<&str>, more: impl FnOnce(u64) -> Json) -> Answer {
        let Some(resource) = form.get("resource") else {
            return refused("invalid_request", "Required resource parameter not specified");
        };
        if resource.trim_end_matches('/') != AUDIENCE {
            let text = format!("AADSTS500011: The resource principal named {resource} was not found in the tenant.");
            return refused("invalid_resource", &text);
        }
        let others = ["object_id", "msi_res_id", "mi_res_id"].iter().any(|name| form.get(name).is_some());
        let is_known = client.is_none_or(|client| client.eq_ignore_ascii_case(&self.identity.directory.client_id));
        if others || !is_known {
            return refused("invalid_request", "Identity not found");
        }
        let (token, expires) = self.identity.mint(Principal::App, self.site.wall());
        let mut body = json!({"access_token": token, "resource": resource, "token_type": "Bearer"});
        if let (Some(body), Json::Object(more)) = (body.as_object_mut(), more(expires)) {
            body.extend(more);
        }
        Answer::json(StatusCode::OK, &body)
    }
}

/// Writes a key, and points at it.
fn challenge(machine: &mut Machine) -> Answer {
    let (path, key) = (PathBuf::from(KEYS).join(format!("{}.key", Uuid::new_v4())), random());
    if let Err(error) = fs::write(&path, &key) {
        let text = format!("the emulator cannot write a key to {KEYS}: {error}");
        let body = json!({"error": "internal_error", "error_description": text});
        return Answer::json(StatusCode::INTERNAL_SERVER_ERROR, &body).refused(text, "the emulator's own");
    }
    let realm = format!("Basic realm={}", path.display());
    machine.keys.push((path, key));
    Answer::json(StatusCode::UNAUTHORIZED, &json!({"error": "unauthorized_client"}))
        .with_header(header::WWW_AUTHENTICATE, realm)
}

fn refused(word: &str, text: &str) -> Answer {
    let body = json!({"error": word, "error_description": text});
    Answer::json(StatusCode::BAD_REQUEST, &body).refused(text, "assumed; facts/entra 5i")
}
