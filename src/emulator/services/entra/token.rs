//! The token endpoint: what each grant brings, and the tokens that it gets (facts/entra 2, 3, 5a).

use axum::http::{Method, StatusCode};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};

use super::assertion::{self, Known};
use super::authorize::{check_scope, no_scope};
use super::failure::Failure;
use super::form::Form;
use super::{Entra, NO_TENANTS};
use crate::emulator::http::{Answer, Arrived};
use crate::emulator::identity::{AUDIENCE, Principal, TOKEN_SECONDS, USER_NAME};

/// The grant of a device.
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// What a person delegates where all that the app may do is asked for.
const DELEGATED: [&str; 2] = ["Dataset.ReadWrite.All", "Workspace.Read.All"];

/// What a grant came to.
struct Granted {
    principal: Principal,
    scope: String,
    nonce: Option<String>,
}

impl Entra {
    /// Answers a request to the token endpoint of `tenant`.
    pub(super) fn token(&self, request: &Arrived, tenant: &str) -> Answer {
        self.answered(request, || {
            check_method(request)?;
            let form = Form::of_body(request);
            let granted = self.grant(&form, tenant)?;
            Ok(Answer::json(StatusCode::OK, &self.tokens(&granted, &form)))
        })
    }

    fn grant(&self, form: &Form, tenant: &str) -> Result<Granted, Failure> {
        let grant = form.get("grant_type");
        if grant.is_none() || grant == Some("client_credentials") {
            self.check_tenant(tenant)?;
        } else {
            self.check_tenant_of_people(tenant)?;
        }
        let grant = form.field("grant_type")?;
        if !["client_credentials", "authorization_code", "refresh_token", DEVICE].contains(&grant) {
            return Err(Failure::new(70_003, format!("The app requested an unsupported grant type '{grant}'.")));
        }
        self.check_client(form.field("client_id")?, tenant)?;
        if grant == "client_credentials" {
            check_app_scope(form.field("scope")?, tenant)?;
            self.check_app(form, true)?;
            return Ok(Granted { principal: Principal::App, scope: String::new(), nonce: None });
        }
        self.check_app(form, false)?;
        let (now, mut nonce) = (self.seconds(), None);
        let mut state = self.state();
        let consented = match grant {
            "authorization_code" => {
                let (code, redirect) = (form.field("code")?, form.field("redirect_uri")?);
                let asked = state.codes.redeem(code, redirect, form.get("code_verifier"), now)?;
                nonce = asked.nonce;
                asked.scope
            }
            "refresh_token" => state.refresh.scope(form.field("refresh_token")?, now)?.to_owned(),
            _ => state.devices.look(form.field("device_code")?, now)?,
        };
        let scope = form.get("scope").unwrap_or(&consented).to_owned();
        check_scope(&scope, tenant)?;
        Ok(Granted { principal: Principal::User, scope, nonce })
    }

    /// The app shows its secret or what vouches for it; one of people need not, unless it does.
    fn check_app(&self, form: &Form, must: bool) -> Result<(), Failure> {
        let client = &self.identity.directory.client_id;
        match (form.get("client_assertion"), form.get("client_secret")) {
            (Some(vouching), _) => {
                let (endpoints, now, mut state) = (self.token_endpoints(), self.seconds(), self.state());
                let (certificates, trusts) = (&state.certificates, &state.trusts);
                let known = Known { client, endpoints: &endpoints, certificates, trusts, now };
                let named = assertion::check(form.get("client_assertion_type"), vouching, &known)?;
                named.map_or(Ok(()), |named| state.used.note(named, now, self.used_assertions))
            }
            (None, Some(secret)) => self.check_secret(secret, client),
            (None, None) if must => {
                let message =
                    "'client_assertion' or 'client_secret' is required for the 'client_credentials' grant type.";
                Err(Failure::new(7_000_216, message))
            }
            (None, None) => Ok(()),
        }
    }

    fn check_secret(&self, secret: &str, client: &str) -> Result<(), Failure> {
        let state = self.state();
        if secret == state.secrets.good() {
            return Ok(());
        }
        if state.secrets.is_expired(secret) {
            let message = format!("The provided client secret keys for app '{client}' are expired.");
            return Err(Failure::new(7_000_222, message));
        }
        let message = format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, \
             not the client secret ID, for a secret added to app '{client}'."
        );
        Err(Failure::new(7_000_215, message))
    }

    pub(super) fn check_client(&self, client: &str, tenant: &str) -> Result<(), Failure> {
        if client.eq_ignore_ascii_case(&self.identity.directory.client_id) {
            return Ok(());
        }
        let message = format!("Application with identifier '{client}' was not found in the directory '{tenant}'.");
        Err(Failure::new(700_016, message))
    }

    /// The tenant of an app that signs in by itself.
    fn check_tenant(&self, tenant: &str) -> Result<(), Failure> {
        if NO_TENANTS.contains(&tenant) {
            let message = "The grant type is not supported over the /common or /consumers endpoints. Please use the \
                           /organizations or tenant-specific endpoint.";
            return Err(Failure::new(9_001_023, message));
        }
        self.check_tenant_of_people(tenant)
    }

    /// The tenant of a person, who may leave it to the account.
    pub(super) fn check_tenant_of_people(&self, tenant: &str) -> Result<(), Failure> {
        let is_own = tenant.eq_ignore_ascii_case(&self.identity.directory.tenant);
        if is_own || ["common", "organizations"].contains(&tenant) { Ok(()) } else { Err(no_tenant(tenant)) }
    }

    fn token_endpoints(&self) -> Vec<String> {
        let (url, tenant) = (self.site.url(), &self.identity.directory.tenant);
        let hosts = ["127.0.0.1", "localhost", "[::1]"];
        hosts.map(|host| format!("{}/{tenant}/oauth2/v2.0/token", url.replace("127.0.0.1", host))).to_vec()
    }

    /// What the answer says.
    fn tokens(&self, granted: &Granted, form: &Form) -> Json {
        let (token, _) = self.identity.mint(granted.principal, self.site.wall());
        let lifetime = TOKEN_SECONDS - 1;
        let mut body = json!({
            "token_type": "Bearer",
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "access_token": token,
        });
        if granted.principal == Principal::App {
            return body;
        }
        let wants = |name: &str| granted.scope.split_whitespace().any(|one| one == name);
        body["scope"] = DELEGATED.map(|scope| format!("{AUDIENCE}/{scope}")).join(" ").into();
        if wants("offline_access") {
            body["refresh_token"] = self.state().refresh.issue(&granted.scope, self.seconds()).into();
        }
        if wants("openid") {
            body["id_token"] = self.id_token(granted.nonce.as_deref()).into();
        }
        if form.get("client_info") == Some("1") {
            let directory = &self.identity.directory;
            let info = json!({"uid": directory.user_object_id, "utid": directory.tenant});
            body["client_info"] = BASE64_URL_SAFE_NO_PAD.encode(info.to_string()).into();
        }
        body
    }

    /// Who the person is, for the app; signed as the access tokens are: not at all.
    fn id_token(&self, nonce: Option<&str>) -> String {
        let (now, directory) = (self.seconds(), &self.identity.directory);
        let mut claims = json!({
            "aud": directory.client_id,
            "iss": format!("{}/{}/v2.0", self.site.url(), directory.tenant),
            "iat": now,
            "nbf": now,
            "exp": now + TOKEN_SECONDS,
            "tid": directory.tenant,
            "oid": directory.user_object_id,
            "sub": directory.user_object_id,
            "preferred_username": USER_NAME,
            "name": "Emulator",
            "ver": "2.0",
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        let parts = [json!({"alg": "none", "typ": "JWT"}).to_string(), claims.to_string(), "unsigned".into()];
        parts.map(|part| BASE64_URL_SAFE_NO_PAD.encode(part)).join(".")
    }

    /// The answer of `work`, or its failure as the service says it.
    pub(super) fn answered(&self, request: &Arrived, work: impl FnOnce() -> Result<Answer, Failure>) -> Answer {
        work().unwrap_or_else(|failure| {
            let correlation = request.parts.headers.get("client-request-id").and_then(|id| id.to_str().ok());
            failure.answer(self.site.wall(), correlation)
        })
    }
}

pub(super) fn check_method(request: &Arrived) -> Result<(), Failure> {
    if request.parts.method == Method::POST {
        return Ok(());
    }
    let message = "The endpoint only accepts POST requests. Received a";
    Err(Failure::new(900_561, format!("{message} {} request.", request.parts.method)))
}

pub(super) fn no_tenant(tenant: &str) -> Failure {
    let message = format!(
        "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct \
         cloud."
    );
    Failure::new(90_002, message)
}

/// The app asks for all that it may do in Power BI, and for nothing else (facts/entra 2).
fn check_app_scope(scope: &str, tenant: &str) -> Result<(), Failure> {
    if scope.contains(' ') || !scope.ends_with("/.default") {
        return Err(no_scope(scope));
    }
    check_one_scope(scope, tenant)
}

/// A scope of Power BI.
pub(super) fn check_one_scope(scope: &str, tenant: &str) -> Result<(), Failure> {
    if scope.strip_prefix(AUDIENCE).is_some_and(|rest| rest.len() > 1 && rest.starts_with('/')) {
        return Ok(());
    }
    match scope.rsplit_once('/').filter(|(resource, _)| resource.contains("://")) {
        None => Err(no_scope(scope)),
        Some((resource, _)) => {
            let message = format!(
                "The resource principal named {resource} was not found in the tenant named {tenant}. You might have sent \
                 your authentication request to the wrong tenant."
            );
            Err(Failure::new(500_011, message))
        }
    }
}
