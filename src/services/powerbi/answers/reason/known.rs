//! The reasons that are known, as a table.

use crate::error::Kind;

/// One reason. The first that fits counts.
pub(super) struct Reason {
    /// The statuses that it comes with; none means any.
    pub(super) statuses: &'static [u16],
    /// It is meant where the service's words hold one of these, in any case.
    pub(super) signs: &'static [&'static str],
    /// What users catch; `None` leaves that to the status.
    pub(super) kind: Option<Kind>,
    pub(super) hint: &'static str,
}

pub(super) const DENIALS: &[u16] = &[401, 403];

pub(super) static REASONS: &[Reason] = &[
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
        hint: "the signed-in user needs a licence, Power BI Pro or Premium Per User (Microsoft 365 admin center > \
               Users > Active users > Licenses and apps), or the workspace a capacity (workspace settings > License \
               info)",
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
            "the sign-in is not for this: it needs the role Contributor, Member or Admin in ",
            place!(role),
            "; an app that signs users in needs the scope Dataset.ReadWrite.All in ",
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
const RESUME: &str = "the workspace's capacity is paused: resume it in the Azure portal (the Fabric or Power BI \
                      Embedded capacity > Resume), or move the workspace to another in workspace settings > License \
                      info";

/// Refusals of a push URL, whose key is all the sign-in there is.
pub(super) const KEY: &str = concat!(
    "the key in the push URL is not accepted: copy the URL anew from the dataset's \"API info\" in Power BI; if that \
     does not help, a Fabric administrator has switched on \"Block ResourceKey Authentication\" in ",
    place!(tenant),
    ", for the whole organization, and rows need a sign-in: client.workspace(...).dataset(...)"
);
