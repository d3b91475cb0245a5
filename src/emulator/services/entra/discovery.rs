//! The document that tells sign-in libraries where the endpoints of a tenant are.

use axum::http::StatusCode;
use serde_json::json;

use super::Entra;
use super::sign_in::no_tenant;
use crate::emulator::http::Answer;

impl Entra {
    /// `/{tenant}/v2.0/.well-known/openid-configuration`; of what it names, the emulator has the token endpoint only.
    pub(super) fn document(&self, tenant: &str) -> Answer {
        if !tenant.eq_ignore_ascii_case(&self.identity.directory.tenant) {
            return no_tenant(tenant).called("invalid_tenant").answer(self.site.wall(), None);
        }
        let root = format!("{}/{}", self.site.url(), self.identity.directory.tenant);
        let body = json!({
            "token_endpoint": format!("{root}/oauth2/v2.0/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            "jwks_uri": format!("{root}/discovery/v2.0/keys"),
            "response_modes_supported": ["query"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code"],
            "scopes_supported": ["openid"],
            "issuer": format!("{root}/v2.0"),
            "authorization_endpoint": format!("{root}/oauth2/v2.0/authorize"),
            "device_authorization_endpoint": format!("{root}/oauth2/v2.0/devicecode"),
            "cloud_instance_name": "microsoftonline.com",
        });
        Answer::json(StatusCode::OK, &body)
    }
}
