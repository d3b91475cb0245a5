//! From a method and a raw path to the operation that they mean.

use axum::http::Method;

use crate::emulator::http::query::decoded;

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// Rows are added by the push URL of this tenant and dataset.
    PushUrl(&'a str, &'a str),
    /// An operation of the API, in the workspace of this id; `None` is My workspace.
    Api(Option<&'a str>, Operation<'a>),
    /// Nothing that there is.
    Nowhere,
}

/// An operation of the API and what it is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Operation<'a> {
    GetGroups,
    GetGroup,
    PostDataset,
    GetDatasets,
    GetDataset(&'a str),
    DeleteDataset(&'a str),
    GetTables(&'a str),
    ExecuteQueries(&'a str),
    PutTable(&'a str, String),
    GetSequenceNumbers(&'a str, String),
    PostRows(&'a str, String),
    DeleteRows(&'a str, String),
}

impl<'a> Route<'a> {
    /// Reads a path as it was sent: only a table's name is decoded, and `..` means nothing.
    pub(super) fn of(method: &Method, path: &'a str) -> Self {
        let segments: Vec<&str> = path.split('/').collect();
        let (group, rest) = match segments.as_slice() {
            ["", "v1.0", "myorg", "groups"] if method == Method::GET => return Self::Api(None, Operation::GetGroups),
            ["", "v1.0", "myorg", "groups", group, rest @ ..] => (Some(*group), rest),
            ["", "v1.0", "myorg", rest @ ..] => (None, rest),
            ["", "beta", tenant, "datasets", id, "rows"] if method == Method::POST => return Self::PushUrl(tenant, id),
            _ => return Self::Nowhere,
        };
        let operation = match (method.as_str(), rest) {
            ("GET", []) if group.is_some() => Operation::GetGroup,
            ("POST", ["datasets"]) => Operation::PostDataset,
            ("GET", ["datasets"]) => Operation::GetDatasets,
            ("GET", ["datasets", id]) => Operation::GetDataset(id),
            ("DELETE", ["datasets", id]) => Operation::DeleteDataset(id),
            ("GET", ["datasets", id, "tables"]) => Operation::GetTables(id),
            ("POST", ["datasets", id, "executeQueries"]) => Operation::ExecuteQueries(id),
            (_, ["datasets", id, "tables", table, rest @ ..]) => match of_table(method, id, table, rest) {
                Some(operation) => operation,
                None => return Self::Nowhere,
            },
            _ => return Self::Nowhere,
        };
        Self::Api(group, operation)
    }

    /// The vendor's name of the operation, or ours where it has none; and its name in My workspace, where that is
    /// another.
    pub(super) fn names(&self) -> (Option<&'static str>, Option<&'static str>) {
        match self {
            Self::PushUrl(..) => (Some("PushUrl_PostRows"), None),
            Self::Api(None, operation) => (Some(operation.names().0), None),
            Self::Api(Some(_), operation) => (Some(operation.names().1), Some(operation.names().0)),
            Self::Nowhere => (None, None),
        }
    }

    /// The id of the dataset that gets rows.
    pub(super) fn fills(&self) -> Option<&'a str> {
        match self {
            Self::Api(_, Operation::PostRows(id, _)) | Self::PushUrl(_, id) => Some(id),
            _ => None,
        }
    }
}

impl Operation<'_> {
    /// Its name in My workspace and in another.
    fn names(&self) -> (&'static str, &'static str) {
        match self {
            Self::GetGroups => ("Groups_GetGroups", "Groups_GetGroups"),
            Self::GetGroup => ("Groups_GetGroup", "Groups_GetGroup"),
            Self::PostDataset => ("Datasets_PostDataset", "Datasets_PostDatasetInGroup"),
            Self::GetDatasets => ("Datasets_GetDatasets", "Datasets_GetDatasetsInGroup"),
            Self::GetDataset(_) => ("Datasets_GetDataset", "Datasets_GetDatasetInGroup"),
            Self::DeleteDataset(_) => ("Datasets_DeleteDataset", "Datasets_DeleteDatasetInGroup"),
            Self::GetTables(_) => ("Datasets_GetTables", "Datasets_GetTablesInGroup"),
            Self::ExecuteQueries(_) => ("Datasets_ExecuteQueries", "Datasets_ExecuteQueriesInGroup"),
            Self::PutTable(..) => ("Datasets_PutTable", "Datasets_PutTableInGroup"),
            Self::GetSequenceNumbers(..) => ("Datasets_GetSequenceNumbers", "Datasets_GetSequenceNumbersInGroup"),
            Self::PostRows(..) => ("Datasets_PostRows", "Datasets_PostRowsInGroup"),
            Self::DeleteRows(..) => ("Datasets_DeleteRows", "Datasets_DeleteRowsInGroup"),
        }
    }

    /// Whether it leaves everything as it is.
    pub(super) fn only_reads(&self) -> bool {
        matches!(
            self,
            Self::GetGroups
                | Self::GetGroup
                | Self::GetDatasets
                | Self::GetDataset(_)
                | Self::GetTables(_)
                | Self::ExecuteQueries(_)
                | Self::GetSequenceNumbers(..)
        )
    }
}

/// The operations, those in a workspace under the name that they have in My workspace.
pub(super) const NAMES: [&str; 13] = [
    "Groups_GetGroups",
    "Groups_GetGroup",
    "Datasets_PostDataset",
    "Datasets_GetDatasets",
    "Datasets_GetDataset",
    "Datasets_DeleteDataset",
    "Datasets_GetTables",
    "Datasets_PutTable",
    "Datasets_GetSequenceNumbers",
    "Datasets_PostRows",
    "Datasets_DeleteRows",
    "Datasets_ExecuteQueries",
    "PushUrl_PostRows",
];
/// The words that paths are made of.
const WORDS: [&str; 9] =
    ["v1.0", "myorg", "groups", "datasets", "tables", "rows", "sequenceNumbers", "executeQueries", "beta"];

/// Whether `text` is the name of an operation, or a part of a path that there can be.
pub(super) fn is_known(text: &str) -> bool {
    let in_my_workspace = text.strip_suffix("InGroup").unwrap_or(text);
    let is_path = text.split('/').any(|segment| WORDS.contains(&segment));
    is_path || NAMES.contains(&text) || in_my_workspace.starts_with("Datasets_") && NAMES.contains(&in_my_workspace)
}

/// What is asked of one table.
fn of_table<'a>(method: &Method, id: &'a str, table: &str, rest: &[&str]) -> Option<Operation<'a>> {
    let table = decoded(table)?;
    match (method.as_str(), rest) {
        ("PUT", []) => Some(Operation::PutTable(id, table)),
        ("GET", ["sequenceNumbers"]) => Some(Operation::GetSequenceNumbers(id, table)),
        ("POST", ["rows"]) => Some(Operation::PostRows(id, table)),
        ("DELETE", ["rows"]) => Some(Operation::DeleteRows(id, table)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_name_is_one_segment_whatever_it_contains() {
        let path = "/v1.0/myorg/datasets/d/tables/a%2F..%2f%C3%A9%20b/rows";
        let route = Route::of(&Method::POST, path);
        assert_eq!(route, Route::Api(None, Operation::PostRows("d", "a/../é b".into())));
        assert_eq!(route.names(), (Some("Datasets_PostRows"), None));
    }

    #[test]
    fn a_route_is_an_operation_or_a_part_of_a_path() {
        for known in [
            "Datasets_PostRows",
            "Datasets_PostRowsInGroup",
            "Groups_GetGroup",
            "/rows",
            "sequenceNumbers",
            "/v1.0/myorg/datasets/cfafbeb1/tables/It's/rows",
        ] {
            assert!(is_known(known), "{known}");
        }
        for unknown in ["", "/", "Datasets_PostRow", "Groups_GetGroupInGroup", "PostRows", "/row", "Sales/Orders"] {
            assert!(!is_known(unknown), "{unknown}");
        }
    }

    #[test]
    fn a_path_that_is_not_exactly_an_operation_is_none() {
        for path in [
            "/v1.0/myorg/datasets/",
            "/v1.0/myorg/datasets/d/tables/t/../t/rows",
            "/v1.0/myorg/datasets/d/tables/%2/rows",
            "/v1.0/myorg/datasets/d/tables/%FF/rows",
            "/beta/myorg/datasets",
            "/beta/t/datasets/d/rows/",
            "/beta/t/datasets/d/tables/RealTimeData/rows",
            "/v1.0/t/datasets/d/rows",
            "//v1.0/myorg/datasets",
        ] {
            assert_eq!(Route::of(&Method::POST, path), Route::Nowhere, "{path}");
        }
    }
}
