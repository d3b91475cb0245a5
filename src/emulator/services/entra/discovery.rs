//! The documents that tell sign-in libraries where the endpoints of a tenant are.

use axum::http::StatusCode;
use serde_json::json;

use super::Entra;
use super::token::no_tenant;
use crate::emulator::http::Answer;

impl Entra {
    /// `/{tenant}/v2.0/.well-known/openid-configuration`.
    pub(super) fn document(&self, tenant: &str) -> Answer {
        if self.check_tenant_of_people(tenant).is_err() {
            return no_tenant(tenant).called("invalid_tenant").answer(self.site.wall(), None);
        }
        let own = &self.identity.directory.tenant;
        // Of an endpoint for every tenant each token names its own.
        let (tenant, issuer) =
            if tenant.eq_ignore_ascii_case(own) { (own.as_str(), own.as_str()) } else { (tenant, "{tenantid}") };
        let (url, root) = (self.site.url(), format!("{}/{tenant}", self.site.url()));
        let body = json!({
            "token_endpoint": format!("{root}/oauth2/v2.0/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "jwks_uri": format!("{root}/discovery/v2.0/keys"),
            "response_modes_supported": ["query", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": format!("{url}/{issuer}/v2.0"),
            "authorization_endpoint": format!("{root}/oauth2/v2.0/authorize"),
            "device_authorization_endpoint": format!("{root}/oauth2/v2.0/devicecode"),
            "cloud_instance_name": "microsoftonline.com",
        });
        Answer::json(StatusCode::OK, &body)
    }

    /// The keys that sign tokens: none, since they say so themselves.
    pub(super) fn keys() -> Answer {
        Answer::json(StatusCode::OK, &json!({"keys": []}))
    }
}
