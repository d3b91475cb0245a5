//! Why the service refuses: how its reasons are told apart, and for each the setting to change and where that is.
//!
//! Sources of the reasons: "Troubleshoot Power BI REST APIs", "Developer tenant settings", "Embed Power BI content with
//! service principal" and "Push semantic model limitations" on learn.microsoft.com. The codes were seen in answers of
//! the service, in the body or in the header `X-PowerBI-Error-Info`.

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
            "\"Service principals can call Fabric public APIs\" (formerly \"Service principals can use Fabric APIs\", \
             before that \"Allow service principals to use Power BI APIs\") in ",
            place!(tenant),
            ", for a security group that holds the service principal"
        )
    };
}

mod known;

use self::known::{DENIALS, KEY, REASONS, Reason};
use crate::error::Kind;
use crate::http::Refusal;

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
            "check the credential: the token must be for Power BI in this cloud and not have ended; a token string \
             lasts about an hour, a credential such as azure-identity's can fetch another"
        }
        403 => concat!(
            "the signed-in identity needs write access to the workspace: the role Contributor, Member or Admin in ",
            place!(role),
            " (a Viewer only reads; what was just given may take a while to count), the scope Dataset.ReadWrite.All \
             in ",
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
        (
            403,
            r#"{"code":"PowerBINotAuthorizedException"}"#,
            Kind::PermissionDenied,
            &["Dataset.ReadWrite.All", "Manage access"],
        ),
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
            let (kind, hint) = judge(*status, &super::super::refusal::read(body.as_bytes(), &[]), false);
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
