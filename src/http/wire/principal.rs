//! A service principal has no My workspace: what it asks there is refused here, with the way out, before it is sent.
//!
//! Source: "Embed Power BI content with service principal", considerations and limitations. The service itself answers
//! 403 "API is not accessible for application", which says nothing of a workspace.

use crate::auth::AccessToken;
use crate::error::{Error, Kind, Result};
use crate::http::transport::Request;

/// Where everything in My workspace is; what is in another is below `/groups/`.
const MY_WORKSPACE: &str = "/v1.0/myorg/datasets";

/// Refuses `request` if it is for My workspace and `token` for an application.
pub(super) fn check(request: &Request, token: &AccessToken) -> Result<()> {
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
