//! Which operation a request asks for, and what its path names (facts/microstrategy 2).

use axum::http::Method;

use super::refusal::Refusal;
use crate::emulator::http::query;

/// Declares the operations: name, method, path below the application, with `*` for what a path names.
macro_rules! operations {
    ($count:literal: $($operation:ident $method:ident $path:literal,)+) => {
        /// What can be asked for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Operation { $($operation),+ }

        /// The names of the operations: ours, for the vendor has none.
        pub(super) const NAMES: [&str; $count] = [$(concat!("MicroStrategy_", stringify!($operation))),+];

        const PATTERNS: [(Operation, &Method, &str); $count] =
            [$((Operation::$operation, &Method::$method, $path)),+];
    };
}

operations! { 30:
    Login POST "api/auth/login",
    Logout POST "api/auth/logout",
    Delegate POST "api/auth/delegate",
    MakeIdentityToken POST "api/auth/identityToken",
    CheckIdentityToken GET "api/auth/identityToken",
    MakeApiToken POST "api/auth/apiTokens",
    Session GET "api/sessions",
    KeepAlive PUT "api/sessions",
    UserInfo GET "api/sessions/userInfo",
    Status GET "api/status",
    Projects GET "api/projects",
    Project GET "api/projects/*",
    Search GET "api/searches/results",
    Folders GET "api/folders",
    KnownFolder GET "api/folders/preDefined/*",
    Folder GET "api/folders/*",
    Object GET "api/objects/*",
    DeleteObject DELETE "api/objects/*",
    Cube GET "api/v2/cubes/*",
    Cubes GET "api/cubes",
    CreateDataset POST "api/datasets",
    CreateModel POST "api/datasets/models",
    Dataset GET "api/datasets/*",
    UpdateTable PATCH "api/datasets/*/tables/*",
    CreateUpload POST "api/datasets/*/uploadSessions",
    PutChunk PUT "api/datasets/*/uploadSessions/*",
    DeleteUpload DELETE "api/datasets/*/uploadSessions/*",
    Publish POST "api/datasets/*/uploadSessions/*/publish",
    PublishStatus GET "api/datasets/*/uploadSessions/*/publishStatus",
    SessionProject GET "api/sessions/projectId",
}

impl Operation {
    pub(super) fn name(self) -> &'static str {
        NAMES[self as usize]
    }

    pub(super) fn brings_rows(self) -> bool {
        matches!(self, Self::CreateDataset | Self::UpdateTable | Self::PutChunk | Self::Publish)
    }

    pub(super) fn signs_in(self) -> bool {
        matches!(self, Self::Login | Self::Logout | Self::Delegate)
    }

    /// Whether it asks for a login before it.
    pub(super) fn needs_login(self) -> bool {
        !matches!(self, Self::Login | Self::Delegate | Self::CheckIdentityToken | Self::Status)
    }

    /// Whether it is about the objects of a project, which a header names.
    pub(super) fn needs_project(self) -> bool {
        self as usize >= Self::Search as usize && self != Self::SessionProject
    }
}

/// An operation, and the names in its path.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) operation: Operation,
    pub(super) names: Vec<String>,
}

impl Call {
    /// The name at this place of the path.
    pub(super) fn name(&self, at: usize) -> &str {
        self.names.get(at).map_or("", String::as_str)
    }

    /// The dataset that it brings rows to; datasets that are not there yet share a place.
    pub(super) fn place(&self) -> String {
        format!("microstrategy {}", self.name(0))
    }
}

/// The operation of a path below the application, or why there is none.
pub(super) fn call(method: &Method, below: &str) -> Result<Call, Refusal> {
    let segments: Vec<&str> = below.trim_start_matches('/').split('/').collect();
    let mut is_path = false;
    for (operation, wanted, pattern) in PATTERNS {
        let parts: Vec<&str> = pattern.split('/').collect();
        let fits = parts.len() == segments.len()
            && parts
                .iter()
                .zip(&segments)
                .all(|(part, segment)| part == segment || (*part == "*" && !segment.is_empty()));
        if fits && method == wanted {
            let names = parts.iter().zip(&segments).filter(|(part, _)| **part == "*");
            let names = names.map(|(_, segment)| query::decoded(segment).ok_or_else(Refusal::no_path));
            return Ok(Call { operation, names: names.collect::<Result<_, _>>()? });
        }
        is_path |= fits;
    }
    Err(if is_path { Refusal::no_method() } else { Refusal::no_path() })
}

/// Whether `text` names an operation, or a part of a path that there is.
pub(super) fn is_known(text: &str) -> bool {
    let has =
        |pattern: &str| text.split('/').all(|part| part.is_empty() || pattern.split('/').any(|word| word == part));
    let text_is_path = text.split('/').any(|part| !part.is_empty());
    NAMES.contains(&text) || (text_is_path && !text.contains('*') && PATTERNS.iter().any(|(_, _, it)| has(it)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_leads_to_its_operation() {
        let found = call(&Method::PUT, "/api/datasets/A/uploadSessions/B").unwrap();
        assert_eq!((found.operation, found.names), (Operation::PutChunk, vec!["A".to_owned(), "B".to_owned()]));
        assert_eq!(call(&Method::POST, "/api/datasets/models").unwrap().operation.name(), "MicroStrategy_CreateModel");
        assert_eq!(call(&Method::GET, "/api/datasets").unwrap_err().message, "HTTP 405 Method Not Allowed");
        assert_eq!(call(&Method::GET, "/api/nothing").unwrap_err().message, "HTTP 404 Not Found");
    }

    #[test]
    fn a_fault_may_name_an_operation_or_a_part_of_a_path() {
        assert!(is_known("MicroStrategy_Publish") && is_known("/uploadSessions") && is_known("publish"));
        assert!(!is_known("MicroStrategy_Nothing") && !is_known("/") && !is_known("*") && !is_known(""));
    }
}
