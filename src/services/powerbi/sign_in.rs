//! How requests to Power BI are signed: a bearer token of Microsoft Entra.
//!
//! A service principal has no My workspace: what it asks there is refused here, with the way out, before it is sent.
//! Source: "Embed Power BI content with service principal", considerations and limitations. The service itself answers
//! 403 "API is not accessible for application", which says nothing of a workspace.

use std::sync::Arc;

use reqwest::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use secrecy::ExposeSecret;

use crate::auth::{AccessToken, Tokens, claims};
use crate::error::{Error, Kind, Result};
use crate::http::transport::{Request, Response};
use crate::http::{Authentication, Later, Signature};

/// Where everything in My workspace is; what is in another is below `/groups/`.
const MY_WORKSPACE: &str = "/v1.0/myorg/datasets";

/// What is said first of a token that the service refuses and nobody can read.
const OPAQUE: &str = "the token is no JSON Web Token: access tokens of Microsoft Entra begin with eyJ, so that this is \
                      probably something else, such as a secret or an id";

/// Signs requests with the access tokens of a client.
#[derive(Debug)]
pub(super) struct Bearer(pub(super) Arc<Tokens>);

impl Authentication for Bearer {
    fn sign<'a>(&'a self, request: &'a Request) -> Later<'a, Signature> {
        Box::pin(async {
            let token = self.0.current().await?;
            check(request, &token.access)?;
            let headers = vec![(AUTHORIZATION, authorization(&token.access)?)];
            Ok(Signature { headers, secrets: vec![token.access.secret], generation: token.generation })
        })
    }

    fn renew(&self, refused: u64) -> Later<'_, bool> {
        Box::pin(self.0.replace(refused))
    }

    /// A refusal may say what the next token has to have.
    fn hear(&self, response: &Response) {
        let header = response.header(WWW_AUTHENTICATE.as_str()).filter(|_| response.status == 401);
        if let Some(wanted) = header.as_deref().and_then(claims) {
            self.0.challenge(&wanted);
        }
    }

    fn remark(&self, refused: &Signature) -> Option<&'static str> {
        let token = AccessToken::new(refused.secrets.first()?.clone(), None);
        (!token.is_json_web_token()).then_some(OPAQUE)
    }
}

fn authorization(token: &AccessToken) -> Result<HeaderValue> {
    let text = format!("Bearer {}", token.secret.expose_secret());
    let value = HeaderValue::try_from(text);
    let mut value = value.map_err(|_| {
        Error::new(Kind::Authentication, "the access token has characters that no HTTP header can carry")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Refuses `request` if it is for My workspace and `token` for an application.
fn check(request: &Request, token: &AccessToken) -> Result<()> {
    if !request.url.path().starts_with(MY_WORKSPACE) || !token.is_application() {
        return Ok(());
    }
    // The kind that the service's own refusal has: who catches that one catches this one.
    Err(Error::new(Kind::PermissionDenied, "the sign-in is a service principal's, which has no My workspace")
        .with_hint(
            "name a workspace: client.workspace(name_or_id).dataset(...); the service principal needs the role \
         Contributor, Member or Admin in it (the workspace > Manage access)",
        ))
}
