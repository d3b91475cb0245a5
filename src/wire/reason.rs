//! Why the service refuses: how its reasons are told apart, and for each the setting to change and where that is.
//!
//! Sources of the reasons: "Troubleshoot Power BI REST APIs", "Developer tenant settings", "Embed Power BI content with
//! service principal" and "Push semantic model limitations" on learn.microsoft.com. The codes were seen in answers of
//! the service, in the body or in the header `X-PowerBI-Error-Info`.

use super::Refusal;
use crate::error::Kind;

/// One reason. The first that fits counts.
struct Reason {
    /// The statuses that it comes with; none means any.
    statuses: &'static [u16],
    /// It is meant where the service's words hold one of these, in any case.
    signs: &'static [&'static str],
    /// What users catch; `None` leaves that to the status.
    kind: Option<Kind>,
    hint: &'static str,
}

const DENIALS: &[u16] = &[401, 403];

/// The places where the settings are, in the words of their pages.
macro_rules! place {
    (tenant) => {
        "Admin portal > Tenant settings > Developer settings"
    };
    (role) => {
        "the workspace > Manage access"
    };
    (scope) => {
        "Microsoft Entra admin center > App registrations > API permissions > Power BI Service"
    };
    (principals) => {
        concat!(
            "\"Service principals can call Fabric public APIs\" (before it was renamed \"Service principals can use \
             Fabric APIs\" or \"Allow service principals to use Power BI APIs\") in ",
            place!(tenant),
            ", for a security group that holds the service principal"
        )
    };
}

static REASONS: &[Reason] = &[
    Reason {
        statuses: &[],
        signs: &["FeatureDeprecatedError"],
        kind: Some(Kind::FeatureRetired),
        hint: "the service no longer creates such datasets; Microsoft points to Real-Time Intelligence in Fabric",
    },
    Reason {
        statuses: DENIALS,
        signs: &["TokenExpired"],
        kind: Some(Kind::Authentication),
        hint: "the access token has ended: a token string lasts about an hour; pass a credential that can fetch \
               another, such as azure-identity's",
    },
    Reason {
        statuses: DENIALS,
        signs: &[
            "Conditional Access",
            "ConditionalAccess",
            "insufficient_claims",
            "AADSTS53",
            "AADSTS50076",
            "AADSTS50079",
        ],
        kind: None,
        hint: "a Conditional Access policy holds this sign-in back; Microsoft Entra admin center > Sign-in logs names \
               it, and an administrator can exclude the identity in Protection > Conditional Access; a person may sign \
               in anew where a second factor can be asked for",
    },
    Reason {
        statuses: DENIALS,
        signs: &["service principal profile", "ServicePrincipalProfile"],
        kind: Some(Kind::PermissionDenied),
        hint: "push datasets do not work with service principal profiles: sign in as the service principal itself, \
               without the header X-PowerBI-Profile-Id",
    },
    Reason {
        statuses: &[],
        signs: &["not accessible for application"],
        kind: Some(Kind::PermissionDenied),
        hint: concat!(
            "a service principal has no My workspace: use client.workspace(name_or_id); elsewhere a Fabric \
             administrator has to switch on ",
            place!(principals)
        ),
    },
    Reason {
        statuses: &[],
        signs: &["IsNotAllowedByTenantAdminSwitch", "tenant admin switch", "service principals are not allowed"],
        kind: Some(Kind::PermissionDenied),
        hint: concat!("a Fabric administrator has to switch on ", place!(principals)),
    },
    Reason {
        statuses: DENIALS,
        signs: &["NotLicensed", "license", "licence"],
        kind: Some(Kind::PermissionDenied),
        hint: "the signed-in user needs a licence, Power BI Pro or Premium Per User (Microsoft 365 admin center > Users \
               > Active users > Licenses and apps), or the workspace a capacity (workspace settings > License info)",
    },
    Reason { statuses: &[404], signs: PAUSED, kind: Some(Kind::Service), hint: RESUME },
    Reason { statuses: &[], signs: PAUSED, kind: None, hint: RESUME },
    Reason {
        statuses: &[],
        signs: &["CapacityLimitExceeded", "CapacityOverloaded", "capacity has exceeded", "capacity limit"],
        kind: None,
        hint: "the workspace's capacity is over its limits; the app Microsoft Fabric Capacity Metrics shows what uses \
               it; wait, scale it up in the Azure portal, or move the workspace in workspace settings > License info",
    },
    Reason {
        statuses: DENIALS,
        signs: &["scope", "ReadWrite.All"],
        kind: Some(Kind::PermissionDenied),
        hint: concat!(
            "the token lacks the scope Dataset.ReadWrite.All (Workspace.Read.All to list workspaces): add it in ",
            place!(scope),
            ", grant consent, and sign in anew"
        ),
    },
    Reason {
        statuses: DENIALS,
        signs: &["owner", "TakeOver", "take over"],
        kind: Some(Kind::PermissionDenied),
        hint: "only the dataset's owner may do this: sign in as the one whom the service lists as `configuredBy`, or \
               become the owner with Take over in the dataset's settings in Power BI",
    },
    Reason {
        statuses: DENIALS,
        signs: &["viewer", "InsufficientPrivileges", "insufficient privileges", "insufficient permission"],
        kind: Some(Kind::PermissionDenied),
        hint: concat!(
            "a Viewer only reads: the signed-in identity needs the role Contributor, Member or Admin in ",
            place!(role)
        ),
    },
    Reason {
        statuses: DENIALS,
        signs: &["member of", "access to the workspace", "access to workspace", "access to the group"],
        kind: Some(Kind::PermissionDenied),
        hint: concat!(
            "the signed-in identity is not in the workspace: add it as Contributor, Member or Admin in ",
            place!(role),
            "; it may take a while to count (POST /v1.0/myorg/RefreshUserPermissions hastens it)"
        ),
    },
    Reason {
        statuses: DENIALS,
        signs: &["NotAuthorized"],
        kind: Some(Kind::PermissionDenied),
        hint: concat!(
            "the sign-in is not for this: an app that signs users in needs the scope Dataset.ReadWrite.All in ",
            place!(scope),
            "; for a service principal a Fabric administrator has to switch on ",
            place!(principals)
        ),
    },
    Reason {
        statuses: &[],
        signs: &["is not Push API dataset"],
        kind: None,
        hint: "only push datasets, which create_dataset makes, have tables to list and take rows; this one was \
               published or imported, and its `accepts_rows` is False",
    },
    Reason {
        statuses: &[404],
        signs: &["not found in dataset"],
        kind: None,
        hint: "dataset.tables() lists the tables there are, upper and lower case count; the service cannot add a table \
               to a dataset: create another dataset with it",
    },
    Reason {
        statuses: &[404],
        signs: &["RequestedResourceNotFound", "DMTS_DatasourceHasNoCredentialsError"],
        kind: None,
        hint: "rows whose columns or types do not fit the table are answered so too: compare them with its schema, and \
               check the ids and names",
    },
    Reason {
        statuses: &[404],
        signs: &["EntityNotFound", "FolderNotFound", "WorkspaceNotFound", "GroupNotFound"],
        kind: None,
        hint: concat!(
            "check the ids: this sign-in may see no such workspace or dataset; what is in a workspace is found through \
             client.workspace(name_or_id), and the identity needs a role in ",
            place!(role),
            ", which may take a while to count"
        ),
    },
    Reason {
        statuses: &[400],
        signs: &["column properties other than name and dataType"],
        kind: None,
        hint: "the modes Streaming and PushStreaming take a name and a data_type of each column; mode=\"Push\" takes \
               the rest",
    },
];

const PAUSED: &[&str] =
    &["CapacityNotActive", "CapacityPaused", "CapacitySuspended", "capacity is paused", "capacity is currently paused"];
const RESUME: &str = "the workspace's capacity is paused: resume it in the Azure portal (the Fabric or Power BI Embedded \
                      capacity > Resume), or move the workspace to another in workspace settings > License info";

/// Refusals of a push URL, whose key is all the sign-in there is.
const KEY: &str = concat!(
    "the key in the push URL is not accepted: copy the URL anew from the dataset's \"API info\" in Power BI; if that \
     does not help, a Fabric administrator has switched on \"Block ResourceKey Authentication\" in ",
    place!(tenant),
    ", for the whole organization, and rows need a sign-in: client.workspace(...).dataset(...)"
);

/// What to catch and what to do. `by_key` says that it was a push URL that refused.
pub(super) fn judge(status: u16, refusal: &Refusal, by_key: bool) -> (Kind, Option<&'static str>) {
    if by_key && DENIALS.contains(&status) {
        return (Kind::PermissionDenied, Some(KEY));
    }
    let said = [&refusal.code, &refusal.message].into_iter().flatten().map(|text| text.to_lowercase());
    let said = said.collect::<Vec<_>>().join("\n");
    let fits = |reason: &&Reason| {
        let status_fits = reason.statuses.is_empty() || reason.statuses.contains(&status);
        status_fits && reason.signs.iter().any(|sign| said.contains(&sign.to_lowercase()))
    };
    match REASONS.iter().find(fits) {
        Some(reason) => (reason.kind.unwrap_or_else(|| by_status(status)), Some(reason.hint)),
        None => (by_status(status), unexplained(status)),
    }
}

fn by_status(status: u16) -> Kind {
    match status {
        401 => Kind::Authentication,
        403 => Kind::PermissionDenied,
        404 => Kind::NotFound,
        413 => Kind::PayloadTooLarge,
        429 => Kind::RateLimited,
        _ => Kind::Service,
    }
}

/// What may help where the service gives no reason.
fn unexplained(status: u16) -> Option<&'static str> {
    Some(match status {
        300..=399 => "redirects are never followed, so that no token reaches another host; check base_url=",
        401 => {
            "check the credential: the token must be for Power BI in this cloud and not have ended; a token string lasts \
             about an hour, a credential such as azure-identity's can fetch another"
        }
        403 => concat!(
            "the signed-in identity needs write access to the workspace: the role Contributor, Member or Admin in ",
            place!(role),
            " (a Viewer only reads; what was just given may take a while to count), the scope Dataset.ReadWrite.All in ",
            place!(scope),
            "; a service principal cannot use My workspace, and needs ",
            place!(principals)
        ),
        404 => {
            "check the ids and names; for rows the service also answers 404 when a column or the table does not exist"
        }
        413 => "send fewer or smaller rows in one request",
        429 => "the service's quota is used up; wait as long as `retry_after` says",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A refusal with this status and body, and the words that the hint must hold: the setting, and where it is.
    type Case = (u16, &'static str, Kind, &'static [&'static str]);

    const PRINCIPALS: [&str; 4] = [
        "\"Service principals can call Fabric public APIs\"",
        "\"Service principals can use Fabric APIs\"",
        "\"Allow service principals to use Power BI APIs\"",
        "Admin portal > Tenant settings > Developer settings",
    ];
    const REASON_BY_REASON: &[Case] = &[
        (
            403,
            r#"{"error":{"code":"TokenExpired","message":"Access token has expired"}}"#,
            Kind::Authentication,
            &["ended"],
        ),
        (401, r#"{"Message":"API is not accessible for application"}"#, Kind::PermissionDenied, &PRINCIPALS),
        (403, r#"{"Message":"API is not accessible for application"}"#, Kind::PermissionDenied, &["client.workspace("]),
        (
            401,
            r#"{"error":{"code":"ServicePrincipalIsNotAllowedByTenantAdminSwitch"}}"#,
            Kind::PermissionDenied,
            &PRINCIPALS,
        ),
        (401, r#"{"error":{"code":"PowerBINotAuthorizedException"}}"#, Kind::PermissionDenied, &PRINCIPALS),
        (403, r#"{"code":"PowerBINotAuthorizedException"}"#, Kind::PermissionDenied, &["Dataset.ReadWrite.All"]),
        (403, "Push is not supported for a Service Principal Profile", Kind::PermissionDenied, &["profiles"]),
        (
            401,
            r#"{"error":{"code":"PowerBINotLicensedException"}}"#,
            Kind::PermissionDenied,
            &["Pro", "Licenses and apps"],
        ),
        (403, "User does not have a Power BI Pro license", Kind::PermissionDenied, &["Pro", "License info"]),
        (403, r#"{"error":{"code":"CapacityNotActive"}}"#, Kind::PermissionDenied, &["Azure portal", "Resume"]),
        (404, r#"{"errorCode":"x","message":"CapacityNotActive"}"#, Kind::Service, &["Resume"]),
        (503, "This Microsoft Fabric capacity is currently paused", Kind::Service, &["Resume"]),
        (
            429,
            r#"{"errorCode":"CapacityLimitExceeded","message":"Your organization's Fabric compute capacity has exceeded its limits"}"#,
            Kind::RateLimited,
            &["Capacity Metrics", "Azure portal"],
        ),
        (403, "Your capacity has exceeded its limits", Kind::PermissionDenied, &["Capacity Metrics"]),
        (
            403,
            r#"{"error":{"code":"InsufficientScopes"}}"#,
            Kind::PermissionDenied,
            &["Dataset.ReadWrite.All", "API permissions"],
        ),
        (401, "the scope Dataset.ReadWrite.All is required", Kind::PermissionDenied, &["App registrations"]),
        (403, "Only the owner of the dataset may do that", Kind::PermissionDenied, &["configuredBy", "Take over"]),
        (403, "Viewers cannot write", Kind::PermissionDenied, &["Contributor", "Manage access"]),
        (
            403,
            r#"{"error":{"code":"InsufficientPrivileges"}}"#,
            Kind::PermissionDenied,
            &["Contributor", "Manage access"],
        ),
        (
            403,
            "User is not a member of the group",
            Kind::PermissionDenied,
            &["Manage access", "RefreshUserPermissions"],
        ),
        (
            401,
            r#"{"error":"interaction_required","error_description":"AADSTS53003: blocked"}"#,
            Kind::Authentication,
            &["Sign-in logs", "Protection > Conditional Access"],
        ),
        (403, "blocked by Conditional Access", Kind::PermissionDenied, &["Protection > Conditional Access"]),
        (400, r#"{"error":{"code":"FeatureDeprecatedError"}}"#, Kind::FeatureRetired, &["Real-Time Intelligence"]),
        (
            404,
            r#"{"code":"ItemNotFound","message":"Dataset 1 is not Push API dataset."}"#,
            Kind::NotFound,
            &["create_dataset", "accepts_rows"],
        ),
        (
            404,
            r#"{"error":{"code":"ItemNotFound","message":"Table '<pi>Cr</pi>' not found in dataset 'n|g'"}}"#,
            Kind::NotFound,
            &["dataset.tables()", "cannot add a table"],
        ),
        (404, r#"{"error":{"code":"PowerBIEntityNotFound"}}"#, Kind::NotFound, &["client.workspace(", "Manage access"]),
        (404, r#"{"error":{"code":"RequestedResourceNotFound"}}"#, Kind::NotFound, &["columns or types"]),
        (
            400,
            r#"{"error":{"code":"InvalidRequest","message":"This dataset or endpoint does not support column properties other than name and dataType."}}"#,
            Kind::Service,
            &["mode=\"Push\""],
        ),
        (401, "", Kind::Authentication, &["check the credential"]),
        (403, "", Kind::PermissionDenied, &["write access to the workspace", "Manage access", "Dataset.ReadWrite.All"]),
        (403, "", Kind::PermissionDenied, &PRINCIPALS),
        (404, "", Kind::NotFound, &["check the ids and names"]),
        (413, "", Kind::PayloadTooLarge, &["fewer or smaller rows"]),
        (429, "", Kind::RateLimited, &["retry_after"]),
        (307, "", Kind::Service, &["base_url="]),
    ];

    #[test]
    fn each_reason_has_its_kind_and_names_the_setting_and_where_it_is() {
        for (status, body, expected, words) in REASON_BY_REASON {
            let (kind, hint) = judge(*status, &Refusal::read(body.as_bytes(), &[]), false);
            assert_eq!(kind, *expected, "{status} {body}");
            let hint = hint.unwrap_or_default();
            for word in *words {
                assert!(hint.contains(word), "{status} {body}: `{word}` is not in: {hint}");
            }
        }
    }

    #[test]
    fn every_reason_is_told_by_each_of_its_signs() {
        for reason in REASONS {
            for sign in reason.signs {
                let status = reason.statuses.first().copied().unwrap_or(403);
                let refusal = Refusal { code: None, message: Some(format!("so: {}", sign.to_uppercase())) };
                let (_, hint) = judge(status, &refusal, false);
                assert_eq!(hint, Some(reason.hint), "{sign}");
            }
        }
    }

    #[test]
    fn a_push_url_that_is_refused_is_about_its_key() {
        for status in [401, 403] {
            let (kind, hint) = judge(status, &Refusal::default(), true);
            assert_eq!(kind, Kind::PermissionDenied);
            let hint = hint.unwrap_or_default();
            assert!(hint.contains("\"Block ResourceKey Authentication\" in Admin portal > Tenant settings"), "{hint}");
        }
        assert_eq!(judge(404, &Refusal::default(), true), judge(404, &Refusal::default(), false));
    }

    #[test]
    fn what_a_caller_wrote_is_no_reason() {
        for message in ["The property 'license' does not exist on type 'Dataset'.", "Column 'owner' of scope 'viewer'"]
        {
            let refusal = Refusal { code: Some("BadRequest".into()), message: Some(message.into()) };
            assert_eq!(judge(400, &refusal, false), (Kind::Service, None), "{message}");
        }
    }
}
