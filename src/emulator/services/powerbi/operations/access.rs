//! Who may do what: the tenant's switch, My workspace, membership and role (facts/powerbi 5.401, 5.403, 8).

use super::Call;
use crate::emulator::identity::{BadToken, Principal};
use crate::emulator::services::powerbi::assumed::{AppRefusal, NoMember};
use crate::emulator::services::powerbi::refusal::Refusal;
use crate::emulator::services::powerbi::route::Operation;
use crate::emulator::services::powerbi::rules;
use crate::emulator::services::powerbi::store::Role;

impl Call<'_> {
    /// Fails unless the caller may do this where it is to be done.
    pub(super) fn enter(&self, operation: &Operation<'_>) -> Result<(), Refusal> {
        let mut state = self.service.lock();
        if self.principal == Principal::App && !state.settings.service_principals {
            return Err(self.no_app("the tenant does not let service principals use the API"));
        }
        if *operation == Operation::GetGroups {
            return Ok(());
        }
        if self.group.is_none() {
            return match self.principal {
                Principal::User => Ok(()),
                Principal::App => Err(self.no_app("a service principal has no My workspace")),
            };
        }
        let workspace = self.workspace(&mut state)?;
        match workspace.role_of(self.principal) {
            None => Err(self.no_member(&workspace.name)),
            Some(Role::Viewer) if !operation.only_reads() => {
                let message = format!("a viewer of the workspace '{}' may only look", workspace.name);
                Err(Refusal::new(&rules::ONLY_A_VIEWER, message))
            }
            Some(_) => Ok(()),
        }
    }

    /// The service says the same whatever the reason is; the log says which.
    fn no_app(&self, why: &str) -> Refusal {
        let rule = match self.service.assumed.app_refusal {
            AppRefusal::Forbidden => &rules::NO_APP_403,
            AppRefusal::Unauthorized => &rules::NO_APP_401,
            AppRefusal::Success => &rules::NO_APP_200,
        };
        Refusal::new(rule, "API is not accessible for application").because(why)
    }

    fn no_member(&self, workspace: &str) -> Refusal {
        let rule = match self.service.assumed.not_a_member {
            NoMember::Forbidden => &rules::NO_MEMBER_403,
            NoMember::NotFound => &rules::NO_SUCH_WORKSPACE,
            NoMember::Unauthorized => &rules::NO_MEMBER_401,
        };
        let who = match self.principal {
            Principal::User => "user",
            Principal::App => "app",
        };
        Refusal::new(rule, format!("the {who} is no member of the workspace '{workspace}'"))
    }
}

/// The refusal of a token that is not accepted.
pub(super) fn no_token(bad: BadToken) -> Refusal {
    match bad {
        BadToken::Missing => Refusal::new(&rules::TOKEN_MISSING, "the request has no Authorization header"),
        BadToken::Malformed => {
            Refusal::new(&rules::TOKEN_MALFORMED, "the Authorization header is not `Bearer <token>`")
        }
        BadToken::Unknown => Refusal::new(&rules::TOKEN_UNKNOWN, "the emulator has not minted this token"),
        BadToken::Expired => {
            let message = "Access token has expired, resubmit with a new access token";
            Refusal::new(&rules::TOKEN_EXPIRED, message)
        }
    }
}
